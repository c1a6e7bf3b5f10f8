import FreshetModel

/// Texts that a server refuses for their length.
///
/// What servers do with a text above their model's maximum, as documented: OpenAI and vLLM refuse it (400, "maximum
/// context length"), Text Embeddings Inference too (413, "must have less than 512 tokens", unless started with
/// `--auto-truncate`), llama-server too (400 or 500, "too large to process"); Ollama refuses it (400, "exceeds … context
/// length") or, by its default, cuts it off. A refused text is halved until its parts are taken, and their vectors become
/// one (`WindowMean`). What a server cuts off without a word cannot be seen from here.
extension HTTPEmbedder {
  /// Parts that one refused text is split into at most.
  static let maximumParts = 64

  /// The vectors of the texts in one request, in more where the server refuses some for their length.
  func embedSplitting(_ texts: [String], prefix: String) async throws -> EmbeddingBatch {
    do {
      return try await connection.embedUnlessTooLong(texts.map { prefix + $0 }, dimension: model.dimension)
    } catch let refusal as HTTPEmbeddingConnection.LengthRefusal {
      guard texts.count > 1 else { return try await embedParts(of: texts[0], prefix: prefix, after: refusal) }
      // The server does not say which of them.
      let middle = texts.count / 2
      var result = try await embedSplitting(Array(texts[..<middle]), prefix: prefix)
      let rest = try await embedSplitting(Array(texts[middle...]), prefix: prefix)
      result.values += rest.values
      result.tokens += rest.tokens
      return result
    }
  }

  /// Halves every part that is refused, first to last, so that the parts stay in the text's order.
  private func embedParts(
    of text: String,
    prefix: String,
    after refusal: HTTPEmbeddingConnection.LengthRefusal
  ) async throws -> EmbeddingBatch {
    guard var waiting = Self.halves(of: text).map({ [$0.1, $0.0] }) else { throw refusal.error }
    var vectors: [[Float]] = []
    var weights: [Int] = []
    var tokens = 0
    while let part = waiting.popLast() {
      do {
        let batch = try await connection.embedUnlessTooLong([prefix + part], dimension: model.dimension)
        vectors.append(batch.values)
        weights.append(max(1, TokenEstimate.tokens(of: part)))
        tokens += batch.tokens
      } catch let refusal as HTTPEmbeddingConnection.LengthRefusal {
        guard vectors.count + waiting.count + 2 <= Self.maximumParts, let (first, second) = Self.halves(of: part) else {
          throw refusal.error
        }
        waiting += [second, first]
      }
    }
    return EmbeddingBatch(
      dimension: model.dimension,
      values: WindowMean.vector(of: vectors, weights: weights),
      tokens: tokens
    )
  }

  /// The text in two parts of about as many estimated tokens, at white space where some is near the middle; `nil` for a
  /// text of one scalar or none.
  static func halves(of text: String) -> (String, String)? {
    let bytes = Array(text.utf8)
    let half = TokenEstimate.tokens(of: text) / 2
    var low = 0
    var high = bytes.count
    while low < high {
      let middle = (low + high) / 2
      if bytes[..<middle].withUnsafeBufferPointer({ TokenEstimate.tokens(of: $0) }) < half {
        low = middle + 1
      } else {
        high = middle
      }
    }
    let isSpace: (Int) -> Bool = { bytes[$0] == 0x20 || bytes[$0] == 0x0A || bytes[$0] == 0x09 }
    let reach = bytes.count / 4
    let nearest = (0...reach).lazy.flatMap { [low - $0, low + $0] }
    var cut = nearest.first { $0 > 0 && $0 < bytes.count && isSpace($0) } ?? low
    // Never inside a scalar.
    while cut > 0, cut < bytes.count, bytes[cut] & 0xC0 == 0x80 { cut -= 1 }
    if cut == 0 { cut = bytes.dropFirst().firstIndex { $0 & 0xC0 != 0x80 } ?? 0 }
    guard cut > 0, cut < bytes.count else { return nil }
    return (String(decoding: bytes[..<cut], as: UTF8.self), String(decoding: bytes[cut...], as: UTF8.self))
  }
}

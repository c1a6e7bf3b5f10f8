import FreshetHTTP
import FreshetModel

/// Requests of the embeddings protocol and the meaning of their answers.
struct HTTPEmbeddingConnection: Sendable {
  private let client: HTTPClient
  private let settings: HTTPEmbedderSettings
  private let key: String?

  init(_ settings: HTTPEmbedderSettings, environment: [String: String]) throws {
    guard let endpoint = AddressPolicy.Endpoint(url: settings.endpoint) else {
      throw FreshetError(.invalidConfiguration, "`embedder.url` is not an http or https address.")
    }
    if let variable = settings.apiKeyVariable {
      guard let value = environment[variable], !value.isEmpty else {
        throw FreshetError(
          .invalidConfiguration,
          "the environment variable `\(variable)` (`embedder.api_key_env`) is not set; it must hold the server's key."
        )
      }
      key = value
    } else {
      key = nil
    }
    self.settings = settings
    var limits = HTTPLimits()
    limits.timeout = settings.timeout
    limits.maximumConcurrency = max(1, settings.parallelism)
    limits.maximumBodyBytes = HTTPEmbedder.maximumAnswerBytes
    // Texts go to the address that was trusted and to no other.
    limits.maximumRedirects = 0
    client = HTTPClient(policy: AddressPolicy(trusted: [endpoint]), limits: limits)
  }

  /// The server takes no text, or not one of the texts, of this length.
  struct LengthRefusal: Error {
    var error: FreshetError
  }

  /// Unit vectors of the texts, in their order.
  ///
  /// - Parameter dimension: what is expected; `nil` takes what comes.
  func embed(_ texts: [String], dimension: Int?) async throws -> EmbeddingBatch {
    do {
      return try await embedUnlessTooLong(texts, dimension: dimension)
    } catch let refusal as LengthRefusal {
      throw refusal.error
    }
  }

  /// The same.
  /// - Throws: also `LengthRefusal`.
  func embedUnlessTooLong(_ texts: [String], dimension: Int?) async throws -> EmbeddingBatch {
    var members: [JSONValue.Member] = [
      .init("model", .string(settings.model)), .init("input", .array(texts.map { .string($0) })),
      .init("encoding_format", "float"),
    ]
    if let dimension = settings.dimension { members.append(.init("dimensions", .integer(Int64(dimension)))) }
    var body: [UInt8] = []
    JSONValue.object(members).write(to: &body)
    var headers = [("Content-Type", "application/json"), ("Accept", "application/json")]
    if let key { headers.append(("Authorization", "Bearer \(key)")) }
    let response = try await client.send(
      HTTPRequest(
        method: "POST",
        url: settings.endpoint,
        headers: headers.map { (name: $0.0, value: $0.1) },
        body: body
      )
    )
    if Self.isAboutLength(response) {
      throw LengthRefusal(
        error: failure(
          "the server refuses the text as too long, also in parts, with status \(response.status); lower `chunk.hard`.",
          isTransient: false
        )
      )
    }
    guard response.status == 200 else { throw refusal(response) }
    guard let answer = try? EmbeddingResponse(response.body) else {
      throw failure("the server's answer is not the JSON of the embeddings protocol.", isTransient: true)
    }
    return try batch(answer, texts, dimension)
  }

  private func batch(_ answer: EmbeddingResponse, _ texts: [String], _ expected: Int?) throws -> EmbeddingBatch {
    guard answer.vectors.count == texts.count, let first = answer.vectors[0] else {
      throw failure(
        "the server answered \(answer.vectors.count) vectors for \(texts.count) texts.",
        isTransient: true
      )
    }
    let dimension = expected ?? settings.dimension ?? first.count
    guard dimension > 0 else { throw failure("the server answered empty vectors.", isTransient: false) }
    var values: [Float] = []
    values.reserveCapacity(dimension * texts.count)
    for index in texts.indices {
      guard let vector = answer.vectors[index] else {
        throw failure("the server's answer has no vector with index \(index).", isTransient: true)
      }
      guard vector.count == dimension else {
        throw FreshetError(
          .modelMismatch,
          "the server's vectors have \(vector.count) dimensions, \(dimension) were expected; check `embedder.model` and "
            + "`embedder.dimension`.",
          path: settings.model
        )
      }
      let length = vector.reduce(Double(0)) { $0 + Double($1) * Double($1) }.squareRoot()
      guard length.isFinite, length > 1e-12 else {
        throw failure("the server answered a vector without length.", isTransient: false)
      }
      values += vector.map { Float(Double($0) / length) }
    }
    let tokens = answer.tokens ?? texts.reduce(0) { $0 + TokenEstimate.tokens(of: $1) }
    return EmbeddingBatch(dimension: dimension, values: values, tokens: tokens)
  }

  /// Whether a refusal is about a text's length, by the words that the servers have for it (see `HTTPEmbedder`).
  private static func isAboutLength(_ response: HTTPResponse) -> Bool {
    switch response.status {
    case 413: return true
    case 400, 422, 500:
      let body = String(decoding: response.body.prefix(maximumReasonBytes), as: UTF8.self).lowercased()
      return lengthPhrases.contains { body.contains($0) }
    default: return false
    }
  }

  /// Bytes of a refusal that are searched for its reason.
  private static let maximumReasonBytes = 4096

  private static let lengthPhrases = [
    "context length", "context_length", "context size", "context_size", "must have less than", "too large to process",
  ]

  /// What a status other than 200 means. The server's own words are not shown: they may quote texts and keys.
  private func refusal(_ response: HTTPResponse) -> FreshetError {
    let word = (try? EmbeddingResponse(response.body))?.errorWord.map { " (\($0))" } ?? ""
    let status = "\(response.status)\(word)"
    switch response.status {
    case 300..<400:
      return failure(
        "the server redirects to another address; put the right one into `embedder.url`.",
        isTransient: false
      )
    case 401, 403:
      let remedy =
        settings.apiKeyVariable.map { "check the key in `\($0)`" }
        ?? "name its key's variable in `embedder.api_key_env`"
      return failure("the server refuses the key with status \(status); \(remedy).", isTransient: false)
    case 404:
      return failure(
        "the server does not know the address or the model, status \(status); check `embedder.url` and "
          + "`embedder.model`.",
        isTransient: false
      )
    case 408, 409, 425, 429, 500...:
      return FreshetError(
        .embedderFailed,
        response.status == 429
          ? "the server asks for fewer requests, status \(status)." : "the server failed with status \(status).",
        path: settings.model,
        permanence: .transient(retryAfter: RetryAfter.duration(response.header("retry-after")))
      )
    default:
      return failure("the server refuses the texts with status \(status).", isTransient: false)
    }
  }

  private func failure(_ message: String, isTransient: Bool) -> FreshetError {
    FreshetError(
      .embedderFailed,
      message,
      path: settings.model,
      permanence: isTransient ? .transient(retryAfter: nil) : .permanent
    )
  }
}

import FreshetModel

/// What every embedder must do, checked from outside.
public enum EmbedderConformance {
  private static let texts = [
    "The keys are rotated every ninety days.", "Short.", "日本語のテキスト", "مرحبا بالعالم", "a\u{0}b", "🚰🌊",
    String(repeating: "A long passage of many words. ", count: 200), "The keys are rotated every ninety days.",
  ]

  /// Runs the checks; the answer is what an embedder does wrong, a sentence each, and empty for one that conforms.
  ///
  /// - Parameter tolerance: how far components of equal texts may lie apart: 0 for an embedder that repeats itself
  ///   exactly.
  /// - Throws: what the embedder throws on sound texts.
  public static func violations(of embedder: any Embedder, tolerance: Float = 1e-4) async throws -> [String] {
    var violations: [String] = []
    func check(_ condition: Bool, _ sentence: @autoclosure () -> String) {
      if !condition { violations.append(sentence()) }
    }
    check(embedder.model.dimension > 0, "The dimension is \(embedder.model.dimension).")
    check(!embedder.model.fingerprint.isEmpty, "The fingerprint is empty.")
    check(embedder.model == embedder.model, "The model's description changes between two questions.")
    check(embedder.parallelism >= 1, "The parallelism is \(embedder.parallelism).")

    let nothing = try await embedder.embed([], for: .document)
    check(nothing.values.isEmpty, "No texts have \(nothing.values.count) components.")

    let batch = try await embedder.embed(texts, for: .document)
    check(batch.dimension == embedder.model.dimension, "A batch has another dimension than the model.")
    guard batch.count == texts.count, batch.values.count == texts.count * batch.dimension else {
      return violations + ["\(texts.count) texts have \(batch.values.count) components."]
    }
    check(batch.tokens > 0, "The batch has no tokens.")
    for index in texts.indices {
      let length = batch[index].reduce(0) { $0 + $1 * $1 }.squareRoot()
      check(abs(length - 1) < 1e-3, "Vector \(index) has length \(length).")
    }
    check(distance(batch[0], batch[7]) <= tolerance, "Equal texts of one batch have different vectors.")
    check(distance(batch[0], batch[1]) > 1e-3, "Different texts have the same vector.")
    for index in texts.indices {
      let alone = try await embedder.embed([texts[index]], for: .document)
      check(alone.count == 1, "One text has \(alone.count) vectors.")
      guard alone.count == 1 else { continue }
      check(distance(alone[0], batch[index]) <= tolerance, "The vector of text \(index) depends on its batch.")
    }
    let query = try await embedder.embed([texts[0]], for: .query)
    check(query.count == 1 && query.dimension == batch.dimension, "A query has another dimension than a passage.")

    let counts = try await embedder.countTokens(of: texts)
    check(counts.count == texts.count && counts.allSatisfy { $0 > 0 }, "The tokens of texts are \(counts).")

    let together = try await withThrowingTaskGroup(of: (Int, EmbeddingBatch).self) { group in
      for index in texts.indices {
        group.addTask { (index, try await embedder.embed([texts[index]], for: .document)) }
      }
      var batches: [Int: EmbeddingBatch] = [:]
      for try await (index, batch) in group { batches[index] = batch }
      return batches
    }
    for (index, alone) in together.sorted(by: { $0.key < $1.key }) {
      check(
        alone.count == 1 && distance(alone[0], batch[index]) <= tolerance,
        "The vector of text \(index) depends on other calls at the same time."
      )
    }

    let cancelled = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await embedder.embed(texts, for: .document)
    }
    if case .failure(let error) = await cancelled.result {
      check(error is CancellationError, "A cancelled call throws \(error).")
    }
    return violations
  }

  private static func distance(_ left: ArraySlice<Float>, _ right: ArraySlice<Float>) -> Float {
    left.count == right.count ? zip(left, right).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
  }
}

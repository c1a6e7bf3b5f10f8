import FreshetModel

/// Splits batches that are larger than what the embedder below takes in one call.
public struct BatchingEmbedder: Embedder {
  private let base: any Embedder
  private let maximumTexts: Int
  private let maximumBytes: Int

  /// Sends at most that many texts, and about that many bytes of text, in one call; a longer text goes alone.
  public init(_ base: any Embedder, maximumTexts: Int, maximumBytes: Int = 1 << 20) {
    self.base = base
    self.maximumTexts = max(1, maximumTexts)
    self.maximumBytes = max(1, maximumBytes)
  }

  public var model: ModelDescription { base.model }
  public var parallelism: Int { base.parallelism }

  public func embed(_ texts: [String], for purpose: EmbeddingPurpose) async throws -> EmbeddingBatch {
    var result = EmbeddingBatch(dimension: model.dimension, values: [], tokens: 0)
    var start = 0
    repeat {
      var end = start
      var bytes = 0
      while end < texts.count, end - start < maximumTexts,
        end == start || bytes + texts[end].utf8.count <= maximumBytes
      {
        bytes += texts[end].utf8.count
        end += 1
      }
      if start == 0, end == texts.count { return try await base.embed(texts, for: purpose) }
      let part = try await base.embed(Array(texts[start..<end]), for: purpose)
      result.values += part.values
      result.tokens += part.tokens
      start = end
    } while start < texts.count
    return result
  }

  public func countTokens(of texts: [String]) async throws -> [Int] { try await base.countTokens(of: texts) }
}

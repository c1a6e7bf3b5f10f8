/// What a model is: two models with equal fingerprints give equal vectors.
public struct ModelDescription: Hashable, Sendable {
  /// The name for people: `all-minilm-l6-v2`.
  public var name: String
  /// Weights, tokenizer, pooling, prefixes, maximum length, dimension, quantisation (for a server: name, revision,
  /// dimension, a probe's vector).
  public var fingerprint: String
  /// Components of a vector.
  public var dimension: Int
  /// The most components that a vector may have.
  public static let dimensionMax = 65_535

  /// Tokens that the model reads at once; `nil` when it is not known.
  public var maximumTokens: Int?

  /// Describes a model.
  public init(name: String, fingerprint: String, dimension: Int, maximumTokens: Int? = nil) {
    self.name = name
    self.fingerprint = fingerprint
    self.dimension = dimension
    self.maximumTokens = maximumTokens
  }
}

/// What a text is embedded for: some models put another prefix before each.
public enum EmbeddingPurpose: Sendable {
  case document
  case query
}

/// The vectors of a batch of texts, in the order of the texts.
public struct EmbeddingBatch: Sendable {
  /// Components of a vector.
  public var dimension: Int
  /// `count × dimension` components, one vector after the other, each of unit length (L2).
  public var values: [Float]
  /// Tokens that the texts had in all, as the model counts.
  public var tokens: Int

  /// Takes the vectors.
  public init(dimension: Int, values: [Float], tokens: Int) {
    self.dimension = dimension
    self.values = values
    self.tokens = tokens
  }

  /// How many vectors there are.
  public var count: Int { dimension == 0 ? 0 : values.count / dimension }

  /// The vector of the text at that place.
  public subscript(index: Int) -> ArraySlice<Float> { values[index * dimension..<(index + 1) * dimension] }
}

/// Turns texts into vectors.
public protocol Embedder: Sendable {
  /// What model it is; cheap to ask, and asked before anything is loaded.
  var model: ModelDescription { get }

  /// Calls that may run at the same time with a gain: the cores for a local model, connections for a server.
  var parallelism: Int { get }

  /// Embeds the texts: as many unit vectors, in their order.
  ///
  /// May be called concurrently. A text above the model's limit is embedded in parts, whose vectors become one; where a
  /// server cuts it off without a word, by the part that the server reads.
  /// - Throws: `FreshetError` with `embedder_failed`, `model_unavailable`, `model_mismatch` or `network`;
  ///   `CancellationError`.
  func embed(_ texts: [String], for purpose: EmbeddingPurpose) async throws -> EmbeddingBatch

  /// Counts the tokens that the model would read of each text, in all its parts, without embedding it.
  func countTokens(of texts: [String]) async throws -> [Int]
}

import FreshetHTTP
import FreshetModel
import FreshetSystem
import Synchronization

/// What an embedder over HTTP is told.
public struct HTTPEmbedderSettings: Sendable {
  /// The base address; `/embeddings` is added unless it ends so.
  public var url: String
  /// The model's name, as the server knows it.
  public var model: String
  /// The components of a vector that are asked for and checked; `nil` takes what comes.
  public var dimension: Int?
  /// The revision that the user declares.
  public var revision = ""
  /// The environment variable that holds the key; `nil` sends none.
  public var apiKeyVariable: String?
  /// The longest that one request may take.
  public var timeout = Duration.seconds(60)
  /// Requests in flight.
  public var parallelism = 4
  /// Texts of one request.
  public var maximumTexts = 256
  /// Text put before each query.
  public var queryPrefix = ""
  /// Text put before each passage.
  public var documentPrefix = ""

  /// Names a server and its model.
  public init(url: String, model: String) {
    self.url = url
    self.model = model
  }

  /// The address that requests go to.
  var endpoint: String {
    var base = url[...]
    while base.last == "/" { base.removeLast() }
    return base.hasSuffix("/embeddings") ? String(base) : base + "/embeddings"
  }
}

/// Asks an OpenAI-compatible server (`POST /v1/embeddings`: OpenAI, Ollama, Text Embeddings Inference, vLLM,
/// llama-server) for vectors.
///
/// The fingerprint is name, declared revision, dimension and prefixes. What a server really runs behind a name is
/// watched by a probe sentence: its first vector is remembered, and before the first texts of a process are embedded it
/// is compared with a new one. The vector itself is no part of the fingerprint, because servers do not repeat vectors
/// bit by bit, and a changed fingerprint would embed everything anew.
public final class HTTPEmbedder: Embedder {
  /// The sentence that every server is asked for.
  public static let probeSentence = "A freshet is the sudden rise of a stream after rain or melting snow."
  /// The cosine below which a probe has drifted: rounding and quantised servers stay above it, other models do not.
  public static let minimumProbeCosine: Float = 0.995
  /// Bytes of one answer.
  static let maximumAnswerBytes = 64 << 20

  public let model: ModelDescription
  public let parallelism: Int
  let connection: HTTPEmbeddingConnection
  private let settings: HTTPEmbedderSettings
  private let memory: any ProbeMemory
  private let isProbed = Mutex(false)

  /// Makes an embedder for a server. The server is only asked when its dimension is not known from the settings or the
  /// memory.
  ///
  /// The settings' address may be any, private ones too: it comes from a trusted configuration.
  /// - Throws: `FreshetError` with `invalid_configuration` for an address that is none or a key that is missing, and
  ///   what `embed` throws.
  public static func connect(
    _ settings: HTTPEmbedderSettings,
    environment: [String: String],
    memory: any ProbeMemory
  ) async throws -> HTTPEmbedder {
    let connection = try HTTPEmbeddingConnection(settings, environment: environment)
    let key = identity(settings)
    if let known = try memory.vector(for: key)?.count ?? settings.dimension {
      guard settings.dimension == nil || settings.dimension == known else {
        throw FreshetError(
          .modelMismatch,
          "the model had \(known) dimensions before and the configuration says \(settings.dimension ?? 0); change "
            + "`embedder.dimension` or `embedder.revision`.",
          path: settings.model
        )
      }
      return HTTPEmbedder(settings, connection, memory, dimension: known, isProbed: false)
    }
    let probe = try await connection.embed([settings.documentPrefix + probeSentence], dimension: nil)
    try memory.keep(probe.values, for: key)
    return HTTPEmbedder(settings, connection, memory, dimension: probe.dimension, isProbed: true)
  }

  private init(
    _ settings: HTTPEmbedderSettings,
    _ connection: HTTPEmbeddingConnection,
    _ memory: any ProbeMemory,
    dimension: Int,
    isProbed: Bool
  ) {
    self.settings = settings
    self.connection = connection
    self.memory = memory
    parallelism = max(1, settings.parallelism)
    model = ModelDescription(
      name: settings.model,
      fingerprint: "\(Self.identity(settings))/\(dimension)",
      dimension: dimension
    )
    self.isProbed.withLock { $0 = isProbed }
  }

  /// A text that the server refuses for its length is embedded in parts.
  /// - Throws: `FreshetError`: `embedder_failed`, transient for 408, 429 and 5xx (with the server's `Retry-After`),
  ///   permanent for other refusals and answers that make no sense; `model_mismatch` for another dimension or a drifted
  ///   probe; `network` and `forbidden_address` as `HTTPClient.send`; `CancellationError`.
  public func embed(_ texts: [String], for purpose: EmbeddingPurpose) async throws -> EmbeddingBatch {
    guard !texts.isEmpty else { return EmbeddingBatch(dimension: model.dimension, values: [], tokens: 0) }
    try await probeOnce()
    let prefix = purpose == .query ? settings.queryPrefix : settings.documentPrefix
    var result = EmbeddingBatch(dimension: model.dimension, values: [], tokens: 0)
    var start = 0
    while start < texts.count {
      let end = min(texts.count, start + max(1, settings.maximumTexts))
      let part = try await embedSplitting(Array(texts[start..<end]), prefix: prefix)
      result.values += part.values
      result.tokens += part.tokens
      start = end
    }
    return result
  }

  /// Estimates: the protocol has no call that counts.
  public func countTokens(of texts: [String]) async throws -> [Int] {
    texts.map { TokenEstimate.tokens(of: $0) }
  }

  /// Compares the probe once in a process; two first calls at the same time may both ask, which costs one sentence.
  private func probeOnce() async throws {
    guard !isProbed.withLock({ $0 }) else { return }
    let key = Self.identity(settings)
    let probe = try await connection.embed(
      [settings.documentPrefix + Self.probeSentence],
      dimension: model.dimension
    )
    if let known = try memory.vector(for: key) {
      let cosine = known.count == probe.values.count ? zip(known, probe.values).reduce(0) { $0 + $1.0 * $1.1 } : -1
      guard cosine >= Self.minimumProbeCosine else {
        throw FreshetError(
          .modelMismatch,
          "the server embeds the probe sentence otherwise than before: behind this name is another model now. Change "
            + "`embedder.revision` to embed everything anew, or bring the former model back.",
          path: settings.model
        )
      }
    } else {
      try memory.keep(probe.values, for: key)
    }
    isProbed.withLock { $0 = true }
  }

  /// Everything but the dimension that a vector depends on; the server's address is not part of it.
  private static func identity(_ settings: HTTPEmbedderSettings) -> String {
    var encoder = VariableLengthEncoder()
    for part in [settings.model, settings.revision, settings.queryPrefix, settings.documentPrefix] {
      encoder.append(bytes: part.utf8)
    }
    return "http/1/\(settings.model)/" + SHA256.digest(of: encoder.bytes).description.prefix(16)
  }
}

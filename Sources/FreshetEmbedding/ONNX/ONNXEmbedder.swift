import FreshetModel
import FreshetSystem
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Embeds with a local model in this process, on threads of its own.
///
/// The library and the model are loaded at the first text; until then the embedder costs a few hundred bytes read. One
/// session serves all threads, and each run uses its own thread only, so that memory does not grow with the workers.
/// A run takes one sequence: on a CPU a batch gains next to nothing above 64 tokens, and so a vector is a function of
/// its text alone, bit for bit. (In batches f32 moves by 7e-8, int8 by as much as padding shifts its scales.)
///
/// A text above the model's maximum is embedded in windows (`WordPieceTokenizer.windows`), and its vector is
/// `WindowMean`'s. The windows do not repeat the heading path: the joined text does not tell where it ends, since a body
/// without headings has empty lines too.
public final class ONNXEmbedder: Embedder {
  public let model: ModelDescription
  public let parallelism: Int

  private let source: ONNXModel
  private let location: ModelLocation
  private let pool: ThreadPool
  /// A thread of its own, so that a search does not wait for a sync's queue.
  private let queryPool: ThreadPool
  private let tokenizer = Mutex<WordPieceTokenizer?>(nil)
  private let session = Mutex<ONNXSession?>(nil)

  /// Describes the model; loads nothing yet.
  ///
  /// `workers` is the number of threads, 0 for one a core.
  /// - Throws: `FreshetError` with `model_unavailable`.
  public convenience init(
    model name: String = "all-minilm-l6-v2",
    precision: ONNXModel.Precision,
    prefixes: ONNXModel.Prefixes = ONNXModel.Prefixes(),
    workers: Int = 0,
    location: ModelLocation = .standard()
  ) throws {
    try self.init(
      ONNXModel(named: name, precision: precision, prefixes: prefixes, location: location),
      workers: workers,
      location: location
    )
  }

  /// Takes a model; loads nothing yet.
  public init(_ source: ONNXModel, workers: Int = 0, location: ModelLocation = .standard()) throws {
    self.source = source
    self.location = location
    model = source.description
    parallelism = workers > 0 ? workers : ProcessEnvironment.processorCount
    pool = ThreadPool(name: "embed", threads: parallelism)
    queryPool = ThreadPool(name: "embed-query", threads: 1)
  }

  public func embed(_ texts: [String], for purpose: EmbeddingPurpose) async throws -> EmbeddingBatch {
    guard !texts.isEmpty else { return EmbeddingBatch(dimension: model.dimension, values: [], tokens: 0) }
    let pool = purpose == .query ? queryPool : pool
    let isCancelled = Flag()
    return try await withTaskCancellationHandler {
      try await pool.run { try self.embed(self.prefixed(texts, for: purpose), isCancelled) }
    } onCancel: {
      isCancelled.set()
    }
  }

  public func countTokens(of texts: [String]) async throws -> [Int] {
    guard !texts.isEmpty else { return [] }
    return try await pool.run {
      let tokenizer = try self.loadTokenizer()
      return self.prefixed(texts, for: .document).map {
        tokenizer.countInWindows($0, maximumLength: self.source.maximumLength)
      }
    }
  }

  /// Loads the library and the model now, so that the first text does not wait for them.
  public func load() async throws {
    _ = try await pool.run { (try self.loadTokenizer(), try self.loadSession()) }
  }

  /// The texts with what the model wants before them.
  private func prefixed(_ texts: [String], for purpose: EmbeddingPurpose) -> [String] {
    let prefix = purpose == .query ? source.queryPrefix : source.documentPrefix
    return prefix.isEmpty ? texts : texts.map { prefix + $0 }
  }

  /// On a thread of ours: all windows of a call, the longest first, so that the arena grows once.
  private func embed(_ texts: [String], _ isCancelled: Flag) throws -> EmbeddingBatch {
    let tokenizer = try loadTokenizer()
    let session = try loadSession()
    var windows: [[Int32]] = []
    var ranges: [Range<Int>] = []
    for text in texts {
      let start = windows.count
      windows += tokenizer.windows(of: text, maximumLength: source.maximumLength)
      ranges.append(start..<windows.count)
    }
    var vectors = [[Float]](repeating: [], count: windows.count)
    for index in windows.indices.sorted(by: { windows[$1].count < windows[$0].count }) {
      if isCancelled.isSet { throw CancellationError() }
      vectors[index] = try session.run(windows[index])
    }
    let dimension = model.dimension
    var values: [Float] = []
    values.reserveCapacity(texts.count * dimension)
    for range in ranges {
      values += WindowMean.vector(of: vectors[range], weights: windows[range].map { $0.count - 2 })
    }
    return EmbeddingBatch(dimension: dimension, values: values, tokens: windows.reduce(0) { $0 + $1.count })
  }

  private func loadTokenizer() throws -> WordPieceTokenizer {
    try tokenizer.withLock { tokenizer in
      if let tokenizer { return tokenizer }
      let loaded = try WordPieceTokenizer(contentsOf: source.tokenizerPath)
      tokenizer = loaded
      return loaded
    }
  }

  private func loadSession() throws -> ONNXSession {
    let vocabularyCount = try loadTokenizer().vocabularyCount
    return try session.withLock { session in
      if let session { return session }
      let loaded = try ONNXSession(
        runtime: ONNXRuntime.load(from: location.runtimeLibraries),
        path: source.modelPath,
        inputs: source.inputs,
        output: source.output,
        dimension: model.dimension,
        pooling: source.pooling,
        isNormalized: source.isNormalized,
        vocabularyCount: vocabularyCount
      )
      session = loaded
      return loaded
    }
  }
}

/// A cancellation that a thread can ask for.
private final class Flag: Sendable {
  private let value = Atomic(false)

  var isSet: Bool { value.load(ordering: .relaxed) }

  func set() { value.store(true, ordering: .relaxed) }
}

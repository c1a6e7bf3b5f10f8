import FreshetConfiguration
import FreshetEmbedding
import FreshetIndex
import FreshetModel
import FreshetParsing
import FreshetStore
import FreshetSync
import FreshetSystem
import Synchronization

/// A collection of documents, kept in step with its sources, with their whole history, and searchable.
///
/// ```swift
/// let collection = try await Collection.open(at: "docs.freshet", sources: [try .folder("docs")])
/// let report = try await collection.sync()
/// let hits = try await collection.search("how do I rotate keys", limit: 5)
/// await collection.close()
/// ```
///
/// One process at a time may have a collection open for writing; any number read it meanwhile, and each read sees one
/// committed state. All calls may be made concurrently.
public final class Collection: Sendable {
  /// What a collection is opened for.
  public enum Access: Sendable {
    /// Searching, listing, verifying, beside whoever writes. The collection must exist.
    case reading
    /// Everything. Waits so long for another writer to end; makes the collection when it does not exist and `creating`
    /// says so.
    case writing(creating: Bool = true, waiting: Duration = .zero)
  }

  /// How the collection was configured when it was opened.
  public let configuration: Configuration
  /// Where it is.
  public let folder: CollectionFolder
  /// The store that holds it.
  public let store: any Store

  let factory: StageFactory
  let indexDirectory: IndexDirectory?
  /// The functions that follow its changes in this process.
  let callbacks = ChangeCallbacks()
  /// Threads for index files, exports and other calls that block.
  let pool = ThreadPool(name: "freshet-index", threads: 1)

  /// One sync or collection of garbage at a time: a sync refers to passages before its documents do.
  let turns = ByteBudget(limit: 1)

  /// Whether the embedder answers, as continual syncs found.
  let embedderHealth = EmbedderHealth()

  private let lock: Mutex<FileLock?>
  private let lazy = Mutex(Lazy())

  /// What is made at its first use, because it costs time that most calls do not need.
  private struct Lazy {
    var embedder: (any Embedder)?
    var embedderIsMade = false
    var index: IndexView?
    var parsers: StandardParserRegistry?
    /// Whether the embedder is one's own, which nobody could make again.
    var embedderIsGiven = false
  }

  init(
    configuration: Configuration,
    folder: CollectionFolder,
    store: any Store,
    lock: FileLock?,
    indexDirectory: IndexDirectory?,
    embedder: (any Embedder)? = nil,
    environment: [String: String]? = nil
  ) {
    self.configuration = configuration
    self.folder = folder
    self.store = store
    self.lock = Mutex(lock)
    self.indexDirectory = indexDirectory
    factory = StageFactory(configuration: configuration, environment: environment)
    if let embedder {
      lazy.withLock { lazy in
        lazy.embedder = embedder
        lazy.embedderIsMade = true
        lazy.embedderIsGiven = true
      }
    }
  }

  /// Opens the collection that a configuration describes.
  ///
  /// - Parameters:
  ///   - embedder: one's own embedder instead of the configured one.
  ///   - environment: where keys of servers stand, instead of the process's own variables.
  /// - Throws: `FreshetError` with `no_collection`, `locked` (the sentence names the owner's process),
  ///   `untrusted_configuration`, `invalid_configuration`, `store_failed`, `store_damaged`.
  public static func open(
    _ configuration: Configuration,
    for access: Access = .writing(),
    embedder: (any Embedder)? = nil,
    environment: [String: String]? = nil
  ) async throws -> Collection {
    guard !configuration.isPostgreSQL else {
      throw FreshetError(
        .invalidConfiguration,
        "collections on PostgreSQL are not built yet; name a folder as `collection`",
        path: configuration.file
      )
    }
    var configuration = configuration
    configuration.separateSources()
    let folder = CollectionFolder(path: configuration.collection)
    var lock: FileLock?
    let mode: SQLiteStore.Mode
    switch access {
    case .reading:
      guard try folder.exists() else { throw noCollection(at: folder) }
      mode = .readOnly
    case .writing(let creating, let waiting):
      guard try creating || folder.exists() else { throw noCollection(at: folder) }
      try FileSystem.createFolder(folder.path)
      try Volume(of: folder.path).requireLocal(path: folder.path)
      lock = try await FileLock.acquire(folder.lock, timeout: waiting)
      mode = .readWrite(create: creating)
    }
    let store = try SQLiteStore.open(at: folder.database, mode: mode, writerLock: folder.lock)
    let factory = StageFactory(configuration: configuration, environment: environment)
    return Collection(
      configuration: configuration,
      folder: folder,
      store: store,
      lock: lock,
      indexDirectory: IndexDirectory(
        path: folder.index,
        settings: factory.indexSettings,
        reached: { name in CrashPoint.reached(named: name) }
      ),
      embedder: embedder,
      environment: environment
    )
  }

  /// Opens the collection in a folder, with everything but the sources as by default.
  ///
  /// - Parameters:
  ///   - path: the collection's folder, relative to the current one; it is made when it does not exist and the access
  ///     says so.
  ///   - sources: where the documents come from; without any, the collection can be searched and not synced.
  /// - Throws: as `open(_:for:embedder:)`.
  public static func open(
    at path: String,
    sources: [SourceConfiguration] = [],
    for access: Access = .writing(),
    embedder: (any Embedder)? = nil
  ) async throws -> Collection {
    let absolute = try FileSystem.absolutePath(path)
    var configuration = Configuration(folder: FileSystem.split(absolute).folder)
    configuration.collection = absolute
    configuration.sources = sources
    return try await open(configuration, for: access, embedder: embedder)
  }

  private static func noCollection(at folder: CollectionFolder) -> FreshetError {
    FreshetError(
      .noCollection,
      "there is no collection here; `freshet sync` makes one",
      path: folder.path
    )
  }

  /// Finishes what is under way, ends the helpers and releases the lock. Calls after it throw.
  public func close() async {
    let parsers = lazy.withLock { lazy in
      defer { lazy.parsers = nil }
      return lazy.parsers
    }
    parsers?.close()
    await store.close()
    // The lock is released with its last reference.
    lock.withLock { $0 = nil }
  }

  /// Whether continual syncs leave the embedder alone at the moment, because it does not answer.
  public var isEmbedderDown: Bool { embedderHealth.isDown }

  /// Whether it was opened for writing, and not closed.
  var holdsLock: Bool { lock.withLock { $0 != nil } }

  /// The configured embedder, made at the first call; `nil` when the collection keeps no vectors.
  func embedder() async throws -> (any Embedder)? {
    let (embedder, isMade) = lazy.withLock { ($0.embedder, $0.embedderIsMade) }
    if isMade { return embedder }
    let memory: any ProbeMemory =
      lock.withLock { $0 == nil } ? ReaderProbeMemory(folder: folder.path) : FolderProbeMemory(folder: folder.path)
    let made = try await factory.embedder(memory: memory)
    return lazy.withLock { lazy in
      // Another call may have been first; everybody uses its embedder.
      if !lazy.embedderIsMade {
        lazy.embedder = made
        lazy.embedderIsMade = true
      }
      return lazy.embedder
    }
  }

  func parsers() throws -> StandardParserRegistry {
    try lazy.withLock { lazy in
      if let parsers = lazy.parsers { return parsers }
      let parsers = try factory.parsers()
      lazy.parsers = parsers
      return parsers
    }
  }

  /// Forgets what the next call makes again. Nobody may be using the parsers.
  func dropWhatCanBeMadeAgain() {
    let parsers = lazy.withLock { lazy in
      defer { lazy.parsers = nil }
      lazy.index = nil
      if !lazy.embedderIsGiven {
        lazy.embedder = nil
        lazy.embedderIsMade = false
      }
      return lazy.parsers
    }
    parsers?.close()
  }

  /// The index as this process saw it last.
  var cachedIndex: IndexView? {
    get { lazy.withLock { $0.index } }
    set { lazy.withLock { $0.index = newValue } }
  }

  /// The stages as configured; the embedder is not even made when it is not to be called.
  func stages(embeds: Bool = true) async throws -> SyncStages {
    SyncStages(
      store: store,
      sources: try factory.sources(),
      parsers: try parsers(),
      chunker: try factory.chunker(),
      embedder: embeds ? try await embedder() : nil
    )
  }
}

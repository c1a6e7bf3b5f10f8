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
  /// What all views of the open collection have in common.
  let parts: CollectionParts
  /// The absolute folder that relative paths start from; `nil` for the process's own.
  let currentFolder: String?
  /// Who keeps the collection open for its syncs; `nil` for oneself.
  let host: (any SyncHost)?
  /// What files and folders that it makes in sources do not get of the permissions; `nil` for the process's own.
  let fileMask: FileMask?

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
    self.indexDirectory = indexDirectory
    parts = CollectionParts(
      lock: lock,
      database: lock.flatMap { _ in (try? FileIdentity.present(at: folder.database)) ?? nil },
      embedder: embedder
    )
    currentFolder = nil
    host = nil
    fileMask = nil
    factory = StageFactory(configuration: configuration, environment: environment)
  }

  private init(
    of collection: Collection,
    configuration: Configuration,
    environment: [String: String],
    currentFolder: String?,
    fileMask: FileMask?,
    host: (any SyncHost)?
  ) {
    self.configuration = configuration
    folder = collection.folder
    store = collection.store
    parts = collection.parts
    self.currentFolder = currentFolder ?? collection.currentFolder
    self.host = host
    self.fileMask = fileMask ?? collection.fileMask
    factory = StageFactory(configuration: configuration, environment: environment)
    indexDirectory =
      configuration.index == collection.configuration.index
      ? collection.indexDirectory : Self.indexDirectory(in: collection.folder, factory)
  }

  private static func indexDirectory(in folder: CollectionFolder, _ factory: StageFactory) -> IndexDirectory {
    IndexDirectory(
      path: folder.index,
      settings: factory.indexSettings,
      reached: { name in CrashPoint.reached(named: name) }
    )
  }

  /// The same open collection under another configuration: one lock, one store, one turn at a time. Stages are made anew
  /// where the configuration says something else of them. Closing any of them closes all.
  ///
  /// - Parameters:
  ///   - environment: where keys of servers stand; `nil` keeps the present one.
  ///   - currentFolder: the absolute folder that relative paths of its calls start from; `nil` keeps the present one.
  ///   - fileMask: what files do not get of the permissions that its calls make where the user wants them (restored files,
  ///     notes on failed ones), with the folders above them; `nil` keeps the present one.
  /// - Throws: `FreshetError` with `invalid_configuration` when the configuration is of another collection or of another
  ///   embedding model.
  public func reconfigured(
    _ configuration: Configuration,
    environment: [String: String]? = nil,
    currentFolder: String? = nil,
    fileMask: FileMask? = nil
  ) throws -> Collection {
    var configuration = configuration
    configuration.separateSources()
    let isSame =
      try configuration.collection == folder.path
      || FileSystem.resolved(configuration.collection) == FileSystem.resolved(folder.path)
    guard isSame else {
      throw FreshetError(
        .invalidConfiguration,
        "the configuration is of the collection \(configuration.collection), and \(folder.path) is open",
        path: configuration.file
      )
    }
    guard configuration.embedder.makesSameVectors(as: self.configuration.embedder) else {
      throw FreshetError(
        .invalidConfiguration,
        "the embedding model cannot be changed while the collection is open",
        path: configuration.file
      )
    }
    return Collection(
      of: self,
      configuration: configuration,
      environment: environment ?? factory.environment,
      currentFolder: currentFolder,
      fileMask: fileMask,
      host: host
    )
  }

  /// The same open collection, whose syncs are done as guests of somebody; `nil` for one's own.
  public func hosted(by host: (any SyncHost)?) -> Collection {
    Collection(
      of: self,
      configuration: configuration,
      environment: factory.environment,
      currentFolder: nil,
      fileMask: nil,
      host: host
    )
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
      indexDirectory: indexDirectory(in: folder, factory),
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
    parts.closeParsers()
    await store.close()
    parts.releaseLock()
  }

  /// Whether continual syncs leave the embedder alone at the moment, because it does not answer.
  public var isEmbedderDown: Bool { parts.embedderHealth.isDown }

  /// Whether it did not answer continual syncs when it was last asked, or is left alone.
  public var isEmbedderInDoubt: Bool { parts.embedderHealth.isInDoubt }

  /// How long a call of the embedder with so many texts may take, in a continual sync, when other changes wait for it.
  public func embedderPatience(texts: Int) -> Duration { parts.embedderHealth.patience(texts: texts) }

  /// Whether it was opened for writing, and not closed.
  var holdsLock: Bool { parts.holdsLock }

  /// One sync or collection of garbage at a time: a sync refers to passages before its documents do.
  var turns: ByteBudget { parts.turns }
  /// Threads for index files, exports and other calls that block.
  var pool: ThreadPool { parts.pool }
  /// The functions that follow its changes in this process.
  var callbacks: ChangeCallbacks { parts.callbacks }
  /// Whether the embedder answers, as continual syncs found.
  var embedderHealth: EmbedderHealth { parts.embedderHealth }

  /// The configured embedder, made at the first call; `nil` when the collection keeps no vectors.
  func embedder() async throws -> (any Embedder)? {
    if let known = parts.embedder(for: configuration.embedder) { return known.embedder }
    let memory: any ProbeMemory =
      holdsLock ? FolderProbeMemory(folder: folder.path) : ReaderProbeMemory(folder: folder.path)
    let made = try await factory.embedder(memory: memory)
    return parts.remember(made, for: configuration.embedder)
  }

  func parsers() throws -> StandardParserRegistry {
    try parts.parsers(for: factory.parsersKey) { try factory.parsers() }
  }

  /// The index as this process saw it last.
  var cachedIndex: IndexView? {
    get { parts.index }
    set { parts.index = newValue }
  }

  /// The path made absolute, as `FileSystem.absolutePath`, from where the call is made.
  func absolutePath(_ path: String) throws -> String {
    try FileSystem.absolutePath(path, from: currentFolder)
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

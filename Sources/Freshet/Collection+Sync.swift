import FreshetConfiguration
import FreshetIndex
import FreshetModel
import FreshetStore
import FreshetSync
import FreshetSystem

extension SourceConfiguration {
  /// A folder as a source; its name is the folder's unless another is given.
  ///
  /// - Parameter path: relative to the current folder.
  /// - Throws: `FreshetError` when the current folder no longer exists.
  public static func folder(
    _ path: String,
    name: String? = nil,
    include: [String] = [],
    exclude: [String] = [],
    metadata: Metadata = [:]
  ) throws -> SourceConfiguration {
    var source = SourceConfiguration()
    source.path = try FileSystem.absolutePath(path)
    source.name = name ?? FileSystem.split(source.path).name
    source.include = include
    source.exclude = exclude
    source.metadata = metadata
    return source
  }
}

/// What one sync does otherwise than configured.
public struct SyncRequest: Sendable {
  /// Only these files and folders, absolute or relative to the current folder; empty means everything.
  public var paths: [String] = []
  /// Only these items of each source named, as the store knows their paths; instead of `paths` unless it is empty.
  public var items: [String: [[UInt8]]] = [:]
  /// Items of each source named that are still being written: they stay as they are known.
  public var unsettled: [String: Set<[UInt8]>] = [:]
  /// Reads, parses and chunks everything anew, and builds the index anew.
  public var force = false
  /// Embeds passages again though they have a vector.
  public var ignoresEmbeddingCache = false
  /// Reads every file, whatever its fingerprint.
  public var checksum = false
  /// Tries documents again that failed for good.
  public var retriesFailures = false
  /// Ends with the first document that fails; what is done is committed.
  public var stopsAtFailure = false
  /// The run that this sync goes on with: the same identity, and its counts add up; `nil` begins one.
  public var continuing: SyncReport?
  /// Says that it is one of many, of somebody who keeps the collection open: the index files and old versions stay as they
  /// are until `maintain` (searches replay what is newer from the log), an embedder that was found to be down is left
  /// alone by the next such sync too, and deletions count with those of the last 10 minutes (`DeletionGuard.window`).
  public var isContinual = false
  /// Accepts any number of deletions.
  public var allowMassDelete = false
  /// Who makes the versions; `nil` for the process's user and host.
  public var actor: String?
  /// Threads that read, parse and chunk; `nil` as configured.
  public var workers: Int?
  /// Documents of one commit; `nil` as configured.
  public var checkpointDocuments: Int?

  /// Takes as little memory as it can: one document at a time, small commits, little between the stages.
  public var savesMemory = false
  /// Calls no embedder: what is new is found by keywords, and by meaning after the next sync.
  public var leavesVectors = false
  /// Looks at no source: only documents that wait for their vectors get them.
  public var onlyVectors = false
  /// What is said of every document that the paths hold, and kept with it.
  public var annotation: AnnotationChange?

  /// Asks for an ordinary sync.
  public init() {}
}

extension Collection {
  /// Brings the collection in step with its sources, and the index with the collection.
  ///
  /// One bad document never stops the others: the report counts it, the failures tell of it. When the task is cancelled
  /// or `stop` is given, what is done is committed and the report says `interrupted`.
  /// - Throws: `FreshetError` when the collection was opened for reading, the configuration is not valid, or the store or
  ///   the embedder fails as a whole.
  @discardableResult
  public func sync(
    _ request: SyncRequest = SyncRequest(),
    stop: StopSignal = StopSignal(),
    handler: @escaping @Sendable (SyncEvent) -> Void = { _ in }
  ) async throws -> SyncReport {
    guard let host else { return try await sync(request, stop: stop, pause: stop, handler) }
    return try await sync(request, guestOf: host, stop: stop, handler)
  }

  /// Does a sync, or the part of one until `pause` is given, which follows `stop`: another part goes on after that.
  func sync(
    _ request: SyncRequest,
    stop: StopSignal,
    pause: StopSignal,
    _ handler: @escaping @Sendable (SyncEvent) -> Void
  ) async throws -> SyncReport {
    guard !configuration.sources.isEmpty else {
      throw FreshetError(
        .invalidConfiguration,
        "there is no source to sync with; name at least one",
        path: configuration.file
      )
    }
    let turn = try await turns.take(1)
    defer { withExtendedLifetime(turn) {} }
    let stages = try await stages(embeds: !request.leavesVectors)
    try await rememberConfiguration()
    let engine = SyncEngine(stages: stages, options: try options(for: request, stages))
    // Vectors are replaced one by one: the index is of neither time until it is built anew, also if that is in a later run.
    if request.ignoresEmbeddingCache {
      try await store.write { try $0.set(Self.replacedVectorsSetting, to: "1") }
    }
    try await registerChannels()
    if request.retriesFailures { try await putBack(request) }
    let failed = FailedFiles()
    var report = try await callingBack { changed in
      try await engine.run(stop: pause) { event in
        handler(event)
        if case .changed = event { changed() }
        if case .failed(let failure) = event { failed.add(failure) }
      }
    }
    // A run over everything also sees to what an earlier one was killed before.
    let isWhole = request.paths.isEmpty && request.items.isEmpty
    for file in try await setAside(isWhole ? nil : failed.all) { handler(.setAside(file)) }
    if report.interrupted, pause.isGiven, !stop.isGiven { return report }
    let start = ContinuousClock.now
    let rebuild = request.force || request.ignoresEmbeddingCache
    var isIndexWanted = rebuild
    if !rebuild, !request.isContinual { isIndexWanted = try await !isIndexCurrent() }
    if isIndexWanted {
      try await updateIndex(rebuilding: rebuild && !report.interrupted)
    }
    report.seconds.index = (ContinuousClock.now - start).inSeconds
    report.seconds.total += report.seconds.index
    if configuration.history.collection == .afterSync, !request.isContinual, !report.interrupted, report.checkpoints > 0
    {
      try await collectAfterSync(stop)
    }
    return report
  }

  /// Does what syncs with `isContinual` left: brings the index files to the present, collects old versions where the
  /// configuration says so, and gives the memory back that many small syncs left free between what is in use.
  ///
  /// - Throws: as `sync(_:stop:handler:)`.
  public func maintain(stop: StopSignal = StopSignal()) async throws {
    let turn = try await turns.take(1)
    defer { withExtendedLifetime(turn) {} }
    if try await !isIndexCurrent() { try await updateIndex() }
    if configuration.history.collection == .afterSync { try await collectAfterSync(stop) }
    try await setAside(nil)
    try await pool.run { Allocator.trim() }
  }

  /// The configuration file that the collection was last synced with; `nil` when it never was with one.
  public func recordedConfiguration() async throws -> String? {
    try await store.read(.everything) { try $0.setting(Self.configurationSetting) }
  }

  private static let configurationSetting = "configuration"

  /// Keeps the name of the configuration file with the collection, so that nobody later takes its folder for one that
  /// needs none.
  private func rememberConfiguration() async throws {
    guard let file = configuration.file, try await recordedConfiguration() != file else { return }
    try await store.write { try $0.set(Self.configurationSetting, to: file) }
  }

  /// What the sources have that the collection does not have yet, by their listings alone; nothing is read.
  ///
  /// - Parameters:
  ///   - items: the paths to list by source, none of a source for all of it; empty for everything.
  ///   - unsettled: files that are left alone, as `SyncRequest.unsettled` says.
  /// - Throws: as `sync(_:stop:handler:)`.
  public func outstanding(
    of items: [String: [[UInt8]]] = [:],
    unsettled: [String: Set<[UInt8]>] = [:],
    stop: StopSignal = StopSignal()
  ) async throws -> [OutstandingItems] {
    let turn = try await turns.take(1)
    defer { withExtendedLifetime(turn) {} }
    let stages = try await stages()
    var request = SyncRequest()
    request.items = items
    request.unsettled = unsettled
    return try await SyncEngine(stages: stages, options: try options(for: request, stages)).outstanding(stop: stop)
  }

  /// What a sync would do and what it would cost; writes nothing.
  public func forecast(_ request: SyncRequest = SyncRequest()) async throws -> SyncForecast {
    let stages = try await stages()
    return try await SyncEngine(stages: stages, options: try options(for: request, stages)).forecast()
  }

  private func options(for request: SyncRequest, _ stages: SyncStages) throws -> SyncOptions {
    var options = factory.syncOptions()
    options.force = request.force
    options.ignoresEmbeddingCache = request.ignoresEmbeddingCache
    options.checksum = request.checksum
    options.retriesFailures = request.retriesFailures
    options.isContinual = request.isContinual
    if request.isContinual { options.embedderHealth = embedderHealth }
    options.unsettled = request.unsettled
    options.continuing = request.continuing
    options.stopsAtFailure = request.stopsAtFailure
    options.deletionGuard.allowMassDelete = request.allowMassDelete
    options.leavesVectors = request.leavesVectors && configuration.embedder.provider != .none
    try request.annotation?.validate()
    options.annotation = request.annotation
    if let actor = request.actor { options.actor = actor }
    if let workers = request.workers { options.workers = max(1, workers) }
    if let documents = request.checkpointDocuments { options.checkpointDocuments = max(1, documents) }
    if request.savesMemory { options.saveMemory() }
    if request.onlyVectors {
      options.paths = SyncOptions.noPaths
      return options
    }
    options.paths = request.items.isEmpty ? try paths(request.paths, stages.sources) : request.items
    return options
  }

  /// Says that vectors were computed again, and the index may still hold those before.
  private static let replacedVectorsSetting = "vectors_replaced"

  /// Whether the index files are at the store's present, without looking into them.
  private func isIndexCurrent() async throws -> Bool {
    guard let indexDirectory else { return true }
    return try await store.read(.everything) { snapshot in
      guard let model = try snapshot.models().first(where: { $0.state == .serving }) else { return true }
      return try snapshot.setting(Self.replacedVectorsSetting) == nil
        && indexDirectory.isCurrent(at: SnapshotFeed(snapshot, model: model).position)
    }
  }

  /// Brings the index files to the store's present; nothing is embedded.
  @discardableResult
  func updateIndex(rebuilding: Bool = false, keepsBase: Bool = false) async throws -> IndexUpdate? {
    guard let indexDirectory else { return nil }
    let (update, hadReplaced) = try await store.read(.everything) { snapshot -> (IndexUpdate?, Bool) in
      guard let model = try snapshot.models().first(where: { $0.state == .serving }) else { return (nil, false) }
      let feed = SnapshotFeed(snapshot, model: model)
      let hasReplaced = try snapshot.setting(Self.replacedVectorsSetting) != nil
      let update =
        try rebuilding || hasReplaced
        ? indexDirectory.rebuild(feed) : indexDirectory.update(feed, keepsBase: keepsBase)
      return (update, hasReplaced)
    }
    if hadReplaced { try await store.write { try $0.set(Self.replacedVectorsSetting, to: nil) } }
    return update
  }

  /// Builds the vector index anew from the stored vectors, keeping the one before as its backup, and the keyword index
  /// from the passages when it is damaged; embeds nothing.
  /// - Throws: `FreshetError` with `store_damaged` when what the indexes are made of cannot be read.
  @discardableResult
  public func reindex() async throws -> ReindexReport {
    let problems = try await store.write { try $0.mendKeywordIndex() }
    return ReindexReport(index: try await updateIndex(rebuilding: true), keywordProblems: problems)
  }

  /// Puts the index's backup in the place of the index, and brings it to the present; embeds nothing.
  /// - Throws: `FreshetError` with `not_found` when there is no backup.
  public func restoreIndexBackup() async throws {
    guard let indexDirectory else { return }
    try await pool.run { try indexDirectory.restoreBackup() }
    try await updateIndex(keepsBase: true)
  }
}

/// What `Collection.reindex` did.
public struct ReindexReport: Sendable {
  /// What was done with the vector index; `nil` when the collection keeps no vectors.
  public var index: IndexUpdate?
  /// What did not hold in the keyword index; when there is something, the index was built anew.
  public var keywordProblems: [IntegrityProblem]
}

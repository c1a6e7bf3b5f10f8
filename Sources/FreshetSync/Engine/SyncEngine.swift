import FreshetModel
import FreshetSystem

/// Brings a collection in step with its sources.
///
/// ```
/// list ─▶ compare ─▶ read, parse, chunk × workers ─▶ embed, a window at a time ─▶ commit
///            │                                                                      ▲
///            └─ missing, maybe moved ─▶ end of all listings: renames, deletions ────┘
/// ```
///
/// Stages run side by side; what is between them is bounded by bytes. Everything that a run counts is committed; what it
/// did not reach stays as it was, and the next run finds it.
public struct SyncEngine: Sendable {
  let stages: SyncStages
  let options: SyncOptions
  let clock: any WallClock
  private let timer: any Clock<Duration>

  /// Composes an engine.
  ///
  /// - Parameters:
  ///   - clock: tells when runs start.
  ///   - timer: measures `checkpointInterval`.
  public init(
    stages: SyncStages,
    options: SyncOptions,
    clock: any WallClock = SystemWallClock(),
    timer: any Clock<Duration> = ContinuousClock()
  ) {
    self.stages = stages
    self.options = options
    self.clock = clock
    self.timer = timer
  }

  /// Runs once over the sources.
  ///
  /// One bad document never stops the others: it is in the report and in the store's failures. When `stop` is given, what
  /// is done is committed and the report says `interrupted`; cancelling the task does the same.
  /// - Throws: `FreshetError` when the store fails, or when the embedder cannot fill a new model.
  public func run(
    stop: StopSignal = StopSignal(),
    handler: @escaping @Sendable (SyncEvent) -> Void = { _ in }
  ) async throws -> SyncReport {
    try await withTaskCancellationHandler {
      // A task of its own: cancellation must not tear the last commit, it only gives the signal.
      try await Task { try await runUncancelled(stop, handler) }.value
    } onCancel: {
      stop.give()
    }
  }

  private func runUncancelled(
    _ stop: StopSignal,
    _ handler: @escaping @Sendable (SyncEvent) -> Void
  ) async throws -> SyncReport {
    let start = ContinuousClock.now
    let (head, begun) = try await stages.store.read(.everything) { snapshot in
      // It is the last one, or one of the last where another process has written since.
      let begun = try options.continuing.flatMap { run in try snapshot.runs(limit: 8).first { $0.id == run.run } }
      return (snapshot.head, begun)
    }
    let now = clock.now()
    let startedAt = begun?.startedAt ?? now
    let firstSequence = begun?.firstSequence ?? head.sequence
    let run = SyncRun(
      stages: stages,
      options: options,
      id: options.continuing?.run ?? .random(),
      startedAt: now,
      stop: stop,
      handler: handler
    )
    run.count { report in
      if let begun = options.continuing { report = begun.continued }
      report.sequence = head.sequence
    }
    let passes = try await SourceRegistration(run: run).passes()
    let (embedding, migrated) = try await ModelMigration(
      run: run,
      startedAt: startedAt,
      firstSequence: firstSequence
    ).prepare()
    let failures = try await stages.store.read(.everything) { try $0.failures(source: nil, itemPath: nil) }
    // With all vectors that could be had, what still waits waits for its embedder: reading it again would not help.
    let goesOnWaiting = embedding == nil || options.onEmbedderDown == .keywordFirst && options.seesEverything
    let awaiting = goesOnWaiting ? [] : try await stages.store.read(.everything) { try $0.itemsAwaitingVectors() }
    let attention = Attention(failures: failures, awaiting: awaiting, options: options)
    let commit = CommitStage(
      run: run,
      startedAt: startedAt,
      firstSequence: firstSequence,
      failedBefore: attention.failedBefore
    )
    let sink = Sink(run: run, embedding: EmbeddingStage(run: run, embedding: embedding), commit: commit, timer: timer)
    let (endings, withheld) = try await flow(run, passes, attention, sink)
    let registration = SourceRegistration(run: run)
    try await registration.remember(endings, withheld: withheld)
    try await registration.forgetRemoved()
    run.count { report in
      migrated.settle(&report.documents)
      report.interrupted = stop.isGiven
      report.seconds.total += (ContinuousClock.now - start).inSeconds
      report.peakMemoryBytes = ProcessStatistics.current().peakMemoryBytes
    }
    return try await RunBook(run: run, startedAt: startedAt, firstSequence: firstSequence, head: head.sequence).close()
  }

  /// Runs the stages side by side until everything is committed.
  private func flow(
    _ run: SyncRun,
    _ passes: [SourcePass],
    _ attention: Attention,
    _ sink: Sink
  ) async throws -> ([SourceLister.Ending], Set<String>) {
    let elements = BoundedChannel<PipelineElement>(limit: options.bytesInFlight) { $0.cost }
    return try await withThrowingTaskGroup(of: ([SourceLister.Ending], Set<String>)?.self) { group in
      group.addTask {
        try await sink.drain(elements)
        return nil
      }
      group.addTask(executorPreference: run.pool) {
        do {
          let result = try await produce(run, passes, attention) { try await elements.send($0) }
          elements.finish()
          return result
        } catch {
          elements.finish(throwing: error)
          throw error
        }
      }
      var result: ([SourceLister.Ending], Set<String>) = ([], [])
      for try await value in group { result = value ?? result }
      return result
    }
  }

  /// Lists and reads everything, then settles what only the end of all listings tells.
  func produce(
    _ run: SyncRun,
    _ passes: [SourcePass],
    _ attention: Attention,
    _ send: @escaping @Sendable (PipelineElement) async throws -> Void
  ) async throws -> ([SourceLister.Ending], Set<String>) {
    let pending = EndOfListing()
    let endings = try await readers(run, ItemReader(run: run, listingFinished: false, pending: pending, send: send)) {
      feed in
      try await run.timed(\.list) {
        let lister = SourceLister(run: run, pending: pending, send: feed)
        var endings: [SourceLister.Ending] = []
        for pass in passes where !run.stop.isGiven && isWanted(pass) {
          endings.append(
            try await lister.list(pass, alwaysRead: attention.paths(of: pass), failed: attention.failed(in: pass))
          )
        }
        run.advance { $0.listingFinished = true }
        return endings
      }
    }
    guard !run.stop.isGiven else { return (endings, Set(passes.map(\.source.name))) }
    let departures = Departures(run: run, pending: pending, endings: endings, send: send) { items, renames in
      guard !items.isEmpty else { return }
      _ = try await readers(
        run,
        ItemReader(run: run, listingFinished: true, pending: pending, renames: renames, send: send)
      ) { feed in
        for item in items where !run.stop.isGiven { try await feed(item) }
      }
    }
    return (endings, try await departures.settle())
  }

  func isWanted(_ pass: SourcePass) -> Bool {
    options.paths.isEmpty || options.paths[pass.source.name] != nil
  }

  /// Reads what `feed` sends with as many readers as the options say; answers what `feed` did.
  private func readers<Result: Sendable>(
    _ run: SyncRun,
    _ reader: ItemReader,
    feed: @escaping @Sendable (@escaping @Sendable (WorkItem) async throws -> Void) async throws -> Result
  ) async throws -> Result {
    let queue = BoundedChannel<WorkItem>(limit: SourceLister.pageSize)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
      for _ in 0..<max(1, options.workers) {
        group.addTask(executorPreference: run.pool) {
          while let work = try await queue.receive() {
            // After a stop the queue is emptied, so that nobody waits to fill it.
            if run.stop.isGiven { continue }
            try await run.timed(\.parse) { try await reader.read(work) }
            run.advance { progress in
              progress.itemsRead += 1
              progress.bytesRead += work.item.fingerprint.size
            }
          }
          return nil
        }
      }
      group.addTask(executorPreference: run.pool) {
        do {
          let result = try await feed { try await queue.send($0) }
          queue.finish()
          return result
        } catch {
          queue.finish(throwing: error)
          throw error
        }
      }
      var result: Result?
      for try await value in group { result = value ?? result }
      guard let result else { throw CancellationError() }
      return result
    }
  }
}

/// Items that are read though their fingerprint did not move: failures to try again, vectors that are awaited.
struct Attention: Sendable {
  let failedBefore: Set<CommitStage.FailedItem>
  private let failures: [FailureRecord]
  private let awaiting: [SourceID: Set<[UInt8]>]
  private let retriesAll: Bool

  init(failures: [FailureRecord], awaiting: [(source: SourceID, path: [UInt8])], options: SyncOptions) {
    self.failures = failures
    failedBefore = Set(failures.map { CommitStage.FailedItem(source: $0.source, path: $0.itemPath) })
    self.awaiting = Dictionary(awaiting.map { ($0.source, [$0.path]) }, uniquingKeysWith: { $0.union($1) })
    retriesAll = options.retriesFailures
  }

  /// Items of the source that are in quarantine.
  func failed(in pass: SourcePass) -> Set<[UInt8]> {
    Set(failures.lazy.filter { $0.source == pass.source.name }.map(\.itemPath))
  }

  /// Items of the source that are read whatever their fingerprint.
  func paths(of pass: SourcePass) -> Set<[UInt8]> {
    let retried = failures.filter { failure in
      failure.source == pass.source.name
        && (retriesAll || failure.error.isTransient || failure.pipeline != pass.pipeline)
    }
    return (awaiting[pass.record.id] ?? []).union(retried.map(\.itemPath))
  }
}

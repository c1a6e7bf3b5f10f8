import FreshetModel
import FreshetSystem

/// Removes what no rule keeps and nothing refers to any more, and returns the space to the file system.
///
/// ```
/// mark versions ─▶ remove what they needed ─▶ passages that never got a chunk ─▶ retired models
///   ─▶ superseded texts without content ─▶ the log's oldest rows, and runs without any ─▶ return space
/// ```
///
/// Each arrow is many short transactions, and the process may die between any two: the next run goes on where this one
/// ended. Readers go on meanwhile. Nobody else may write: a sync that is under way refers to passages before its documents
/// do.
public struct GarbageCollector: Sendable {
  /// Documents whose histories are read at once.
  static let documentsPerPage = 64

  private let store: any Store
  private let policies: [String: RetentionPolicy]
  private let standard: RetentionPolicy
  private let log: LogRetention
  private let options: GarbageOptions
  private let clock: any WallClock

  /// Composes a collector.
  ///
  /// - Parameters:
  ///   - policies: the rules of sources that have their own, by name.
  ///   - standard: the rules of all others, also of sources that are no longer configured.
  ///   - log: how much of the log is kept.
  public init(
    store: any Store,
    policies: [String: RetentionPolicy] = [:],
    standard: RetentionPolicy,
    log: LogRetention = .forever,
    options: GarbageOptions = GarbageOptions(),
    clock: any WallClock = SystemWallClock()
  ) {
    self.store = store
    self.policies = policies
    self.standard = standard
    self.log = log
    self.options = options
    self.clock = clock
  }

  private func policy(of source: String) -> RetentionPolicy { policies[source] ?? standard }

  private var keepsEverything: Bool { standard.keepsEverything && policies.values.allSatisfy(\.keepsEverything) }

  /// The versions of a document that go now.
  private func versionsToCollect(_ document: DocumentHistory, now: Timestamp) -> [Int] {
    let policy = policy(of: document.source)
    guard !policy.keepsEverything else { return [] }
    let kept = policy.versionsToKeep(document.versions, now: now)
    return document.versions.filter { !$0.isCollected && !kept.contains($0.number) }.map(\.number)
  }

  // MARK: Forecast

  /// What a run would remove now; writes nothing, and waits for nobody.
  public func forecast() async throws -> GarbageForecast {
    let now = clock.now()
    var forecast = try await store.read(.everything) { snapshot in
      var chosen: [(document: DocumentID, versions: [Int])] = []
      var last: DocumentID?
      while !keepsEverything {
        try Task.checkCancellation()
        let page = try snapshot.documentsWithHistory(after: last, limit: Self.documentsPerPage)
        for document in page {
          let versions = versionsToCollect(document, now: max(now, snapshot.head.at))
          if !versions.isEmpty { chosen.append((document.id, versions)) }
        }
        guard page.count == Self.documentsPerPage else { break }
        last = page.last?.id
      }
      let (amounts, floor) = try snapshot.reclaimable(
        collecting: chosen,
        withoutChunks: try !Self.sparesPassages(snapshot)
      )
      var forecast = GarbageForecast()
      let anchor = try snapshot.prunableChange(keeping: log, now: max(now, snapshot.head.at))
      forecast.removable = amounts
      forecast.removable.changes = Int(clamping: anchor - snapshot.head.anchor.sequence)
      forecast.removable.runs = try snapshot.runsPruned(withLogThrough: anchor)
      forecast.historyFloor = max(floor, anchor)
      forecast.logAnchor = anchor
      return forecast
    }
    forecast.space = try await store.space()
    return forecast
  }

  /// Whether passages without a chunk may still be needed: a run that was killed or interrupted, or whose embedder failed,
  /// goes on with what it embedded.
  private static func sparesPassages(_ snapshot: any StoreSnapshot) throws -> Bool {
    if let run = try snapshot.runs(limit: 1).first {
      if run.finishedAt == nil { return true }
      if run.report?["interrupted"] == .boolean(true) { return true }
    }
    return try snapshot.failures(source: nil, itemPath: nil).contains { $0.error.code == .embedderFailed }
  }

  // MARK: Run

  /// What a run remembers.
  private struct Work {
    let start = ContinuousClock.now
    let timeLimit: Duration?
    let stop: StopSignal
    let handler: @Sendable (GarbageProgress) -> Void
    var report = GarbageReport()

    /// Whether another step may begin.
    var goesOn: Bool {
      guard !stop.isGiven, !Task.isCancelled else { return false }
      return timeLimit.map { ContinuousClock.now - start < $0 } ?? true
    }
  }

  /// Collects until nothing is left, the signal is given, the task is cancelled, or the time is over; the step under way
  /// is finished. A second run goes on where this one ended.
  /// - Throws: `FreshetError` when the store fails; what was committed before stays done.
  public func run(
    stop: StopSignal = StopSignal(),
    handler: @escaping @Sendable (GarbageProgress) -> Void = { _ in }
  ) async throws -> GarbageReport {
    var work = Work(timeLimit: options.timeLimit, stop: stop, handler: handler)
    work.report.before = try await store.space()
    let marked = try await mark(&work)
    try await sweepVersions(&work, total: marked)
    try await sweepPassages(&work)
    try await sweep(.retiredModels, &work)
    try await sweep(.supersededTexts, &work)
    try await pruneLog(&work)
    if !work.goesOn { work.report.isComplete = false }
    try await returnSpace(&work)
    let head = try await store.read(.everything) { $0.head }
    work.report.historyFloor = head.historyFloor
    work.report.logAnchor = head.anchor.sequence
    work.report.after = try await store.space()
    work.report.seconds = (ContinuousClock.now - work.start).inSeconds
    return work.report
  }

  /// Marks what the rules let go; answers how many versions were marked.
  private func mark(_ work: inout Work) async throws -> Int {
    guard !keepsEverything else { return 0 }
    let time = clock.now()
    var marked = 0
    var seen = 0
    var last: DocumentID?
    var chosen: [(document: DocumentID, versions: [Int])] = []
    var size = 0
    while work.goesOn {
      let after = last
      let (page, now) = try await store.read(.everything) { snapshot in
        (try snapshot.documentsWithHistory(after: after, limit: Self.documentsPerPage), max(time, snapshot.head.at))
      }
      for document in page {
        var versions = versionsToCollect(document, now: now)[...]
        while !versions.isEmpty {
          let part = versions.prefix(max(1, options.rowsPerStep - size))
          versions = versions.dropFirst(part.count)
          chosen.append((document.id, Array(part)))
          size += part.count
          if size >= options.rowsPerStep {
            marked += try await mark(chosen)
            (chosen, size) = ([], 0)
            guard work.goesOn else { return marked }
          }
        }
      }
      seen += page.count
      work.handler(GarbageProgress(stage: .marking, completed: seen, total: nil))
      guard page.count == Self.documentsPerPage else { break }
      last = page.last?.id
    }
    return marked + (try await mark(chosen))
  }

  private func mark(_ chosen: [(document: DocumentID, versions: [Int])]) async throws -> Int {
    guard !chosen.isEmpty else { return 0 }
    let marked = try await store.write { transaction in
      var marked = 0
      for (document, versions) in chosen { marked += try transaction.collect(versions: versions, of: document) }
      CrashPoint.reached("gc-in-mark")
      return marked
    }
    CrashPoint.reached("gc-marked")
    return marked
  }

  private func sweepVersions(_ work: inout Work, total: Int) async throws {
    while work.goesOn {
      guard try await !step(.collectedVersions, &work) else { return }
      let done = work.report.removed.versions
      work.handler(GarbageProgress(stage: .removing, completed: done, total: max(total, done)))
    }
  }

  private func sweepPassages(_ work: inout Work) async throws {
    while work.goesOn {
      let limit = options.passagesPerLookup
      let passages = try await store.read(.everything) { snapshot in
        try Self.sparesPassages(snapshot) ? [] : snapshot.passagesWithoutChunks(limit: limit)
      }
      var rest = passages[...]
      while !rest.isEmpty, work.goesOn {
        let part = rest.prefix(options.rowsPerStep)
        rest = rest.dropFirst(part.count)
        _ = try await step(.passages(Array(part)), &work)
      }
      guard passages.count == limit else { return }
    }
  }

  private func sweep(_ garbage: Garbage, _ work: inout Work) async throws {
    while work.goesOn {
      guard try await !step(garbage, &work) else { return }
    }
  }

  /// Removes what `log` lets go. How far is asked anew in each transaction: a consumer may have come, or been put back.
  private func pruneLog(_ work: inout Work) async throws {
    let (log, limit) = (log, options.rowsPerStep)
    while work.goesOn {
      let time = clock.now()
      let isEmpty = try await store.read(.everything) { snapshot in
        let last = try snapshot.prunableChange(keeping: log, now: max(time, snapshot.head.at))
        return try last == snapshot.head.anchor.sequence && snapshot.runsPruned(withLogThrough: last) == 0
      }
      if isEmpty { return }
      let swept = try await store.write { transaction in
        let last = try transaction.prunableChange(keeping: log, now: max(time, transaction.head.at))
        let swept = try transaction.sweep(.log(through: last), limit: limit)
        CrashPoint.reached("gc-in-prune")
        return swept
      }
      CrashPoint.reached("gc-pruned")
      work.report.removed += swept.amounts
      work.handler(GarbageProgress(stage: .pruning, completed: work.report.removed.changes, total: nil))
      if swept.isDone { return }
    }
  }

  /// One transaction; whether nothing of the kind is left.
  private func step(_ garbage: Garbage, _ work: inout Work) async throws -> Bool {
    let limit = options.rowsPerStep
    // Nothing is written, and no lock taken, where there is nothing to do.
    if try await isEmpty(garbage) { return true }
    let swept = try await store.write { transaction in
      let swept = try transaction.sweep(garbage, limit: limit)
      CrashPoint.reached("gc-in-step")
      return swept
    }
    CrashPoint.reached("gc-step-done")
    work.report.removed += swept.amounts
    return swept.isDone
  }

  private func isEmpty(_ garbage: Garbage) async throws -> Bool {
    switch garbage {
    case .retiredModels: try await store.read(.everything) { try !$0.models().contains { $0.state == .retired } }
    case .supersededTexts: try await store.read(.everything) { try !$0.hasSupersededTexts() }
    case .collectedVersions, .passages, .log: false
    }
  }

  // MARK: Space

  /// The share of a file of an earlier Freshet that must be free for it to be written anew.
  private static let shareWorthRewriting = 0.25

  private func returnSpace(_ work: inout Work) async throws {
    guard let space = try await store.space() else { return }
    let share = Double(space.freeBytes) / Double(max(1, space.bytes))
    if options.rewritesDatabase || !space.shrinksInSteps && share >= Self.shareWorthRewriting {
      guard work.goesOn else { return }
      do {
        try await finish(.rewrite, &work)
      } catch let error as FreshetError where error.code == .diskFull && !options.rewritesDatabase {
        work.report.notice =
          "\(Quantity.text(bytes: space.freeBytes)) are free within the database, and there is no room to write it anew; "
          + "make room and run `freshet gc` again"
      }
      return
    }
    guard space.freeBytes > 0, share >= options.leastFreeShare else { return }
    guard space.shrinksInSteps else {
      work.report.notice =
        "\(Quantity.text(bytes: space.freeBytes)) are free within the database and will be used again; "
        + "`freshet gc --rewrite` writes it anew, which takes its size twice more meanwhile"
      return
    }
    var returned: Int64 = 0
    while work.goesOn {
      let isSome = try await store.returnSpace(.step(bytes: options.bytesPerStep))
      CrashPoint.reached("gc-space-step")
      guard isSome else { break }
      returned = min(space.freeBytes, returned + options.bytesPerStep)
      work.handler(
        GarbageProgress(stage: .returning, completed: Int(clamping: returned), total: Int(clamping: space.freeBytes))
      )
    }
    if !work.goesOn { work.report.isComplete = false }
    try await finish(.finish, &work)
  }

  private func finish(_ way: SpaceReturn, _ work: inout Work) async throws {
    guard try await !store.returnSpace(way) else { return }
    work.report.notice =
      "a reader is at work, so the file becomes smaller when the next command that writes has ended"
  }
}

import Freshet
import FreshetModel
import FreshetSources
import FreshetSync
import FreshetSystem
import Synchronization

/// Keeps an open collection in step with its sources while they change, until it is stopped.
///
/// ```
/// watchers ─▶ releases ─▶ ┌──────────┐
/// surveys ─▶ files found ▶│ workload │─▶ one unit at a time ─▶ sync ─▶ committed, searchable
/// retries ────────────────▶└──────────┘        │
///                                              └─ a saved file stops a load, which goes on afterwards
/// ```
///
/// Everything it does is a sync of some paths, so what holds for a sync holds here: nothing half-written is visible, a
/// crash repeats at most one batch, mass deletions are held.
public final class LiveService: Sendable {
  /// Between two looks whether a unit's calls of the embedder take too long for those who wait.
  private static let hurryInterval = Duration.milliseconds(200)

  let tell: @Sendable (LiveEvent) -> Void
  let monitor: LiveMonitor
  let wakeup = WakeSignal()
  private let ending = WakeSignal()
  let looking = ThreadPool(name: "freshet-place", threads: 1)
  let state: Mutex<LiveState>
  let present: Mutex<Present>

  /// What a reload replaces.
  struct Present: Sendable {
    var collection: Collection
    var options: LiveOptions
    var feed: any ChangeFeed
    /// Counts the feeds.
    var feedNumber = 0
    /// Counts the configurations.
    var number = 0
    /// Hands events over.
    var delivering: Task<[ChannelDelivery], any Error>?
    /// Follows the feed.
    var following: Task<Void, Never>?
  }

  /// The collection, as it is configured now.
  public var collection: Collection { present.withLock { $0.collection } }
  var options: LiveOptions { present.withLock { $0.options } }
  var feed: any ChangeFeed { present.withLock { $0.feed } }

  /// Prepares a service; nothing is watched yet.
  ///
  /// - Parameters:
  ///   - collection: opened for writing.
  ///   - feed: the watchers of its sources.
  ///   - tell: hears of what happens, on any thread.
  public init(
    collection: Collection,
    feed: any ChangeFeed,
    options: LiveOptions = LiveOptions(),
    tell: @escaping @Sendable (LiveEvent) -> Void = { _ in }
  ) {
    present = Mutex(Present(collection: collection, options: options, feed: feed))
    let monitor = LiveMonitor(collection: collection, options: options, tell: tell)
    self.monitor = monitor
    self.tell = { event in
      tell(event)
      monitor.hear(event)
    }
    state = Mutex(LiveState(startedAt: SystemWallClock().now()))
  }

  /// Works until it is stopped or the task is cancelled: what is under way ends at its next commit; then the index files are
  /// brought to the present. Errors are told, and what failed is tried again. It ends by itself when the collection's folder
  /// is no longer in its place; `loss` says so.
  public func run() async {
    let sources = collection.configuration.sources.map(\.name)
    // What changes while the sources are gone through for the first time is seen.
    let begun = await watch()
    await noteDepartedSources()
    tell(.started(sources: sources.count))
    await withTaskCancellationHandler {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.followChanges(begun) }
        group.addTask { await self.deliverEvents() }
        group.addTask { await self.watchPlace() }
        group.addTask { await self.monitor.run({ self.status }, wake: { self.wakeup.wake() }) }
        await work()
        group.cancelAll()
      }
    } onCancel: {
      stop()
    }
    tell(.stopping)
    for guest in state.withLock({ $0.guests.close() }) { guest.refuse(GuestQueue.ending) }
    if await keepsPlace() { await maintain() }
    await monitor.finish(status)
  }

  /// Ends `run`: what is under way ends at its next commit.
  public func stop() {
    let guest = state.withLock { state in
      state.isStopping = true
      state.current?.run.stop.give()
      state.maintenance?.give()
      return state.guests.working
    }
    guest?.stop()
    wakeup.wake()
    ending.wake()
    Task {
      try? await Task.sleep(for: options.drainTime)
      let (current, guest) = state.withLock { ($0.current, $0.guests.working) }
      current?.run.stop.abandon()
      guest?.stop()
    }
  }

  /// Returns once it was asked to end, or the task is cancelled; for one waiting task.
  func endRequested() async { await ending.waitOrCancelled(until: nil) }

  /// Whether it was asked to end.
  public var isStopping: Bool { state.withLock { $0.isStopping } }

  /// Lists the sources, as the periodic survey does.
  ///
  /// - Parameter allowMassDelete: accepts any number of deletions that this finds.
  public func survey(allowMassDelete: Bool = false) {
    state.withLock { state in
      if allowMassDelete {
        for source in collection.configuration.sources { state.acceptDeletions(of: source.name) }
      }
      for source in collection.configuration.sources { state.workload.survey(source.name) }
      state.nextSurvey = .now + options.surveyInterval
    }
    wakeup.wake()
  }

  /// What it does now.
  public var status: LiveStatus {
    var status = state.withLock { $0.status }
    status.watch = feed.status
    status.isEmbedderDown = collection.isEmbedderDown
    status.alerts = monitor.alerts
    status.memory = monitor.memoryLevel
    let memory = ProcessStatistics.current()
    status.peakMemoryBytes = memory.peakMemoryBytes
    status.residentBytes = ProcessStatistics.residentBytes() ?? 0
    return status
  }

  // MARK: What is to be done

  /// A feed of which the watchers were begun.
  private struct BegunFeed {
    var feed: any ChangeFeed
    var number: Int
    var isWatching: Bool
  }

  /// Begins to watch, and has everything gone through that may have changed before.
  private func watch() async -> BegunFeed {
    let (feed, number) = present.withLock { ($0.feed, $0.feedNumber) }
    var begun = BegunFeed(feed: feed, number: number, isWatching: true)
    do {
      try await feed.begin()
    } catch {
      begun.isWatching = false
      tell(.watchProblem(source: "", FreshetError.describing(error)))
    }
    survey()
    return begun
  }

  private func followChanges(_ begun: BegunFeed) async {
    var begun = begun
    while !Task.isCancelled {
      let following = Task { [begun] in
        if begun.isWatching { await begun.feed.follow { self.receive($0) } }
        // It never began, or ended by itself. Another configuration cancels this.
        try? await Task.sleep(for: options.errorPauseMaximum)
      }
      let isCurrent = present.withLock { present in
        present.following = following
        return present.feedNumber == begun.number
      }
      if !isCurrent { following.cancel() }
      await withTaskCancellationHandler {
        await following.value
      } onCancel: {
        following.cancel()
      }
      if Task.isCancelled { return }
      begun = await watch()
    }
  }

  func receive(_ release: WatchRelease) {
    state.withLock { state in
      if release.isEverything { return state.workload.survey(release.source) }
      state.workload.add(files: release.files, folders: release.folders, of: release.source)
      let changed = ContinuousClock.now - release.age
      state.freshSince = min(state.freshSince ?? changed, changed)
    }
    wakeup.wake()
    interruptIfUrgent()
  }

  /// Ends what is under way for a saved file, once that has gone on for its least time.
  func interruptIfUrgent() {
    guard let run = state.withLock({ $0.workload.isUrgent ? $0.interruptible : nil }) else { return }
    Task {
      try? await Task.sleep(until: run.since + run.leastTime, clock: .continuous)
      if state.withLock({ $0.interruptible?.number == run.number && $0.workload.isUrgent }) { run.stop.give() }
    }
  }

  /// Does work, and has it leave calls of the embedder that take too long while others wait for it.
  private func hurrying(_ work: () async -> Void) async {
    let hurry = Task {
      while (try? await Task.sleep(for: Self.hurryInterval)) != nil {
        let run = state.withLock { state in
          state.isAwaited ? state.current?.run.stop ?? state.interruptible?.stop : nil
        }
        let collection = collection
        run?.leaveCalls { collection.embedderPatience(texts: $0) }
      }
    }
    defer { hurry.cancel() }
    await work()
  }

  // MARK: Doing it

  private func work() async {
    while await keepsPlace(), let step = nextStep() {
      await relieveMemory()
      switch step {
      case .unit(let unit, let current): await hurrying { await perform(unit, current) }
      case .guest(let guest): await hurrying { await serve(guest) }
      case .maintenance: await maintain()
      case .wait(let deadline):
        if state.withLock({ $0.becomesIdle() }) { tell(.idle) }
        await wakeup.wait(until: deadline)
      }
    }
  }

  private enum Step {
    case unit(Workload.Unit, LiveState.Current)
    case guest(Guest)
    case maintenance
    case wait(until: ContinuousClock.Instant)
  }

  /// What is done next; `nil` once it is to end.
  private func nextStep() -> Step? {
    let now = ContinuousClock.now
    return state.withLock { state in
      if state.isStopping { return nil }
      if let guest = state.guests.next() { return .guest(guest) }
      state.enqueueDue(now, sources: collection.configuration.sources.map(\.name), options)
      if let pause = state.pausedUntil, pause > now { return .wait(until: pause) }
      if state.isMaintenanceDue(now, options) { return .maintenance }
      guard let (unit, current) = begin(at: now, &state) else { return .wait(until: state.nextDue(now, options)) }
      return .unit(unit, current)
    }
  }

  /// The next unit, if that is of saved files.
  func nextFresh() -> (Workload.Unit, LiveState.Current)? {
    let now = ContinuousClock.now
    return state.withLock { state in
      guard !state.isStopping, state.pausedUntil.map({ $0 <= now }) ?? true, state.workload.isUrgent else { return nil }
      return begin(at: now, &state)
    }
  }

  private func begin(at now: ContinuousClock.Instant, _ state: inout LiveState) -> (Workload.Unit, LiveState.Current)? {
    state.workload.keepsOrder = collection.configuration.sync.workers == 1
    let isLimited = monitor.memoryLevel == .limited
    let (freshSize, loadSize) = isLimited ? (1, 1) : (state.freshPace.size, state.loadPace.size)
    guard let unit = state.workload.next(freshSize: freshSize, loadSize: loadSize) else { return nil }
    return (unit, state.begin(unit, at: now, options))
  }

  func perform(_ unit: Workload.Unit, _ current: LiveState.Current) async {
    do {
      switch unit {
      case .fresh(let paths): try await sync(paths, unit, current, kind: .fresh)
      case .trees(let source, let paths): try await listed(source, paths, unit, current)
      case .moved(let source, let paths): try await sync([source: paths], unit, current, kind: .moved)
      case .survey(let source): try await surveyed(source, unit, current)
      case .load(let source, let paths): try await sync([source: paths], unit, current, kind: .load)
      case .whole(let source): try await sync([source: []], unit, current, kind: .whole)
      case .everything: try await sync([:], unit, current, kind: .whole)
      case .vectors: try await catchUp(unit, current)
      }
      state.withLock { $0.succeeded() }
    } catch {
      let cause = FreshetError.describing(error)
      let pause = state.withLock { $0.failed(unit, cause, options) }
      tell(.failed(cause, pause: pause))
    }
    let collection = collection
    state.withLock { state in
      state.endUnit()
      state.noteEmbedder(
        isInDoubt: collection.isEmbedderInDoubt,
        isDown: collection.isEmbedderDown,
        sources: collection.configuration.sources.map(\.name),
        options
      )
    }
  }

  /// Gives documents the vectors that they wait for; when none does, tries one that failed without its embedder.
  private func catchUp(_ unit: Workload.Unit, _ current: LiveState.Current) async throws {
    if try await collection.awaitsVectors() {
      try await sync([:], unit, current, kind: .load)
    } else if collection.isEmbedderInDoubt, let item = try await collection.itemThatLacksItsEmbedder() {
      try await sync([item.source: [item.path]], unit, current, kind: .load)
    }
  }

  private func listed(
    _ source: String,
    _ paths: [[UInt8]],
    _ unit: Workload.Unit,
    _ current: LiveState.Current
  ) async throws {
    let found = try await collection.outstanding(
      of: [source: paths],
      unsettled: unsettled(in: [source], listing: true),
      stop: current.run.stop
    )
    state.withLock { state in
      if current.run.stop.isGiven { return state.workload.putBack(unit) }
      for items in found {
        if items.isComplete { state.saw(paths, of: source) }
        if items.canBeLoaded {
          state.workload.add(found: items.toRead, of: source)
        } else {
          state.workload.add(moved: paths, of: source)
        }
      }
    }
  }

  private func surveyed(_ source: String, _ unit: Workload.Unit, _ current: LiveState.Current) async throws {
    let found = try await collection.outstanding(
      of: [source: []],
      unsettled: unsettled(in: [source], listing: true),
      stop: current.run.stop
    )
    state.withLock { state in
      if current.run.stop.isGiven { return state.workload.putBack(unit) }
      for items in found where !items.isEmpty {
        if items.canBeLoaded {
          state.workload.add(load: items.toRead, of: items.source)
          if items.isNew { state.workload.add(whole: items.source, afterLoad: true) }
        } else {
          state.workload.add(whole: items.source)
        }
      }
      // What waits for its vectors is known to the collection, and no listing finds it.
      state.workload.addVectors()
      for items in found { state.saw(items) }
    }
  }

  private func sync(
    _ paths: [String: [[UInt8]]],
    _ unit: Workload.Unit,
    _ current: LiveState.Current,
    kind: LiveWork.Kind
  ) async throws {
    var request = SyncRequest()
    request.items = paths
    request.isContinual = true
    request.actor = options.actor
    request.continuing = current.continued
    request.savesMemory = monitor.memoryLevel == .limited
    request.onlyVectors = unit == .vectors && paths.isEmpty
    // What was released is complete, or was held for as long as it may be; what was listed may be written since.
    switch unit {
    case .fresh, .vectors, .trees, .survey: break
    case .load(let source, _): request.unsettled = unsettled(in: [source], listing: false)
    case .moved(let source, _): request.unsettled = unsettled(in: [source], listing: true)
    case .whole(let source):
      request.unsettled = unsettled(in: [source], listing: true)
      request.allowMassDelete = state.withLock { $0.acceptsDeletions(of: source) }
      // What is accepted is of this run alone.
      if request.allowMassDelete { request.continuing = nil }
    case .everything:
      request.unsettled = unsettled(in: collection.configuration.sources.map(\.name), listing: true)
    }
    let start = ContinuousClock.now
    let report = try await collection.sync(request, stop: current.run.stop) { self.hear($0) }
    let duration = ContinuousClock.now - start
    let change = report.subtracting(request.continuing)
    state.withLock { state in
      if report.interrupted, current.run.stop.isGiven { state.workload.putBack(unit) }
      state.finished(kind, report, change, duration: duration, files: paths.values.reduce(0) { $0 + $1.count })
    }
    let latency = change.documents.changed > 0 ? current.freshSince.map { ContinuousClock.now - $0 } : nil
    tell(.worked(LiveWork(kind: kind, report: change, duration: duration, latency: latency)))
  }

  private func unsettled(in sources: [String], listing: Bool) -> [String: Set<[UInt8]>] {
    let feed = feed
    return Dictionary(sources.map { ($0, feed.unsettled(in: $0, listing: listing)) }) { $0.union($1) }
  }

  /// Something happened in a sync, of its own or of a guest.
  func hear(_ event: SyncEvent) {
    if case .failed(let failure) = event { state.withLock { $0.note(failure, options) } }
    tell(.sync(event))
  }

  /// Gives up what can be made again, where the memory is above its limit.
  func relieveMemory() async {
    guard monitor.takesRelief() else { return }
    await collection.releaseMemory()
  }

  private func maintain() async {
    let stop = StopSignal()
    state.withLock { $0.maintenance = $0.isStopping ? nil : stop }
    defer { state.withLock { $0.maintenance = nil } }
    do {
      try await collection.maintain(stop: stop)
      state.withLock { $0.maintained() }
      tell(.maintained)
    } catch {
      let cause = FreshetError.describing(error)
      let pause = state.withLock { $0.failedMaintenance(cause, options) }
      tell(.failed(cause, pause: pause))
    }
  }
}

import Freshet
import FreshetModel
import FreshetSystem
import Synchronization

/// What goes on beside a live service's work: figures for Prometheus, reports in the log, a look at the memory, alerts.
///
/// Nothing of it holds the work up, and nothing of it that fails ends it.
final class LiveMonitor: Sendable {
  private let tell: @Sendable (LiveEvent) -> Void
  private let pool = ThreadPool(name: "freshet-figures", threads: 1)
  private let state: Mutex<State>
  private let present: Mutex<Present>
  private let sender: AlertSender
  /// Wakes the report that waits for its time.
  private let reportSignal = WakeSignal()
  /// Wakes the figures that wait for theirs.
  private let figuresSignal = WakeSignal()

  /// What a reload replaces.
  private struct Present {
    var collection: Collection
    var options: LiveOptions
  }

  private struct State {
    var figures = LiveFigures()
    var alarm: FailureAlarm
    var memory: MemoryBounds
    /// Whether caches are to be given up.
    var wantsRelief = false
    /// What the collection held when it was counted last; `nil` when something happened since.
    var counted: CollectionStatus?
    /// Goes up whenever something happens.
    var happenings = 0
    var hasFailed = false
    /// A file that figures were written to and are no longer: it is to say a last time that nobody is up.
    var departed: String?
  }

  /// - Parameter tell: hears of reports, alerts, and what cannot be written.
  init(collection: Collection, options: LiveOptions, tell: @escaping @Sendable (LiveEvent) -> Void) {
    present = Mutex(Present(collection: collection, options: options))
    self.tell = tell
    state = Mutex(
      State(alarm: FailureAlarm(options.alerts), memory: MemoryBounds(options.memory, calm: options.memoryCalm))
    )
    sender = AlertSender(collection: collection, tell: tell)
  }

  private var collection: Collection { present.withLock { $0.collection } }
  private var options: LiveOptions { present.withLock { $0.options } }

  /// Goes on under another configuration.
  func adopt(_ collection: Collection, _ options: LiveOptions) {
    let file = self.options.metrics.file
    present.withLock { $0 = Present(collection: collection, options: options) }
    state.withLock { state in
      state.alarm.options = options.alerts
      state.memory.options = options.memory
      if options.metrics.file != file {
        state.departed = file
        state.hasFailed = false
      }
    }
    sender.adopt(collection)
    reportSignal.wake()
    figuresSignal.wake()
  }

  /// Alerts that are on.
  var alerts: [LiveAlert] { state.withLock { $0.alarm.active } }

  /// Which of its bounds the memory is above.
  var memoryLevel: LiveMemory.Level { state.withLock { $0.memory.level } }

  /// Whether caches are to be given up now.
  func takesRelief() -> Bool {
    state.withLock { state in
      defer { state.wantsRelief = false }
      return state.wantsRelief
    }
  }

  /// Notes what the service tells.
  func hear(_ event: LiveEvent) {
    let raised: [LiveAlert] = state.withLock { state in
      state.figures.hear(event)
      switch event {
      case .worked, .maintained:
        state.counted = nil
        state.happenings += 1
      default: break
      }
      let raised = state.alarm.hear(event, at: .now)
      for alert in raised { state.figures.hear(.alert(alert)) }
      return raised
    }
    raise(raised)
  }

  private func raise(_ alerts: [LiveAlert]) {
    for alert in alerts {
      tell(.alert(alert))
      sender.send(alert)
    }
  }

  /// Works until the task is cancelled.
  ///
  /// - Parameter wake: has the service look whether caches are to be given up, also when it has nothing to do.
  func run(_ status: @escaping @Sendable () -> LiveStatus, wake: @escaping @Sendable () -> Void) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.report(status) }
      group.addTask { await self.writeFigures(status) }
      group.addTask { await self.sender.run() }
      group.addTask { await self.watchAlarm() }
      group.addTask { await self.watchMemory(wake) }
    }
  }

  /// Writes the figures a last time, and hands over the alerts that wait, for a short while.
  func finish(_ status: LiveStatus) async {
    if let file = options.metrics.file { await writeFigures(status, to: file, isUp: false) }
    await sender.finish()
  }

  // MARK: Reports

  private func report(_ status: @Sendable () -> LiveStatus) async {
    var before = status().totals
    var since = ContinuousClock.now
    while !Task.isCancelled {
      let interval = options.statisticsInterval
      if interval <= .zero {
        await reportSignal.waitOrCancelled(until: nil)
        (before, since) = (status().totals, .now)
      } else if since + interval <= .now {
        let now = status()
        let work = now.totals.subtracting(before)
        tell(.reported(LiveReport(period: .now - since, work: work, status: now)))
        (before, since) = (now.totals, .now)
      } else {
        await reportSignal.waitOrCancelled(until: since + interval)
      }
    }
  }

  // MARK: Figures

  private func writeFigures(_ status: @Sendable () -> LiveStatus) async {
    while !Task.isCancelled {
      let departed = state.withLock { state in
        defer { state.departed = nil }
        return state.departed
      }
      if let departed { await writeFigures(status(), to: departed, isUp: false) }
      let metrics = options.metrics
      if let file = metrics.file { await writeFigures(status(), to: file, isUp: true) }
      await figuresSignal.waitOrCancelled(until: metrics.file == nil ? nil : .now + metrics.interval)
    }
  }

  private func writeFigures(_ status: LiveStatus, to file: String, isUp: Bool) async {
    let counted = await counted()
    let path = collection.folder.path
    let page = state.withLock { $0.figures.page(status, collection: counted, path: path, isUp: isUp) }
    do {
      try await pool.run { try FileSystem.replace(file, with: Array(page.utf8)) }
      state.withLock { $0.hasFailed = false }
    } catch {
      // Said once, until it was written again.
      let isFirst = state.withLock { state in
        defer { state.hasFailed = true }
        return !state.hasFailed
      }
      if isFirst { tell(.figuresFailed(FreshetError.describing(error))) }
    }
  }

  /// What the collection holds, counted again only when something happened.
  private func counted() async -> CollectionStatus? {
    let (known, happenings) = state.withLock { ($0.counted, $0.happenings) }
    if let known { return known }
    let now = try? await collection.status()
    state.withLock { if $0.happenings == happenings { $0.counted = now } }
    return now
  }

  // MARK: Memory

  private func watchMemory(_ wake: @Sendable () -> Void) async {
    while !Task.isCancelled {
      if let bytes = options.residentBytes(), measured(bytes) { wake() }
      guard (try? await Task.sleep(for: options.memoryInterval)) != nil else { return }
    }
  }

  /// Takes a measurement; answers whether caches are to be given up.
  private func measured(_ bytes: Int64) -> Bool {
    let (change, wantsRelief) = state.withLock { state in
      let judged = state.memory.judge(bytes, at: .now)
      if judged.wantsRelief { state.wantsRelief = true }
      return judged
    }
    if let change { tell(.memory(change)) }
    return wantsRelief
  }

  // MARK: Alerts

  /// An alert is over also because time passes.
  private func watchAlarm() async {
    while (try? await Task.sleep(for: FailureAlarm.interval(options.alerts))) != nil {
      raise(state.withLock { $0.alarm.pass(to: .now) })
    }
  }
}

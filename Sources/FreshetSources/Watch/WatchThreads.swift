import FreshetModel
import FreshetSystem
import Synchronization

/// The two threads of a watcher: one reads events and makes releases, the other polls.
final class WatchThreads: Sendable {
  private struct State {
    var polled: [[UInt8]] = []
    /// Those that were added since the last pass began, also when they had been polled before.
    var fresh: Set<[UInt8]> = []
    /// Folders on other machines, of whose files nobody asks who has them open.
    var remote = PolledFolders()
    var isStarted = false
    var ended: [CheckedContinuation<Void, Never>] = []
    var running = 0
  }

  /// Events are handed on in portions of so many.
  private static let portion = 1_024

  private let source: DirectorySource
  private let options: WatchOptions
  private let system: WatchSystem
  private let outlet: ReleaseOutlet
  private let bell: Bell
  private let pollBell: Bell
  private let problems: AsyncStream<WatchProblem>.Continuation
  private let state = Mutex(State())

  init(
    _ source: DirectorySource,
    _ options: WatchOptions,
    _ system: WatchSystem,
    _ outlet: ReleaseOutlet,
    _ bell: Bell,
    _ problems: AsyncStream<WatchProblem>.Continuation
  ) throws {
    self.source = source
    self.options = options
    self.system = system
    self.outlet = outlet
    self.bell = bell
    self.problems = problems
    pollBell = try Bell()
  }

  /// Returns once every folder is watched, and every polled one was listed.
  func start() async {
    let (watching, polling) = (Gate(), Gate())
    run("watch") { self.watch(watching) }
    await watching.opened()
    run("watch-poll") { self.poll(polling) }
    await polling.opened()
  }

  /// Has the threads end soon.
  func stop() {
    outlet.finish()
    pollBell.ring()
    problems.finish()
  }

  /// Returns when they have.
  func ended() async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if state.running > 0 { state.ended.append(continuation) }
        return state.running == 0
      }
      if isOver { continuation.resume() }
    }
  }

  private func run(_ name: String, _ body: @escaping @Sendable () -> Void) {
    state.withLock { $0.running += 1 }
    let pool = ThreadPool(name: name, threads: 1)
    Task.detached {
      try? await pool.run(body)
      let waiting = self.state.withLock { state in
        state.running -= 1
        guard state.running == 0 else { return [CheckedContinuation<Void, Never>]() }
        defer { state.ended = [] }
        return state.ended
      }
      for continuation in waiting { continuation.resume() }
    }
  }

  /// The thread that reads events, keeps the tree, asks who has files open, and makes releases.
  private func watch(_ started: Gate) {
    let writers = WriterProbe(source)
    let portion = EventPortion(outlet, limit: Self.portion)
    var watcher = TreeWatcher(
      source,
      options,
      system,
      now: .monotonic(),
      TreeWatcher.Outlet(
        event: { portion.append($0) },
        problem: { self.problems.yield($0) },
        polling: { self.setPolled($0) }
      )
    )
    portion.flush()
    update(watcher)
    started.open()
    while !outlet.isFinished {
      let deadline = min(watcher.nextDeadline, outlet.nextDeadline ?? .seconds(Int64.max / 2))
      bell.wait(or: watcher.queue?.descriptor, until: deadline, now: .monotonic())
      system.willRead()
      watcher.step(at: .monotonic(), clock: { .monotonic() })
      portion.flush()
      update(watcher)
      release(writers)
    }
  }

  /// Releases what is due; the answers may make more due.
  private func release(_ writers: WriterProbe) {
    while true {
      let questions = outlet.deliver(at: .monotonic())
      if questions.isEmpty { return }
      let remote = state.withLock { $0.remote }
      outlet.receive(
        questions.map { .writers($0, remote.isRemote($0) ? .unknown : writers.writers(of: $0)) },
        at: .monotonic()
      )
    }
  }

  private func update(_ watcher: borrowing TreeWatcher) {
    let (mode, watches, links) = (watcher.mode, watcher.tree.watchCount, watcher.links.count)
    let (overflows, events, polled) = (watcher.overflows, watcher.events, watcher.polled)
    outlet.updateStatus { status in
      status.mode = mode
      status.watches = watches
      status.links = links
      status.overflows = overflows
      status.events = events
      if status.polledFolders.isEmpty, polled.isEmpty { return }
      status.polledFolders = polled.all
    }
  }

  private func setPolled(_ folders: PolledFolders) {
    state.withLock { state in
      let all = folders.all
      state.fresh.formUnion(Set(all).subtracting(state.polled))
      state.polled = all
      state.remote = folders
    }
    pollBell.ring()
  }

  /// The thread that polls.
  private func poll(_ started: Gate) {
    var poller = TreePoller(source, options)
    var isFirst = true
    var known: [[UInt8]] = []
    while !outlet.isFinished {
      let (folders, fresh) = state.withLock { state in
        defer { state.fresh = [] }
        return (state.polled, state.fresh.intersection(state.polled))
      }
      let begin = Duration.monotonic()
      let isUsed = !folders.isEmpty || !known.isEmpty
      if isUsed, let pass = poller.pass(folders, fresh: fresh, stop: { outlet.isFinished }) {
        known = folders
        report(pass, begin, isFirst: isFirst)
      }
      let took = Duration.monotonic() - begin
      let interval = max(options.pollInterval, took * options.pollRestFactor)
      // Nobody may be able to say whether a file is open: then it has to be the same in two passes.
      outlet.setSettle(folders.isEmpty ? options.settle : max(options.settle, interval * 2))
      if isFirst {
        poller.begin()
        started.open()
      }
      isFirst = false
      let next = folders.isEmpty ? nil : begin + interval
      while !outlet.isFinished, state.withLock({ $0.polled }) == folders {
        let now = Duration.monotonic()
        if let next, now >= next { break }
        pollBell.wait(or: nil, until: next, now: now)
      }
    }
    started.open()
  }

  private func report(_ pass: TreePoller.Pass, _ begin: Duration, isFirst: Bool) {
    // The first pass says what is there before anything changed.
    if !isFirst { outlet.receive(pass.events, at: .monotonic()) }
    outlet.updateStatus { status in
      status.polledFiles = pass.files
      status.polledBytes = pass.bytes
      status.pollDuration = .monotonic() - begin
    }
    bell.ring()
  }
}

/// Collects events, so that the lock is not taken for each. For one thread.
private final class EventPortion {
  private let outlet: ReleaseOutlet
  private let limit: Int
  private var events: [WatchEvent] = []

  init(_ outlet: ReleaseOutlet, limit: Int) {
    self.outlet = outlet
    self.limit = limit
  }

  func append(_ event: WatchEvent) {
    events.append(event)
    if events.count >= limit { flush() }
  }

  func flush() {
    outlet.receive(events, at: .monotonic())
    events.removeAll(keepingCapacity: true)
  }
}

/// Is opened once; who comes before waits.
private final class Gate: Sendable {
  private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

  func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  func opened() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if !state.isOpen { state.waiting.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
  }
}

import Freshet
import FreshetModel
import FreshetSync
import Synchronization

extension LiveService {
  /// How long fresh changes may hold a guest up before they are put off.
  static let freshPatience = Duration.seconds(1)

  /// Does somebody's work on the collection while the service does none: what is under way ends at its next commit, and
  /// goes on afterwards. Several are done one after the other. Cancelling the task withdraws what has not begun.
  ///
  /// - Parameters:
  ///   - name: what the status calls it.
  ///   - onStop: asks the work to end, because the service does.
  ///   - body: the work; its collection is the service's own, and stays open.
  /// - Throws: what the body throws; `FreshetError` with `locked` when the service ends before its turn;
  ///   `CancellationError`.
  public func exclusively<Result: Sendable>(
    _ name: String,
    onStop: @escaping @Sendable () -> Void = {},
    _ body: @escaping @Sendable (Collection) async throws -> Result
  ) async throws -> Result {
    let number = Mutex<Int?>(nil)
    let running = Mutex<(task: Task<Result, any Error>?, isCancelled: Bool)>((nil, false))
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Result, any Error>) in
        let work: @Sendable (Collection) async -> @Sendable () -> Void = { collection in
          let task = Task { try await body(collection) }
          let isCancelled = running.withLock { state in
            state.task = task
            return state.isCancelled
          }
          if isCancelled { task.cancel() }
          let result = await task.result
          return { continuation.resume(with: result) }
        }
        do {
          let guest = try state.withLock { state in
            try state.guests.add { number in
              Guest(number: number, name: name, stop: onStop, work: work) { continuation.resume(throwing: $0) }
            }
          }
          number.withLock { $0 = guest.number }
          // Cancelled before it stood in the queue.
          if running.withLock({ $0.isCancelled }) { withdraw(guest.number) }
          makeRoom()
        } catch {
          continuation.resume(throwing: error)
        }
      }
    } onCancel: {
      let task = running.withLock { state in
        state.isCancelled = true
        return state.task
      }
      task?.cancel()
      if let number = number.withLock({ $0 }) { withdraw(number) }
    }
  }

  private func withdraw(_ number: Int) {
    state.withLock { $0.guests.withdraw(number) }?.refuse(CancellationError())
  }

  /// Ends the service's own unit, so that a guest need not wait for it.
  private func makeRoom() {
    let current = state.withLock { state in
      state.maintenance?.give()
      return state.current
    }
    wakeup.wake()
    guard let current else { return }
    if current.isInterruptible { current.run.stop.give() }
    Task {
      try? await Task.sleep(for: Self.freshPatience)
      guard state.withLock({ $0.current?.run.number == current.run.number }) else { return }
      current.run.stop.give()
      try? await Task.sleep(for: options.drainTime)
      if state.withLock({ $0.current?.run.number == current.run.number }) { current.run.stop.abandon() }
    }
  }

  /// Lets a guest work, and learns what it settled before it is told that it is done.
  func serve(_ guest: Guest) async {
    let answer = await guest.work(collection.hosted(by: self))
    await settleHeld()
    state.withLock { $0.guestWorked() }
    answer()
  }

  /// Looks whether what the status shows as held or unavailable still is.
  private func settleHeld() async {
    let names = state.withLock { Set($0.troubled) }
    guard !names.isEmpty else { return }
    let configured = Set(collection.configuration.sources.map(\.name))
    do {
      let wanted = names.intersection(configured)
      let found =
        wanted.isEmpty
        ? [] : try await collection.outstanding(of: Dictionary(uniqueKeysWithValues: wanted.map { ($0, []) }))
      let departed = try await collection.departedSources()
      state.withLock { state in
        for items in found { state.saw(items) }
        for name in names.subtracting(configured) where !departed.contains(name) { state.hasEverything(name) }
      }
    } catch {
      // It stays as it was shown; the next survey looks again, and tells what is wrong.
      survey()
    }
  }
}

extension LiveService: SyncHost {
  public func guestBegan(_ run: StopSignal, canPause: Bool) {
    state.withLock { $0.guestBegan(run, canPause: canPause, options) }
    interruptIfUrgent()
  }

  public func guestTold(_ event: SyncEvent) { hear(event) }

  public func guestEnded(_ change: SyncReport?, after duration: Duration) {
    state.withLock { $0.guestEnded(change) }
    if let change { tell(.worked(LiveWork(kind: .call, report: change, duration: duration))) }
  }

  public func makeWay(_ stop: StopSignal) async {
    // In a task of its own: whoever cancels the guest's sync does not cancel the service's work.
    await Task {
      let end = ContinuousClock.now + Self.freshPatience
      while ContinuousClock.now < end, !stop.isGiven, let (unit, current) = nextFresh() {
        await relieveMemory()
        await perform(unit, current)
      }
    }.value
  }
}

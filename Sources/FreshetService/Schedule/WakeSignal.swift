import Synchronization

/// Wakes one waiting task; a call while nobody waits is remembered.
final class WakeSignal: Sendable {
  private struct State {
    var isGiven = false
    var waiting: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  /// Wakes the task that waits, or the next one that would.
  func wake() {
    let waiting = state.withLock { state in
      state.isGiven = state.waiting == nil
      defer { state.waiting = nil }
      return state.waiting
    }
    waiting?.resume()
  }

  /// Waits for the next call of `wake`, or until a time.
  func wait(until deadline: ContinuousClock.Instant?) async {
    let timer = deadline.map { deadline in
      Task {
        try? await Task.sleep(until: deadline, clock: .continuous)
        if !Task.isCancelled { wake() }
      }
    }
    await withCheckedContinuation { continuation in
      let isGiven = state.withLock { state in
        if !state.isGiven { state.waiting = continuation }
        defer { state.isGiven = false }
        return state.isGiven
      }
      if isGiven { continuation.resume() }
    }
    timer?.cancel()
  }

  /// As `wait(until:)`; returns also when the task is cancelled.
  func waitOrCancelled(until deadline: ContinuousClock.Instant?) async {
    await withTaskCancellationHandler {
      await wait(until: deadline)
    } onCancel: {
      wake()
    }
  }
}

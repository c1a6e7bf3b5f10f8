import FreshetModel
import FreshetSystem
import Synchronization

/// What stands between the threads that watch and the tasks that read releases.
///
/// There is no queue: a release is made when somebody waits for one. Until then the coalescer holds what is pending, and
/// collapses it when it is too much.
final class ReleaseOutlet: Sendable {
  private typealias Reader = (id: UInt64, continuation: CheckedContinuation<WatchRelease?, Never>)

  private struct State {
    var coalescer: WatchCoalescer
    var readers: [Reader] = []
    var readersMade: UInt64 = 0
    var cancelled: Set<UInt64> = []
    var isFinished = false
    var status = WatchStatus()
  }

  private let state: Mutex<State>
  /// Wakes the thread that reads events.
  private let bell: Bell

  init(_ coalescer: WatchCoalescer, _ bell: Bell) {
    state = Mutex(State(coalescer: coalescer))
    self.bell = bell
  }

  var isFinished: Bool { state.withLock { $0.isFinished } }

  var status: WatchStatus {
    state.withLock { state in
      var status = state.status
      status.pendingPaths = state.coalescer.pendingCount
      return status
    }
  }

  func unsettled(listing: Bool) -> Set<[UInt8]> {
    state.withLock { state in
      if listing { state.coalescer.listed() }
      return state.coalescer.unsettled
    }
  }

  func updateStatus(_ change: (inout WatchStatus) -> Void) {
    state.withLock { change(&$0.status) }
  }

  func receive(_ events: [WatchEvent], at now: Duration) {
    guard !events.isEmpty else { return }
    state.withLock { state in
      for event in events { state.coalescer.receive(event, at: now) }
    }
  }

  /// The least quiet time of files of which nobody can say whether they are open.
  func setSettle(_ settle: Duration) {
    state.withLock { $0.coalescer.setSettle(settle) }
  }

  /// When `deliver` has something to do; `nil` while nobody waits.
  var nextDeadline: Duration? {
    state.withLock { $0.readers.isEmpty ? nil : $0.coalescer.nextDeadline }
  }

  /// Hands what is due to whoever waits. Answers the files of which is to be found out whether they are open.
  func deliver(at now: Duration) -> [[UInt8]] {
    let (questions, release, reader) = state.withLock { state -> ([[UInt8]], WatchRelease?, Reader?) in
      guard !state.readers.isEmpty else { return ([], nil, nil) }
      let outcome = state.coalescer.take(at: now)
      return (outcome.questions, outcome.release, outcome.release.map { _ in state.readers.removeFirst() })
    }
    reader?.continuation.resume(returning: release)
    return questions
  }

  /// The next release; `nil` at the end, or when the task is cancelled.
  func next() async -> WatchRelease? {
    let id = state.withLock { state in
      state.readersMade += 1
      return state.readersMade
    }
    let release = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.isFinished || state.cancelled.contains(id) { return true }
          state.readers.append((id, continuation))
          return false
        }
        if isOver { continuation.resume(returning: nil) } else { bell.ring() }
      }
    } onCancel: {
      let reader = state.withLock { state -> Reader? in
        guard let index = state.readers.firstIndex(where: { $0.id == id }) else {
          state.cancelled.insert(id)
          return nil
        }
        return state.readers.remove(at: index)
      }
      reader?.continuation.resume(returning: nil)
    }
    state.withLock { _ = $0.cancelled.remove(id) }
    return release
  }

  /// Ends the releases. What is pending is dropped.
  func finish() {
    let readers = state.withLock { state in
      state.isFinished = true
      defer { state.readers = [] }
      return state.readers
    }
    for reader in readers { reader.continuation.resume(returning: nil) }
    bell.ring()
  }
}

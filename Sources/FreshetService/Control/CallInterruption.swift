import Synchronization

/// What asks a forwarded call to stop: Ctrl-C where it came from, that process's end, or the service's end.
///
/// A call that follows the interruptions ends as its verb sees fit; one that does not is cancelled.
public final class CallInterruption: Sendable {
  private struct State {
    var count: Int32 = 0
    var follower: AsyncStream<Int32>.Continuation?
    var cancel: (@Sendable () -> Void)?
    var isServiceEnding = false
  }

  /// Interruptions that may wait to be seen.
  private static let bufferedMax = 4
  private let state = Mutex(State())

  init() {}

  /// Whether the service's end was the cause, or one of them.
  public var isServiceEnding: Bool { state.withLock { $0.isServiceEnding } }

  /// The interruptions from the call's beginning on; to be called once.
  public func stream() -> AsyncStream<Int32> {
    let (stream, follower) = AsyncStream.makeStream(
      of: Int32.self,
      bufferingPolicy: .bufferingNewest(Self.bufferedMax)
    )
    let before = state.withLock { state in
      state.follower = follower
      return state.count
    }
    if before > 0 { follower.yield(before) }
    return stream
  }

  /// Sets what happens while nobody follows.
  func cancels(_ cancel: @escaping @Sendable () -> Void) {
    let isGiven = state.withLock { state in
      state.cancel = cancel
      return state.count > 0
    }
    if isGiven { cancel() }
  }

  func give(isServiceEnding: Bool = false) {
    let (follower, cancel, count) = state.withLock { state in
      state.count += 1
      if isServiceEnding { state.isServiceEnding = true }
      return (state.follower, state.cancel, state.count)
    }
    if let follower {
      follower.yield(count)
    } else {
      cancel?()
    }
  }
}

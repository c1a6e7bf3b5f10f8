import FreshetSystem
import Synchronization

/// The signals that ask this process to stop (SIGINT, SIGTERM), for one follower after the other: a call that was handed to
/// a service and came back goes on here.
final class ProcessInterruptions: Sendable {
  private struct State {
    var follower: AsyncStream<Int32>.Continuation?
    var isReading = false
  }

  /// Signals that may wait to be seen.
  private static let bufferedMax = 16
  private let state = Mutex(State())

  /// The signals from now on, which the follower before gets no more.
  ///
  /// - Throws: `FreshetError`.
  func stream() throws -> AsyncStream<Int32> {
    let (stream, follower) = AsyncStream.makeStream(
      of: Int32.self,
      bufferingPolicy: .bufferingNewest(Self.bufferedMax)
    )
    let isFirst = state.withLock { state in
      state.follower = follower
      defer { state.isReading = true }
      return !state.isReading
    }
    if isFirst {
      let signals = try SignalHandling.stream()
      Task { for await signal in signals { state.withLock { $0.follower }?.yield(signal) } }
    }
    return stream
  }
}

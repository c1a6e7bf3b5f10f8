import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Turns signals that ask the process to stop into elements of a stream.
///
/// The handler only writes a byte to a pipe, which a thread of our own reads: nothing else runs while a signal interrupts
/// something.
public enum SignalHandling {
  private static let bufferedSignalsMax = 16

  /// The signals as they come, instead of what they do by default; for the rest of the process.
  ///
  /// - Parameter signals: by default those of Ctrl-C and of a service manager.
  /// - Throws: `FreshetError` for a second call: one stream per process.
  public static func stream(of signals: [Int32] = [SIGINT, SIGTERM]) throws -> AsyncStream<Int32> {
    let pipe = freshet_signal_pipe(signals, Int32(signals.count))
    guard pipe >= 0 else { throw FreshetError.system(pipe, "handle signals") }
    let (stream, continuation) = AsyncStream.makeStream(
      of: Int32.self,
      bufferingPolicy: .bufferingNewest(bufferedSignalsMax)
    )
    let pool = ThreadPool(name: "signals", threads: 1)
    Task.detached {
      // Ends with the stream's reader: the pool's thread is gone once this returns.
      try? await pool.run {
        var number: UInt8 = 0
        while true {
          let count = read(pipe, &number, 1)
          if count < 0, errno == EINTR { continue }
          guard count == 1 else { return continuation.finish() }
          if case .terminated = continuation.yield(Int32(number)) { return }
        }
      }
    }
    return stream
  }
}

import FreshetService
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What signals ask of a service: SIGINT and SIGTERM to end, a second one at once; SIGHUP to read its configuration anew.
enum ServiceSignals {
  /// How long the system may take to take a terminal away that was closed.
  private static let hangUpTime = Duration.milliseconds(100)

  /// The signals as they come; for the rest of the process.
  static func stream() throws -> AsyncStream<Int32> { try SignalHandling.stream(of: [SIGINT, SIGTERM, SIGHUP]) }

  /// Does what they ask until the task is cancelled.
  ///
  /// - Parameter endAtOnce: ends the process.
  static func follow(_ signals: AsyncStream<Int32>, _ process: LiveProcess, endAtOnce: () -> Void) async {
    let hadTerminal = hasTerminal
    for await signal in signals {
      if signal == SIGHUP {
        // A terminal that is closed says so by the same signal: who started the service there is gone.
        if hadTerminal { try? await Task.sleep(for: hangUpTime) }
        if !hadTerminal || hasTerminal {
          // Refusals are told as events.
          Task { try? await process.reload() }
          continue
        }
      }
      if process.isStopping { endAtOnce() }
      process.stop()
    }
  }

  private static var hasTerminal: Bool {
    let terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
    guard terminal >= 0 else { return false }
    close(terminal)
    return true
  }
}

import CSystem
import FreshetModel
import FreshetSystem

/// Wakes a thread that waits for a descriptor.
final class Bell: Sendable {
  private let listening: Descriptor
  private let ringing: Descriptor

  /// - Throws: `FreshetError` when the process has too many open files.
  init() throws {
    var ring: Int32 = -1
    let bell = freshet_bell(&ring)
    guard bell >= 0 else { throw FreshetError.system(bell, "make a pipe") }
    listening = Descriptor(owning: bell)
    ringing = Descriptor(owning: ring)
  }

  func ring() {
    freshet_bell_ring(ringing.number)
  }

  /// Waits until it rings, the descriptor is readable, or the time has come.
  func wait(or descriptor: Descriptor?, until deadline: Duration?, now: Duration) {
    let rest = deadline.map { max(0, ($0 - now).nanoseconds) } ?? -1
    _ = freshet_wait(descriptor?.number ?? -1, listening.number, rest)
    freshet_bell_silence(listening.number)
  }
}

extension Duration {
  /// The system's clock that never jumps.
  static func monotonic() -> Duration { .nanoseconds(freshet_monotonic()) }

  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? (seconds < 0 ? .min : .max) : product + attoseconds / 1_000_000_000
  }
}

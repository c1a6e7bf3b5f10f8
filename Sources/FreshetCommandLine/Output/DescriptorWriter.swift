import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Writes all bytes to a descriptor, whatever interrupts.
enum DescriptorWriter {
  /// Bytes that a pipe takes without blocking once it takes any (POSIX PIPE_BUF on Linux).
  private static let share = 4_096

  /// - Parameter patience: how long a reader may take nothing; `nil` waits for ever.
  /// - Throws: `OutputClosed` when the reader is gone, `FreshetError` with `input_output` or `disk_full`.
  static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, patience: Duration? = nil) throws {
    var rest = bytes
    while !rest.isEmpty {
      if let patience { try wait(descriptor, patience) }
      let size = patience == nil ? rest.count : min(rest.count, share)
      let count = systemWrite(descriptor, rest.baseAddress, size)
      if count > 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN:
        // The terminal or pipe was made non-blocking by somebody else: wait until it takes more.
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&wait, 1, -1)
      case EPIPE: throw OutputClosed()
      case let code:
        throw FreshetError(
          code == ENOSPC || code == EDQUOT ? .diskFull : .inputOutput,
          "The output cannot be written: \(String(cString: strerror(code)))."
        )
      }
    }
  }

  private static func wait(_ descriptor: Int32, _ patience: Duration) throws {
    let deadline = ContinuousClock.now + patience
    while true {
      var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      let left = max(.zero, deadline - ContinuousClock.now)
      // What is wrong with the descriptor the writing tells.
      let result = poll(&request, 1, Int32(min(left / .milliseconds(1) + 1, 3_600_000)))
      if result > 0 || result < 0 && errno != EINTR { return }
      guard ContinuousClock.now < deadline else {
        throw FreshetError(
          .inputOutput,
          "nobody took the call's output for \(Quantity.text(patience)), so it was ended"
        )
      }
    }
  }

  private static func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, bytes, count)
    #else
      Darwin.write(descriptor, bytes, count)
    #endif
  }
}

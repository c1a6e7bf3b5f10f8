import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// An open file descriptor, closed when the last reference goes.
public final class Descriptor: Sendable {
  /// The number; valid as long as this object lives.
  public let number: Int32

  /// Takes over an open descriptor.
  public init(owning number: Int32) {
    self.number = number
  }

  deinit {
    close(number)
  }

  /// Opens a path, relative to a folder when one is given; the descriptor is close-on-exec.
  ///
  /// - Throws: `FreshetError`.
  public convenience init(opening path: String, flags: Int32, mode: mode_t = 0o666, in folder: Descriptor? = nil) throws
  {
    let number = freshet_open_at(folder?.number ?? AT_FDCWD, path, flags, mode)
    guard number >= 0 else { throw FreshetError.system(number, "open the file", path: path) }
    self.init(owning: number)
  }

  /// What it refers to.
  ///
  /// - Throws: `FreshetError`.
  public func status() throws -> FileStatus {
    try FileStatus(at: number)
  }

  /// Writes all of the bytes, however many calls it takes.
  ///
  /// - Throws: `FreshetError` with `disk_full` or `input_output`; a part may have been written.
  public func write(_ bytes: UnsafeRawBufferPointer, path: String? = nil) throws {
    var rest = bytes
    while !rest.isEmpty {
      let written = Glibc.write(number, rest.baseAddress, rest.count)
      if written < 0 {
        if errno == EINTR { continue }
        throw FreshetError.system(errno, "write", path: path)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }

  /// Returns once everything written through this file is on the disk.
  ///
  /// - Throws: `FreshetError`; after that, what was written before must count as lost.
  public func synchronize(path: String? = nil) throws {
    while fsync(number) < 0 {
      if errno != EINTR { throw FreshetError.system(errno, "write to the disk", path: path) }
    }
  }

  /// Appends what is left from the current position until the end, `limit` bytes at most.
  ///
  /// - Parameter expected: how many bytes are likely to come.
  /// - Returns: whether the end was reached within the limit.
  /// - Throws: `FreshetError`.
  public func read(into bytes: inout [UInt8], limit: Int, expected: Int, path: String? = nil) throws -> Bool {
    // One byte more than expected lets one call see the end; one more than the limit tells that it is exceeded.
    var room = min(max(expected, 0), limit) + 1
    var taken = 0
    while true {
      let start = bytes.count
      var failure: Int32 = 0
      let chunk = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
        while true {
          let result = Glibc.read(number, buffer.baseAddress, buffer.count)
          if result < 0 {
            if errno == EINTR { continue }
            failure = errno
          }
          count = max(0, result)
          return
        }
      }
      if failure != 0 { throw FreshetError.system(failure, "read", path: path) }
      if chunk.isEmpty { return true }
      taken += chunk.count
      if start == 0 { bytes = chunk } else { bytes.append(contentsOf: chunk) }
      if taken > limit {
        bytes.removeLast(taken - limit)
        return false
      }
      room = min(max(65_536, taken), limit - taken + 1)
    }
  }
}

import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The exclusive right to write something, held as a lock on a file until this object goes or the process ends.
///
/// `flock` follows the open file, so the system gives the lock back however the process ends. The file holds the
/// owner's process number for others to read; it stays when the lock is given back, since removing it would let two
/// processes lock two files of one name.
public final class FileLock: Sendable {
  private static let pollInterval = Duration.milliseconds(50)
  private let file: Descriptor
  /// The lock file.
  public let path: String

  private init(file: Descriptor, path: String) {
    self.file = file
    self.path = path
  }

  deinit {
    // The number goes first: nobody must read a number that no longer owns anything.
    ftruncate(file.number, 0)
    flock(file.number, LOCK_UN)
  }

  /// Takes the lock, or fails at once.
  ///
  /// - Throws: `FreshetError` with `locked`, which names the process that holds it.
  public static func acquire(_ path: String) throws -> FileLock {
    guard let lock = try attempt(path) else { throw locked(path) }
    return lock
  }

  /// Takes the lock, trying again until the timeout.
  ///
  /// - Throws: `FreshetError` with `locked` after the timeout; `CancellationError`.
  public static func acquire(
    _ path: String,
    timeout: Duration,
    clock: some Clock<Duration> = ContinuousClock()
  ) async throws -> FileLock {
    let deadline = clock.now.advanced(by: timeout)
    while true {
      try Task.checkCancellation()
      if let lock = try attempt(path) { return lock }
      guard clock.now < deadline else { throw locked(path) }
      try await clock.sleep(until: min(deadline, clock.now.advanced(by: pollInterval)), tolerance: nil)
    }
  }

  /// The process that holds the lock; `nil` when none does, or it is not known.
  ///
  /// - Throws: `FreshetError` when the file cannot be read.
  public static func owner(_ path: String) throws -> Int32? {
    guard try FileSystem.exists(path) else { return nil }
    let file = try Descriptor(opening: path, flags: O_RDONLY)
    if flock(file.number, LOCK_SH | LOCK_NB) == 0 { return nil }
    return recordedOwner(path)
  }

  private static func attempt(_ path: String) throws -> FileLock? {
    let file = try Descriptor(opening: path, flags: O_RDWR | O_CREAT)
    while flock(file.number, LOCK_EX | LOCK_NB) < 0 {
      switch errno {
      case EINTR: continue
      case EWOULDBLOCK: return nil
      default: throw FreshetError.system(errno, "lock the file", path: path)
      }
    }
    let lock = FileLock(file: file, path: path)
    guard ftruncate(file.number, 0) == 0 else { throw FreshetError.system(errno, "write the lock", path: path) }
    try Array("\(getpid())\n".utf8).withUnsafeBytes { try file.write($0, path: path) }
    return lock
  }

  private static func recordedOwner(_ path: String) -> Int32? {
    guard let bytes = try? FileSystem.read(path, limit: 64) else { return nil }
    return Int32(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }

  private static func locked(_ path: String) -> FreshetError {
    let owner = recordedOwner(path).map { "process \($0)" } ?? "another process"
    return FreshetError(
      .locked,
      "\(owner) is writing here; wait until it ends (--wait 5m waits for it) or stop it",
      path: path,
      permanence: .transient(retryAfter: nil)
    )
  }
}

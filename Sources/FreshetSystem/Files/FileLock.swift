import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The exclusive right to write something, held as a lock on a file until this object goes or the process ends.
///
/// The lock belongs to the open file (an open file description lock), so the system gives it back however the process
/// ends, two places of one process exclude each other too, and asking who holds it takes nothing. The file holds the
/// owner's process number for others to read; it stays when the lock is given back, since removing it would let two
/// processes lock two files of one name. A `SharedFileLock` on the same file keeps owners out.
public final class FileLock: Sendable {
  /// How long `acquire` waits, whatever its timeout, for those who share the lock, and for owners who said that they are
  /// brief: they hold it for the length of a read or of one small transaction.
  public static let patienceWithReaders = Duration.seconds(10)
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
    _ = freshet_unlock(file.number)
  }

  /// Takes the lock, or fails at once.
  ///
  /// - Throws: `FreshetError` with `locked`, which names the process that holds it.
  public static func acquire(_ path: String) throws -> FileLock {
    guard let lock = try attempt(path) else { throw locked(path) }
    return lock
  }

  /// Takes the lock, trying again until the timeout, and for `patienceWithReaders` while others share it or hold it briefly.
  ///
  /// - Parameter isBrief: whether it is given back at once, so that others wait for it instead of failing.
  /// - Throws: `FreshetError` with `locked` after the timeout; `CancellationError`.
  public static func acquire(
    _ path: String,
    timeout: Duration,
    isBrief: Bool = false,
    clock: some Clock<Duration> = ContinuousClock()
  ) async throws -> FileLock {
    let start = clock.now
    while true {
      try Task.checkCancellation()
      if let lock = try attempt(path, isBrief: isBrief) { return lock }
      let isLong = try isOwned(path) && !isHeldBriefly(path)
      let patience = isLong ? timeout : max(timeout, patienceWithReaders)
      let deadline = start.advanced(by: patience)
      guard clock.now < deadline else { throw locked(path) }
      try await clock.sleep(until: min(deadline, clock.now.advanced(by: pollInterval)), tolerance: nil)
    }
  }

  /// The process that holds the lock; `nil` when none does, or it is not known.
  ///
  /// - Throws: `FreshetError` when the file cannot be read.
  public static func owner(_ path: String) throws -> Int32? {
    try isOwned(path) ? recordedOwner(path) : nil
  }

  /// Whether the lock keeps others out that come by its path: the file there is still this one.
  ///
  /// - Throws: `FreshetError` where that cannot be told.
  public func isInPlace() throws -> Bool {
    try FileIdentity.present(at: path) == file.status().identity
  }

  /// Adds a line to the file that says what the owner is; `note(_:)` shows it to others until the lock is given back.
  ///
  /// - Throws: `FreshetError`.
  public func add(note: String) throws {
    try Array("\(note)\n".utf8).withUnsafeBytes { try file.write($0, path: path) }
  }

  /// What the process that holds the lock says of itself; `nil` when none holds it, or it says nothing.
  ///
  /// - Throws: `FreshetError` when the file cannot be read.
  public static func note(_ path: String) throws -> String? {
    guard try isOwned(path) else { return nil }
    let lines = try FileSystem.read(path, limit: 64).split(separator: UInt8(ascii: "\n"))
    return lines.count > 1 ? String(decoding: lines[1], as: UTF8.self) : nil
  }

  private static func isOwned(_ path: String) throws -> Bool {
    guard try FileSystem.exists(path) else { return false }
    let file = try Descriptor(opening: path, flags: O_RDONLY)
    let isLocked = freshet_is_locked(file.number)
    guard isLocked >= 0 else { throw FreshetError.system(isLocked, "ask who holds the lock", path: path) }
    return isLocked == 1
  }

  /// Whether the owner said that it is brief, or has not said anything yet.
  private static func isHeldBriefly(_ path: String) -> Bool {
    guard let bytes = try? FileSystem.read(path, limit: 64) else { return false }
    return bytes.isEmpty || bytes.contains(UInt8(ascii: " "))
  }

  private static func attempt(_ path: String, isBrief: Bool = false) throws -> FileLock? {
    let file = try Descriptor(opening: path, flags: O_RDWR | O_CREAT)
    let status = freshet_lock(file.number)
    if status == -EAGAIN { return nil }
    guard status == 0 else { throw FreshetError.system(status, "lock the file", path: path) }
    let lock = FileLock(file: file, path: path)
    guard ftruncate(file.number, 0) == 0 else { throw FreshetError.system(errno, "write the lock", path: path) }
    try Array("\(getpid())\(isBrief ? " briefly" : "")\n".utf8).withUnsafeBytes { try file.write($0, path: path) }
    return lock
  }

  private static func recordedOwner(_ path: String) -> Int32? {
    guard let bytes = try? FileSystem.read(path, limit: 64) else { return nil }
    return Int32(String(decoding: bytes.prefix { $0 > UInt8(ascii: " ") }, as: UTF8.self))
  }

  private static func locked(_ path: String) -> FreshetError {
    if let isOwned = try? isOwned(path), !isOwned {
      return FreshetError(
        .locked,
        "another process reads here and cannot make the database's shared memory, so nobody may write meanwhile; wait "
          + "until it ends or stop it",
        path: path,
        permanence: .transient(retryAfter: nil)
      )
    }
    let owner = recordedOwner(path).map { "process \($0)" } ?? "another process"
    return FreshetError(
      .locked,
      "\(owner) is writing here; wait until it ends (--wait 5m waits for it) or stop it",
      path: path,
      permanence: .transient(retryAfter: nil)
    )
  }
}

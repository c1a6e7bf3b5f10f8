import CSQLite
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A connection that reads, and what keeps the state that it reads from being changed under it.
///
/// Invariants:
/// - It sees every commit that was made before its transaction began, whatever the disk allows: SQLite finds the end of
///   the log by itself, in shared memory or by reading the log. The log is never left out.
/// - It changes no content. Where the disk lets it, it makes an empty log and the shared memory beside it, which holds
///   nothing that the log does not.
struct Reader {
  let connection: Connection
  private let stability: Stability

  /// Why what it reads stays as it is until its transaction ends.
  private enum Stability {
    /// SQLite's own locks, in the memory that all connections share.
    case sharedMemory
    /// No shared memory could be made; writers are kept out as long as this connection is open.
    case writersKeptOut(SharedFileLock)
    /// No shared memory could be made, and no writer ever made the file that it would have to lock.
    case noWriterYet(lock: String)
  }

  /// Between two attempts while a writer is opening the database.
  private static let pollIntervalMicroseconds: UInt32 = 20_000

  /// Whether it serves further reads. Without shared memory it would see the same state for ever, and keep writers out.
  var isReusable: Bool {
    if case .sharedMemory = stability { true } else { false }
  }

  /// Opens a database to read.
  ///
  /// The usual way needs a file for shared memory beside the log. When that cannot be had (the disk is full or fails, the
  /// folder or the file system allows no writing), the log is read into memory of this connection while writers are kept
  /// out by the lock that they hold.
  ///
  /// - Parameter writerLock: the file that whoever writes has locked with a `FileLock`; without it the second way is
  ///   closed.
  /// - Throws: `FreshetError` as `SQLiteFailure` maps it: what is wrong with the second way, or with the usual one when a
  ///   writer is there and there is no shared memory within `Connection.busyTimeoutMilliseconds`.
  static func open(path: String, writerLock: String?) throws -> Reader {
    let deadline = ContinuousClock.now.advanced(by: .milliseconds(Int(Connection.busyTimeoutMilliseconds)))
    while true {
      do {
        return Reader(connection: try sharing(path: path), stability: .sharedMemory)
      } catch let error as FreshetError where error.code == .storeFailed || error.code == .diskFull {
        guard let writerLock else { throw error }
        switch try SharedFileLock.attempt(writerLock) {
        case .held(let lock):
          return Reader(connection: try unshared(path: path), stability: .writersKeptOut(lock))
        case .missing:
          return Reader(connection: try unshared(path: path), stability: .noWriterYet(lock: writerLock))
        case .owned:
          // The writer has shared memory, or will in a moment.
          guard ContinuousClock.now < deadline else { throw error }
          usleep(pollIntervalMicroseconds)
        }
      }
    }
  }

  /// Confirms after a read that no writer can have changed what it saw.
  /// - Throws: `FreshetError` with `locked` otherwise.
  func confirm() throws {
    guard case .noWriterYet(let lock) = stability, FileSystem.exists(lock) else { return }
    throw FreshetError(
      .locked,
      "The first writer came while the collection was read without shared memory. Run again.",
      path: connection.path,
      permanence: .transient(retryAfter: nil)
    )
  }

  /// Opens for writing where it may, since the first connection to arrive has to make the shared memory; `query_only`
  /// keeps it from writing anything else.
  private static func sharing(path: String) throws -> Connection {
    let connection: Connection
    do {
      connection = try Connection(path: path, flags: SQLITE_OPEN_READWRITE)
    } catch {
      connection = try Connection(path: path, flags: SQLITE_OPEN_READONLY)
    }
    try prepare(connection)
    return connection
  }

  private static func unshared(path: String) throws -> Connection {
    let status = registered
    guard status == SQLITE_OK else { throw SQLiteFailure.error(status, handle: nil, path: path) }
    let connection = try Connection(path: path, flags: SQLITE_OPEN_READONLY, files: FRESHET_UNSHARED_FILES)
    try connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    try prepare(connection)
    return connection
  }

  /// Done once in the process.
  private static let registered: Int32 = freshet_register_unshared_files()

  private static func prepare(_ connection: Connection) throws {
    // What is sorted stays in memory: a search must not need room for temporary files.
    try connection.execute("PRAGMA query_only = 1; PRAGMA temp_store = MEMORY")
    // The first access, which needs the log and its index.
    _ = try connection.count("PRAGMA schema_version")
  }
}

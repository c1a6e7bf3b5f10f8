import CSQLite
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Turns SQLite's result codes into errors that say what to do.
enum SQLiteFailure {
  static func error(_ status: Int32, handle: OpaquePointer?, path: String) -> FreshetError {
    let said = handle.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(status))
    switch status & 0xFF {
    case SQLITE_FULL:
      return FreshetError(
        .diskFull,
        "The disk or the quota is full; nothing of this transaction was kept. Free space and run again.",
        path: path,
        permanence: .transient(retryAfter: nil)
      )
    case SQLITE_CORRUPT, SQLITE_NOTADB: return damaged(said, path: path)
    case SQLITE_BUSY, SQLITE_LOCKED:
      return FreshetError(
        .locked,
        "Another process writes the collection and did not finish within "
          + "\(Connection.busyTimeoutMilliseconds / 1000) s. Wait for it, or stop it, and run again.",
        path: path,
        permanence: .transient(retryAfter: nil)
      )
    case SQLITE_IOERR:
      let isFull = handle.map { sqlite3_system_errno($0) == ENOSPC || sqlite3_system_errno($0) == EDQUOT } ?? false
      if isFull { return error(SQLITE_FULL, handle: handle, path: path) }
      return FreshetError(
        .storeFailed,
        "The disk answered with an error (\(said), code \(status)). Check the disk and its mount, then run again.",
        path: path,
        permanence: .transient(retryAfter: nil)
      )
    case SQLITE_CANTOPEN:
      return FreshetError(
        .storeFailed,
        "The database cannot be opened (\(said)). Check that its folder exists and that you may write in it.",
        path: path
      )
    case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH:
      return FreshetError(
        .storeFailed,
        "The database cannot be written (\(said)). Check the permissions of the file and its folder.",
        path: path
      )
    case SQLITE_NOMEM:
      return FreshetError(
        .storeFailed,
        "SQLite has no memory left. Close other programs and run again.",
        path: path,
        permanence: .transient(retryAfter: nil)
      )
    default:
      return FreshetError(.storeFailed, "The database answered: \(said) (code \(status)).", path: path)
    }
  }

  static func damaged(_ what: String, path: String) -> FreshetError {
    FreshetError(
      .storeDamaged,
      "The database is damaged: \(what). Restore it from a backup, or sync into a new collection.",
      path: path
    )
  }

  /// What a search says of a keyword index that cannot be read.
  static func damagedKeywords(path: String) -> FreshetError {
    FreshetError(
      .storeDamaged,
      "The keyword index is damaged; the documents need not be. Run `freshet reindex`, which builds it anew, and then "
        + "`freshet verify`.",
      path: path
    )
  }
}

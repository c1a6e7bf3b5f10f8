import CSQLite
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension SQLiteStore {
  public func space() async throws -> StoreSpace? {
    let pages = try await read(.everything) { snapshot in
      guard let connection = (snapshot as? SQLiteSnapshot)?.connection else { return (size: 0, free: 0, mode: 0) }
      return (
        size: try connection.count("PRAGMA page_size"), free: try connection.count("PRAGMA freelist_count"),
        mode: try connection.count("PRAGMA auto_vacuum")
      )
    }
    return StoreSpace(
      bytes: Self.size(of: path),
      logBytes: Self.size(of: path + "-wal"),
      freeBytes: Int64(pages.size) * Int64(pages.free),
      shrinksInSteps: pages.mode == Self.incremental
    )
  }

  public func returnSpace(_ way: SpaceReturn) async throws -> Bool {
    try await withWriter { connection in
      switch way {
      case .step(let bytes):
        guard try connection.count("PRAGMA auto_vacuum") == Self.incremental else { return false }
        let pages = max(1, bytes / Int64(max(1, try connection.count("PRAGMA page_size"))))
        guard try connection.count("PRAGMA freelist_count") > 0 else { return false }
        // A transaction of its own; pages from the end of the file move to where others were freed.
        try connection.execute("PRAGMA incremental_vacuum(\(pages))")
        return true
      case .finish: return try Self.emptyLog(connection)
      case .rewrite:
        try connection.execute("PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
        return try Self.emptyLog(connection)
      }
    }
  }

  /// `PRAGMA auto_vacuum` of a database whose free pages can be returned in steps.
  private static let incremental = 2

  /// Copies the log into the database, which then has the length of its content, and empties it; whether readers allowed
  /// all of it. It waits for them as long as for another writer.
  private static func emptyLog(_ connection: Connection) throws -> Bool {
    let busy = try connection.rows(composed: "PRAGMA wal_checkpoint(TRUNCATE)", []) { $0.integer(0) }
    return busy.first == 0
  }

  private static func size(of path: String) -> Int64 {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : 0
  }
}

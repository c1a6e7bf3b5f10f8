import CSQLite
import FreshetModel

/// A plain connection to a database file, to look at and alter what a store wrote.
final class RawDatabase {
  struct Failure: Error {
    var status: Int32
    var message: String
  }

  private let handle: OpaquePointer?

  /// - Parameter tokenizing: knows the keyword index's tokenizer.
  init(_ path: String, tokenizing: Bool = false) throws {
    var handle: OpaquePointer?
    var status = sqlite3_open(path, &handle)
    self.handle = handle
    if tokenizing, status == SQLITE_OK, let handle { status = freshet_register_tokenizer(handle) }
    guard status == SQLITE_OK else { throw Failure(status: status, message: path) }
  }

  deinit {
    sqlite3_close(handle)
  }

  func execute(_ sql: String) throws {
    let status = sqlite3_exec(handle, sql, nil, nil, nil)
    guard status == SQLITE_OK else { throw Failure(status: status, message: String(cString: sqlite3_errmsg(handle))) }
  }

  func texts(_ sql: String) throws -> [String] {
    var statement: OpaquePointer?
    let status = sqlite3_prepare_v2(handle, sql, -1, &statement, nil)
    guard status == SQLITE_OK else { throw Failure(status: status, message: String(cString: sqlite3_errmsg(handle))) }
    defer { sqlite3_finalize(statement) }
    var texts: [String] = []
    while sqlite3_step(statement) == SQLITE_ROW {
      texts.append(sqlite3_column_text(statement, 0).map { String(cString: $0) } ?? "")
    }
    return texts
  }

  var changes: Int { Int(sqlite3_changes(handle)) }
}

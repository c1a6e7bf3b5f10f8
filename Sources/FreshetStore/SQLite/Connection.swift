import CSQLite
import FreshetModel

/// A connection to a SQLite database with its prepared statements.
///
/// Only one thread may use it at a time; whoever hands it to another thread does so under a lock.
final class Connection {
  /// How long a statement waits for another process's transaction before it fails as `locked`.
  static let busyTimeoutMilliseconds: Int32 = 5_000

  let handle: OpaquePointer
  let path: String
  private var isClosed = false
  /// Statements of fixed text, by the text's address, which is the same at every call of one place in the program.
  private var fixed: [UnsafePointer<UInt8>: Statement] = [:]
  /// Statements whose text names a model's table or a choice of order.
  private var composed: [String: Statement] = [:]

  /// Opens a database file.
  /// - Parameter files: the name of another file layer (VFS) than the system's.
  /// - Throws: `FreshetError` as `SQLiteFailure` maps it.
  init(path: String, flags: Int32, files: String? = nil) throws {
    Self.configured
    self.path = path
    var handle: OpaquePointer?
    let status = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, files)
    guard status == SQLITE_OK, let handle else {
      defer { sqlite3_close_v2(handle) }
      throw SQLiteFailure.error(status, handle: handle, path: path)
    }
    self.handle = handle
    sqlite3_busy_timeout(handle, Self.busyTimeoutMilliseconds)
    _ = freshet_sqlite_configure(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1)
    // A database may come with a cloned folder: nothing in its schema may call functions with effects.
    _ = freshet_sqlite_configure(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    _ = freshet_sqlite_configure(handle, SQLITE_DBCONFIG_DEFENSIVE, 1)
    _ = freshet_sqlite_configure(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    let registered = freshet_register_tokenizer(handle)
    guard registered == SQLITE_OK else { throw failure(registered) }
  }

  /// Lets this connection empty and remove the log when it is the last to close. Only for one that has read the log: where
  /// its shared memory could not be made, SQLite takes the log for empty then, and removes what was never copied.
  func emptyLogOnClose() {
    _ = freshet_sqlite_configure(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
  }

  /// Done once, before the first connection of the process; later SQLite refuses it, which harms nothing.
  private static let configured: Void = { _ = freshet_sqlite_disable_memory_statistics() }()

  deinit {
    close()
  }

  /// Ends the connection before its last reference goes; nothing may be asked of it afterwards.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    for statement in fixed.values { sqlite3_finalize(statement.handle) }
    for statement in composed.values { sqlite3_finalize(statement.handle) }
    sqlite3_close_v2(handle)
  }

  // MARK: Statements

  /// The prepared statement of a fixed text, ready to bind. Reset it after use.
  func statement(_ sql: StaticString) throws -> Statement {
    if let statement = fixed[sql.utf8Start] { return statement }
    let statement = try prepare(String(describing: sql))
    fixed[sql.utf8Start] = statement
    return statement
  }

  /// The prepared statement of a composed text; there must be few different ones.
  func statement(composed sql: String) throws -> Statement {
    if let statement = composed[sql] { return statement }
    let statement = try prepare(sql)
    composed[sql] = statement
    return statement
  }

  private func prepare(_ sql: String) throws -> Statement {
    var statement: OpaquePointer?
    let status = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard status == SQLITE_OK, let statement else { throw failure(status) }
    return Statement(statement, of: self)
  }

  /// Finalizes the statements of composed texts, before a table that they name is dropped.
  func forgetComposedStatements() {
    for statement in composed.values { sqlite3_finalize(statement.handle) }
    composed = [:]
  }

  // MARK: Running

  /// Runs statements that answer nothing and take no values.
  func execute(_ sql: String) throws {
    let status = sqlite3_exec(handle, sql, nil, nil, nil)
    guard status == SQLITE_OK else { throw failure(status) }
  }

  /// Runs a statement to its end.
  func run(_ sql: StaticString, _ values: SQLValue...) throws {
    let statement = try statement(sql)
    defer { statement.reset() }
    statement.bind(values)
    while try statement.step() {}
  }

  /// Every row that a statement answers.
  func rows<Row>(_ sql: StaticString, _ values: SQLValue..., row: (Statement) throws -> Row) throws -> [Row] {
    try rows(statement(sql), values, row)
  }

  /// Every row that a statement of composed text answers.
  func rows<Row>(composed sql: String, _ values: [SQLValue], row: (Statement) throws -> Row) throws -> [Row] {
    try rows(statement(composed: sql), values, row)
  }

  private func rows<Row>(
    _ statement: Statement,
    _ values: [SQLValue],
    _ row: (Statement) throws -> Row
  ) throws -> [Row] {
    defer { statement.reset() }
    statement.bind(values)
    var rows: [Row] = []
    while try statement.step() { rows.append(try row(statement)) }
    return rows
  }

  /// The first row that a statement answers.
  func row<Row>(_ sql: StaticString, _ values: SQLValue..., row: (Statement) throws -> Row) throws -> Row? {
    let statement = try statement(sql)
    defer { statement.reset() }
    statement.bind(values)
    return try statement.step() ? row(statement) : nil
  }

  /// The number in the only column of the only row; 0 when there is none.
  func count(_ sql: StaticString, _ values: SQLValue...) throws -> Int {
    let statement = try statement(sql)
    defer { statement.reset() }
    statement.bind(values)
    return try statement.step() ? Int(statement.integer(0)) : 0
  }

  /// The row number that the last insert made.
  var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(handle) }

  /// How many rows the last statement changed.
  var changedRows: Int { Int(sqlite3_changes(handle)) }

  /// Whether a transaction is open.
  var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

  /// Runs statements that write to the tables in which a virtual table keeps what it has, which is refused otherwise.
  func executeUndefended(_ sql: String) throws {
    _ = freshet_sqlite_configure(handle, SQLITE_DBCONFIG_DEFENSIVE, 0)
    defer { _ = freshet_sqlite_configure(handle, SQLITE_DBCONFIG_DEFENSIVE, 1) }
    try execute(sql)
  }

  /// The error of a result code, with what SQLite says of it.
  func failure(_ status: Int32) -> FreshetError {
    SQLiteFailure.error(status, handle: handle, path: path)
  }

  /// The error for a row that holds what no version of Freshet wrote.
  func damage(_ what: String) -> FreshetError {
    SQLiteFailure.damaged(what, path: path)
  }
}

/// A value that is bound to a statement.
enum SQLValue {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
  case blob([UInt8])
  case hash(ContentHash)
  case identifier(high: UInt64, low: UInt64)

  static func id(_ identifier: some UniversalIdentifier) -> SQLValue {
    .identifier(high: identifier.high, low: identifier.low)
  }

  static func int(_ value: Int) -> SQLValue { .integer(Int64(value)) }

  static func text(orNull value: String?) -> SQLValue { value.map { .text($0) } ?? .null }
}

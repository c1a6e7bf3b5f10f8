import CSQLite
import FreshetModel

/// A prepared statement. Bind, step until there are no more rows, reset.
final class Statement {
  let handle: OpaquePointer
  private unowned let connection: Connection
  /// The first result code of a bind that failed; `step` throws it.
  private var bindStatus: Int32 = SQLITE_OK

  init(_ handle: OpaquePointer, of connection: Connection) {
    self.handle = handle
    self.connection = connection
  }

  /// Goes to the next row; whether there is one.
  func step() throws -> Bool {
    guard bindStatus == SQLITE_OK else { throw connection.failure(bindStatus) }
    let status = sqlite3_step(handle)
    switch status {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default: throw connection.failure(status)
    }
  }

  /// Ends the run and lets go of what was bound.
  func reset() {
    sqlite3_reset(handle)
    sqlite3_clear_bindings(handle)
    bindStatus = SQLITE_OK
  }

  /// Runs to the end and resets, also on an error.
  func run() throws {
    defer { reset() }
    while try step() {}
  }

  // MARK: Binding, from 1

  func bind(_ values: [SQLValue]) {
    for (index, value) in values.enumerated() { bind(Int32(index + 1), value) }
  }

  func bind(_ index: Int32, _ value: SQLValue) {
    switch value {
    case .null: check(sqlite3_bind_null(handle, index))
    case .integer(let value): bind(index, value)
    case .real(let value): check(sqlite3_bind_double(handle, index, value))
    case .text(let value): bind(index, value)
    case .blob(let value): bind(index, value)
    case .hash(let value): bind(index, value)
    case .identifier(let high, let low): bind(index, high: high, low: low)
    }
  }

  func bind(_ index: Int32, _ value: Int64) {
    check(sqlite3_bind_int64(handle, index, value))
  }

  func bind(_ index: Int32, _ value: String) {
    var value = value
    value.withUTF8 { text in
      check(
        text.withMemoryRebound(to: CChar.self) { freshet_bind_text(handle, index, $0.baseAddress, $0.count) }
      )
    }
  }

  /// Binds a text in valid UTF-8.
  func bind(_ index: Int32, text: ArraySlice<UInt8>) {
    text.withUnsafeBytes { bytes in
      check(freshet_bind_text(handle, index, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count))
    }
  }

  func bind(_ index: Int32, _ value: [UInt8]) {
    value.withUnsafeBytes { check(freshet_bind_blob(handle, index, $0.baseAddress, $0.count)) }
  }

  /// Binds bytes without a copy: they must live until the statement is reset.
  func bindUncopied(_ index: Int32, _ value: UnsafeRawBufferPointer) {
    check(freshet_bind_blob_uncopied(handle, index, value.baseAddress, value.count))
  }

  func bind(_ index: Int32, _ value: ContentHash) {
    value.withBytes { check(freshet_bind_blob(handle, index, $0.baseAddress, $0.count)) }
  }

  func bind(_ index: Int32, high: UInt64, low: UInt64) {
    withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) {
      check(freshet_bind_blob(handle, index, $0.baseAddress, $0.count))
    }
  }

  /// Binds where the function `freshet_postings` puts what it reads; it must stay there until the statement is reset.
  func bindPostings(_ index: Int32, _ postings: UnsafeMutablePointer<freshet_postings>) {
    check(freshet_bind_postings(handle, index, postings))
  }

  /// Binds what another statement's row has in a column.
  func bind(_ index: Int32, column: Int32, of other: Statement) {
    check(sqlite3_bind_value(handle, index, sqlite3_column_value(other.handle, column)))
  }

  private func check(_ status: Int32) {
    if bindStatus == SQLITE_OK { bindStatus = status }
  }

  // MARK: Columns, from 0

  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

  func int(_ column: Int32) -> Int { Int(truncatingIfNeeded: sqlite3_column_int64(handle, column)) }

  func real(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }

  func text(_ column: Int32) -> String {
    guard let start = sqlite3_column_text(handle, column) else { return "" }
    let count = Int(sqlite3_column_bytes(handle, column))
    return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }

  func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

  /// Lends the bytes of a column until the next step.
  func withBytes<Result>(_ column: Int32, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    let start = sqlite3_column_blob(handle, column)
    let count = Int(sqlite3_column_bytes(handle, column))
    return try body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
  }

  func bytes(_ column: Int32) -> [UInt8] { withBytes(column) { Array($0) } }

  func hash(_ column: Int32) throws -> ContentHash {
    guard let hash = withBytes(column, { ContentHash(bytes: $0) }) else {
      throw connection.damage("a digest has not 32 bytes")
    }
    return hash
  }

  func identifier<Identifier: UniversalIdentifier>(_ column: Int32, as: Identifier.Type = Identifier.self) throws
    -> Identifier
  {
    try withBytes(column) { bytes in
      guard bytes.count == 16 else { throw connection.damage("an identifier has not 16 bytes") }
      return Identifier(
        high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
        low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
  }

  /// A column that holds the raw value of an enumeration.
  func choice<Choice: RawRepresentable<String>>(_ column: Int32, as: Choice.Type = Choice.self) throws -> Choice {
    let text = text(column)
    guard let choice = Choice(rawValue: text) else { throw connection.damage("'\(text)' is no \(Choice.self)") }
    return choice
  }

  func timestamp(_ column: Int32) -> Timestamp { Timestamp(nanoseconds: integer(column)) }
}

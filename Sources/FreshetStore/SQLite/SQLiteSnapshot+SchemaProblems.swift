import CSQLite
import FreshetModel

/// Checks what the rows stand in: tables as the migrations make them, columns of their type, sets as they were sealed.
extension SQLiteSnapshot {
  private struct SchemaObject: Hashable {
    var type: String
    var name: String
    var sql: String
  }

  /// Compares the schema with that of a database made now: a trigger, a view in a table's place, or an index that is
  /// gone would not be seen in any row.
  func checkSchema(_ found: inout ProblemCollector) throws {
    let fresh = try Connection(path: ":memory:", flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
    defer { fresh.close() }
    try fresh.execute("BEGIN")
    for migration in Schema.migrations { try fresh.execute(migration) }
    for model in try Self.modelNumbers(connection) { try fresh.execute(Self.vectorTableDefinition(model)) }
    let expected = try Self.schema(fresh)
    let stored = try Self.schema(connection)
    for object in stored.subtracting(expected).sorted(by: { $0.name < $1.name }) {
      found.add("schema_altered", "The \(object.type) '\(object.name)' is not as Freshet makes it.")
    }
    for object in expected.subtracting(stored).sorted(by: { $0.name < $1.name })
    where !stored.contains(where: { $0.type == object.type && $0.name == object.name }) {
      found.add("schema_altered", "The \(object.type) '\(object.name)' is missing.")
    }
  }

  private static func schema(_ connection: Connection) throws -> Set<SchemaObject> {
    Set(
      try connection.rows(
        composed: "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!'",
        []
      ) { SchemaObject(type: $0.text(0), name: $0.text(1), sql: $0.text(2)) }
    )
  }

  static func modelNumbers(_ connection: Connection) throws -> [ModelID] {
    try connection.rows(composed: "SELECT id FROM model ORDER BY id", []) { $0.integer(0) }
  }

  /// The tables whose rows are checked, each with the columns that name a row.
  /// A table, the column that names a row in it, and the one of the document that the row is about.
  private struct Table {
    var name: String
    var key = "id"
    var document = "NULL"
  }

  private static let tables = [
    Table(name: "head"), Table(name: "document", document: "id"),
    Table(name: "version", key: "number", document: "document"), Table(name: "content"), Table(name: "rendition"),
    Table(name: "edition", document: "document"), Table(name: "passage"), Table(name: "chunk", document: "document"),
    Table(name: "model"), Table(name: "change", key: "sequence", document: "document"), Table(name: "run"),
    Table(name: "annotation", key: "document", document: "document"),
    Table(name: "collected", key: "version", document: "document"), Table(name: "seal", key: "name"),
    Table(name: "anchor"), Table(name: "vouched", key: "sequence", document: "document"),
  ]

  /// A value of another type than its column has reads as the same bytes or number, and compares as something else.
  func checkTypes(_ found: inout ProblemCollector) throws {
    let vectors = try Self.modelNumbers(connection).map { Table(name: Self.vectorTable($0), key: "passage") }
    for table in Self.tables + vectors {
      let columns = try connection.rows(
        composed: "SELECT name, lower(type), \"notnull\" OR pk > 0 FROM pragma_table_info('\(table.name)')",
        []
      ) { (name: $0.text(0), type: $0.text(1), isRequired: $0.integer(2) != 0) }
      let conditions = columns.map { column in
        let types = "'\(column.type)'" + (column.isRequired ? "" : ", 'null'")
        return "typeof(\(column.name)) NOT IN (\(types))"
      }
      guard !conditions.isEmpty else { continue }
      let rows = try connection.rows(
        composed: """
          SELECT \(table.key), \(table.document) FROM \(table.name) WHERE \(conditions.joined(separator: " OR "))
          LIMIT 10
          """,
        []
      ) { row in (key: row.text(0), document: row.isNull(1) ? nil : try documentName(row.integer(1))) }
      for row in rows {
        found.add(
          "type_altered",
          document: row.document?.id,
          version: ["version", "collected"].contains(table.name) ? Int(row.key) : nil,
          sequence: table.name == "change" ? SequenceNumber(row.key) : nil,
          (row.document.map { "'\($0.origin)': " } ?? "")
            + "Row \(row.key) of table \(table.name) has a value of another type than its column."
        )
      }
    }
  }

  /// Compares sets of rows with how many there were, and which.
  func checkSeals(_ found: inout ProblemCollector) throws {
    let stored = try connection.rows("SELECT name, size, sum FROM seal ORDER BY name") { row in
      (name: row.text(0), seal: Seal(rows: row.integer(1), sum: row.integer(2)))
    }
    let sets = SealedSet.all(models: try Self.modelNumbers(connection))
    for set in sets {
      try found.check { found in
        guard try hasTable(set.name) else { return }
        let counted = try set.count(connection)
        guard let seal = stored.first(where: { $0.name == set.name })?.seal else {
          return found.add("seal_altered", "The seal of table \(set.name) is missing.")
        }
        guard counted != seal else { return }
        found.add(
          "seal_altered",
          counted.rows == seal.rows
            ? "A row of table \(set.name) was replaced by another, or its seal was altered."
            : "The table \(set.name) has \(counted.rows) rows; \(seal.rows) were written."
        )
      }
    }
    for seal in stored where !sets.contains(where: { $0.name == seal.name }) {
      found.add("seal_altered", "There is a seal of a table \(seal.name), which is none of the collection's.")
    }
  }
}

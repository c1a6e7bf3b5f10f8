import CSQLite
import FreshetModel
import FreshetSystem

extension SQLiteSnapshot {
  /// The name of the table that holds a model's vectors.
  static func vectorTable(_ model: ModelID) -> String { "vector_\(model)" }

  static func vectorTableDefinition(_ model: ModelID) -> String {
    """
    CREATE TABLE \(vectorTable(model))(
      passage INTEGER PRIMARY KEY REFERENCES passage(id), checksum INTEGER NOT NULL, value BLOB NOT NULL
    )
    """
  }

  func models() throws -> [ModelRecord] {
    try connection.rows("SELECT id, name, fingerprint, dimension, maximum_tokens, state FROM model ORDER BY id") {
      row in
      ModelRecord(
        id: row.integer(0),
        description: ModelDescription(
          name: row.text(1),
          fingerprint: row.text(2),
          dimension: row.int(3),
          maximumTokens: row.isNull(4) ? nil : row.int(4)
        ),
        state: try row.choice(5)
      )
    }
  }

  /// The components of a model's vectors.
  func dimension(of model: ModelID) throws -> Int {
    let dimension = try connection.row("SELECT dimension FROM model WHERE id = ?1", .integer(model)) { $0.int(0) }
    guard let dimension else {
      throw FreshetError(.notFound, "The collection has no model number \(model).", path: connection.path)
    }
    return dimension
  }

  func passagesWithVector(_ passages: [PassageID], model: ModelID) throws -> Set<PassageID> {
    _ = try dimension(of: model)
    let statement = try connection.statement(
      composed: "SELECT 1 FROM \(Self.vectorTable(model)) WHERE passage = ?1"
    )
    var found: Set<PassageID> = []
    for passage in passages {
      defer { statement.reset() }
      statement.bind(1, passage)
      if try statement.step() { found.insert(passage) }
    }
    return found
  }

  func liveVectors(model: ModelID, after passage: PassageID, limit: Int) throws -> VectorPage {
    var page = VectorPage(passages: [], dimension: try dimension(of: model), halves: [])
    let statement = try connection.statement(
      composed: """
        SELECT passage, value FROM \(Self.vectorTable(model)) AS v WHERE passage > ?1
          AND EXISTS(SELECT 1 FROM chunk c WHERE c.passage = v.passage AND c.to_sequence IS NULL)
        ORDER BY passage LIMIT ?2
        """
    )
    defer { statement.reset() }
    statement.bind(1, passage)
    statement.bind(2, Int64(max(0, limit)))
    while try statement.step() { try append(statement, to: &page) }
    return page
  }

  func vectors(of passages: [PassageID], model: ModelID) throws -> VectorPage {
    var page = VectorPage(passages: [], dimension: try dimension(of: model), halves: [])
    let statement = try connection.statement(
      composed: "SELECT passage, value FROM \(Self.vectorTable(model)) WHERE passage = ?1"
    )
    for passage in Set(passages).sorted() {
      defer { statement.reset() }
      statement.bind(1, passage)
      if try statement.step() { try append(statement, to: &page) }
    }
    return page
  }

  /// Adds a row of passage and value.
  func append(_ row: Statement, to page: inout VectorPage) throws {
    try row.withBytes(1) { bytes in
      guard bytes.count == page.dimension * 2 else {
        throw connection.damage("the vector of passage \(row.integer(0)) has not \(page.dimension) components")
      }
      page.passages.append(row.integer(0))
      #if _endian(little)
        page.halves.append(contentsOf: HalfPattern.read(bytes))
      #else
        page.halves.append(contentsOf: HalfPattern.read(bytes).lazy.map { $0.byteSwapped })
      #endif
    }
  }

  func livePassagesWithoutVector(model: ModelID, after passage: PassageID, limit: Int) throws -> [PassageID] {
    _ = try dimension(of: model)
    return try connection.rows(
      composed: """
        SELECT DISTINCT passage FROM chunk WHERE to_sequence IS NULL AND passage > ?1
          AND NOT EXISTS(SELECT 1 FROM \(Self.vectorTable(model)) v WHERE v.passage = chunk.passage)
        ORDER BY passage LIMIT ?2
        """,
      [.integer(passage), .int(max(0, limit))]
    ) { $0.integer(0) }
  }
}

/// Half-precision bit patterns in the order of the machine's bytes.
enum HalfPattern {
  static func read(_ bytes: UnsafeRawBufferPointer) -> [UInt16] {
    [UInt16](unsafeUninitializedCapacity: bytes.count / 2) { buffer, count in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count & ~1)])
      )
      count = bytes.count / 2
    }
  }
}

import FreshetModel

extension SQLiteSnapshot {
  func collectedVersions(of document: DocumentID) throws -> Set<Int> {
    guard let row = try row(of: document) else { return [] }
    return try Set(collectedVersions(row: row).keys)
  }

  /// The collected versions of a document, and whether what they needed may still be there.
  func collectedVersions(row document: Int64) throws -> [Int: Bool] {
    let statement = try connection.statement("SELECT version, is_pending FROM collected WHERE document = ?1")
    defer { statement.reset() }
    statement.bind(1, document)
    var collected: [Int: Bool] = [:]
    while try statement.step() { collected[statement.int(0)] = statement.integer(1) != 0 }
    return collected
  }

  func documentsWithHistory(after document: DocumentID?, limit: Int) throws -> [DocumentHistory] {
    struct Row {
      var row: Int64
      var history: DocumentHistory
    }
    let rows = try connection.rows(
      """
      SELECT d.id, d.uuid, s.name, d.is_live FROM document d JOIN source s ON s.id = d.source
      WHERE d.uuid > ?1 AND (d.version > 1 OR d.is_live = 0) ORDER BY d.uuid LIMIT ?2
      """,
      .blob(document?.bytes ?? []),
      .int(max(0, limit))
    ) { row in
      Row(
        row: row.integer(0),
        history: DocumentHistory(
          id: try row.identifier(1),
          source: row.text(2),
          isLive: row.integer(3) != 0,
          versions: []
        )
      )
    }
    return try rows.map { row in
      var history = row.history
      history.versions = try connection.rows(
        """
        SELECT v.number, v.at, v.kind = 'deleted', c.version IS NOT NULL FROM version v
          LEFT JOIN collected c ON c.document = v.document AND c.version = v.number
        WHERE v.document = ?1 ORDER BY v.number
        """,
        .integer(row.row)
      ) { version in
        RetainedVersion(
          number: version.int(0),
          at: version.timestamp(1),
          isDeletion: version.integer(2) != 0,
          isCollected: version.integer(3) != 0
        )
      }
      return history
    }
  }

  func passagesWithoutChunks(limit: Int) throws -> [PassageID] {
    // By the index of keys: the table itself holds the texts.
    try connection.rows(
      """
      SELECT p.id FROM passage p WHERE p.key > x''
        AND NOT EXISTS(SELECT 1 FROM chunk c WHERE c.passage = p.id AND c.to_sequence IS NULL)
        AND NOT EXISTS(SELECT 1 FROM chunk c WHERE c.passage = p.id AND c.to_sequence IS NOT NULL)
      ORDER BY p.key LIMIT ?1
      """,
      .int(max(0, limit))
    ) { $0.integer(0) }
  }

  /// The editions of a version, oldest first: they follow its change, and precede the next version's.
  func editions(ofVersion version: Int, document: Int64) throws -> [StoredEdition] {
    try connection.rows(
      """
      SELECT id, rendition, from_sequence, to_sequence, layout, length(layout) + length(CAST(metadata AS BLOB))
        + length(CAST(title AS BLOB)) FROM edition
      WHERE document = ?1 AND version = ?2
        AND from_sequence >= (SELECT sequence FROM version WHERE document = ?1 AND number = ?2)
        AND from_sequence < ifnull((SELECT sequence FROM version WHERE document = ?1 AND number = ?2 + 1), ?3)
      ORDER BY from_sequence
      """,
      .integer(document),
      .int(version),
      .integer(.max)
    ) { row in
      StoredEdition(
        row: row.integer(0),
        rendition: row.integer(1),
        from: row.integer(2),
        to: row.isNull(3) ? nil : row.integer(3),
        layout: row.bytes(4),
        bytes: row.integer(5)
      )
    }
  }

  /// A row of the table of editions, as retention needs it.
  struct StoredEdition {
    var row: Int64
    var rendition: Int64
    var from: SequenceNumber
    var to: SequenceNumber?
    var layout: [UInt8]
    var bytes: Int64

    /// The chunks' rows.
    func chunkRows() -> [Int64] { (Layout.decode(layout) ?? []).map(\.row) }
  }

  // MARK: Sizes

  /// What the number of a table's row counts for in `ReclaimedAmounts.bytes`.
  func passageBytes(_ passage: PassageID) throws -> Int64? {
    try connection.row(
      "SELECT length(CAST(heading AS BLOB)) + length(CAST(body AS BLOB)) FROM passage WHERE id = ?1",
      .integer(passage)
    ) { $0.integer(0) }
  }

  func renditionBytes(_ rendition: Int64) throws -> Int64? {
    try connection.row(
      """
      SELECT length(map) + ifnull(length(markdown), 0) + length(CAST(metadata AS BLOB))
        + ifnull(length(CAST(title AS BLOB)), 0) FROM rendition WHERE id = ?1
      """,
      .integer(rendition)
    ) { $0.integer(0) }
  }

  func contentBytes(_ hash: ContentHash) throws -> Int64? {
    try connection.row("SELECT length(data) FROM content WHERE hash = ?1", .hash(hash)) { $0.integer(0) }
  }

  func vectorBytes(_ passage: PassageID, model: ModelID) throws -> Int64? {
    let statement = try connection.statement(
      composed: "SELECT length(value) FROM \(Self.vectorTable(model)) WHERE passage = ?1"
    )
    defer { statement.reset() }
    statement.bind(1, passage)
    return try statement.step() ? statement.integer(0) : nil
  }

  /// Whether any chunk, open or closed, has the passage.
  func hasChunk(_ passage: PassageID) throws -> Bool {
    try connection.count(
      """
      SELECT EXISTS(SELECT 1 FROM chunk WHERE passage = ?1 AND to_sequence IS NULL)
        OR EXISTS(SELECT 1 FROM chunk WHERE passage = ?1 AND to_sequence IS NOT NULL)
      """,
      .integer(passage)
    ) != 0
  }
}

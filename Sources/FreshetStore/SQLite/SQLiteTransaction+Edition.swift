import FreshetModel

extension SQLiteTransaction {
  /// Closes the open edition and opens a new one; answers its row.
  func open(
    _ checked: CheckedEdition,
    of change: DocumentChange,
    row document: Int64,
    version: Int,
    contentHash: ContentHash,
    at sequence: SequenceNumber
  ) throws -> Int64 {
    let edition = checked.edition
    let rendition = try rendition(checked, contentHash: contentHash)
    let superseded = try closeOpenEdition(of: document, at: sequence)
    let rows = try openChunks(checked, document: document, at: sequence)
    try close(checked.closed, at: sequence)
    let layout = Layout.encode(
      zip(edition.chunks, rows).map { PlacedChunk(row: $1, start: $0.start, end: $0.end, page: $0.page) }
    )
    try connection.run(
      """
      INSERT INTO edition(document, version, rendition, from_sequence, state, scope, pipeline, origin, title, metadata,
        chunk_count, layout) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
      """,
      .integer(document),
      .int(version),
      .integer(rendition),
      .integer(sequence),
      .text(edition.state.rawValue),
      .text(Scope.everything.name),
      .text(edition.pipeline),
      .text(change.origin),
      .text(edition.title),
      .text(String(decoding: MetadataText.encode(edition.metadata), as: UTF8.self)),
      .int(edition.chunks.count),
      .blob(layout)
    )
    let row = connection.lastInsertedRow
    if let superseded, superseded != rendition { _ = try withdrawText(of: superseded) }
    return row
  }

  /// Closes a deleted document's edition with all its chunks.
  func closeEdition(of document: Int64, at sequence: SequenceNumber) throws {
    let open = try openLayout(of: document).map { (row: $0.row, passage: try chunk($0).passage) }
    let superseded = try closeOpenEdition(of: document, at: sequence)
    try close(open, at: sequence)
    if let superseded { _ = try withdrawText(of: superseded) }
  }

  /// Closes the open edition's row; answers its rendition, `nil` when there was none.
  private func closeOpenEdition(of document: Int64, at sequence: SequenceNumber) throws -> Int64? {
    let rendition = try connection.row(
      "SELECT rendition FROM edition WHERE document = ?1 AND to_sequence IS NULL",
      .integer(document)
    ) { $0.integer(0) }
    try connection.run(
      "UPDATE edition SET to_sequence = ?2 WHERE document = ?1 AND to_sequence IS NULL",
      .integer(document),
      .integer(sequence)
    )
    return rendition
  }

  /// Opens the chunks that are new; answers every chunk's row.
  private func openChunks(
    _ checked: CheckedEdition,
    document: Int64,
    at sequence: SequenceNumber
  ) throws -> [Int64] {
    let insert = try connection.statement(
      "INSERT INTO chunk(uuid, document, passage, from_sequence) VALUES(?1, ?2, ?3, ?4)"
    )
    var rows = checked.keptRows
    for (index, chunk) in checked.edition.chunks.enumerated() where rows[index] == 0 {
      try noteLiveness(of: chunk.passage)
      insert.bind(1, high: chunk.id.high, low: chunk.id.low)
      insert.bind(2, document)
      insert.bind(3, chunk.passage)
      insert.bind(4, sequence)
      try insert.run()
      rows[index] = connection.lastInsertedRow
    }
    return rows
  }

  private func close(_ chunks: [(row: Int64, passage: PassageID)], at sequence: SequenceNumber) throws {
    let close = try connection.statement("UPDATE chunk SET to_sequence = ?2 WHERE id = ?1")
    for chunk in chunks {
      try noteLiveness(of: chunk.passage)
      close.bind(1, chunk.row)
      close.bind(2, sequence)
      try close.run()
    }
  }

  func touch(document: DocumentID, pipeline: String) throws {
    try writing {
      try connection.run(
        "UPDATE document SET pipeline = ?2 WHERE uuid = ?1 AND is_live = 1",
        .id(document),
        .text(pipeline)
      )
      guard connection.changedRows == 1 else { throw refusal("There is no live document \(document).") }
    }
  }

  func touch(document: DocumentID, fileModified: Timestamp) throws {
    let stored = try connection.row(
      """
      SELECT d.id, e.metadata, v.file_modified, d.file_modified FROM document d JOIN edition e ON e.id = d.edition
        JOIN version v ON v.document = d.id AND v.number = d.version WHERE d.uuid = ?1 AND d.is_live = 1
      """,
      .id(document)
    ) { row in
      let touched = row.isNull(3) ? nil : row.timestamp(3)
      let field = try TouchedFile.metadata(metadata(row, 1), modified: touched)[TouchedFile.field]
      return (row: row.integer(0), field: field ?? .string(row.timestamp(2).description))
    }
    guard let stored else { throw refusal("There is no live document \(document).") }
    try writing {
      try connection.run(
        "UPDATE document SET file_modified = ?2 WHERE id = ?1",
        .integer(stored.row),
        .integer(fileModified.nanoseconds)
      )
      try updateFields(
        of: stored.row,
        from: FieldRow.rows(of: [TouchedFile.field: stored.field]),
        to: FieldRow.rows(of: [TouchedFile.field: .string(fileModified.description)])
      )
    }
  }

  // MARK: Fields

  /// The fields of a document after a change; none once it is deleted.
  func fields(_ change: DocumentChange, source: String, row: Int64) throws -> Set<FieldRow> {
    guard let edition = change.edition else { return [] }
    let state = try connection.row(
      """
      SELECT v.size, v.file_modified FROM document d JOIN version v ON v.document = d.id AND v.number = d.version
      WHERE d.id = ?1
      """,
      .integer(row)
    ) { (size: $0.integer(0), modified: $0.timestamp(1)) }
    guard let state else { throw connection.damage("a document's version is missing") }
    return FieldRow.rows(
      of: StandardFields.fields(
        of: edition.metadata,
        source: source,
        origin: change.origin,
        title: edition.title,
        size: state.size,
        modified: state.modified
      )
    )
  }

  func updateFields(of document: Int64, from old: Set<FieldRow>, to new: Set<FieldRow>) throws {
    for field in old.subtracting(new) {
      try connection.run(
        "DELETE FROM field WHERE name = ?1 AND value = ?2 AND document = ?3",
        .text(field.name.string),
        field.value.sql,
        .integer(document)
      )
    }
    for field in new.subtracting(old) {
      try connection.run(
        "INSERT OR IGNORE INTO field(name, value, document) VALUES(?1, ?2, ?3)",
        .text(field.name.string),
        field.value.sql,
        .integer(document)
      )
    }
  }
}

import FreshetModel

extension SQLiteSnapshot {
  /// The part of the log that a selection means, as conditions on `change c` with the values 1 to 4.
  private static let selection = """
    c.sequence BETWEEN ?1 AND ?2 AND (?3 IS NULL OR c.source = ?3)
      AND (?4 IS NULL OR c.document = (SELECT id FROM document WHERE uuid = ?4))
    """

  /// The same after a document, in the order of the documents, so that nothing is gathered to be sorted.
  private static let byDocument = """
    FROM change c INDEXED BY change_document WHERE \(selection) AND c.document > ?5
    """

  private static func values(_ selection: AuditSelection) -> [SQLValue] {
    [
      .integer(selection.first), .integer(selection.last), .text(orNull: selection.source),
      selection.document.map { .id($0) } ?? .null,
    ]
  }

  func totals(of selection: AuditSelection) throws -> AuditTotals {
    var totals = AuditTotals()
    // Counted here and not by GROUP BY, which would sort every row in memory. Neighbours are mostly of one kind and actor.
    let statement = try connection.statement(
      composed: """
        SELECT c.kind, coalesce(v.actor, r.actor, '') FROM change c
          LEFT JOIN version v ON v.document = c.document AND v.number = c.version AND v.sequence = c.sequence
          LEFT JOIN run r ON r.uuid = c.run
        WHERE \(Self.selection)
        """
    )
    defer { statement.reset() }
    statement.bind(Self.values(selection))
    var last = (kind: ChangeKind.created, actor: "", kindBytes: [UInt8](), actorBytes: [UInt8]())
    while try statement.step() {
      if !statement.withBytes(0, { $0.elementsEqual(last.kindBytes) }) {
        (last.kind, last.kindBytes) = (try statement.choice(0), statement.bytes(0))
      }
      if !statement.withBytes(1, { $0.elementsEqual(last.actorBytes) }) {
        (last.actor, last.actorBytes) = (statement.text(1), statement.bytes(1))
      }
      totals.changes += 1
      totals.byKind[last.kind, default: 0] += 1
      totals.byActor[last.actor, default: 0] += 1
    }
    // In the order of the index, so that nothing is gathered.
    totals.documents =
      try connection.rows(
        composed: "SELECT count(*) FROM (SELECT 1 \(Self.byDocument) GROUP BY c.document)",
        Self.values(selection) + [.integer(.min)]
      ) { $0.int(0) }.first ?? 0
    return totals
  }

  func audited(
    _ selection: AuditSelection,
    after document: AuditedDocument?,
    limit: Int
  ) throws -> [AuditedDocument] {
    try connection.rows(
      composed: """
        SELECT d.uuid, l.source, l.origin, d.is_live, g.changes, g.document
        FROM (
          SELECT c.document AS document, count(*) AS changes, max(c.sequence) AS newest \(Self.byDocument)
          GROUP BY c.document ORDER BY c.document LIMIT ?6
        ) g JOIN document d ON d.id = g.document JOIN change l ON l.sequence = g.newest ORDER BY g.document
        """,
      Self.values(selection) + [.integer(document?.place ?? .min), .int(max(0, limit))]
    ) { row in
      AuditedDocument(
        id: try row.identifier(0),
        source: row.text(1),
        origin: row.text(2),
        state: row.integer(3) != 0 ? .live : .deleted,
        changes: row.int(4),
        place: row.integer(5)
      )
    }
  }

  func changes(
    of document: DocumentID,
    _ selection: AuditSelection,
    after sequence: SequenceNumber,
    limit: Int
  ) throws -> [AuditedChange] {
    try connection.rows(
      composed: """
        SELECT c.sequence, c.at, c.run, c.kind, d.uuid, c.source, c.origin, c.previous_origin, c.version,
          c.content_hash, c.reason, c.edition, c.chain, c.version_chain, coalesce(v.actor, r.actor)
        FROM change c JOIN document d ON d.id = c.document
          LEFT JOIN version v ON v.document = c.document AND v.number = c.version AND v.sequence = c.sequence
          LEFT JOIN run r ON r.uuid = c.run
        WHERE \(Self.selection) AND c.document = (SELECT id FROM document WHERE uuid = ?5) AND c.sequence > ?6
        ORDER BY c.sequence LIMIT ?7
        """,
      Self.values(selection) + [.id(document), .integer(sequence), .int(max(0, limit))]
    ) { AuditedChange(change: try Self.change($0), actor: $0.optionalText(14)) }
  }

  func runs(from first: Timestamp, to last: Timestamp, after run: RunID?, limit: Int) throws -> [RunRecord] {
    try connection.rows(
      """
      SELECT uuid, started_at, finished_at, actor, first_sequence, last_sequence, report FROM run
      WHERE started_at < ?2 AND coalesce(finished_at, started_at) >= ?1
        AND id > coalesce((SELECT id FROM run WHERE uuid = ?3), 0)
      ORDER BY id LIMIT ?4
      """,
      .integer(first.nanoseconds),
      .integer(last.nanoseconds),
      run.map { .id($0) } ?? .null,
      .int(max(0, limit))
    ) { try self.run($0) }
  }
}

import FreshetModel

extension SQLitePastSnapshot {
  /// The columns and joins of a document as it was after change `?1`, in the order of `SQLiteSnapshot.documentSelection`;
  /// documents that came later are not among them. Conditions follow, their values from `?2` on.
  ///
  /// The last version knows where the document stood and whether it was live, the last edition what was indexed of it.
  static let documentSelection = """
    SELECT d.uuid, coalesce(s.id, 0), \(source), d.item_path, v.origin, v.kind <> 'deleted', v.number, v.content_hash,
      v.size, e.title, e.metadata, e.pipeline, r.parser, e.state, e.chunk_count, v.file_modified, d.created_at, v.at,
      \(touched)
    \(documentTables) LEFT JOIN rendition r ON r.id = e.rendition\n
    """

  /// The source's name as the log has it, or what is kept of the log's beginning.
  static let source = "coalesce(c.source, w.source)"

  /// When the file was changed, where that is noted beside the version: of documents that did not change since, whose
  /// fields are those of the present.
  static let touched = "CASE WHEN v.number = d.version AND e.id = d.edition THEN d.file_modified END"

  /// The tables of `documentSelection` without the rendition.
  static let documentTables = """
    FROM document d
      JOIN version v ON v.document = d.id AND v.number = (
        SELECT n.number FROM version n WHERE n.document = d.id AND n.sequence <= ?1 ORDER BY n.number DESC LIMIT 1)
      LEFT JOIN change c ON c.sequence = v.sequence LEFT JOIN vouched w ON w.sequence = v.sequence
      LEFT JOIN source s ON s.name = \(source)
      LEFT JOIN edition e ON e.id = (
        SELECT f.id FROM edition f WHERE f.document = d.id AND f.from_sequence <= ?1
        ORDER BY f.from_sequence DESC LIMIT 1)
    """

  func selectDocuments(_ condition: String, _ values: SQLValue...) throws -> [DocumentRecord] {
    try connection.rows(composed: Self.documentSelection + condition, [sequence] + values) {
      try present.document($0)
    }
  }

  func document(row: Int64) throws -> DocumentRecord? {
    try selectDocuments("WHERE d.id = ?2", .integer(row)).first
  }

  func document(_ id: DocumentID) throws -> DocumentRecord? {
    try selectDocuments("WHERE d.uuid = ?2", .id(id)).first
  }

  /// Sources that had documents, also those that are no longer configured.
  func sources() throws -> [SourceRecord] {
    try connection.rows(
      """
      SELECT id, name, location, configuration, root_identity, pipeline FROM source
      WHERE EXISTS(SELECT 1 FROM change WHERE change.source = source.name AND change.sequence <= ?1)
        OR EXISTS(SELECT 1 FROM vouched WHERE vouched.source = source.name) ORDER BY name
      """,
      sequence
    ) { row in
      SourceRecord(
        id: row.integer(0),
        name: row.text(1),
        location: row.text(2),
        configuration: row.text(3),
        rootIdentity: row.text(4),
        pipeline: row.text(5)
      )
    }
  }

  // MARK: By place

  private func changedDocuments(source: SourceID, origin: String) throws -> [ChangedDocument] {
    let name = try connection.row("SELECT name FROM source WHERE id = ?1", .integer(source)) { $0.text(0) }
    guard let name else { return [] }
    return try changedPlaces()[ChangedPlace(source: UTF8Text(name), origin: UTF8Text(origin))] ?? []
  }

  func liveDocument(source: SourceID, origin: String) throws -> DocumentRecord? {
    let row = try connection.row(
      "SELECT id FROM document WHERE source = ?1 AND origin = ?2 AND is_live = 1",
      .integer(source),
      .text(origin)
    ) { $0.integer(0) }
    if let row, try !differences().documents.contains(row) { return try document(row: row) }
    return try changedDocuments(source: source, origin: origin).first(where: \.isLive).flatMap {
      try document(row: $0.row)
    }
  }

  func deletedDocument(source: SourceID, origin: String) throws -> DocumentRecord? {
    guard try liveDocument(source: source, origin: origin) == nil else { return nil }
    let unchanged = try connection.rows(
      """
      SELECT d.id, v.sequence FROM document d JOIN version v ON v.document = d.id AND v.number = d.version
      WHERE d.source = ?1 AND d.origin = ?2 AND d.is_live = 0
      """,
      .integer(source),
      .text(origin)
    ) { ChangedDocument(row: $0.integer(0), isLive: false, sequence: $0.integer(1)) }
    let changed = try differences().documents
    let candidates =
      try unchanged.filter { !changed.contains($0.row) } + changedDocuments(source: source, origin: origin)
    return try candidates.max { $0.sequence < $1.sequence }.flatMap { try document(row: $0.row) }
  }

  /// Which item holds a document is known of the present only.
  func liveDocuments(source: SourceID, itemPath: [UInt8]) throws -> [DocumentRecord] {
    try selectDocuments(
      "WHERE d.item_path = ?2 AND s.id = ?3 AND v.kind <> 'deleted' ORDER BY v.origin",
      .blob(itemPath),
      .integer(source)
    )
  }

  func liveDocuments(contentHash: ContentHash) throws -> [DocumentRecord] {
    try selectDocuments(
      """
      WHERE d.id IN (SELECT document FROM version WHERE content_hash = ?2) AND v.content_hash = ?2
        AND v.kind <> 'deleted' ORDER BY coalesce(c.source, w.source), v.origin
      """,
      .hash(contentHash)
    )
  }

  func documents(idPrefix: String, limit: Int) throws -> [DocumentRecord] {
    guard let (low, high) = IdentifierRange.of(prefix: idPrefix) else { return [] }
    return try selectDocuments(
      "WHERE d.uuid >= ?2 AND d.uuid <= ?3 ORDER BY d.uuid LIMIT ?4",
      .id(low),
      .id(high),
      .int(max(0, limit))
    )
  }

  // MARK: Together

  func liveDocumentCount(source: String?) throws -> Int {
    try connection.rows(
      composed: """
        SELECT count(*) \(Self.documentTables) WHERE v.kind <> 'deleted' AND (?2 IS NULL OR \(Self.source) = ?2)
        """,
      [sequence, .text(orNull: source)]
    ) { $0.int(0) }.first ?? 0
  }

  func liveDocumentIDs(after document: DocumentID?, limit: Int) throws -> [DocumentID] {
    try connection.rows(
      composed: """
        SELECT d.uuid \(Self.documentTables) WHERE d.uuid > ?2 AND v.kind <> 'deleted' ORDER BY d.uuid LIMIT ?3
        """,
      [sequence, .blob(document?.bytes ?? []), .int(max(0, limit))]
    ) { try $0.identifier(0) }
  }

  func itemPaths(of source: SourceID, pipelineOtherThan pipeline: String) throws -> [[UInt8]] {
    try connection.rows(
      composed: """
        SELECT DISTINCT d.item_path \(Self.documentTables)
        WHERE s.id = ?2 AND v.kind <> 'deleted' AND e.pipeline <> ?3 ORDER BY d.item_path
        """,
      [sequence, .integer(source), .text(pipeline)]
    ) { $0.bytes(0) }
  }

  func itemsAwaitingVectors() throws -> [(source: SourceID, path: [UInt8])] {
    try connection.rows(
      composed: """
        SELECT DISTINCT coalesce(s.id, 0), d.item_path \(Self.documentTables)
        WHERE v.kind <> 'deleted' AND e.state = 'awaiting_vectors' ORDER BY coalesce(s.id, 0), d.item_path
        """,
      [sequence]
    ) { (source: $0.integer(0), path: $0.bytes(1)) }
  }

  // MARK: Versions

  func versions(of document: DocumentID) throws -> [VersionRecord] {
    try present.versions(of: document).filter { $0.sequence <= head.sequence }
  }

  func version(of document: DocumentID, contentHash: ContentHash) throws -> Int? {
    try versions(of: document).last { $0.contentHash == contentHash && $0.kind != .deleted }?.number
  }
}

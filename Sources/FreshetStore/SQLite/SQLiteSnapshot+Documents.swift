import FreshetModel

extension SQLiteSnapshot {
  /// The columns and joins of a document with its current version and edition; conditions follow.
  static let documentSelection = """
    SELECT d.uuid, d.source, s.name, d.item_path, d.origin, d.is_live, d.version, v.content_hash, v.size, e.title,
      e.metadata, d.pipeline, r.parser, e.state, e.chunk_count, v.file_modified, d.created_at, v.at,
      d.file_modified
    FROM document d JOIN source s ON s.id = d.source
      JOIN version v ON v.document = d.id AND v.number = d.version
      LEFT JOIN edition e ON e.id = d.edition LEFT JOIN rendition r ON r.id = e.rendition\n
    """

  func selectDocuments(_ condition: String, _ values: SQLValue...) throws -> [DocumentRecord] {
    try connection.rows(composed: Self.documentSelection + condition, values) { try document($0) }
  }

  /// A row of `documentSelection`, or of what has the same columns.
  func document(_ row: Statement) throws -> DocumentRecord {
    let isLive = row.integer(5) != 0
    let touched = row.isNull(18) ? nil : row.timestamp(18)
    return DocumentRecord(
      id: try row.identifier(0),
      source: row.integer(1),
      sourceName: row.text(2),
      itemPath: row.bytes(3),
      origin: row.text(4),
      state: isLive ? .live : .deleted,
      version: row.int(6),
      contentHash: try row.hash(7),
      size: row.integer(8),
      title: row.text(9),
      metadata: row.isNull(10) ? [:] : TouchedFile.metadata(try metadata(row, 10), modified: touched),
      pipeline: row.text(11),
      parser: isLive ? row.text(12) : "",
      editionState: row.isNull(13) ? .complete : try row.choice(13),
      chunkCount: isLive ? row.int(14) : 0,
      fileModified: touched ?? row.timestamp(15),
      createdAt: row.timestamp(16),
      updatedAt: row.timestamp(17)
    )
  }

  /// A column that holds metadata as the text of a JSON object.
  func metadata(_ row: Statement, _ column: Int32) throws -> Metadata {
    guard let metadata = row.withBytes(column, { MetadataText.decode($0) }) else {
      throw connection.damage("a document's metadata is no JSON object")
    }
    return metadata
  }

  func document(_ id: DocumentID) throws -> DocumentRecord? {
    try selectDocuments("WHERE d.uuid = ?1", .id(id)).first
  }

  func liveDocument(source: SourceID, origin: String) throws -> DocumentRecord? {
    try selectDocuments("WHERE d.source = ?1 AND d.origin = ?2 AND d.is_live = 1", .integer(source), .text(origin))
      .first
  }

  func deletedDocument(source: SourceID, origin: String) throws -> DocumentRecord? {
    let isTaken = try connection.count(
      "SELECT count(*) FROM document WHERE source = ?1 AND origin = ?2 AND is_live = 1",
      .integer(source),
      .text(origin)
    )
    guard isTaken == 0 else { return nil }
    return try selectDocuments(
      "WHERE d.source = ?1 AND d.origin = ?2 AND d.is_live = 0 ORDER BY v.sequence DESC LIMIT 1",
      .integer(source),
      .text(origin)
    ).first
  }

  func liveDocuments(source: SourceID, itemPath: [UInt8]) throws -> [DocumentRecord] {
    // By the plain column SQLite would walk all documents of the source in the order of an index, and sort nothing.
    try selectDocuments(
      "WHERE d.source = ?1 AND d.item_path = ?2 AND d.is_live = 1 ORDER BY +d.origin",
      .integer(source),
      .blob(itemPath)
    )
  }

  func liveDocuments(contentHash: ContentHash) throws -> [DocumentRecord] {
    try selectDocuments(
      "WHERE d.content_hash = ?1 AND d.is_live = 1 ORDER BY s.name, d.origin",
      .hash(contentHash)
    )
  }

  func liveDocumentCount(source: String?) throws -> Int {
    guard let source else { return try connection.count("SELECT count(*) FROM document WHERE is_live = 1") }
    return try connection.count(
      "SELECT count(*) FROM document WHERE is_live = 1 AND source = (SELECT id FROM source WHERE name = ?1)",
      .text(source)
    )
  }

  func liveDocumentIDs(after document: DocumentID?, limit: Int) throws -> [DocumentID] {
    try connection.rows(
      "SELECT uuid FROM document WHERE uuid > ?1 AND is_live = 1 ORDER BY uuid LIMIT ?2",
      .blob(document?.bytes ?? []),
      .int(max(0, limit))
    ) { try $0.identifier(0) }
  }

  func itemPaths(of source: SourceID, pipelineOtherThan pipeline: String) throws -> [[UInt8]] {
    try connection.rows(
      """
      SELECT DISTINCT item_path FROM document WHERE source = ?1 AND is_live = 1 AND pipeline <> ?2 ORDER BY item_path
      """,
      .integer(source),
      .text(pipeline)
    ) { $0.bytes(0) }
  }

  func itemsAwaitingVectors() throws -> [(source: SourceID, path: [UInt8])] {
    try connection.rows(
      """
      SELECT DISTINCT d.source, d.item_path FROM edition e JOIN document d ON d.id = e.document
      WHERE e.to_sequence IS NULL AND e.state = 'awaiting_vectors' ORDER BY d.source, d.item_path
      """
    ) { (source: $0.integer(0), path: $0.bytes(1)) }
  }

  func documents(idPrefix: String, limit: Int) throws -> [DocumentRecord] {
    guard let (low, high) = IdentifierRange.of(prefix: idPrefix) else { return [] }
    return try selectDocuments(
      "WHERE d.uuid >= ?1 AND d.uuid <= ?2 ORDER BY d.uuid LIMIT ?3",
      .id(low),
      .id(high),
      .int(max(0, limit))
    )
  }

  func versions(of document: DocumentID) throws -> [VersionRecord] {
    guard let row = try row(of: document) else { return [] }
    return try connection.rows(
      """
      SELECT number, kind, content_hash, size, at, sequence, run, actor, owner, file_modified, origin,
        previous_origin, same_as, reason, chain
      FROM version WHERE document = ?1 ORDER BY number
      """,
      .integer(row),
      row: Self.version
    )
  }

  static func version(_ row: Statement) throws -> VersionRecord {
    VersionRecord(
      number: row.int(0),
      kind: try row.choice(1),
      contentHash: try row.hash(2),
      size: row.integer(3),
      at: row.timestamp(4),
      sequence: row.integer(5),
      run: try row.identifier(6),
      actor: row.text(7),
      owner: row.optionalText(8),
      fileModified: row.timestamp(9),
      origin: row.text(10),
      previousOrigin: row.optionalText(11),
      sameAs: row.isNull(12) ? nil : row.int(12),
      reason: row.isNull(13) ? nil : try row.choice(13),
      chain: try row.hash(14)
    )
  }

  func version(of document: DocumentID, contentHash: ContentHash) throws -> Int? {
    guard let row = try row(of: document) else { return nil }
    return try newestVersion(of: row, contentHash: contentHash)
  }

  /// A deletion repeats the content that went; it is not a state that a document can return to.
  func newestVersion(of row: Int64, contentHash: ContentHash) throws -> Int? {
    try connection.row(
      """
      SELECT number FROM version WHERE content_hash = ?1 AND document = ?2 AND kind <> 'deleted'
      ORDER BY number DESC LIMIT 1
      """,
      .hash(contentHash),
      .integer(row)
    ) { $0.int(0) }
  }
}

import FreshetModel

extension SQLiteSnapshot {
  func edition(of document: DocumentID, version: Int) throws -> VersionEdition? {
    try edition(of: document, version: version, through: .max)
  }

  /// The edition as it was known after a change.
  func edition(of document: DocumentID, version: Int, through sequence: SequenceNumber) throws -> VersionEdition? {
    struct Row {
      var edition: VersionEdition
      var layout: [UInt8]
    }
    guard let row = try row(of: document) else { return nil }
    let found = try connection.row(
      """
      SELECT r.parser, e.title, e.metadata, e.layout FROM edition e JOIN rendition r ON r.id = e.rendition
      WHERE e.document = ?1 AND e.version = ?2 AND e.from_sequence <= ?3
        AND NOT EXISTS(SELECT 1 FROM collected k WHERE k.document = ?1 AND k.version = ?2)
      ORDER BY e.from_sequence DESC LIMIT 1
      """,
      .integer(row),
      .int(version),
      .integer(sequence)
    ) { row in
      Row(
        edition: VersionEdition(
          version: version,
          parser: row.text(0),
          title: row.text(1),
          metadata: try metadata(row, 2),
          chunks: []
        ),
        layout: row.bytes(3)
      )
    }
    guard var found else { return nil }
    guard let placed = Layout.decode(found.layout) else {
      throw connection.damage("the layout of an edition is malformed")
    }
    found.edition.chunks = try placed.map { try chunk($0) }
    return found.edition
  }
}

extension SQLiteSnapshot {
  func documents(formerlyAt origin: String, limit: Int) throws -> [DocumentRecord] {
    try documents(formerlyAt: origin, through: .max, limit: limit).compactMap { try document($0) }
  }

  /// Goes through all versions: it is asked when a name is not found otherwise.
  func documents(formerlyAt origin: String, through sequence: SequenceNumber, limit: Int) throws -> [DocumentID] {
    try connection.rows(
      """
      SELECT d.uuid FROM version v JOIN document d ON d.id = v.document WHERE v.origin = ?1 AND v.sequence <= ?2
      GROUP BY v.document ORDER BY max(v.sequence) DESC LIMIT ?3
      """,
      .text(origin),
      .integer(sequence),
      .int(max(0, limit))
    ) { try $0.identifier(0) }
  }

  func keptContents(among hashes: [ContentHash]) throws -> Set<ContentHash> {
    let statement = try connection.statement("SELECT 1 FROM content WHERE hash = ?1")
    var kept = Set<ContentHash>()
    for hash in hashes {
      defer { statement.reset() }
      statement.bind(1, hash)
      if try statement.step() { kept.insert(hash) }
    }
    return kept
  }
}

extension SQLitePastSnapshot {
  func documents(formerlyAt origin: String, limit: Int) throws -> [DocumentRecord] {
    try present.documents(formerlyAt: origin, through: head.sequence, limit: limit).compactMap { try document($0) }
  }

  func keptContents(among hashes: [ContentHash]) throws -> Set<ContentHash> {
    try present.keptContents(among: hashes)
  }

  func edition(of document: DocumentID, version: Int) throws -> VersionEdition? {
    try present.edition(of: document, version: version, through: head.sequence)
  }
}

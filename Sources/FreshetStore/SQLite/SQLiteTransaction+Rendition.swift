import FreshetModel

/// The texts of renditions: kept for as long as a live document is indexed by them or their content is kept.
///
/// What is superseded and known by its hash alone has no text to show. Its rendition's row stays for the editions, which
/// are told by its parser and checksum; searching the past reads passages.
extension SQLiteTransaction {
  /// Renditions with a text of their own that nothing live needs, and whose content is not kept; in this order, so that
  /// the row itself, which is long, is looked at last.
  static let supersededTexts = """
    CASE WHEN EXISTS(SELECT 1 FROM content c WHERE c.hash = r.content_hash) THEN 0
      WHEN EXISTS(SELECT 1 FROM edition e WHERE e.rendition = r.id AND e.to_sequence IS NULL) THEN 0
      ELSE r.markdown IS NOT NULL END
    """

  /// The row of an edition's rendition: the one that is there, a withdrawn one that gets its text again, or a new one.
  func rendition(_ checked: CheckedEdition, contentHash: ContentHash) throws -> Int64 {
    if let row = checked.rendition, checked.withdrawnChecksum == nil { return row }
    let edition = checked.edition
    let statement = try connection.statement(
      """
      INSERT INTO rendition(content_hash, parser, title, metadata, map, codec, markdown, checksum)
      VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
      ON CONFLICT(content_hash, parser) DO UPDATE SET title = excluded.title, metadata = excluded.metadata,
        map = excluded.map, codec = excluded.codec, markdown = excluded.markdown, checksum = excluded.checksum,
        is_withdrawn = 0
      """
    )
    // Markdown that equals its content is kept once, when the content is kept.
    let isShared = try edition.markdownIsContent && isStored(contentHash)
    let markdown = isShared ? nil : edition.markdown
    let metadata = String(decoding: MetadataText.encode(edition.statedMetadata), as: UTF8.self)
    try (markdown?.data ?? []).withUnsafeBytes { data in
      statement.bind(1, contentHash)
      statement.bind(2, edition.parser)
      statement.bind(3, .text(orNull: edition.statedTitle))
      statement.bind(4, metadata)
      statement.bind(5, edition.map ?? [])
      if let markdown {
        statement.bind(6, Int64(markdown.codec.rawValue))
        statement.bindUncopied(7, data)
      }
      statement.bind(8, checked.renditionChecksum)
      try statement.run()
    }
    noteSealed(.renditions, checked.renditionChecksum.seal)
    guard let row = checked.rendition, let old = checked.withdrawnChecksum else { return connection.lastInsertedRow }
    noteUnsealed(.renditions, SealedSet.withdrawn(old.seal))
    if old != checked.renditionChecksum {
      // Stored another way (compressed, or as the content) than when these were logged.
      try connection.run(
        "UPDATE edition SET rendition_checksum = ?2 WHERE rendition = ?1 AND rendition_checksum IS NULL",
        .integer(row),
        .hash(old)
      )
    }
    return row
  }

  /// Withdraws the text of a rendition that is superseded and whose content is not kept; answers its bytes, `nil` when
  /// it stays.
  func withdrawText(of rendition: Int64) throws -> Int64? {
    let found = try connection.rows(
      composed: "SELECT r.content_hash, r.parser, r.checksum FROM rendition r WHERE r.id = ?1 AND "
        + Self.supersededTexts,
      [.integer(rendition)]
    ) { (content: try $0.hash(0), parser: $0.text(1), checksum: try $0.hash(2)) }.first
    guard let found, let before = try renditionBytes(rendition) else { return nil }
    // A row that an update makes shorter keeps its page, and a text fills one; a removal joins it with its neighbours.
    // Meanwhile the editions refer to nothing, which is checked at the end of the transaction.
    try connection.run("PRAGMA defer_foreign_keys = ON")
    try connection.run("DELETE FROM rendition WHERE id = ?1", .integer(rendition))
    try connection.run(
      """
      INSERT INTO rendition(id, content_hash, parser, metadata, map, checksum, is_withdrawn)
      VALUES(?1, ?2, ?3, '', x'', ?4, 1)
      """,
      .integer(rendition),
      .hash(found.content),
      .text(found.parser),
      .hash(found.checksum)
    )
    noteUnsealed(.renditions, found.checksum.seal)
    noteSealed(.renditions, SealedSet.withdrawn(found.checksum.seal))
    return before
  }

  /// Withdraws texts that were left: by an earlier Freshet, which kept them all.
  func sweepSupersededTexts(limit: Int) throws -> SweptGarbage {
    let rows = try supersededTexts(limit: max(1, limit))
    var amounts = ReclaimedAmounts()
    for row in rows {
      guard let bytes = try withdrawText(of: row) else { continue }
      amounts.texts += 1
      amounts.bytes += bytes
    }
    return SweptGarbage(amounts: amounts, isDone: rows.count < max(1, limit))
  }
}

extension SQLiteSnapshot {
  /// Rows of renditions whose text nothing needs, at most `limit`.
  func supersededTexts(limit: Int) throws -> [Int64] {
    // By the index of contents: the table itself holds the texts.
    try connection.rows(
      composed: """
        SELECT r.id FROM rendition r WHERE r.content_hash > x'' AND \(SQLiteTransaction.supersededTexts)
        ORDER BY r.content_hash LIMIT ?1
        """,
      [.int(limit)]
    ) { $0.integer(0) }
  }

  func hasSupersededTexts() throws -> Bool { try !supersededTexts(limit: 1).isEmpty }

  // MARK: Problems

  /// The columns that `renditionProblem` reads.
  static let renditionColumns =
    "content_hash, parser, title, metadata, map, codec, markdown, checksum, id, is_withdrawn"

  /// What is wrong with a rendition's row of `renditionColumns`.
  func renditionProblem(_ row: Statement, content: ContentHash) throws -> (code: String, message: String)? {
    let altered = ("rendition_altered", "is not what was written")
    let missing = ("rendition_missing", "has lost its text")
    let markdown: StoredBytes?
    let stored: ContentHash
    do {
      markdown = row.isNull(5) ? nil : try storedBytes(row, codec: 5, data: 6)
      stored = try row.hash(7)
    } catch let error as FreshetError where error.code == .storeDamaged {
      return altered
    }
    if row.integer(9) != 0 {
      // What is left is told by the editions' digests in the log, and by the seal, which knows that it is withdrawn.
      let isBare = row.isNull(2) && row.text(3).isEmpty && row.bytes(4).isEmpty && markdown == nil
      return try isBare ? (isOpen(rendition: row.integer(8)) ? missing : nil) : altered
    }
    let checksum = RenditionChecksum.of(
      content: content,
      parser: row.text(1),
      title: row.optionalText(2),
      metadata: row.text(3),
      map: row.bytes(4),
      markdown: markdown
    )
    if checksum != stored { return altered }
    return try markdown == nil && !isStored(content) ? missing : nil
  }

  private func isOpen(rendition: Int64) throws -> Bool {
    try connection.count(
      "SELECT EXISTS(SELECT 1 FROM edition WHERE rendition = ?1 AND to_sequence IS NULL)",
      .integer(rendition)
    ) != 0
  }
}

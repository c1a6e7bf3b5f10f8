import FreshetModel

extension SQLiteSnapshot {
  func changes(after sequence: SequenceNumber, limit: Int) throws -> [ChangeRecord] {
    try connection.rows(
      """
      SELECT c.sequence, c.at, c.run, c.kind, d.uuid, c.source, c.origin, c.previous_origin, c.version,
        c.content_hash, c.reason, c.edition, c.chain, c.version_chain
      FROM change c JOIN document d ON d.id = c.document WHERE c.sequence > ?1 ORDER BY c.sequence LIMIT ?2
      """,
      .integer(sequence),
      .int(max(0, limit)),
      row: Self.change
    )
  }

  static func change(_ row: Statement) throws -> ChangeRecord {
    ChangeRecord(
      sequence: row.integer(0),
      at: row.timestamp(1),
      run: try row.identifier(2),
      kind: try row.choice(3),
      document: try row.identifier(4),
      source: row.text(5),
      origin: row.text(6),
      previousOrigin: row.optionalText(7),
      version: row.int(8),
      contentHash: try row.hash(9),
      reason: row.isNull(10) ? nil : try row.choice(10),
      edition: try row.hash(11),
      versionChain: row.isNull(13) ? nil : try row.hash(13),
      chain: try row.hash(12)
    )
  }

  func chain(at sequence: SequenceNumber) throws -> ContentHash? {
    if sequence == 0 { return .zero }
    if sequence == head.anchor.sequence { return head.anchor.chain }
    return try connection.row("SELECT chain FROM change WHERE sequence = ?1", .integer(sequence)) { try $0.hash(0) }
  }

  func failures(source: String?, itemPath: [UInt8]?) throws -> [FailureRecord] {
    try connection.rows(
      """
      SELECT source, item_path, origin, code, message, is_transient, attempts, first_at, last_at, content_hash, pipeline
      FROM failure WHERE (?1 IS NULL OR source = ?1) AND (?2 IS NULL OR item_path = ?2)
      ORDER BY source, origin, item_path
      """,
      .text(orNull: source),
      itemPath.map { .blob($0) } ?? .null
    ) { row in
      FailureRecord(
        source: row.text(0),
        itemPath: row.bytes(1),
        origin: row.text(2),
        error: FreshetErrorRecord(
          code: FreshetError.Code(rawValue: row.text(3)),
          message: row.text(4),
          isTransient: row.integer(5) != 0
        ),
        attempts: row.int(6),
        firstAt: row.timestamp(7),
        lastAt: row.timestamp(8),
        contentHash: row.isNull(9) ? nil : try row.hash(9),
        pipeline: row.text(10)
      )
    }
  }

  func runs(limit: Int) throws -> [RunRecord] {
    try connection.rows(
      """
      SELECT uuid, started_at, finished_at, actor, first_sequence, last_sequence, report FROM run
      ORDER BY started_at DESC, id DESC LIMIT ?1
      """,
      .int(max(0, limit))
    ) { try run($0) }
  }

  func run(_ row: Statement) throws -> RunRecord {
    RunRecord(
      id: try row.identifier(0),
      startedAt: row.timestamp(1),
      finishedAt: row.isNull(2) ? nil : row.timestamp(2),
      actor: row.text(3),
      firstSequence: row.integer(4),
      lastSequence: row.isNull(5) ? nil : row.integer(5),
      report: try report(row, 6)
    )
  }

  private func report(_ row: Statement, _ column: Int32) throws -> JSONValue? {
    // `nil` beside a value would be JSON's null.
    if row.isNull(column) { return Optional<JSONValue>.none }
    guard let value = row.withBytes(column, { MetadataText.decodeValue($0) }) else {
      throw connection.damage("the report of a run is no JSON")
    }
    return value
  }

  func recentDeletions(of source: String, since: Timestamp, after run: RunID?) throws -> Int {
    // A run that was killed has no last change on record.
    let bound = try run.flatMap { run in
      try connection.row(
        """
        SELECT coalesce(last_sequence, (
          SELECT max(sequence) FROM change WHERE sequence >= run.first_sequence AND run = run.uuid
        )) FROM run WHERE uuid = ?1
        """,
        .id(run)
      ) { $0.integer(0) }
    }
    return try connection.count(
      """
      SELECT count(DISTINCT c.document) FROM change c INDEXED BY change_deletion
      WHERE c.kind = 'deleted' AND c.source = ?1 AND c.at >= ?2 AND c.sequence > ?3
        AND EXISTS(SELECT 1 FROM document d WHERE d.id = c.document AND d.is_live = 0)
      """,
      .text(source),
      .integer(since.nanoseconds),
      .integer(bound ?? 0)
    )
  }

  func setting(_ name: String) throws -> String? {
    try connection.row("SELECT value FROM setting WHERE name = ?1", .text(name)) { $0.text(0) }
  }

  func chunkCount() throws -> Int {
    try connection.count("SELECT count(*) FROM chunk WHERE to_sequence IS NULL")
  }

  func counts() throws -> CollectionCounts {
    try prepareKeywordSearch()
    var counts = CollectionCounts()
    counts.documents = try connection.count("SELECT count(*) FROM document WHERE is_live = 1")
    counts.deletedDocuments = try connection.count("SELECT count(*) FROM document WHERE is_live = 0")
    counts.versions = try connection.count("SELECT count(*) FROM version")
    counts.chunks = try chunkCount()
    counts.passages = try connection.count("SELECT count(DISTINCT passage) FROM chunk WHERE to_sequence IS NULL")
    counts.keywordRows = try connection.count("SELECT count(*) FROM live_fts_docsize")
    counts.awaitingVectors = try connection.count(
      "SELECT count(*) FROM edition WHERE to_sequence IS NULL AND state = 'awaiting_vectors'"
    )
    counts.failures = try connection.count("SELECT count(*) FROM failure")
    let serving = try connection.row("SELECT id FROM model WHERE state = 'serving'") { $0.integer(0) }
    if let serving {
      counts.vectors =
        try connection.rows(
          composed: """
            SELECT count(*) FROM \(Self.vectorTable(serving)) v
            WHERE EXISTS(SELECT 1 FROM chunk c WHERE c.passage = v.passage AND c.to_sequence IS NULL)
            """,
          []
        ) { $0.int(0) }.first ?? 0
    }
    return counts
  }
}

import FreshetModel

extension SQLiteSnapshot {
  func consumers() throws -> [ConsumerRecord] {
    try connection.rows(
      """
      SELECT name, kind, epoch, sequence, chain, state, failures, last_error, retry_at, created_at, moved_at,
        resync_epoch, resync_sequence, resync_chain, resync_after, receiver FROM consumer ORDER BY name
      """,
      row: Self.consumer
    )
  }

  func consumer(_ name: String) throws -> ConsumerRecord? {
    try connection.row(
      """
      SELECT name, kind, epoch, sequence, chain, state, failures, last_error, retry_at, created_at, moved_at,
        resync_epoch, resync_sequence, resync_chain, resync_after, receiver FROM consumer WHERE name = ?1
      """,
      .text(name),
      row: Self.consumer
    )
  }

  private static func consumer(_ row: Statement) throws -> ConsumerRecord {
    var resync: ConsumerResync?
    if !row.isNull(11) {
      resync = ConsumerResync(
        start: LogPosition(epoch: try row.identifier(11), sequence: row.integer(12), chain: try row.hash(13)),
        after: row.isNull(14) ? nil : try row.identifier(14)
      )
    }
    return ConsumerRecord(
      name: row.text(0),
      kind: ConsumerKind(rawValue: row.text(1)),
      position: LogPosition(epoch: try row.identifier(2), sequence: row.integer(3), chain: try row.hash(4)),
      state: try row.choice(5),
      failures: row.int(6),
      lastError: row.optionalText(7),
      retryAt: row.isNull(8) ? nil : row.timestamp(8),
      createdAt: row.timestamp(9),
      movedAt: row.timestamp(10),
      resync: resync,
      receiver: row.isNull(15) ? nil : try row.hash(15)
    )
  }

  func metadata(of change: ChangeRecord) throws -> Metadata? {
    // A change opened its edition at its own sequence; a deletion closed the last one there.
    if change.kind == .deleted {
      return try connection.row(
        """
        SELECT metadata FROM edition WHERE document = (SELECT id FROM document WHERE uuid = ?1)
          AND from_sequence < ?2 AND to_sequence = ?2
        """,
        .id(change.document),
        .integer(change.sequence)
      ) { try metadata($0, 0) }
    }
    return try connection.row(
      """
      SELECT metadata FROM edition WHERE document = (SELECT id FROM document WHERE uuid = ?1) AND from_sequence = ?2
      """,
      .id(change.document),
      .integer(change.sequence)
    ) { try metadata($0, 0) }
  }
}

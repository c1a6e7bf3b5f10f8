import FreshetModel
import FreshetSystem

/// Removal of the log's oldest rows, in steps of bounded size.
///
/// Each step is whole in itself: it checks the rows that are to go, keeps what they vouch for of editions that are still
/// there and of documents that stay deleted (`vouched`), removes them, and moves the anchor and the history floor. So the
/// log always begins right after the anchor, and its chain leads from there to the head.
extension SQLiteTransaction {
  func pruneLog(through sequence: SequenceNumber, limit: Int) throws -> SweptGarbage {
    var amounts = ReclaimedAmounts()
    let last = min(sequence, head.sequence - 1)
    let anchor = head.anchor
    if last > anchor.sequence {
      let step = SequenceNumber(max(1, min(limit, ReclaimedAmounts.changesPerStep)))
      let next = min(last, anchor.sequence + step)
      let change = try checkedChange(at: next, after: anchor)
      try vouch(after: anchor.sequence, through: next)
      try connection.run("DELETE FROM change WHERE sequence <= ?1", .integer(next))
      try move(to: LogAnchor(sequence: next, chain: change.chain, at: change.at))
      amounts.changes = Int(next - anchor.sequence)
      guard next == last else { return SweptGarbage(amounts: amounts, isDone: false) }
    }
    let runs = try prunedRuns(at: head.anchor, limit: max(1, limit))
    for run in runs {
      try noteUnsealed(.runs, where: "id = ?1", .integer(run))
      try connection.run("DELETE FROM run WHERE id = ?1", .integer(run))
    }
    amounts.runs = runs.count
    return SweptGarbage(amounts: amounts, isDone: runs.count < max(1, limit))
  }

  /// An edition is gone: nothing has to be vouched for any more.
  func forgetVouched(_ sequence: SequenceNumber) throws {
    guard sequence <= head.anchor.sequence else { return }
    try noteUnsealed(.vouched, where: "sequence = ?1", .integer(sequence))
    try connection.run("DELETE FROM vouched WHERE sequence = ?1", .integer(sequence))
  }

  /// The change that is to be the anchor, once every row up to it is what was written: what was altered must not go with
  /// the rows that prove it.
  private func checkedChange(at sequence: SequenceNumber, after anchor: LogAnchor) throws -> ChangeRecord {
    var last: ChangeRecord?
    var chain = anchor.chain
    for change in try changes(after: anchor.sequence, limit: Int(sequence - anchor.sequence)) {
      let expected = (last?.sequence ?? anchor.sequence) + 1
      guard change.sequence == expected, SHA256.link(chain, change.canonicalBytes) == change.chain else {
        throw connection.damage("the log cannot be pruned: change \(expected) is not what was written")
      }
      chain = change.chain
      last = change
    }
    guard let last, last.sequence == sequence else {
      throw connection.damage("the log cannot be pruned: it lacks change \((last?.sequence ?? anchor.sequence) + 1)")
    }
    return last
  }

  private func vouch(after first: SequenceNumber, through last: SequenceNumber) throws {
    let deletion = SQLValue.hash(SQLiteSnapshot.VouchedRow.deletion)
    // A deletion that was followed by another version tells nothing that this one does not.
    let stale = """
      edition = ?1 AND document IN (SELECT document FROM change WHERE sequence > ?2 AND sequence <= ?3) AND EXISTS(
        SELECT 1 FROM version n WHERE n.document = vouched.document AND n.number = vouched.version + 1
          AND n.sequence <= ?3)
      """
    try noteUnsealed(.vouched, where: stale, deletion, .integer(first), .integer(last))
    let values = [deletion, .integer(first), .integer(last)]
    _ = try connection.rows(composed: "DELETE FROM vouched WHERE \(stale)", values) { _ in }
    try connection.run(
      """
      INSERT INTO vouched(sequence, document, version, source, edition, version_chain)
      SELECT sequence, document, version, source, edition, version_chain FROM change c
      WHERE c.sequence > ?1 AND c.sequence <= ?2 AND CASE c.kind
        WHEN 'deleted' THEN NOT EXISTS(SELECT 1 FROM version n WHERE n.document = c.document
          AND n.number = c.version + 1 AND n.sequence <= ?2)
        ELSE EXISTS(SELECT 1 FROM edition e WHERE e.document = c.document AND e.from_sequence = c.sequence) END
      """,
      .integer(first),
      .integer(last)
    )
    try noteSealed(.vouched, where: "sequence > ?1 AND sequence <= ?2", .integer(first), .integer(last))
  }

  private func move(to anchor: LogAnchor) throws {
    try noteUnsealed(.anchor, where: "id = 1")
    try connection.run(
      "INSERT OR REPLACE INTO anchor(id, sequence, chain, at) VALUES(1, ?1, ?2, ?3)",
      .integer(anchor.sequence),
      .hash(anchor.chain),
      .integer(anchor.at.nanoseconds)
    )
    try noteSealed(.anchor, where: "id = 1")
    head.anchor = anchor
    guard anchor.sequence > head.historyFloor else { return }
    head.historyFloor = anchor.sequence
    try connection.run("UPDATE head SET history_floor = ?1 WHERE id = 1", .integer(head.historyFloor))
  }
}

extension SQLiteSnapshot {
  func runsPruned(withLogThrough sequence: SequenceNumber) throws -> Int {
    var anchor = head.anchor
    let last = min(sequence, head.sequence - 1)
    if last > anchor.sequence, let change = try changes(after: last - 1, limit: 1).first {
      anchor = LogAnchor(sequence: change.sequence, chain: change.chain, at: change.at)
    }
    return try prunedRuns(at: anchor, limit: .max).count
  }

  /// Rows of the runs of which no change is left, oldest first. Runs follow each other, so the first that stays ends it.
  func prunedRuns(at anchor: LogAnchor, limit: Int) throws -> [Int64] {
    guard anchor.sequence > 0 else { return [] }
    let newest = try connection.row(
      "SELECT id FROM run ORDER BY id DESC LIMIT 1 OFFSET ?1",
      .int(RunRecord.keptMin - 1)
    ) { $0.integer(0) }
    guard let newest else { return [] }
    // A run that was killed has made its changes when the next one begins.
    let statement = try connection.statement(
      """
      SELECT id, coalesce(finished_at, started_at), coalesce(last_sequence,
        (SELECT n.first_sequence FROM run n WHERE n.id > run.id ORDER BY n.id LIMIT 1)) FROM run
      WHERE id < ?1 ORDER BY id
      """
    )
    defer { statement.reset() }
    statement.bind(1, newest)
    var runs: [Int64] = []
    while runs.count < limit, try statement.step() {
      guard statement.timestamp(1) < anchor.at, statement.integer(2) <= anchor.sequence else { break }
      runs.append(statement.integer(0))
    }
    return runs
  }
}

/// What the anchor is told by: the SHA-256 of its columns, as `SealedSet.anchor` selects them.
enum AnchorChecksum {
  static func of(_ row: Statement) -> ContentHash {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: "freshet-anchor/1".utf8)
    encoder.append(signed: row.integer(0))
    encoder.append(bytes: row.bytes(1))
    encoder.append(signed: row.integer(2))
    return SHA256.digest(of: encoder.bytes)
  }
}

/// What a row of `vouched` is told by: the SHA-256 of its columns, as `SealedSet.vouched` selects them.
enum VouchedChecksum {
  static func of(_ row: Statement) -> ContentHash {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: "freshet-vouched/1".utf8)
    for column in 0..<3 { encoder.append(signed: row.integer(Int32(column))) }
    encoder.append(bytes: row.bytes(3))
    encoder.append(bytes: row.bytes(4))
    encoder.append(bytes: row.isNull(5) ? [] : row.bytes(5))
    return SHA256.digest(of: encoder.bytes)
  }
}

import FreshetModel

/// The keyword index follows the chunks once a transaction, before it commits and before it is read.
///
/// FTS5 gathers what is inserted in memory, and writes it as one segment when the transaction ends, when a row number is
/// not above the last one, and at every savepoint. SQLite makes savepoints of its own for statements that may touch
/// several rows, so an insert here and there among them would make a segment for every document.
extension SQLiteTransaction {
  /// Remembers whether the passage was in the index, before its chunks change for the first time.
  func noteLiveness(of passage: PassageID) throws {
    if wasLive[passage] == nil { wasLive[passage] = try isLive(passage) }
  }

  /// Brings the index in step with the open chunks: passages that became live enter, those that ceased leave, with
  /// exactly the text that they entered with.
  func bringKeywordsInStep() throws {
    guard !wasLive.isEmpty else { return }
    try writing {
      let enter = try connection.statement("INSERT INTO live_fts(rowid, heading, body) VALUES(?1, ?2, ?3)")
      let leave = try connection.statement(
        "INSERT INTO live_fts(live_fts, rowid, heading, body) VALUES('delete', ?1, ?2, ?3)"
      )
      for (passage, wasLive) in wasLive.sorted(by: { $0.key < $1.key }) {
        let isLive = try isLive(passage)
        if isLive != wasLive { try run(isLive ? enter : leave, passage: passage) }
      }
      wasLive.removeAll(keepingCapacity: true)
    }
  }

  private func run(_ statement: Statement, passage: PassageID) throws {
    let text = try connection.statement("SELECT id, heading, body FROM passage WHERE id = ?1")
    defer { text.reset() }
    text.bind(1, passage)
    guard try text.step() else { throw connection.damage("passage \(passage) is missing") }
    for column in 0...2 as ClosedRange<Int32> { statement.bind(column + 1, column: column, of: text) }
    try statement.run()
  }

  /// Whether an open chunk has the passage.
  private func isLive(_ passage: PassageID) throws -> Bool {
    let statement = try connection.statement(
      "SELECT 1 FROM chunk WHERE passage = ?1 AND to_sequence IS NULL LIMIT 1"
    )
    defer { statement.reset() }
    statement.bind(1, passage)
    return try statement.step()
  }
}

import CSQLite
import FreshetModel

/// What a search uses of the keyword index beside its postings: the way from a word to its list, and the totals that it
/// ranks by.
extension SQLiteSnapshot {
  /// Makes a listing of the index, a virtual table of the connection's own, which the guard against writes would refuse.
  func makeListing(_ name: String, of kind: String) throws {
    try connection.execute("PRAGMA query_only = 0")
    defer { if !(self is SQLiteTransaction) { try? connection.execute("PRAGMA query_only = 1") } }
    try connection.execute(
      "CREATE VIRTUAL TABLE IF NOT EXISTS temp.\(name) USING fts5vocab('main', 'live_fts', '\(kind)')"
    )
  }

  /// Looks every word up as a search does, through the table that leads from a word to a page of each segment
  /// (`live_fts_idx`), and compares what is found with a pass over all pages, which needs no such table.
  func checkKeywordLookups(_ found: inout ProblemCollector) throws {
    try makeListing("live_words", of: "row")
    try makeListing("live_lookups", of: "row")
    // Outer joins keep this order: the listing outside, a lookup for each of its rows inside.
    let lost = try connection.rows(
      composed: """
        SELECT count(*) FROM temp.live_words w LEFT JOIN temp.live_lookups l ON l.term = w.term
        WHERE l.doc IS NOT w.doc OR l.cnt IS NOT w.cnt
        """,
      []
    ) { $0.int(0) }
    if let lost = lost.first, lost > 0 {
      found.addKeyword("A search does not find everything that the keyword index has of \(lost) words")
    }
  }

  /// The number of passages and of their tokens by column (row 1 of FTS5's data), by which a search ranks.
  func checkKeywordTotals(_ found: inout ProblemCollector) throws {
    let stored = try connection.row("SELECT block FROM live_fts_data WHERE id = 1") { row in
      row.withBytes(0) { Self.numbers($0) }
    }
    var lengths: [UInt64] = [0, 0, 0]
    let statement = try connection.statement("SELECT sz FROM live_fts_docsize")
    defer { statement.reset() }
    while try statement.step() {
      lengths[0] += 1
      statement.withBytes(0) { bytes in
        for (column, length) in Self.numbers(bytes).prefix(2).enumerated() { lengths[column + 1] &+= length }
      }
    }
    // An index that was never written to has none.
    if (stored ?? [0, 0, 0]) != lengths, !(lengths[0] == 0 && stored == []) {
      found.addKeyword("The keyword index does not have the totals of its passages, by which it ranks")
    }
  }

  /// The index's own settings.
  func checkKeywordSettings(_ found: inout ProblemCollector) throws {
    let settings = try connection.rows("SELECT k || '=' || v FROM live_fts_config ORDER BY k") { $0.text(0) }
    if settings != ["automerge=8", "rank=bm25(2.0, 1.0)", "version=4"] {
      found.addKeyword("The keyword index's settings are not those that it was made with")
    }
  }

  /// Numbers as FTS5 and SQLite write them: big endian, seven bits a byte, all eight of a ninth byte.
  static func numbers(_ bytes: UnsafeRawBufferPointer) -> [UInt64] {
    var numbers: [UInt64] = []
    var number: UInt64 = 0
    var length = 0
    for byte in bytes {
      length += 1
      if length == 9 {
        number = number << 8 | UInt64(byte)
      } else {
        number = number << 7 | UInt64(byte & 0x7F)
        if byte >= 0x80 { continue }
      }
      numbers.append(number)
      number = 0
      length = 0
    }
    return numbers
  }
}

extension SQLiteTransaction {
  func mendKeywordIndex() throws -> [IntegrityProblem] {
    try bringKeywordsInStep()
    var found = ProblemCollector()
    try checkKeywordIndex(&found)
    guard !found.problems.isEmpty else { return [] }
    try writing {
      // FTS5 cannot rebuild an index that it cannot open: first it gets an empty one (`FTS5_AVERAGES_ROWID` and
      // `FTS5_STRUCTURE_ROWID` of fts5_index.c), in its own tables.
      try connection.executeUndefended(
        """
        DELETE FROM live_fts_data; DELETE FROM live_fts_idx; DELETE FROM live_fts_docsize; DELETE FROM live_fts_config;
        INSERT INTO live_fts_data(id, block) VALUES(1, x''), (10, x'00000000000000');
        INSERT INTO live_fts_config(k, v) VALUES('version', 4);
        """
      )
      try connection.execute(
        """
        INSERT INTO live_fts(live_fts) VALUES('rebuild');
        INSERT INTO live_fts(live_fts, rank) VALUES('automerge', 8);
        INSERT INTO live_fts(live_fts, rank) VALUES('rank', 'bm25(2.0, 1.0)');
        """
      )
    }
    hasNewKeywordIndex = true
    var left = ProblemCollector()
    try checkKeywordIndex(&left)
    if let problem = left.problems.first {
      throw connection.damage("the keyword index cannot be built: \(problem.message)")
    }
    return found.problems
  }
}

extension ProblemCollector {
  fileprivate static let keywordRemedy = "`freshet reindex` builds it anew."

  /// Notes something that does not hold in the keyword index, with what mends it.
  mutating func addKeyword(_ what: String) { add("keyword_index", "\(what); \(Self.keywordRemedy)") }
}

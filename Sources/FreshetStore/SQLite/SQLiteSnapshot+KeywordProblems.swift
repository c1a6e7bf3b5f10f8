import CSQLite
import FreshetModel
import FreshetSystem

extension SQLiteSnapshot {
  func checkPassages(_ found: inout ProblemCollector) throws {
    let statement = try connection.statement("SELECT id, key, heading, body FROM passage ORDER BY id")
    defer { statement.reset() }
    while try statement.step() {
      let key = SHA256.digest(
        of: PassageText.keyBytes(heading: HeadingText.decode(statement.text(2)), body: statement.text(3))
      )
      if try key != statement.hash(1) {
        found.add("passage_altered", "Passage \(statement.integer(0)) is not the text that its key was made of.")
      }
    }
  }

  /// Compares the keyword index, posting by posting, with the tokens of the live passages.
  ///
  /// FTS5's own `integrity-check` needs the lock of a writer, so a reader compares sums of hashes instead: over every
  /// posting of the index as `fts5vocab` lists them, and over the tokens that the passages have now.
  func checkKeywordIndex(_ found: inout ProblemCollector) throws {
    let rows = try connection.rows("SELECT id FROM live_fts_docsize ORDER BY id") { $0.integer(0) }
    let live = try connection.rows(
      "SELECT DISTINCT passage FROM chunk WHERE to_sequence IS NULL ORDER BY passage"
    ) { $0.integer(0) }
    if rows != live {
      let missing = Set(live).subtracting(rows).count
      let extra = Set(rows).subtracting(live).count
      found.add("keyword_index", "The keyword index lacks \(missing) live passages and has \(extra) that are not live.")
    }
    let expected = try postingsOfPassages()
    let stored = try postingsOfIndex()
    if expected != stored {
      found.add(
        "keyword_index",
        "The keyword index has \(stored.count) postings that do not agree with the \(expected.count) of the passages."
      )
    }
    if self is SQLiteTransaction {
      do {
        try connection.execute("INSERT INTO live_fts(live_fts, rank) VALUES('integrity-check', 1)")
      } catch let error as FreshetError where error.code == .storeDamaged {
        found.add("keyword_index", "FTS5 found its index damaged: \(error.message)")
      }
    }
  }

  private struct Postings: Equatable {
    var count = 0
    var sum: UInt64 = 0

    mutating func add(_ token: UnsafeRawBufferPointer, passage: PassageID, column: Int, position: Int) {
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for byte in token { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
      for part in [UInt64(bitPattern: passage), UInt64(column), UInt64(position)] {
        hash = (hash ^ part) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 29
      }
      sum &+= hash
      count += 1
    }
  }

  private func postingsOfPassages() throws -> Postings {
    var postings = Postings()
    let statement = try connection.statement("SELECT id, heading, body FROM live_passage")
    defer { statement.reset() }
    while try statement.step() {
      let passage = statement.integer(0)
      for column in 0...1 {
        for token in KeywordTokenizer.tokens(of: statement.text(Int32(column + 1)), for: .document) {
          var text = token.text
          text.withUTF8 {
            postings.add(UnsafeRawBufferPointer($0), passage: passage, column: column, position: token.position)
          }
        }
      }
    }
    return postings
  }

  private func postingsOfIndex() throws -> Postings {
    // The listing is a virtual table of the connection's own, which the guard against writes would refuse.
    try connection.execute("PRAGMA query_only = 0")
    defer { if !(self is SQLiteTransaction) { try? connection.execute("PRAGMA query_only = 1") } }
    try connection.execute(
      "CREATE VIRTUAL TABLE IF NOT EXISTS temp.live_postings USING fts5vocab('main', 'live_fts', 'instance')"
    )
    var postings = Postings()
    do {
      let statement = try connection.statement(composed: "SELECT term, doc, col, offset FROM temp.live_postings")
      defer { statement.reset() }
      while try statement.step() {
        let column = statement.text(2) == "heading" ? 0 : 1
        statement.withBytes(0) {
          postings.add($0, passage: statement.integer(1), column: column, position: statement.int(3))
        }
      }
    }
    return postings
  }
}

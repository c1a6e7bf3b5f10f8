import CSQLite
import FreshetModel
import FreshetSystem

extension SQLiteSnapshot {
  func checkPassages(_ found: inout ProblemCollector) throws {
    let statement = try connection.statement("SELECT id, key, heading, body FROM passage ORDER BY id")
    defer { statement.reset() }
    while try statement.step() {
      // The heading is compared as it is stored: other bytes may be split into the same parts.
      let heading = statement.text(2)
      let isWhole =
        (try? statement.hash(1)) == Self.passageKey(statement, heading: 2, body: 3)
        && HeadingText.encode(HeadingText.decode(heading)).utf8.elementsEqual(heading.utf8)
      guard !isWhole else { continue }
      let passage = statement.integer(0)
      let place = try place(ofPassage: passage)
      found.add(
        "passage_altered",
        document: place?.document,
        version: place?.version,
        "Passage \(passage)\(place.map { ", in '\($0.origin)'," } ?? "") is not the text that its key was made of."
      )
    }
  }

  /// Compares the keyword index, posting by posting, with the tokens of the live passages, and looks every word up in it
  /// as a search does.
  ///
  /// FTS5's own `integrity-check` needs the lock of a writer, and does not notice every segment that words are no longer
  /// found in; so a reader compares sums of hashes, over every posting of the index as `fts5vocab` lists them, and over
  /// the tokens that the passages have now.
  func checkKeywordIndex(_ found: inout ProblemCollector) throws {
    do {
      try checkKeywordRows(&found)
      try checkKeywordTotals(&found)
      try checkKeywordSettings(&found)
      let (expected, lengths) = try postingsOfPassages()
      let stored = try postingsOfIndex()
      if expected != stored {
        found.addKeyword(
          "The keyword index has \(stored.count) postings that do not agree with the \(expected.count) of the passages"
        )
      }
      if try lengths != lengthsOfIndex() {
        found.addKeyword("The lengths of passages in the keyword index, by which it ranks, are not theirs")
      }
      try checkKeywordLookups(&found)
      if self is SQLiteTransaction {
        try connection.execute("INSERT INTO live_fts(live_fts, rank) VALUES('integrity-check', 1)")
      }
    } catch let error as FreshetError where error.isOfDamagedKeywords {
      found.addKeyword("The keyword index is damaged and cannot be read as a whole")
    }
  }

  /// Every live passage is in the index, and nothing else.
  private func checkKeywordRows(_ found: inout ProblemCollector) throws {
    let rows = try connection.rows("SELECT id FROM live_fts_docsize ORDER BY id") { $0.integer(0) }
    let live = try connection.rows(
      "SELECT DISTINCT passage FROM chunk WHERE to_sequence IS NULL ORDER BY passage"
    ) { $0.integer(0) }
    guard rows != live else { return }
    let missing = Set(live).subtracting(rows).count
    let extra = Set(rows).subtracting(live).count
    found.addKeyword("The keyword index lacks \(missing) live passages and has \(extra) that are not live")
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

  /// The postings and the lengths, in tokens by column, that the live passages make.
  private func postingsOfPassages() throws -> (postings: Postings, lengths: Postings) {
    var postings = Postings()
    var lengths = Postings()
    let statement = try connection.statement("SELECT id, heading, body FROM live_passage")
    defer { statement.reset() }
    while try statement.step() {
      let passage = statement.integer(0)
      for column in 0...1 {
        var length = 0
        for token in KeywordTokenizer.tokens(of: statement.text(Int32(column + 1)), for: .document) {
          var text = token.text
          text.withUTF8 {
            postings.add(UnsafeRawBufferPointer($0), passage: passage, column: column, position: token.position)
          }
          length = token.position + 1
        }
        lengths.add(UnsafeRawBufferPointer(start: nil, count: 0), passage: passage, column: column, position: length)
      }
    }
    return (postings, lengths)
  }

  /// The lengths as FTS5 keeps them: a number (big endian, seven bits a byte) for each column.
  private func lengthsOfIndex() throws -> Postings {
    var lengths = Postings()
    let statement = try connection.statement("SELECT id, sz FROM live_fts_docsize")
    defer { statement.reset() }
    while try statement.step() {
      statement.withBytes(1) { bytes in
        var column = 0
        var length = 0
        for byte in bytes {
          length = (length & 0xFF_FFFF) << 7 | Int(byte & 0x7F)
          guard byte < 0x80 else { continue }
          lengths.add(
            UnsafeRawBufferPointer(start: nil, count: 0),
            passage: statement.integer(0),
            column: column,
            position: length
          )
          column += 1
          length = 0
        }
      }
    }
    return lengths
  }

  private func postingsOfIndex() throws -> Postings {
    try makeListing("live_postings", of: "instance")
    var postings = Postings()
    let statement = try connection.statement(composed: "SELECT term, doc, col, offset FROM temp.live_postings")
    defer { statement.reset() }
    while try statement.step() {
      let column = statement.text(2) == "heading" ? 0 : 1
      statement.withBytes(0) {
        postings.add($0, passage: statement.integer(1), column: column, position: statement.int(3))
      }
    }
    return postings
  }
}

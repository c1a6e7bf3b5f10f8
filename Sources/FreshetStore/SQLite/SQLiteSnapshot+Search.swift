import CSQLite
import FreshetModel

/// Keyword search: every passage that holds any of the query's words, ranked by `BM25`.
///
/// A word costs one pass over its posting list in the index, or none where the list is kept from an earlier search; the
/// scores are added up here. FTS5's own ranking makes two passes and looks each match's length up, which costs ten times
/// as much and makes questions with common words slow.
extension SQLiteSnapshot {
  /// Matches of a word whose lengths are looked up one by one; for more, all lengths are read at once.
  private static let lengthsProbedMax = 512

  func keywordMatches(_ query: String, limit: Int, members: PassageSet?) throws -> [ScoredPassage] {
    try readingKeywords { try bestMatches(query, limit: limit, members: members) }
  }

  /// Runs a body that reads the keyword index, and says of damage that it meets what mends it.
  func readingKeywords<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as FreshetError where error.isOfDamagedKeywords {
      throw SQLiteFailure.damagedKeywords(path: connection.path)
    }
  }

  private func bestMatches(_ query: String, limit: Int, members: PassageSet?) throws -> [ScoredPassage] {
    let words = KeywordQuery(query).expressions
    guard limit > 0, members?.count != 0, !words.isEmpty else { return [] }
    try prepareKeywordSearch()
    try bringKeywordCacheInStep()
    var known = caches?.keywords.known(of: words, at: head) ?? KeywordCache.Known()
    var scores = KeywordScores()
    for word in words {
      let isNew = known.lists[word] == nil
      let postings = try known.lists[word] ?? readPostings(of: word, &known)
      if isNew { keep(postings, of: word, known) }
      guard !postings.isEmpty else { continue }
      let totals = known.totals ?? KeywordCache.Totals(passages: 0, tokens: 0)
      scores.add(postings, BM25(passages: totals.passages, tokens: totals.tokens))
    }
    return scores.best(limit, members: members)
  }

  private func keep(_ postings: [Posting], of word: UTF8Text, _ known: KeywordCache.Known) {
    guard let cache = caches?.keywords else { return }
    var read = KeywordCache.Known(totals: known.totals, lengths: known.lengths)
    read.lists[word] = postings
    cache.keep(read, at: head)
  }

  /// Reads a word's list from the index, and beside it what is not known yet of the index as a whole.
  private func readPostings(of word: UTF8Text, _ known: inout KeywordCache.Known) throws -> [Posting] {
    guard let read = try readIndex(of: word, lengthsMax: known.lengths == nil ? Self.lengthsProbedMax : 0) else {
      return []
    }
    known.totals = read.totals
    var postings = read.postings
    if known.lengths != nil || postings.count > Self.lengthsProbedMax {
      let lengths = try known.lengths ?? passageLengths()
      known.lengths = lengths
      guard postings.takeLengths(of: lengths) else {
        throw connection.damage("the keyword index names a passage whose length it does not know")
      }
    }
    return postings
  }

  /// A word's list as the index has it: the passages that hold it, by their numbers, without lengths.
  func indexedPostings(of word: UTF8Text) throws -> [Posting] {
    try readIndex(of: word, lengthsMax: 0)?.postings ?? []
  }

  /// Reads a word's list with the lengths of its first passages; `nil` for a word that no passage holds.
  private func readIndex(
    of word: UTF8Text,
    lengthsMax: Int
  ) throws -> (postings: [Posting], totals: KeywordCache.Totals)? {
    var read = freshet_postings()
    read.first_column_weight = Int32(BM25.headingWeight)
    read.lengths_max = lengthsMax
    defer { freshet_free_postings(&read) }
    let statement = try connection.statement(
      "SELECT freshet_postings(live_fts, ?2) FROM live_fts WHERE live_fts MATCH ?1 LIMIT 1"
    )
    try withUnsafeMutablePointer(to: &read) { read in
      defer { statement.reset() }
      statement.bind(1, word.string)
      statement.bindPostings(2, read)
      _ = try statement.step()
    }
    guard let items = read.items, read.count > 0 else { return nil }
    let postings = [Posting](unsafeUninitializedCapacity: read.count) { buffer, count in
      for index in 0..<read.count { buffer.initializeElement(at: index, to: Posting(bits: items[index])) }
      count = read.count
    }
    return (postings, KeywordCache.Totals(passages: Int(read.rows), tokens: Int(read.tokens)))
  }

  /// Every passage of the keyword index with its length in tokens.
  private func passageLengths() throws -> [Posting] {
    let statement = try connection.statement("SELECT id, sz FROM live_fts_docsize ORDER BY id")
    defer { statement.reset() }
    var lengths: [Posting] = []
    while try statement.step() {
      let length = Self.indexedLength(statement, column: 1)
      guard let posting = Posting(passage: statement.integer(0), weight: 0, length: length) else {
        throw connection.damage("a passage's number is out of range")
      }
      lengths.append(posting)
    }
    return lengths
  }

  /// A passage's tokens: one variable-length number of FTS5's (big endian, seven bits a byte) for each column.
  static func indexedLength(_ row: Statement, column: Int32) -> Int {
    row.withBytes(column) { bytes in
      var total = 0
      var number = 0
      for byte in bytes {
        number = (number & 0xFF_FFFF) << 7 | Int(byte & 0x7F)
        if byte < 0x80 {
          total += number
          number = 0
        }
      }
      return total
    }
  }

  /// Lets the kept lists follow the log to this snapshot's state, or forgets them.
  private func bringKeywordCacheInStep() throws {
    guard let cache = caches?.keywords, let old = cache.head, old != head else { return }
    let isSameHistory = old.collection == head.collection && old.epoch == head.epoch
    // A snapshot from before: it reads for itself.
    if isSameHistory, old.sequence > head.sequence { return }
    guard isSameHistory, old.sequence >= head.historyFloor, cache.canFollow(from: old),
      try chain(at: old.sequence) == old.chain
    else { return cache.forget(old) }
    let changed = try passagesChanged(after: old.sequence)
    let ids = changed.live + changed.gone
    guard ids.count <= KeywordCache.changesMax else { return cache.forget(old) }
    let records = try passages(ids)
    guard records.count == ids.count else { return cache.forget(old) }
    let changes = records.enumerated().map { index, record in
      KeywordCache.Change(
        passage: record.id,
        isLive: index < changed.live.count,
        tokens: KeywordTokens(heading: record.heading, body: record.body)
      )
    }
    cache.follow(changes, from: old, to: head)
  }
}

extension FreshetError {
  /// Whether FTS5 could not read its tables: it has codes of its own for what is missing there.
  var isOfDamagedKeywords: Bool { code == .storeDamaged || code == .storeFailed && !isTransient }
}

import CSQLite
import FreshetModel

/// Keyword search of the past, with the statistics of the passages that were live then: the scores are those that a
/// search at that moment gave.
///
/// Passages that are still live are found by the keyword index. The text of the others is read and counted: one pass for
/// all words that are not known yet, with no more memory than their matches take.
extension SQLitePastSnapshot {
  /// Texts that are read between two looks whether anybody still waits for the answer.
  private static let textsBetweenChecks = 1_024

  func keywordMatches(_ query: String, limit: Int, members: PassageSet?) throws -> [ScoredPassage] {
    let terms = KeywordQuery(query).terms
    guard limit > 0, members?.count != 0, !terms.isEmpty else { return [] }
    let words = terms.map { UTF8Text(KeywordQuery.expression($0)) }
    let cache = present.caches?.past
    var known = cache?.keywords(words, at: head) ?? KeywordCache.Known()
    let missing = terms.indices.filter { known.lists[words[$0]] == nil }
    if !missing.isEmpty || known.lengths == nil {
      try read(missing.map { terms[$0] }, words: missing.map { words[$0] }, &known)
      cache?.keep(known, at: head)
    }
    let totals = known.totals ?? KeywordCache.Totals(passages: 0, tokens: 0)
    let formula = BM25(passages: totals.passages, tokens: totals.tokens)
    var scores = KeywordScores()
    for word in words {
      if let postings = known.lists[word], !postings.isEmpty { scores.add(postings, formula) }
    }
    return scores.best(limit, members: members)
  }

  /// Reads the lists of words, and what is not known yet of the state as a whole.
  private func read(_ terms: [KeywordQuery.Term], words: [UTF8Text], _ known: inout KeywordCache.Known) throws {
    try present.prepareKeywordSearch()
    let members = try members()
    let gone = members.subtracting(try livePassagesNow())
    let counted = try countGone(gone, terms)
    if known.lengths == nil || known.totals == nil {
      var lengths = counted.lengths
      var tokens = counted.tokens
      try present.readingKeywords {
        try forEachIndexedLength { passage, length in
          guard members.contains(passage) else { return }
          tokens += length
          if let posting = Posting(passage: passage, weight: 0, length: length) { lengths.append(posting) }
        }
      }
      lengths.sort()
      known.lengths = lengths
      known.totals = KeywordCache.Totals(passages: members.count, tokens: tokens)
    }
    let lengths = known.lengths ?? []
    for (index, word) in words.enumerated() {
      let indexed = try present.readingKeywords { try present.indexedPostings(of: word) }
      var postings = indexed.filter { members.contains($0.passage) }
      postings += counted.postings[index]
      postings.sort()
      guard postings.takeLengths(of: lengths) else { throw SQLiteFailure.damagedKeywords(path: connection.path) }
      known.lists[word] = postings
    }
  }

  private struct Counted {
    var lengths: [Posting] = []
    var tokens = 0
    /// In the order of the terms.
    var postings: [[Posting]]
  }

  /// Counts terms in the passages that no index holds.
  private func countGone(_ passages: PassageSet, _ terms: [KeywordQuery.Term]) throws -> Counted {
    var counted = Counted(postings: Array(repeating: [], count: terms.count))
    var scan = TermScan(terms)
    var weights = Array(repeating: 0, count: terms.count)
    let text = try connection.statement("SELECT heading, body FROM passage WHERE id = ?1")
    for (place, passage) in passages.members.enumerated() {
      if place % Self.textsBetweenChecks == 0 { try Task.checkCancellation() }
      defer { text.reset() }
      text.bind(1, passage)
      guard try text.step() else { throw connection.damage("passage \(passage) is missing") }
      let length = text.withBytes(0) { heading in
        text.withBytes(1) { scan.count(heading: heading, body: $0, weights: &weights) }
      }
      guard let posting = Posting(passage: passage, weight: 0, length: length) else {
        throw connection.damage("a passage's number is out of range")
      }
      counted.lengths.append(posting)
      counted.tokens += length
      for index in terms.indices where weights[index] > 0 {
        if let posting = Posting(passage: passage, weight: weights[index], length: length) {
          counted.postings[index].append(posting)
        }
      }
    }
    return counted
  }

  private func forEachIndexedLength(_ body: (_ passage: PassageID, _ length: Int) throws -> Void) throws {
    let statement = try connection.statement("SELECT id, sz FROM live_fts_docsize ORDER BY id")
    defer { statement.reset() }
    while try statement.step() { try body(statement.integer(0), SQLiteSnapshot.indexedLength(statement, column: 1)) }
  }
}

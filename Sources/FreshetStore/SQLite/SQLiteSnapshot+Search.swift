import FreshetModel

extension SQLiteSnapshot {
  func keywordMatches(_ query: String, limit: Int, members: PassageSet?) throws -> [ScoredPassage] {
    guard limit > 0, members?.count != 0, let expression = KeywordQuery(query).fts5 else { return [] }
    try prepareKeywordSearch()
    let statement = try connection.statement(
      "SELECT rowid, rank FROM live_fts WHERE live_fts MATCH ?1 ORDER BY rank"
    )
    defer { statement.reset() }
    statement.bind(1, expression)
    var matches: [ScoredPassage] = []
    while matches.count < limit, try statement.step() {
      let passage = statement.integer(0)
      guard members?.contains(passage) ?? true else { continue }
      matches.append(ScoredPassage(passage: passage, score: Float(-statement.real(1))))
    }
    return matches
  }
}

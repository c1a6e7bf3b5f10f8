import CVectorMath
import FreshetModel

/// Ranks passages for one query.
struct Ranking {
  /// The query as the serving model sees it.
  struct VectorQuery {
    var model: ModelID
    var vector: [Float]
  }

  /// Passages in their order, and whether there are no more.
  struct Ranked {
    var passages: [(passage: PassageID, score: Double)]
    var isComplete: Bool
  }

  private let searcher: Searcher
  private let text: String
  private let members: PassageSet?
  var query: VectorQuery?

  init(searcher: Searcher, query: String, members: PassageSet?) {
    self.searcher = searcher
    text = query
    self.members = members
  }

  /// The best passages, from lists of at least `count` candidates each.
  func ranked(_ mode: SearchMode, count: Int) throws -> Ranked {
    switch mode {
    case .keyword:
      let found = try searcher.snapshot.keywordMatches(text, limit: count, members: members)
      return Ranked(passages: try tiesByContent(Self.ordered(found)), isComplete: found.count < count)
    case .vector:
      let (found, isComplete) = try nearest(count)
      return Ranked(passages: try tiesByContent(Self.ordered(found)), isComplete: isComplete)
    case .hybrid:
      let (byVector, isComplete) = try nearest(count)
      let byKeyword = try searcher.snapshot.keywordMatches(text, limit: count, members: members)
      let fused = try fuse([Self.ordered(byVector), Self.ordered(byKeyword)], count)
      return Ranked(passages: fused, isComplete: isComplete && byKeyword.count < count)
    }
  }

  private static func ordered(_ scored: [ScoredPassage]) -> [(passage: PassageID, score: Double)] {
    scored.map { (passage: $0.passage, score: Double($0.score)) }.sorted { $0.score > $1.score }
  }

  /// Orders passages of equal score by their texts' hashes: their numbers tell of the order in which they came, and two
  /// collections of the same documents answer alike.
  ///
  /// - Parameter isTied: whether two neighbours of the list are equal.
  private func tiesByContent(
    _ list: [(passage: PassageID, score: Double)],
    isTied: ((passage: PassageID, score: Double), (passage: PassageID, score: Double)) -> Bool = {
      $0.score == $1.score
    }
  ) throws -> [(passage: PassageID, score: Double)] {
    var runs: [Range<Int>] = []
    var start = 0
    for index in 1..<max(list.count, 1) where !isTied(list[index - 1], list[index]) {
      if index - start > 1 { runs.append(start..<index) }
      start = index
    }
    if list.count - start > 1 { runs.append(start..<list.count) }
    guard !runs.isEmpty else { return list }
    let tied = runs.flatMap { list[$0].map(\.passage) }
    let keys = Dictionary(
      try searcher.snapshot.passages(tied).map { ($0.id, $0.key.bytes) },
      uniquingKeysWith: { first, _ in first }
    )
    var ordered = list
    for run in runs {
      ordered[run].sort { (keys[$0.passage] ?? []).lexicographicallyPrecedes(keys[$1.passage] ?? []) }
    }
    return ordered
  }

  // MARK: Fusion

  /// Reciprocal rank fusion; more of the query's exact terms stand above fewer.
  private func fuse(
    _ lists: [[(passage: PassageID, score: Double)]],
    _ count: Int
  ) throws -> [(passage: PassageID, score: Double)] {
    var scores: [PassageID: Double] = [:]
    for list in lists {
      // Equal scores share the best of their ranks.
      var rank = 0
      for (place, entry) in list.enumerated() {
        if place == 0 || entry.score != list[place - 1].score { rank = place + 1 }
        scores[entry.passage, default: 0] += 1 / (Searcher.fusionConstant + Double(rank))
      }
    }
    let terms = ExactTerms(of: text)
    var exact: [PassageID: Int] = [:]
    if !terms.texts.isEmpty {
      // Passages that hold an exact term may rank low for the rest of the query: ask for them by name.
      var candidates = Set(scores.keys)
      for term in terms.texts {
        for found in try searcher.snapshot.keywordMatches("\"\(term)\"", limit: count, members: members) {
          candidates.insert(found.passage)
        }
      }
      for passage in try searcher.snapshot.passages(candidates.sorted()) {
        let matches = terms.matches(in: passage)
        if matches > 0 {
          exact[passage.id] = matches
          scores[passage.id, default: 0] += 0
        }
      }
    }
    let fused = scores.map { (passage: $0.key, score: $0.value) }.sorted {
      let left = exact[$0.passage] ?? 0
      let right = exact[$1.passage] ?? 0
      return left != right ? left > right : $0.score > $1.score
    }
    return try tiesByContent(fused) { $0.score == $1.score && exact[$0.passage] == exact[$1.passage] }
  }

  // MARK: Vectors

  /// The nearest passages with their exact scores, and whether there are no more.
  private func nearest(_ count: Int) throws -> (found: [ScoredPassage], isComplete: Bool) {
    guard let query else { return ([], true) }
    guard let index = searcher.index else {
      let found = try scan(query, count)
      return (found, found.count < count)
    }
    let found = try index.search(query.vector, limit: count, members: members)
    let page = try searcher.snapshot.vectors(of: found.map(\.passage).sorted(), model: query.model)
    return (Self.score(page, query.vector), found.count < count)
  }

  /// Every stored vector, a page at a time: for a collection without an index file.
  private func scan(_ query: VectorQuery, _ count: Int) throws -> [ScoredPassage] {
    var best: [ScoredPassage] = []
    var last: PassageID = -1
    func shorten() {
      best.sort { $0.score != $1.score ? $0.score > $1.score : $0.passage < $1.passage }
      if best.count > count { best.removeSubrange(count...) }
    }
    while true {
      let page = try searcher.snapshot.liveVectors(model: query.model, after: last, limit: Searcher.scanPage)
      guard let end = page.passages.last else { break }
      last = end
      best += Self.score(page, query.vector).filter { members?.contains($0.passage) ?? true }
      if best.count > max(2 * count, Searcher.scanPage) { shorten() }
    }
    shorten()
    return best
  }

  /// The cosine of each vector of a page with the query.
  private static func score(_ page: VectorPage, _ query: [Float]) -> [ScoredPassage] {
    let dimension = page.dimension
    guard dimension == query.count, dimension > 0 else { return [] }
    var floats = [Float](repeating: 0, count: dimension)
    return page.halves.withUnsafeBufferPointer { halves in
      page.passages.indices.compactMap { row in
        let offset = row * dimension
        guard offset + dimension <= halves.count, let start = halves.baseAddress else { return nil }
        freshet_halves_to_floats(start + offset, &floats, dimension)
        return ScoredPassage(passage: page.passages[row], score: freshet_dot(floats, query, dimension))
      }
    }
  }
}

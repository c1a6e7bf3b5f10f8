import FreshetModel

/// What every vector index must do, checked through the protocol alone.
///
/// A backend joins with two closures; each check throws a `Violation` that says what did not hold.
public struct IndexConformance: Sendable {
  /// What did not hold.
  public struct Violation: Error, CustomStringConvertible {
    public let description: String
  }

  /// A named check.
  public struct Check: Sendable, CustomStringConvertible {
    /// What must hold.
    public let name: String
    let body: @Sendable (IndexConformance) throws -> Void

    public var description: String { name }

    /// Runs it on a backend.
    public func run(on conformance: IndexConformance) throws { try body(conformance) }
  }

  let make: @Sendable (Int) throws -> any VectorIndex
  let open: @Sendable (String) throws -> (any VectorIndex, IndexPosition)
  let seed: UInt64

  /// Takes a backend: how an empty index of a dimension is made, and how a written one is opened.
  public init(
    seed: UInt64,
    make: @escaping @Sendable (_ dimension: Int) throws -> any VectorIndex,
    open: @escaping @Sendable (_ path: String) throws -> (any VectorIndex, IndexPosition)
  ) {
    self.seed = seed
    self.make = make
    self.open = open
  }

  /// Every check.
  public static let checks: [Check] =
    [
      Check(name: "an empty index finds nothing") { try $0.emptyFindsNothing() },
      Check(name: "limits below, at and above the count are obeyed") { try $0.limits() },
      Check(name: "the nearest come first, with their cosine") { try $0.nearestFirst() },
      Check(name: "adding again replaces") { try $0.replaces() },
      Check(name: "removed passages are not found, and come back when added again") { try $0.removes() },
      Check(name: "a filter finds min(limit, members) and nothing else") { try $0.filters() },
      Check(name: "wrong dimensions and numbers are refused and change nothing") { try $0.refuses() },
      Check(name: "a written index opens as it was") { try $0.survivesWriting() },
      Check(name: "a random history ends as its last state says") { try $0.randomHistory() },
    ]

  func check(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
    if !condition { throw Violation(description: "\(sentence()) (seed \(seed))") }
  }

  /// Scores are approximate: 8-bit codes move a cosine by less than this.
  static let tolerance: Float = 0.02

  // MARK: Checks

  private func emptyFindsNothing() throws {
    let index = try make(8)
    try check(index.count == 0 && index.dimension == 8, "an empty index counts \(index.count)")
    try check(index.search([1, 0, 0, 0, 0, 0, 0, 0], limit: 5, members: nil).isEmpty, "an empty index found something")
    try check(
      index.search([1, 0, 0, 0, 0, 0, 0, 0], limit: 5, members: PassageSet([1, 2])).isEmpty,
      "an empty index found members"
    )
    try index.remove([1, 2, 3])
    try index.add(VectorPage(passages: [], dimension: 8, halves: []))
    try check(index.count == 0, "nothing made \(index.count)")
    let directory = try TemporaryDirectory()
    try index.write(to: directory.path + "/empty", position: Self.position)
    let (opened, _) = try open(directory.path + "/empty")
    try check(opened.count == 0 && opened.dimension == 8, "an empty index opened with \(opened.count)")
  }

  private func limits() throws {
    var random = SeededRandom(seed: seed)
    for dimension in [1, 3, 64, 100, 384] {
      let index = try make(dimension)
      let vectors = VectorSamples.clustered(count: 130, dimension: dimension, using: &random)
      try index.add(VectorSamples.page(vectors, first: 1))
      for limit in [0, 1, 64, 129, 130, 131, 1_000_000] {
        let hits = try index.search(vectors[7], limit: limit, members: nil)
        try check(hits.count == min(limit, 130), "limit \(limit) of 130 gave \(hits.count) in dimension \(dimension)")
        try check(Set(hits.map(\.passage)).count == hits.count, "a passage was found twice")
        try check(zip(hits, hits.dropFirst()).allSatisfy { $0.score >= $1.score }, "hits are not in order")
      }
      try check(index.search(vectors[7], limit: -1, members: nil).isEmpty, "a negative limit found something")
    }
  }

  private func nearestFirst() throws {
    var random = SeededRandom(seed: seed)
    let vectors = VectorSamples.clustered(count: 1500, dimension: 32, using: &random)
    let index = try make(32)
    try index.add(VectorSamples.page(vectors, first: 10))
    let directory = try TemporaryDirectory()
    try index.write(to: directory.path + "/index", position: Self.position)
    for index in [index, try open(directory.path + "/index").0] {
      for query in vectors.prefix(25) {
        let scores = vectors.map { VectorSamples.cosine($0, query) }
        let tenth = scores.sorted(by: >)[9]
        let hits = try index.search(query, limit: 10, members: nil)
        for hit in hits {
          let exact = scores[Int(hit.passage) - 10]
          try check(abs(exact - hit.score) < Self.tolerance, "the score \(hit.score) of a cosine \(exact)")
          try check(exact > tenth - 2 * Self.tolerance, "cosine \(exact) is among the best 10, which end at \(tenth)")
        }
      }
    }
  }

  private func replaces() throws {
    let index = try make(4)
    try index.add(VectorSamples.page([[1, 0, 0, 0], [0, 1, 0, 0]], first: 1))
    try index.add(VectorSamples.page([[0, 0, 1, 0]], first: 1))
    try check(index.count == 2, "two passages count \(index.count)")
    try check(index.search([0, 0, 1, 0], limit: 1, members: nil).first?.passage == 1, "the new vector is not found")
    let old = try index.search([1, 0, 0, 0], limit: 2, members: nil)
    try check(old.allSatisfy { abs($0.score) < Self.tolerance }, "the old vector is found")
    var twice = VectorSamples.page([[1, 0, 0, 0], [0, 0, 0, 1]], first: 5)
    twice.passages = [5, 5]
    try index.add(twice)
    try check(index.count == 3, "a passage twice in one page counts \(index.count)")
    try check(index.search([0, 0, 0, 1], limit: 1, members: nil).first?.passage == 5, "the last vector does not win")
    var reversed = VectorSamples.page([[1, 0, 0, 0], [0, 1, 0, 0]], first: 1)
    reversed.passages = [9, 8]
    try index.add(reversed)
    let best = try index.search([1, 0, 0, 0], limit: 1, members: nil).first?.passage
    try check(best == 9, "a page in another order went wrong")
  }

  private func removes() throws {
    var random = SeededRandom(seed: seed)
    let vectors = VectorSamples.clustered(count: 500, dimension: 16, using: &random)
    let index = try make(16)
    try index.add(VectorSamples.page(vectors, first: 0))
    let gone = (0..<500).filter { $0 % 3 == 0 }.map(PassageID.init)
    try index.remove(gone + [7000, -4])
    try index.remove(gone)
    try check(index.count == 500 - gone.count, "\(index.count) are left")
    let hits = try index.search(vectors[0], limit: 500, members: nil)
    try check(Set(hits.map(\.passage)) == Set(0..<500).subtracting(gone), "the wrong ones are left")
    try check(index.search(vectors[0], limit: 5, members: PassageSet(gone)).isEmpty, "a removed member is found")
    try index.add(VectorSamples.page([vectors[3]], first: 3))
    try check(index.search(vectors[3], limit: 1, members: nil).first?.passage == 3, "a removed passage does not return")
    try index.remove((0..<500).map(PassageID.init))
    try check(index.count == 0, "\(index.count) are left of none")
    try check(index.search(vectors[0], limit: 5, members: nil).isEmpty, "something is found in nothing")
    try index.add(VectorSamples.page(vectors, first: 0))
    try check(index.count == 500, "\(index.count) of 500 came back")
  }

  private func filters() throws {
    var random = SeededRandom(seed: seed)
    let vectors = VectorSamples.clustered(count: 2000, dimension: 16, using: &random)
    let built = try make(16)
    try built.add(VectorSamples.page(vectors, first: 1))
    let directory = try TemporaryDirectory()
    try built.write(to: directory.path + "/index", position: Self.position)
    let (opened, _) = try open(directory.path + "/index")
    try opened.remove(Array(1...50))
    let live = Set((51...2000).map(PassageID.init))
    for round in 0..<80 {
      let share = [0.0, 0.001, 0.01, 0.1, 0.5, 0.9, 1.0].randomElement(using: &random) ?? 0.5
      let chosen = (1...2100).filter { _ in Double.random(in: 0..<1, using: &random) < share }.map(PassageID.init)
      let limit = [1, 10, 100].randomElement(using: &random) ?? 10
      let hits = try opened.search(vectors[round], limit: limit, members: PassageSet(chosen))
      let matches = live.intersection(chosen)
      try check(
        hits.count == min(limit, matches.count),
        "round \(round): \(hits.count) of \(matches.count) matches for limit \(limit)"
      )
      try check(hits.allSatisfy { matches.contains($0.passage) }, "round \(round): a hit that the filter excludes")
      try check(Set(hits.map(\.passage)).count == hits.count, "round \(round): a hit twice")
    }
    try check(
      opened.search(vectors[0], limit: 9, members: PassageSet()).isEmpty,
      "an empty filter lets something through"
    )
  }

  private func refuses() throws {
    let index = try make(4)
    try index.add(VectorSamples.page([[1, 0, 0, 0]], first: 1))
    func refused(_ code: FreshetError.Code?, _ what: String, _ body: () throws -> Void) throws {
      do {
        try body()
      } catch let error as FreshetError {
        if let code { try check(error.code == code, "\(what) is refused with \(error.code.rawValue)") }
        return
      }
      throw Violation(description: "\(what) is accepted")
    }
    try refused(.modelMismatch, "a query of another dimension") {
      _ = try index.search([1, 0], limit: 1, members: nil)
    }
    try refused(.modelMismatch, "an empty query") { _ = try index.search([], limit: 1, members: nil) }
    for number in [Float.nan, .infinity, -.infinity] {
      try refused(.invalidArgument, "a query with \(number)") {
        _ = try index.search([1, number, 0, 0], limit: 1, members: nil)
      }
      try refused(nil, "a vector with \(number)") {
        try index.add(VectorSamples.page([[0, 1, 0, 0], [number, 0, 0, 0]], first: 2))
      }
    }
    try refused(.modelMismatch, "vectors of another dimension") {
      try index.add(VectorSamples.page([[1, 0, 0]], first: 2))
    }
    try refused(nil, "a page with too few components") {
      try index.add(VectorPage(passages: [4, 5], dimension: 4, halves: [0, 0, 0, 0]))
    }
    try check(index.count == 1, "what was refused left \(index.count)")
    try check(index.search([0, 0, 0, 0], limit: 3, members: nil).count == 1, "the zero query finds nothing")
    try check(
      index.search([.greatestFiniteMagnitude, 0, 0, 0], limit: 1, members: nil).first.map { $0.score > 0.9 } ?? false,
      "a long query is not brought to unit length"
    )
  }

  private func survivesWriting() throws {
    var random = SeededRandom(seed: seed)
    let vectors = VectorSamples.clustered(count: 1000, dimension: 40, using: &random)
    let index = try make(40)
    try index.add(VectorSamples.page(Array(vectors[..<800]), first: 1))
    try index.remove([5, 6, 7])
    let directory = try TemporaryDirectory()
    for generation in 0..<3 {
      let path = directory.path + "/\(generation)"
      try index.write(to: path, position: Self.position)
      let (opened, position) = try open(path)
      try check(position == Self.position, "the position came back as \(position)")
      try check(opened.backend == index.backend, "the backend came back as \(opened.backend)")
      try sameContents(opened, index, vectors[generation])
      try index.add(VectorSamples.page(Array(vectors[800...]), first: PassageID(801 + 100 * generation)))
      try opened.add(VectorSamples.page(Array(vectors[800...]), first: PassageID(801 + 100 * generation)))
      try sameContents(opened, index, vectors[generation])
    }
    try index.write(to: directory.path + "/0", position: Self.position)
    try sameContents(try open(directory.path + "/0").0, index, vectors[9])
  }

  private func randomHistory() throws {
    var random = SeededRandom(seed: seed)
    let index = try make(12)
    var state: [PassageID: [Float]] = [:]
    for _ in 0..<150 {
      if Int.random(in: 0..<3, using: &random) > 0 {
        let count = Int.random(in: 1...40, using: &random)
        let vectors = VectorSamples.clustered(count: count, dimension: 12, using: &random)
        let passages = (0..<count).map { _ in PassageID.random(in: 0..<400, using: &random) }
        var page = VectorSamples.page(vectors, first: 0)
        page.passages = passages
        try index.add(page)
        for (passage, vector) in zip(passages, vectors) { state[passage] = vector }
      } else {
        let passages = (0..<30).map { _ in PassageID.random(in: 0..<400, using: &random) }
        try index.remove(passages)
        for passage in passages { state[passage] = nil }
      }
      try check(index.count == state.count, "\(index.count) instead of \(state.count)")
    }
    let query = VectorSamples.clustered(count: 1, dimension: 12, using: &random)[0]
    let hits = try index.search(query, limit: 1000, members: nil)
    try check(Set(hits.map(\.passage)) == Set(state.keys), "other passages than the last state's")
    for hit in hits {
      let exact = state[hit.passage].map { VectorSamples.cosine($0, query) } ?? 2
      try check(abs(exact - hit.score) < Self.tolerance, "a score \(hit.score) of a cosine \(exact)")
    }
  }

  private func sameContents(_ left: any VectorIndex, _ right: any VectorIndex, _ query: [Float]) throws {
    try check(left.count == right.count, "\(left.count) instead of \(right.count)")
    let (mine, theirs) = (
      try left.search(query, limit: left.count, members: nil), try right.search(query, limit: left.count, members: nil)
    )
    try check(mine.map(\.passage).sorted() == theirs.map(\.passage).sorted(), "other passages")
    let scores = Dictionary(uniqueKeysWithValues: theirs.map { ($0.passage, $0.score) })
    for hit in mine {
      try check(abs((scores[hit.passage] ?? 9) - hit.score) < Self.tolerance, "another score of \(hit.passage)")
    }
  }

  /// The position that the checks write.
  public static let position = IndexPosition(
    collection: CollectionID(high: 1, low: 2),
    epoch: CollectionID(high: 3, low: 4),
    sequence: 77,
    chain: ContentHash(bytes: Array(1...32)) ?? .zero,
    model: "test-model/1"
  )
}

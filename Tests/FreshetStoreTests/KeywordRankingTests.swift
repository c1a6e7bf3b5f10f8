import CSQLite
import FreshetModel
import FreshetStore
import FreshetTestKit
import Testing

/// Searches of a store that has been open for long and of one that was opened just now are one and the same.
@Suite struct KeywordRankingTests {
  private static let words =
    ["the", "of", "a", "is", "in", "how", "configure", "server", "standby", "logging", "kelp", "maxDeleteRatio"]
    + ["sync.max_ratio", "検索エンジン", "設定", "水", "Ärger", "e\u{301}tude", "v2.0"] + (0..<40).map { "word\($0)" }
  private static let queries = [
    "how is the logging of a server configured in standby", "the of a is in", "kelp", "\"the server\"", "max ratio",
    "maxDeleteRatio", "sync.max_ratio", "設定", "水", "\"検索エンジン\"", "arger étude", "word1 word2 word3 the",
    "\"configure the server\" kelp", "nothing that occurs", "v2.0",
  ]

  private static func text(_ random: inout SeededRandom) -> String {
    // Low places are drawn more often, as words are in a language.
    (0..<Int.random(in: 1...30, using: &random)).map { _ in
      let share = Double.random(in: 0..<1, using: &random)
      return words[Int(share * share * share * Double(words.count))]
    }.joined(separator: " ")
  }

  private static func documents(_ count: Int, paragraphs: Int, _ random: inout SeededRandom) -> [SampleDocument] {
    (0..<count).map { number in
      SampleDocument(
        origin: "d\(number).md",
        paragraphs: (0..<paragraphs).map { _ in text(&random) },
        heading: number % 3 == 0 ? ["Server", "Logging \(number)"] : []
      )
    }
  }

  /// Of all documents, of most, of some, and of one.
  private static let filters: [Filter] = [
    .field("size", .greaterOrEqual, 0), .not(.metadata("origin", equals: "d3.md")), .field("origin", .matches, "d1*"),
    .oneOf("origin", ["d1.md", "d2.md", "d4.md", "d5.md", "d6.md"]),
  ]

  private static func passages(_ filter: Filter, in store: SQLiteStore) async throws -> [PassageID] {
    try await store.read(.everything) { try $0.passages(matching: filter).members }
  }

  private static func answers(of store: SQLiteStore) async throws -> [[ScoredPassage]] {
    try await store.read(.everything) { snapshot in
      try queries.flatMap { query in
        [try snapshot.keywordMatches(query, limit: 10, members: nil)]
          + [try snapshot.keywordMatches(query, limit: 10_000, members: nil)]
      }
    }
  }

  @Test func scoresAreThoseOfFTS5() async throws {
    let seed: UInt64 = 5
    var random = SeededRandom(seed: seed)
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    // More passages than lengths that are looked up one by one.
    let documents = Self.documents(90, paragraphs: 10, &random)
    try await store.write { transaction throws in
      let source = try transaction.registerSource(name: "docs", location: "/docs").id
      for document in documents { try document.apply(.created, to: transaction, source: source) }
    }
    let plain = try RawDatabase(path, tokenizing: true)
    for query in ["the", "the server", "kelp word1 configure how", "word39 a", "logging"] {
      let expression = query.split(separator: " ").map { "\"\($0)\"" }.joined(separator: " OR ")
      let expected = try plain.texts(
        "SELECT rowid || ' ' || rank FROM live_fts WHERE live_fts MATCH '\(expression)' ORDER BY rowid"
      )
      let found = try await store.read(.everything) { try $0.keywordMatches(query, limit: 2_000, members: nil) }
      #expect(!expected.isEmpty && found.count == expected.count, "\(query) (seed \(seed))")
      for (line, match) in zip(expected, found.sorted { $0.passage < $1.passage }) {
        let parts = line.split(separator: " ")
        let score = try #require(Double(parts[1])) * -1
        #expect(Int64(parts[0]) == match.passage)
        #expect(abs(score - Double(match.score)) <= 1e-5 * abs(score), "\(query) (seed \(seed))")
      }
    }
    await store.close()
  }

  @Test(arguments: [1, 2, 3]) func keptListsFollowEveryChange(seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    let old = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    let source = try await old.write { try $0.registerSource(name: "docs", location: "/docs").id }
    var documents = Self.documents(80, paragraphs: 9, &random)
    var isLive = [Bool](repeating: true, count: documents.count)
    let first = documents
    try await old.write { transaction throws in
      for document in first { try document.apply(.created, to: transaction, source: source) }
    }
    for round in 0..<12 {
      _ = try await Self.answers(of: old)
      var changes: [(ChangeKind, SampleDocument)] = []
      for index in documents.indices where Int.random(in: 0..<10, using: &random) == 0 {
        if !isLive[index] {
          changes.append((.restored, documents[index]))
        } else if Int.random(in: 0..<4, using: &random) == 0 {
          changes.append((.deleted, documents[index]))
          isLive[index] = false
          continue
        } else {
          // A paragraph goes, one comes, and one is a copy of another document's.
          documents[index].paragraphs[0] = Self.text(&random)
          documents[index].paragraphs[1] = first[(index + round) % first.count].paragraphs[2]
          documents[index].paragraphs[2] += " kelp"
          changes.append((.modified, documents[index]))
        }
        isLive[index] = true
      }
      let batch = changes
      try await old.write { transaction throws in
        for (kind, document) in batch { try document.apply(kind, to: transaction, source: source) }
      }
      let fresh = try SQLiteStore.open(at: path, mode: .readOnly)
      for filter in Self.filters {
        let (kept, read) = (try await Self.passages(filter, in: old), try await Self.passages(filter, in: fresh))
        #expect(kept == read && !read.isEmpty, "\(filter), round \(round) (seed \(seed))")
      }
      let (kept, read) = (try await Self.answers(of: old), try await Self.answers(of: fresh))
      for (index, pair) in zip(kept, read).enumerated() {
        #expect(pair.0 == pair.1, "\(Self.queries[index / 2]), round \(round) (seed \(seed))")
      }
      await fresh.close()
    }
    await old.close()
  }

  @Test func aReaderOfAnOlderStateFindsItsOwnState() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    let source = try await store.write { try $0.registerSource(name: "docs", location: "/docs").id }
    var random = SeededRandom(seed: 9)
    for document in Self.documents(80, paragraphs: 9, &random) {
      _ = try await store.write { try document.apply(.created, to: $0, source: source) }
    }
    let added = SampleDocument(origin: "new.md", paragraphs: ["the unheard-of server"])
    let (entered, enter) = AsyncStream.makeStream(of: Void.self)
    let (left, leave) = AsyncStream.makeStream(of: Void.self)
    let gate = Gate()
    async let older = store.read(.everything) { snapshot in
      let before = try snapshot.keywordMatches("the server", limit: 5_000, members: nil)
      enter.finish()
      gate.wait()
      let after = try snapshot.keywordMatches("the server", limit: 5_000, members: nil)
      leave.finish()
      return (before, after)
    }
    for await _ in entered {}
    _ = try await store.write { try added.apply(.created, to: $0, source: source) }
    let newer = try await store.read(.everything) { try $0.keywordMatches("the server", limit: 5_000, members: nil) }
    gate.open()
    for await _ in left {}
    let (before, after) = try await older
    #expect(before == after)
    #expect(newer.count == before.count + 1)
    let again = try await store.read(.everything) { try $0.keywordMatches("the server", limit: 5_000, members: nil) }
    #expect(again == newer)
    await store.close()
  }

  @Test func wordsThatEveryPassageHoldsAreFoundAmongMembers() async throws {
    let directory = try TemporaryDirectory()
    let store = try SQLiteStore.open(at: directory.file("c.sqlite"), mode: .readWrite(create: true))
    let document = SampleDocument(origin: "a.md", paragraphs: (0..<700).map { "it is the one with number\($0)" })
    _ = try await store.write {
      try document.apply(.created, to: $0, source: $0.registerSource(name: "docs", location: "/docs").id)
    }
    try await store.read(.everything) { snapshot throws in
      let passages = try snapshot.chunks(of: document.id).map(\.passage)
      let members = PassageSet(passages.suffix(7))
      let found = try snapshot.keywordMatches("is it the number3", limit: 100, members: members)
      #expect(found.map(\.passage) == Array(passages.suffix(7)) && found.allSatisfy { $0.score > 0 })
      #expect(try snapshot.keywordMatches("is it the one", limit: 5, members: members).count == 5)
      #expect(
        try snapshot.keywordMatches("is it the one number3", limit: 1, members: nil).first?.passage == passages[3]
      )
    }
    await store.close()
  }
}

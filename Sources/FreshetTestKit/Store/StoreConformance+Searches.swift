import FreshetModel
import FreshetSystem

extension StoreConformance {
  static let searches: [Check] = [
    Check("filters match what a plain evaluation matches, on random metadata") {
      try await $0.filtersLikeThePlainOnes()
    },
    Check("filters know the standard fields") { try await $0.knowsStandardFields() },
    Check("keywords are found as words, identifiers and their parts, CJK pairs, and phrases") {
      try await $0.findsKeywords()
    },
    Check("nothing in a query is an operator") { try await $0.survivesHostileQueries() },
    Check("keyword matches are ranked, limited and restricted to members") { try await $0.ranksKeywords() },
    Check("occurrences tell where passages stand") { try await $0.tellsOccurrences() },
  ]

  private static let names = ["team", "tags", "count", "flag", "size", "é", "none"]
  private static let texts = ["a", "b", "ops", "Ops", "é", "e\u{301}", "", "10", "z*", "日本"]

  private static func scalar(_ random: inout SeededRandom) -> JSONValue {
    switch Int.random(in: 0..<10, using: &random) {
    case 0: .null
    case 1: .boolean(.random(using: &random))
    case 2, 3: .integer(.random(in: -3...12, using: &random))
    case 4: .number(Double(Int.random(in: -6...20, using: &random)) / 2)
    case 5: .integer([Int64.max, .max - 1, .min, 1 << 53, 1 << 53 + 1].randomElement(using: &random) ?? 0)
    case 6: .number([9_007_199_254_740_992, 9.3e18, -1e300, 0.1].randomElement(using: &random) ?? 0)
    default: .string(texts.randomElement(using: &random) ?? "")
    }
  }

  private static func value(_ random: inout SeededRandom) -> JSONValue {
    switch Int.random(in: 0..<8, using: &random) {
    case 0: .array((0..<Int.random(in: 0...3, using: &random)).map { _ in scalar(&random) })
    case 1: .object([JSONValue.Member("x", scalar(&random))])
    case 2: .array([.array([scalar(&random)])])
    default: scalar(&random)
    }
  }

  private static func filter(_ random: inout SeededRandom, depth: Int) -> Filter {
    let name = names.randomElement(using: &random) ?? "team"
    switch Int.random(in: 0..<(depth > 0 ? 11 : 8), using: &random) {
    case 0: return .exists(name)
    case 1: return .oneOf(name, (0..<Int.random(in: 0...3, using: &random)).map { _ in scalar(&random) })
    case 2:
      let patterns = ["*", "a*", "?", "[a-o]*", "[!a]*", "\\*", "z\\*", "*é*", "", "[", "O[p]?", "**s"]
      return .field(name, .matches, .string(patterns.randomElement(using: &random) ?? "*"))
    case 8: return .not(filter(&random, depth: depth - 1))
    case 9: return .all((0..<Int.random(in: 0...3, using: &random)).map { _ in filter(&random, depth: depth - 1) })
    case 10: return .any((0..<Int.random(in: 0...3, using: &random)).map { _ in filter(&random, depth: depth - 1) })
    default:
      let comparisons = Filter.Comparison.allCases.filter { $0 != .matches }
      return .field(name, comparisons.randomElement(using: &random) ?? .equal, value(&random))
    }
  }

  private func filtersLikeThePlainOnes() async throws {
    try await withStore { store, source in
      var random = SeededRandom(seed: seed)
      var documents: [SampleDocument] = []
      for number in 0..<60 {
        var metadata: Metadata = [:]
        for name in Self.names where name != "size" && Bool.random(using: &random) {
          metadata[name] = Self.value(&random)
        }
        documents.append(SampleDocument(origin: "d/\(number).md", paragraphs: ["text \(number)"], metadata: metadata))
      }
      // Some change their metadata, so that what the index of fields forgets is seen too.
      let first = documents
      for index in documents.indices where index.isMultiple(of: 3) {
        documents[index].metadata["tags"] = Self.value(&random)
        documents[index].metadata["count"] = nil
      }
      let last = documents
      try await store.write { transaction throws in
        for document in first { try document.apply(.created, to: transaction, source: source) }
        for (index, document) in last.enumerated() where index.isMultiple(of: 3) {
          try document.apply(.metadata, to: transaction, source: source)
        }
        try last[1].apply(.deleted, to: transaction, source: source)
      }
      var filters: [Filter] = [.all([]), .any([])]
      for _ in 0..<600 { filters.append(Self.filter(&random, depth: 3)) }
      let all = filters
      let passages = try await store.read(.everything) { snapshot in
        try last.map { try snapshot.chunks(of: $0.id).map(\.passage) }
      }
      try await store.read(.everything) { snapshot throws in
        for filter in all {
          let found = try snapshot.passages(matching: filter)
          var expected = PassageSet()
          for (index, document) in last.enumerated() where index != 1 {
            var fields = document.metadata
            fields["size"] = .integer(Int64(document.content.count))
            if PlainFilter.matches(filter, fields) { for passage in passages[index] { expected.insert(passage) } }
          }
          try expectEqual(found.members, expected.members, "\(filter) (seed \(seed))")
        }
      }
    }
  }

  private func knowsStandardFields() async throws {
    try await withStore { store, source in
      var document = SampleDocument(
        origin: "guide/keys/rotate.md",
        paragraphs: ["text"],
        metadata: ["type": "markdown"],
        title: "Rotate keys"
      )
      document.modified = Timestamp(seconds: 1_772_368_205)
      let sample = document
      let own = SampleDocument(
        origin: "other.md",
        paragraphs: ["own"],
        metadata: ["category": "mine", "name": "theirs", "modified": "2000-01-01", "source": "x", "size": 0]
      )
      try await store.write { transaction throws in
        try sample.apply(.created, to: transaction, source: source)
        try own.apply(.created, to: transaction, source: source)
      }
      try await store.read(.everything) { snapshot throws in
        let filters: [(Filter, Int)] = [
          (.metadata("source", equals: "docs"), 2), (.metadata("origin", equals: "guide/keys/rotate.md"), 1),
          (.metadata("title", equals: "Rotate keys"), 1), (.metadata("category", equals: "guide/keys"), 1),
          (.metadata("name", equals: "rotate.md"), 1), (.metadata("type", equals: "markdown"), 1),
          (.metadata("size", equals: 4), 1), (.field("modified", .greater, "2026-01-01"), 1),
          (.field("modified", .less, "2026-03-01T12:30:06"), 2), (.metadata("category", equals: "mine"), 1),
          (.metadata("name", equals: "theirs"), 1), (.metadata("source", equals: "x"), 0),
          (.metadata("size", equals: 0), 0), (.field("origin", .matches, "guide/*"), 1),
          // The day 2026-03-01, the time after it, and the time before it, as the filter language asks for them.
          (
            .all([
              .field("modified", .greaterOrEqual, "2026-03-01T00:00:00.000Z"),
              .field("modified", .less, "2026-03-02T00:00:00.000Z"),
            ]), 1
          ),
          (.field("modified", .greaterOrEqual, "2026-03-02T00:00:00.000Z"), 0),
          (.field("modified", .less, "2026-03-01T00:00:00.000Z"), 1),
        ]
        for (filter, count) in filters {
          try expectEqual(try snapshot.passages(matching: filter).count, count, "\(filter)")
        }
      }
      var moved = sample
      moved.origin = "new/rotate.md"
      let there = moved
      _ = try await store.write { try there.apply(.renamed, to: $0, source: source) }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.passages(matching: .metadata("category", equals: "new")).count, 1)
        try expectEqual(try snapshot.passages(matching: .metadata("category", equals: "guide/keys")).count, 0)
      }
    }
  }

  private func findsKeywords() async throws {
    try await withStore { store, source in
      let paragraphs = [
        "Call getUserName or set sync.max_delete_ratio; HTTPServer v2.0 fails.",
        "Die Straße führt über Ärger nach Ångström, CAFÉ and cafe\u{301}.",
        "全文検索エンジンの設定方法。日本語 mixed with words.",
        "서울에서 검색합니다",
        "Привет, мир! Ελληνικά και हिन्दी में खोज",
        "error 0x1F in __init__ and snake_case_name.py, end.",
        "rate limits apply per key; keys rotate",
        "水",
      ]
      let document = SampleDocument(origin: "a.md", paragraphs: paragraphs, heading: ["Handbuch", "Schlüssel"])
      _ = try await store.write { try document.apply(.created, to: $0, source: source) }
      let first = try await store.read(.everything) { try $0.chunks(of: document.id).map(\.passage) }
      let queries: [(String, [Int])] = [
        ("getusername", [0]), ("\"GetUserName\"", [0]), ("GetUserName", [0, 5]), ("username", []), ("user", [0]),
        ("max_delete_ratio", [0]),
        ("delete", [0]), ("sync.max_delete_ratio", [0]), ("http", [0]), ("server", [0]), ("httpserver", [0]),
        ("strasse", []), ("straße", [1]), ("arger", [1]), ("ANGSTROM", [1]), ("café", [1]), ("uber", [1]),
        ("検索", [2]), ("全文検索", [2]), ("設定", [2]), ("日", [2]), ("語", [2]), ("검색", [3]), ("서울", [3]),
        ("привет", [4]), ("МИР", [4]), ("ελληνικα", [4]), ("हिन्दी", [4]), ("0x1f", [5]), ("init", [5]),
        ("snake_case_name.py", [0, 5]), ("case", [5]), ("\"rate limits\"", [6]), ("\"limits rate\"", []),
        ("\"limits apply per\"", [6]), ("\"rate apply\"", []), ("\"文検索\"", [2]), ("\"検索の\"", []),
        ("rotate привет", [4, 6]), ("schlüssel", Array(0...7)), ("handbuch", Array(0...7)), ("水", [7]),
        ("nothing here at all", []), ("\"unclosed rate", [6]), ("key", [6]), ("\"mixed with\"", [2]),
      ]
      try await store.read(.everything) { snapshot throws in
        for (query, places) in queries {
          let found = try snapshot.keywordMatches(query, limit: 100, members: nil).map(\.passage)
          try expectEqual(Set(found), Set(places.map { first[$0] }), "matches of \(query)")
          try expectEqual(Set(found).count, found.count, "a passage twice for \(query)")
        }
      }
    }
  }

  private func survivesHostileQueries() async throws {
    try await withStore { store, source in
      let document = SampleDocument(origin: "a.md", paragraphs: ["near and or not heading body alpha"], heading: [])
      _ = try await store.write { try document.apply(.created, to: $0, source: source) }
      var random = SeededRandom(seed: seed)
      var queries = [
        "", " ", "\"", "\"\"", "\"\"\"", "'", "*", "^alpha", "alpha*", "heading:alpha", "{heading body}: alpha", "(",
        ")",
        "NEAR(alpha body, 3)", "AND", "OR", "NOT", "alpha AND", "-alpha", "+", "a\u{0}b", "%", ";DROP TABLE passage;--",
        "\u{FFFD}", "\u{1F600}", "\u{202E}", ".", "_", "__", "...", "a.", ".a", "\\", "\"\\\"", "alpha\"", "\"alpha",
        String(repeating: "alpha ", count: 20_000), String(repeating: "x", count: 100_000),
        String(repeating: "\"", count: 5_000), (0..<3_000).map { "w\($0)" }.joined(separator: " "),
        String(repeating: "漢", count: 5_000), String(repeating: "aB", count: 3_000),
        String(repeating: "a_", count: 3_000),
      ]
      let alphabet: [String] = [
        "\"", "alpha", "(", ")", "*", ":", "^", "+", "-", " ", "NEAR", "OR", "{", "}", "漢", "_", ".", ",",
      ]
      for _ in 0..<400 {
        queries.append(
          (0..<Int.random(in: 1...12, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "" }
            .joined()
        )
      }
      let all = queries
      try await store.read(.everything) { snapshot throws in
        for query in all {
          let found = try snapshot.keywordMatches(query, limit: 10, members: nil)
          try expect(found.count <= 1 && found.allSatisfy { $0.score.isFinite }, "\(query.prefix(80)) (seed \(seed))")
        }
        for query in ["near", "AND", "alpha\"", "heading:alpha", "(alpha"] {
          try expectEqual(try snapshot.keywordMatches(query, limit: 10, members: nil).count, 1, query)
        }
      }
    }
  }

  private func ranksKeywords() async throws {
    try await withStore { store, source in
      let filler = "common text that fills the passage with other words"
      let paragraphs =
        ["zebra zebra zebra", "zebra \(filler)"] + (0..<60).map { "\(filler) number\($0) \($0 < 30 ? "zebra" : "")" }
      let document = SampleDocument(origin: "a.md", paragraphs: paragraphs, heading: [])
      let titled = SampleDocument(origin: "b.md", paragraphs: ["\(filler) alone"], heading: ["Zebra", "Zebra zebra"])
      try await store.write { transaction throws in
        try document.apply(.created, to: transaction, source: source)
        try titled.apply(.created, to: transaction, source: source)
      }
      try await store.read(.everything) { snapshot throws in
        let all = try snapshot.keywordMatches("zebra", limit: 100, members: nil)
        try expectEqual(all.count, 33)
        try expect(zip(all, all.dropFirst()).allSatisfy { $0.score >= $1.score }, "not best first")
        try expect(all.allSatisfy { $0.score > 0 }, "a match has no positive score")
        try expectEqual(try snapshot.passages([all[0].passage]).first?.body, "zebra zebra zebra")
        try expectEqual(
          try snapshot.keywordMatches("zebra", limit: 5, members: nil).map(\.passage),
          all.prefix(5).map(\.passage)
        )
        try expectEqual(try snapshot.keywordMatches("zebra", limit: 0, members: nil), [])
        let members = PassageSet(all.suffix(7).map(\.passage) + [9_999])
        try expectEqual(
          try snapshot.keywordMatches("zebra", limit: 100, members: members).map(\.passage),
          all.suffix(7).map(\.passage),
          "members are counted before the limit"
        )
        try expectEqual(try snapshot.keywordMatches("zebra", limit: 3, members: members).count, 3)
        try expectEqual(try snapshot.keywordMatches("zebra", limit: 3, members: PassageSet()), [])
      }
    }
  }

  private func tellsOccurrences() async throws {
    try await withStore { store, source in
      let other = try await store.write { try $0.registerSource(name: "archive", location: "/x").id }
      let shared = "shared paragraph"
      let documents = [
        SampleDocument(origin: "b.md", paragraphs: [shared, "b", shared], metadata: ["team": "ops"]),
        SampleDocument(origin: "a.md", paragraphs: ["a", shared]),
        SampleDocument(origin: "z.md", paragraphs: [shared], metadata: ["team": "ops"]),
      ]
      try await store.write { transaction throws in
        try documents[0].apply(.created, to: transaction, source: source)
        try documents[1].apply(.created, to: transaction, source: source)
        try documents[2].apply(.created, to: transaction, source: other)
      }
      try await store.read(.everything) { snapshot throws in
        let passage = try snapshot.chunks(of: documents[2].id)[0].passage
        let found = try snapshot.occurrences(of: [passage, 9_999, passage], filter: nil)
        try expectEqual(Set(found.keys), [passage])
        try expectEqual(
          found[passage]?.map(\.document),
          [documents[2].id, documents[1].id, documents[0].id, documents[0].id],
          "by source and origin"
        )
        try expectEqual(found[passage]?.last?.chunk, try snapshot.chunks(of: documents[0].id)[2])
        let filtered = try snapshot.occurrences(of: [passage], filter: .metadata("team", equals: "ops"))
        try expectEqual(filtered[passage]?.map(\.document), [documents[2].id, documents[0].id, documents[0].id])
        try expectEqual(try snapshot.occurrences(of: [passage], filter: .any([])), [:])
      }
    }
  }
}

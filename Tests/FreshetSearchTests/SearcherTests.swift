import FreshetModel
import FreshetSearch
import FreshetTestKit
import Testing

@Suite struct SearcherTests {
  private static func uri(_ source: String, _ origin: String) -> String { "test://\(source)/\(origin)" }

  @Test(arguments: SampleCollection.Kind.allCases)
  func `a filtered search by vectors equals brute force`(_ kind: SampleCollection.Kind) async throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    print("seed \(seed)")
    let collection = try await SampleCollection.make(kind, documents: 120, seed: seed)
    try await collection.store.read(.everything) { snapshot throws in
      var random = SeededRandom(seed: seed)
      for round in 0..<250 {
        let filter = RandomFilter.make(depth: 2, &random)
        let vector = SampleCollection.query(&random)
        let limit = Int.random(in: 1...30, using: &random)
        let request = SearchRequest("", mode: .vector, limit: limit, filter: filter)
        let index = round.isMultiple(of: 4) ? nil : collection.index
        let found = try Searcher(snapshot, index: index, uri: Self.uri).search(request, vector: vector).hits

        let all = collection.vectors.keys.sorted()
        let matching = try snapshot.occurrences(of: all, filter: filter)
        let expected = matching.keys.map { passage in
          (passage, zip(collection.vectors[passage] ?? [], vector).reduce(Float(0)) { $0 + $1.0 * $1.1 })
        }.sorted { $0.1 != $1.1 ? $0.1 > $1.1 : $0.0 < $1.0 }.prefix(limit)
        #expect(found.count == expected.count, "seed \(seed), \(filter.text)")
        for (hit, (passage, score)) in zip(found, expected) {
          #expect(abs(hit.score - Double(score)) < 1e-4, "seed \(seed), \(filter.text)")
          // Scores that differ by less than rounding may change places.
          #expect(hit.passage == passage || abs(hit.score - Double(score)) < 1e-5, "seed \(seed), \(filter.text)")
          #expect(hit.alsoIn.count + 1 == matching[hit.passage]?.count)
        }
      }
    }
    await collection.store.close()
  }

  @Test(arguments: SampleCollection.Kind.allCases, [SearchMode.keyword, .hybrid])
  func `a filtered search by words gives as many hits as match`(
    _ kind: SampleCollection.Kind,
    _ mode: SearchMode
  ) async throws {
    let seed = UInt64.random(in: 0..<1_000_000)
    print("seed \(seed)")
    let collection = try await SampleCollection.make(kind, documents: 90, seed: seed)
    try await collection.store.read(.everything) { snapshot throws in
      var random = SeededRandom(seed: seed)
      let searcher = Searcher(snapshot, index: collection.index, uri: Self.uri)
      for _ in 0..<80 {
        let filter = RandomFilter.make(depth: 2, &random)
        let word = SampleCollection.words.randomElement(using: &random) ?? "key"
        let limit = Int.random(in: 1...60, using: &random)
        let vector = mode == .hybrid ? SampleCollection.query(&random) : nil
        let request = SearchRequest(word, mode: mode, limit: limit, filter: filter)
        let hits = try searcher.search(request, vector: vector).hits
        let all = collection.vectors.keys.sorted()
        let matching = try snapshot.occurrences(of: all, filter: filter)
        var expected = Set(matching.keys)
        if mode == .keyword {
          let words = Set(
            try snapshot.passages(all).filter { $0.body.split(separator: " ").contains(Substring(word)) }.map(\.id)
          )
          expected.formIntersection(words)
        }
        #expect(hits.count == min(limit, expected.count), "seed \(seed), \(filter.text)")
        #expect(Set(hits.map(\.passage)).isSubset(of: expected))
        #expect(Set(hits.map(\.passage)).count == hits.count)
        #expect(zip(hits, hits.dropFirst()).allSatisfy { $0.score >= $1.score })
        #expect(try searcher.search(request, vector: vector).hits == hits)
      }
    }
    await collection.store.close()
  }

  @Test func `identical passages are one hit that names the other places`() async throws {
    let collection = try await SampleCollection.make(.memory, documents: 10, seed: 1)
    try await collection.store.read(.everything) { snapshot throws in
      let searcher = Searcher(snapshot, index: collection.index, uri: Self.uri)
      let response = try searcher.search(SearchRequest("licence", mode: .keyword), vector: nil)
      #expect(response.hits.map(\.origin) == ["d0.md"])
      #expect(response.hits.first?.alsoIn.map(\.origin) == ["d3.md", "d6.md", "d9.md"])
      #expect(response.hits.first?.uri == "test://docs/d0.md")
      let filtered = try searcher.search(
        SearchRequest("licence", mode: .keyword, filter: try Filter("number = 3")),
        vector: nil
      )
      #expect(filtered.hits.map(\.origin) == ["d3.md"])
      #expect(filtered.hits.first?.alsoIn.map(\.origin) == ["d9.md"])
    }
    await collection.store.close()
  }

  @Test(arguments: ["how large may max_delete_ratio be", "\"guard deletions\" in the index", "MAX_DELETE_RATIO key"])
  func `an identifier or quoted phrase puts its passage on top of a hybrid search`(_ query: String) async throws {
    let collection = try await SampleCollection.make(.sqlite, documents: 60, seed: 2)
    try await collection.store.read(.everything) { snapshot throws in
      var random = SeededRandom(seed: 3)
      let searcher = Searcher(snapshot, index: collection.index, uri: Self.uri)
      for _ in 0..<20 {
        let response = try searcher.search(SearchRequest(query), vector: SampleCollection.query(&random))
        #expect(response.mode == .hybrid)
        #expect(response.hits.first?.text == "set max_delete_ratio to guard deletions")
        #expect(response.hits.count == 10)
      }
    }
    await collection.store.close()
  }

  @Test func `a hybrid search without a vector says that it searched by keyword`() async throws {
    let collection = try await SampleCollection.make(.memory, documents: 5, seed: 4)
    try await collection.store.read(.everything) { snapshot throws in
      let searcher = Searcher(snapshot, uri: Self.uri)
      #expect(try searcher.search(SearchRequest("key"), vector: nil).mode == .keyword)
      let missing = #expect(throws: FreshetError.self) {
        try searcher.search(SearchRequest("key", mode: .vector), vector: nil)
      }
      #expect(missing?.code == .modelUnavailable)
      let other = #expect(throws: FreshetError.self) { try searcher.search(SearchRequest("key"), vector: [1, 0, 0]) }
      #expect(other?.code == .modelMismatch)
    }
    await collection.store.close()
  }

  @Test func `one document gives at most its share and others fill the rest`() async throws {
    let collection = try await SampleCollection.make(.memory, documents: 40, seed: 5)
    try await collection.store.read(.everything) { snapshot throws in
      var random = SeededRandom(seed: 5)
      let searcher = Searcher(snapshot, index: collection.index, uri: Self.uri)
      let request = SearchRequest("key", limit: 30, limitPerDocument: 1)
      let hits = try searcher.search(request, vector: SampleCollection.query(&random)).hits
      #expect(hits.count == 30)
      #expect(Set(hits.map(\.document)).count == 30)
    }
    await collection.store.close()
  }

  @Test func `a widened text holds the neighbours and no chunk is shown twice`() async throws {
    let collection = try await SampleCollection.make(.sqlite, documents: 12, seed: 6)
    try await collection.store.read(.everything) { snapshot throws in
      let searcher = Searcher(snapshot, index: collection.index, uri: Self.uri)
      let alone = try searcher.search(
        SearchRequest("max_delete_ratio", mode: .keyword, limit: 1, neighbours: 1),
        vector: nil
      )
      let hit = try #require(alone.hits.first)
      let chunks = try snapshot.chunks(of: hit.document)
      #expect(hit.position.start == chunks[chunks.count - 2].start)
      #expect(hit.position.end == chunks[chunks.count - 1].end)
      #expect(hit.text.hasSuffix("\n\nset max_delete_ratio to guard deletions"))
      #expect(hit.text.utf8.count == hit.position.end - hit.position.start)

      var random = SeededRandom(seed: 6)
      let all = try searcher.search(
        SearchRequest("key", limit: 25, neighbours: 2),
        vector: SampleCollection.query(&random)
      )
      #expect(all.hits.count == 25)
      for (index, one) in all.hits.enumerated() {
        for other in all.hits[(index + 1)...] where other.document == one.document {
          #expect(one.position.end <= other.position.start || other.position.end <= one.position.start)
        }
      }
    }
    await collection.store.close()
  }

  @Test func `the answer as JSON has the fields of the contract`() async throws {
    let collection = try await SampleCollection.make(.memory, documents: 4, seed: 7)
    try await collection.store.read(.everything) { snapshot throws in
      let response = try Searcher(snapshot, uri: Self.uri).search(SearchRequest("licence", limit: 1), vector: nil)
      #expect(response.json["sequence"] == 4)
      guard case .array(let hits)? = response.json["hits"], let hit = hits.first else {
        Issue.record("no hits in \(response.json)")
        return
      }
      let names = [
        "source", "origin", "uri", "document", "version", "title", "heading", "text", "position", "score", "metadata",
        "also_in",
      ]
      for name in names { #expect(hit[name] != nil, "\(name)") }
      #expect(hit["position"]?["page"] == .null)
      #expect(hit["heading"] == ["Guide"])
    }
    await collection.store.close()
  }

  @Test func `limits of nothing and of everything are taken`() async throws {
    let collection = try await SampleCollection.make(.memory, documents: 30, seed: 8)
    try await collection.store.read(.everything) { snapshot throws in
      var random = SeededRandom(seed: 8)
      let vector = SampleCollection.query(&random)
      let searcher = Searcher(snapshot, index: collection.index, uri: Self.uri)
      for (limit, count) in [(0, 0), (-5, 0), (Int.max, collection.vectors.count)] {
        let request = SearchRequest("key", mode: .vector, limit: limit)
        #expect(try searcher.search(request, vector: vector).hits.count == count)
      }
    }
    await collection.store.close()
  }
}

import Freshet
import FreshetConfiguration
import FreshetEmbedding
import FreshetModel
import FreshetSearch
import FreshetSync
import FreshetTestKit
import Testing

/// Searching, listing and showing a collection as it was.
@Suite struct TimeTravelTests {
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
  }

  private func open(
    _ name: String,
    root: String,
    team: String,
    embedder: any Embedder = HashEmbedder()
  ) async throws -> Collection {
    try await Collection.open(
      at: folder.path + "/" + name,
      sources: [
        try .folder("\(folder.path)/\(root)/docs", name: "docs", metadata: ["team": .string(team)]),
        try .folder("\(folder.path)/\(root)/notes", name: "notes"),
      ],
      embedder: embedder
    )
  }

  // MARK: Equal to a collection of that moment

  @Test(arguments: [11, 12, 13, 14] as [UInt64])
  func aSearchAsOfAMomentIsThatOfACollectionSyncedThen(seed: UInt64) async throws {
    print("seed \(seed)")
    var life = FileLife(seed: seed)
    let models = [HashEmbedder(), HashEmbedder(dimension: 64)]
    var rounds: [(sequence: SequenceNumber, tree: FileLife.Tree, team: String, model: Int)] = []
    for round in 0..<7 {
      life.round()
      try life.write(life.tree, below: folder.path + "/life")
      let team = round < 2 ? "ops" : round < 5 ? "dev" : "all"
      // The last seed changes its model: passages that were gone by then have no vectors.
      let model = seed == 14 && round > 3 ? 1 : 0
      let collection = try await open("life.freshet", root: "life", team: team, embedder: models[model])
      let report = try await collection.sync()
      #expect(report.documents.failed == 0 && report.held.isEmpty)
      rounds.append((report.sequence, life.tree, team, model))
      await collection.close()
    }
    let last = try #require(rounds.last)
    let collection = try await open("life.freshet", root: "life", team: last.team, embedder: models[last.model])
    #expect(try await collection.verify().problems == [])
    var compared = (exact: 0, inAnyOrder: 0)
    for (number, round) in rounds.enumerated() {
      try life.write(round.tree, below: "\(folder.path)/then\(number)")
      let fresh = try await open(
        "then\(number).freshet",
        root: "then\(number)",
        team: round.team,
        embedder: models[last.model]
      )
      try await fresh.sync()
      let documents = try await collection.documents(asOf: .sequence(round.sequence))
      #expect(
        documents.map(Entry.init) == (try await fresh.documents()).map(Entry.init),
        "seed \(seed), round \(number)"
      )
      var hasTies: [SearchMode: Bool] = [:]
      for request in Self.requests {
        var past = request
        past.asOf = .sequence(round.sequence)
        let found = try await collection.search(past)
        let expected = try await fresh.search(request)
        let place: Comment = "seed \(seed), round \(number), \(request)"
        #expect(found.sequence == round.sequence, place)
        if seed == 14, round.model != last.model, request.mode != .keyword {
          // Only words find what the model of today never read.
          if found.warnings.isEmpty {
            #expect(found.hits.map(Hit.init).sorted() == expected.hits.map(Hit.init).sorted())
          }
          continue
        }
        #expect(found.warnings == expected.warnings, place)
        // Equal scores stand in the order of passage numbers, which the two have not in common: fused ranks then differ.
        let scores = expected.hits.map { ($0.score * 1e6).rounded() }
        if request.mode != .hybrid { hasTies[request.mode] = Set(scores).count != scores.count }
        if request.mode == .hybrid, hasTies.values.contains(true) {
          compared.inAnyOrder += 1
          #expect(Set(found.hits.map { Hit($0).place }) == Set(expected.hits.map { Hit($0).place }), place)
        } else {
          compared.exact += 1
          let (left, right) = (found.hits.map(Hit.init).sorted(), expected.hits.map(Hit.init).sorted())
          #expect(left.isNear(right), place)
        }
      }
      await fresh.close()
    }
    print("seed \(seed): \(compared)")
    #expect(compared.exact > 3 * compared.inAnyOrder, "\(compared)")
    await collection.close()
  }

  private static let requests: [SearchRequest] = {
    let queries = ["water stone", "\"the hill\" bread", "maxDeleteRatio", "日本 river", "garden of the king"]
    let filters: [Filter?] = [
      nil, .metadata("team", equals: "ops"), .not(.field("origin", .matches, "a/*")),
      .metadata("source", equals: "notes"),
    ]
    var requests: [SearchRequest] = []
    for query in queries {
      for filter in filters {
        for mode in [SearchMode.vector, .keyword, .hybrid] {
          requests.append(SearchRequest(query, mode: mode, limit: 500, filter: filter))
        }
      }
      requests.append(SearchRequest(query, mode: .keyword, limit: 500, neighbours: 1))
    }
    return requests
  }()

  // MARK: Names, versions, moments

  @Test func aDocumentIsFoundByTheNameThatItHad() async throws {
    try folder.write("life/docs/keys.md", "# Keys\n\nRotate the signing key once a quarter.\n")
    try folder.write("life/notes/todo.txt", "Water the garden.\n")
    try folder.write("life/notes/kept.txt", "Cut the hedge.\n")
    let collection = try await open("life.freshet", root: "life", team: "ops")
    let first = try await collection.sync()
    try folder.move("life/docs/keys.md", to: "life/docs/rotation.md")
    let second = try await collection.sync()
    try folder.write("life/docs/rotation.md", "# Keys\n\nRotate the signing key once a month.\n")
    folder.remove("life/notes/todo.txt")
    let third = try await collection.sync()

    let then = Moment.sequence(first.sequence)
    let document = try await collection.document("keys.md", asOf: then)
    #expect(document.version == 1 && document.origin == "keys.md")
    #expect(String(decoding: try await collection.text(of: document), as: UTF8.self).contains("quarter"))
    #expect(try await collection.document("life/docs/keys.md".within(folder), asOf: then).id == document.id)
    #expect(try await collection.versions(of: "keys.md", asOf: then).count == 1)
    #expect(try await collection.document("rotation.md", asOf: .sequence(second.sequence)).version == 2)
    #expect(try await collection.document("rotation.md").version == 3)
    #expect(try await collection.document("notes:todo.txt", asOf: then).state == .live)
    #expect(try await collection.document("notes:todo.txt").state == .deleted)
    for (name, moment) in [("rotation.md", then), ("keys.md", .sequence(second.sequence)), ("keys.md", .sequence(0))] {
      let error = await #expect(throws: FreshetError.self) { try await collection.document(name, asOf: moment) }
      #expect(error?.code == .notFound)
    }
    #expect(
      try await collection.documents(asOf: .run(first.run.description)).map(\.origin) == [
        "keys.md", "kept.txt", "todo.txt",
      ]
    )
    #expect(try await collection.sequence(of: .run(second.run.description)) == second.sequence)
    #expect(try await collection.sequence(of: .now) == third.sequence)
    await collection.close()
  }

  @Test func aSearchOfThePastNamesItsChangeAndRefusesWhatIsNotThere() async throws {
    try folder.write("life/docs/keys.md", "# Keys\n\nRotate the signing key once a quarter.\n")
    try folder.write("life/notes/todo.txt", "Water the garden.\n")
    let collection = try await open("life.freshet", root: "life", team: "ops")
    let first = try await collection.sync()
    try folder.write("life/docs/keys.md", "# Keys\n\nTurn it.\n")
    try await collection.sync()
    for mode in SearchMode.allCases {
      let past = try await collection.search(SearchRequest("quarter", mode: mode, asOf: .sequence(first.sequence)))
      #expect(past.sequence == first.sequence)
      #expect(past.hits.contains { $0.text.contains("quarter") && $0.version == 1 })
      #expect(
        try await !collection.search(SearchRequest("quarter", mode: mode)).hits.contains {
          $0.version == 1 && $0.origin == "keys.md"
        }
      )
      #expect(try await collection.search(SearchRequest("quarter", mode: mode, asOf: .sequence(0))).hits.isEmpty)
      let now = try await collection.search(SearchRequest("quarter", mode: mode, asOf: .now))
      #expect(now == (try await collection.search(SearchRequest("quarter", mode: mode))))
    }
    let error = await #expect(throws: FreshetError.self) {
      try await collection.search(SearchRequest("quarter", asOf: .sequence(99)))
    }
    #expect(error?.code == .invalidArgument && error?.message.contains("the last one is") == true)
    await collection.close()
  }

  @Test func whatTheServingModelNeverReadIsWarnedOf() async throws {
    try folder.write("life/docs/keys.md", "# Keys\n\nRotate the signing key once a quarter.\n")
    try folder.write("life/notes/todo.txt", "Water the garden.\n")
    let old = try await open("life.freshet", root: "life", team: "ops")
    let first = try await old.sync()
    try folder.write("life/docs/keys.md", "# Keys\n\nTurn it.\n")
    try await old.sync()
    await old.close()
    let collection = try await open("life.freshet", root: "life", team: "ops", embedder: HashEmbedder(dimension: 64))
    try await collection.sync()
    let then = Moment.sequence(first.sequence)
    let hybrid = try await collection.search(SearchRequest("quarter", asOf: then))
    #expect(hybrid.warnings.first?.hasPrefix("1 passage of that moment has no vector of the model") == true)
    #expect(hybrid.hits.contains { $0.text.contains("quarter") })
    let vector = try await collection.search(SearchRequest("quarter", mode: .vector, asOf: then))
    #expect(vector.warnings.first?.contains("this search cannot find it") == true, "\(vector.warnings)")
    #expect(vector.hits.map(\.origin) == ["todo.txt"])
    #expect(try await collection.search(SearchRequest("quarter", mode: .keyword, asOf: then)).warnings == [])
    await collection.close()
  }
}

extension String {
  fileprivate func within(_ folder: TemporaryDirectory) -> String { folder.path + "/" + self }
}

/// What two collections that hold the same have in common of a hit.
private struct Hit: Comparable {
  var score: Double
  var place: [String]

  init(_ hit: SearchHit) {
    score = hit.score
    let others = hit.alsoIn.map { "\($0.source):\($0.origin):\($0.position.start)" }
    place = [
      hit.source, hit.origin, hit.title, hit.text, "\(hit.position)", JSONValue(hit.metadata).description,
    ]
    place += hit.heading + ["|"] + others
  }

  static func < (left: Hit, right: Hit) -> Bool {
    abs(left.score - right.score) > 1e-5
      ? left.score > right.score : left.place.joined(separator: "\n") < right.place.joined(separator: "\n")
  }
}

extension [Hit] {
  fileprivate func isNear(_ other: [Hit]) -> Bool {
    count == other.count && zip(self, other).allSatisfy { $0.place == $1.place && abs($0.score - $1.score) < 1e-5 }
  }
}

/// What two collections that hold the same have in common of a document.
private struct Entry: Equatable {
  var source: String
  var origin: String
  var title: String
  var metadata: Metadata
  var hash: ContentHash
  var size: Int64
  var chunks: Int
  var modified: Timestamp
  var parser: String
  var isLive: Bool

  init(_ document: DocumentRecord) {
    source = document.sourceName
    origin = document.origin
    title = document.title
    metadata = document.metadata
    hash = document.contentHash
    size = document.size
    chunks = document.chunkCount
    modified = document.fileModified
    parser = document.parser
    isLive = document.state == .live
  }
}

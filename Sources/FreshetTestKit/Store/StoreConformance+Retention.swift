import FreshetModel
import FreshetSystem

extension StoreConformance {
  static let retention: [Check] = [
    Check("a collected version keeps its row and loses what only it had") { try await $0.collectsVersions() },
    Check("a live document's current version cannot be collected") { try await $0.refusesCurrentVersions() },
    Check("what another version or document has stays") { try await $0.keepsWhatIsShared() },
    Check("a deleted document can lose everything but its rows") { try await $0.collectsDeletedDocuments() },
    Check("what was collected can come back") { try await $0.takesBackWhatWasCollected() },
    Check("passages without chunks and retired models go") { try await $0.collectsUnusedPassagesAndModels() },
    Check("a consumer below the history floor goes on: the log is whole") { try await $0.keepsConsumers() },
    Check("from the history floor on the past answers as before") { try await $0.keepsThePastFromTheFloorOn() },
    Check("random lives lose exactly what was collected, in steps of any size") { try await $0.collectsRandomly() },
  ]

  /// Sweeps in steps until nothing is left; checks the store after each.
  @discardableResult
  private func sweep(
    _ store: any Store,
    _ garbage: Garbage = .collectedVersions,
    limit: Int = 3
  ) async throws -> ReclaimedAmounts {
    var amounts = ReclaimedAmounts()
    while true {
      let swept = try await store.write { try $0.sweep(garbage, limit: limit) }
      amounts += swept.amounts
      try await expectNoProblems(store, "between two steps")
      if swept.isDone { return amounts }
    }
  }

  private func expectNoProblems(_ store: any Store, _ place: String) async throws {
    let problems = try await store.read(.everything) { try $0.problems(checkingContents: true) }
    try expect(problems.isEmpty, "\(place): \(problems) (seed \(seed))")
  }

  private func collect(_ versions: [Int], of document: DocumentID, in store: any Store) async throws -> Int {
    try await store.write { try $0.collect(versions: versions, of: document) }
  }

  private func collectsVersions() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a.md", paragraphs: ["alpha one", "beta", "gamma"])
      var contents = [document.contentHash]
      let first = document
      try await store.write { _ = try first.apply(.created, to: $0, source: source) }
      for number in 2...5 {
        document.paragraphs[0] = "alpha number \(number)"
        contents.append(document.contentHash)
        let next = document
        try await store.write { _ = try next.apply(.modified, to: $0, source: source) }
      }
      let id = document.id
      let before = try await store.read(.everything) { (try $0.versions(of: id), $0.head.chain) }
      let forecast = try await store.read(.everything) {
        try $0.reclaimable(collecting: [(id, [1, 2, 4])], withoutChunks: true)
      }
      try expectEqual(try await collect([1, 2, 4], of: id, in: store), 3)
      try expectEqual(try await collect([4, 1], of: id, in: store), 0, "what is marked is left out")
      try await expectNoProblems(store, "after the marks")
      let amounts = try await sweep(store, limit: 1)
      try expectEqual(amounts, forecast.amounts, "the forecast tells exactly what goes")
      var counted = amounts
      counted.bytes = 0
      var expected = ReclaimedAmounts()
      (expected.versions, expected.editions, expected.chunks, expected.passages) = (3, 3, 3, 3)
      (expected.renditions, expected.contents) = (3, 3)
      try expectEqual(counted, expected)
      try expect(amounts.bytes > 0, "nothing was counted")
      try expectEqual(try await sweep(store), ReclaimedAmounts(), "a second sweep finds nothing")
      let hashes = contents
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.versions(of: id), before.0)
        try expectEqual(snapshot.head.chain, before.1)
        try expectEqual(snapshot.head.historyFloor, 5)
        try expectEqual(forecast.historyFloor, 5)
        try expectEqual(try snapshot.collectedVersions(of: id), [1, 2, 4])
        try expectEqual(try hashes.map { try snapshot.content($0) != nil }, [false, false, true, false, true])
        let history = try snapshot.documentsWithHistory(after: nil, limit: 10)
        try expectEqual(history.map(\.id), [id])
        try expectEqual(history.first?.versions.map(\.isCollected), [true, true, false, true, false])
        try expectEqual(try snapshot.keywordMatches("alpha", limit: 9, members: nil).count, 1)
        try expectEqual(try snapshot.chunks(of: id).count, 3)
      }
    }
  }

  private func refusesCurrentVersions() async throws {
    try await withStore { store, source in
      let document = SampleDocument(origin: "a.md", paragraphs: ["alpha"])
      try await store.write { _ = try document.apply(.created, to: $0, source: source) }
      for versions in [[1], [0], [2], [-1]] {
        try await expectError("version \(versions)", isFreshet(.storeFailed)) {
          _ = try await collect(versions, of: document.id, in: store)
        }
      }
      try await expectError("no such document", isFreshet(.storeFailed)) {
        _ = try await collect([1], of: .random(), in: store)
      }
      let history = try await store.read(.everything) { try $0.documentsWithHistory(after: nil, limit: 10) }
      try expectEqual(history, [], "a document with one version has no history")
    }
  }

  private func keepsWhatIsShared() async throws {
    try await withStore { store, source in
      // Versions 1 and 3 are equal; another document has the content of version 2.
      var document = SampleDocument(origin: "a.md", paragraphs: ["alpha", "beta"])
      let first = document
      document.paragraphs = ["alpha", "delta"]
      let second = document
      let copy = SampleDocument(origin: "b.md", paragraphs: second.paragraphs)
      document.paragraphs = ["omega"]
      let last = document
      try await store.write { transaction throws in
        try first.apply(.created, to: transaction, source: source)
        try second.apply(.modified, to: transaction, source: source)
        try copy.apply(.created, to: transaction, source: source)
        try first.apply(.modified, to: transaction, source: source)
        try last.apply(.modified, to: transaction, source: source)
      }
      _ = try await collect([1, 2], of: document.id, in: store)
      let amounts = try await sweep(store)
      try expectEqual(amounts.contents, 0)
      try expectEqual(amounts.renditions, 0)
      try expectEqual(amounts.passages, 0)
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.content(first.contentHash), first.content)
        try expectEqual(try snapshot.content(second.contentHash), second.content)
        try expectEqual(try snapshot.rendition(of: first.contentHash, parser: first.parser)?.markdown, first.content)
        try expectEqual(try snapshot.passages(keys: first.passages.map(\.key)).count, 2)
      }
      _ = try await collect([3], of: document.id, in: store)
      let rest = try await sweep(store)
      try expectEqual(rest.contents, 1, "the last version that had it is gone")
      try expectEqual(rest.passages, 1, "beta; alpha is in the copy")
    }
  }

  private func collectsDeletedDocuments() async throws {
    try await withStore { store, source in
      let document = SampleDocument(origin: "a.md", paragraphs: ["alpha", "beta"], metadata: ["team": "ops"])
      let other = SampleDocument(origin: "b.md", paragraphs: ["beta"])
      try await store.write { transaction throws in
        try document.apply(.created, to: transaction, source: source)
        try document.apply(.deleted, to: transaction, source: source)
        try other.apply(.created, to: transaction, source: source)
      }
      _ = try await collect([1, 2], of: document.id, in: store)
      let amounts = try await sweep(store)
      try expectEqual(amounts.contents, 1)
      try expectEqual(amounts.passages, 1)
      try expectEqual(amounts.chunks, 2)
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.versions(of: document.id).map(\.kind), [.created, .deleted])
        let record = try snapshot.document(document.id)
        try expectEqual(record?.state, .deleted)
        try expectEqual(record?.title, "")
        try expectEqual(record?.metadata, [:])
        try expectEqual(snapshot.head.historyFloor, 2)
        try expectEqual(try snapshot.counts().deletedDocuments, 1)
      }
      try await store.write { _ = try document.apply(.restored, to: $0, source: source) }
      let versions = try await store.read(.everything) { try $0.versions(of: document.id) }
      try expectEqual(versions.last?.sameAs, 1)
    }
  }

  private func takesBackWhatWasCollected() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a.md", paragraphs: ["alpha"])
      let first = document
      document.paragraphs = ["beta"]
      let second = document
      let old = try await store.write { transaction throws in
        try first.apply(.created, to: transaction, source: source)
        try second.apply(.modified, to: transaction, source: source)
        return try transaction.passages(keys: first.passages.map(\.key)).values.first
      }
      _ = try await collect([1], of: document.id, in: store)
      try await sweep(store)
      try await store.write { _ = try first.apply(.modified, to: $0, source: source) }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.content(first.contentHash), first.content)
        try expectEqual(try snapshot.rendition(of: first.contentHash, parser: first.parser)?.markdown, first.content)
        let new = try snapshot.passages(keys: first.passages.map(\.key)).values.first
        try expect(
          new.map { $0 > old ?? .max } ?? false,
          "a passage's number was given again: \(String(describing: new))"
        )
        try expectEqual(try snapshot.collectedVersions(of: first.id), [1])
      }
    }
  }

  private func collectsUnusedPassagesAndModels() async throws {
    try await withStore { store, source in
      let document = SampleDocument(origin: "a.md", paragraphs: ["alpha"])
      let lost = SampleDocument(origin: "b.md", paragraphs: ["never committed", "neither"])
      let unused = try await store.write { transaction throws in
        try document.apply(.created, to: transaction, source: source)
        let unused = try transaction.savePassages(lost.passages)
        let live = try transaction.passages(keys: document.passages.map(\.key)).values.sorted()
        for name in ["old", "new"] {
          let model = try transaction.registerModel(ModelDescription(name: name, fingerprint: name, dimension: 2))
          let page = VectorPage(passages: live + unused, dimension: 2, halves: [1, 2, 3, 4, 5, 6])
          try transaction.saveVectors(page, model: model.id)
          try transaction.serve(model: model.id)
        }
        return unused
      }
      let forecast = try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.passagesWithoutChunks(limit: 9).sorted(), unused)
        try expectEqual(try snapshot.passagesWithoutChunks(limit: 1).count, 1)
        return try snapshot.reclaimable(collecting: [], withoutChunks: true).amounts
      }
      var amounts = try await store.write { try $0.sweep(.passages(unused + [1, 99]), limit: 10).amounts }
      try expectEqual(amounts.passages, 2, "a passage with a chunk stays")
      amounts += try await sweep(store, .retiredModels, limit: 1)
      try expectEqual(amounts, forecast)
      try expectEqual(amounts.models, 1)
      try expectEqual(amounts.vectors, 5)
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.models().map(\.description.name), ["new"])
        try expectEqual(try snapshot.counts().vectors, 1)
      }
    }
  }

  private func keepsConsumers() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a.md", paragraphs: ["one"], metadata: ["team": "one"])
      var other = SampleDocument(origin: "b.md", paragraphs: ["other"], metadata: ["team": "ops"])
      var positions = [try await store.read(.everything) { $0.head.logPosition }]
      var applied: [ChangeRecord] = []
      func apply(_ kind: ChangeKind, _ changed: SampleDocument) async throws {
        applied.append(try await store.write { try changed.apply(kind, to: $0, source: source) })
        positions.append(try await store.read(.everything) { $0.head.logPosition })
      }
      try await apply(.created, document)
      try await apply(.created, other)
      document.paragraphs = ["two"]
      try await apply(.modified, document)
      document.metadata = ["team": "three"]
      try await apply(.metadata, document)
      try await apply(.deleted, other)
      document.paragraphs = ["four"]
      try await apply(.modified, document)
      other.paragraphs = ["back"]
      try await apply(.restored, other)
      let (places, changes, id) = (positions, applied, document.id)
      try await store.write { _ = try $0.registerConsumer("slow", kind: .named, at: places[0]) }
      _ = try await collect([1, 2], of: id, in: store)
      _ = try await collect([1, 2], of: other.id, in: store)
      try await sweep(store)
      try await store.read(.everything) { snapshot throws in
        try expectEqual(snapshot.head.historyFloor, 6)
        for place in places { try expectEqual(try snapshot.lapse(of: place), nil, "\(place.sequence)") }
        try expectEqual(try snapshot.changes(after: 0, limit: 99), changes)
        let kept: [Metadata?] = [nil, nil, nil, nil, nil, ["team": "three"], ["team": "ops"]]
        try expectEqual(try changes.map { try snapshot.metadata(of: $0) }, kept)
        let editions = try (1...3).map { try snapshot.edition(of: id, version: $0) }
        try expect(editions[0] == nil && editions[1] == nil && editions[2] != nil, "\(editions)")
      }
      for place in places.dropFirst() {
        let moved = try await store.write { try $0.advanceConsumer("slow", to: place) }
        try expectEqual(moved.position, place)
      }
    }
  }

  /// What is searched and shown of live documents at a state.
  private struct LiveState: Equatable {
    var documents: [DocumentRecord]
    var texts: [[String]]
    var contents: [[UInt8]?]
    var matches: [ScoredPassage]

    init(_ snapshot: any StoreSnapshot) throws {
      documents = try snapshot.documents(DocumentQuery())
      texts = try documents.map { document in
        try snapshot.passages(try snapshot.chunks(of: document.id).map(\.passage)).map(\.body)
      }
      contents = try documents.map { try snapshot.content($0.contentHash) }
      matches = try snapshot.keywordMatches("topic", limit: 99, members: nil)
    }
  }

  private func keepsThePastFromTheFloorOn() async throws {
    try await withStore { store, source in
      var random = SeededRandom(seed: seed)
      let model = try await store.write { transaction throws in
        try transaction.registerModel(ModelDescription(name: "m", fingerprint: "m", dimension: 2)).id
      }
      var lives: [Life] = []
      for _ in 0..<6 {
        for _ in 0..<20 { try await self.step(&lives, store, source, model, &random) }
        let before = try await store.read(.everything) { snapshot throws in
          try (snapshot.head.historyFloor...snapshot.head.sequence).map { try LiveState(snapshot.asOf($0)) }
        }
        let old = try await store.read(.everything) { $0.head.historyFloor }
        try await collectSome(&lives, store, &random)
        let seed = seed
        try await store.read(.everything) { snapshot throws in
          let floor = snapshot.head.historyFloor
          for sequence in floor...snapshot.head.sequence {
            try expectEqual(
              try LiveState(snapshot.asOf(sequence)),
              before[Int(sequence - old)],
              "change \(sequence), floor \(floor) (seed \(seed))"
            )
          }
          for sequence in [0, floor - 1] where sequence >= 0 && sequence < floor {
            do {
              _ = try snapshot.asOf(sequence)
              try expect(false, "change \(sequence) is before the floor, \(floor)")
            } catch let error as FreshetError {
              try expectEqual(error.code, .historyPruned)
            }
          }
        }
      }
    }
  }

  // MARK: At random

  /// A document with every version that it ever had.
  private struct Life {
    var document: SampleDocument
    var isLive = true
    /// What each version was; `nil` for a deletion.
    var versions: [SampleDocument?]
    var collected: Set<Int> = []
  }

  private func collectsRandomly() async throws {
    try await withStore { store, source in
      var random = SeededRandom(seed: seed)
      let model = try await store.write { transaction throws in
        let model = try transaction.registerModel(ModelDescription(name: "m", fingerprint: "m", dimension: 2))
        try transaction.serve(model: model.id)
        return model.id
      }
      var lives: [Life] = []
      for _ in 0..<25 {
        for _ in 0..<8 { try await self.step(&lives, store, source, model, &random) }
        try await collectSome(&lives, store, &random)
        try await expectExactly(lives, store, model)
      }
    }
  }

  private func step(
    _ lives: inout [Life],
    _ store: any Store,
    _ source: SourceID,
    _ model: ModelID,
    _ random: inout SeededRandom
  ) async throws {
    func paragraphs() -> [String] {
      (0..<Int.random(in: 1...4, using: &random)).map { _ in "topic \(Int.random(in: 0..<12, using: &random)) words" }
    }
    let index = lives.isEmpty ? 0 : Int.random(in: 0..<lives.count, using: &random)
    var kind = ChangeKind.created
    switch Int.random(in: 0..<10, using: &random) {
    case 0...3 where !lives.isEmpty && lives[index].isLive:
      kind = .modified
      lives[index].document.paragraphs = paragraphs()
    case 4 where !lives.isEmpty && lives[index].isLive:
      kind = .renamed
      lives[index].document.origin += "x"
    case 5 where !lives.isEmpty && lives[index].isLive:
      kind = .metadata
      lives[index].document.metadata["n"] = .integer(Int64.random(in: 0..<99, using: &random))
    case 6 where !lives.isEmpty && lives[index].isLive: kind = .deleted
    case 7, 8:
      guard !lives.isEmpty, !lives[index].isLive else { return }
      kind = .restored
      if Bool.random(using: &random) { lives[index].document.paragraphs = paragraphs() }
    case 9 where lives.count < 6:
      let origin = "\(lives.count).md"
      lives.append(
        Life(
          document: SampleDocument(id: .random(using: &random), origin: origin, paragraphs: paragraphs()),
          versions: []
        )
      )
    default: return
    }
    let place = kind == .created ? lives.count - 1 : index
    let document = lives[place].document
    let change = kind
    try await store.write { transaction throws in
      try document.apply(change, to: transaction, source: source)
      let passages = Set(try transaction.chunks(of: document.id).map(\.passage)).sorted()
      let halves: [UInt16] = passages.flatMap { [UInt16(truncatingIfNeeded: $0), 7] }
      try transaction.saveVectors(VectorPage(passages: passages, dimension: 2, halves: halves), model: model)
    }
    lives[place].isLive = kind != .deleted
    if kind.makesVersion { lives[place].versions.append(kind == .deleted ? nil : document) }
  }

  private func collectSome(_ lives: inout [Life], _ store: any Store, _ random: inout SeededRandom) async throws {
    var chosen: [(document: DocumentID, versions: [Int])] = []
    for index in lives.indices {
      let last = lives[index].versions.count
      let numbers = (1...max(1, last)).filter { number in
        (number < last || !lives[index].isLive) && Int.random(in: 0..<3, using: &random) == 0
      }
      chosen.append((lives[index].document.id, numbers))
      lives[index].collected.formUnion(numbers)
    }
    let wanted = chosen
    let limit = Int.random(in: 1...20, using: &random)
    let (forecast, changed) = try await store.read(.everything) {
      snapshot throws -> ((amounts: ReclaimedAmounts, historyFloor: SequenceNumber), [[PassageID]]) in
      let forecast = try snapshot.reclaimable(collecting: wanted, withoutChunks: false)
      return (forecast, try Self.changes(snapshot, from: forecast.historyFloor))
    }
    try await store.write { transaction throws in
      for (document, versions) in wanted { _ = try transaction.collect(versions: versions, of: document) }
    }
    try expectEqual(try await sweep(store, limit: limit), forecast.amounts, "seed \(seed)")
    try await store.read(.everything) { snapshot throws in
      try expectEqual(snapshot.head.historyFloor, forecast.historyFloor)
      try expectEqual(try Self.changes(snapshot, from: forecast.historyFloor), changed, "what an index follows")
    }
  }

  /// What an index at each state from the floor on would have to do.
  private static func changes(_ snapshot: any StoreSnapshot, from floor: SequenceNumber) throws -> [[PassageID]] {
    try (floor...max(floor, snapshot.head.sequence)).flatMap { sequence in
      let changed = try snapshot.passagesChanged(after: sequence)
      return [changed.live.sorted(), changed.gone.sorted()]
    }
  }

  private func expectExactly(_ lives: [Life], _ store: any Store, _ model: ModelID) async throws {
    let seed = seed
    try await store.read(.everything) { snapshot throws in
      var kept: Set<ContentHash> = []
      var keys: Set<ContentHash> = []
      var all: [ContentHash: [UInt8]] = [:]
      var allKeys: Set<ContentHash> = []
      for life in lives {
        for (index, version) in life.versions.enumerated() {
          guard let version else { continue }
          all[version.contentHash] = version.content
          allKeys.formUnion(version.passages.map(\.key))
          guard !life.collected.contains(index + 1) else { continue }
          kept.insert(version.contentHash)
          keys.formUnion(version.passages.map(\.key))
        }
        try expectEqual(try snapshot.versions(of: life.document.id).count, life.versions.count, "seed \(seed)")
        try expectEqual(try snapshot.collectedVersions(of: life.document.id), life.collected, "seed \(seed)")
      }
      for (hash, content) in all {
        try expectEqual(try snapshot.content(hash), kept.contains(hash) ? content : nil, "seed \(seed)")
      }
      let passages = try snapshot.passages(keys: Array(allKeys))
      try expectEqual(Set(passages.keys), keys, "seed \(seed)")
      try expectEqual(
        try snapshot.passagesWithVector(Array(passages.values), model: model).count,
        passages.count,
        "a passage that is kept lost its vector (seed \(seed))"
      )
    }
  }
}

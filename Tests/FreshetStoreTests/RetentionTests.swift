import FreshetModel
import FreshetStore
import FreshetTestKit
import Testing

/// What was collected lawfully is told apart from what was taken away, and the file gives its space back.
@Suite struct RetentionTests {
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private var path: String { directory.file("c.sqlite") }

  /// A document with five versions, a deleted one, and one that nothing happened to; versions 1 and 3 of the first and
  /// everything of the deleted one are collected, in as many steps as asked for.
  private func makeStore(steps: Int = .max) async throws {
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    try await store.write { transaction throws in
      let source = try transaction.registerSource(name: "docs", location: "/docs").id
      var document = SampleDocument(origin: "a.md", paragraphs: ["alpha", "beta", "stays"])
      let gone = SampleDocument(origin: "b.md", paragraphs: ["omega", "beta"], metadata: ["team": "ops"])
      let other = SampleDocument(origin: "c.md", paragraphs: ["quiet"])
      try document.apply(.created, to: transaction, source: source)
      try gone.apply(.created, to: transaction, source: source)
      try other.apply(.created, to: transaction, source: source)
      for number in 2...5 {
        document.paragraphs[0] = "alpha \(number)"
        try document.apply(.modified, to: transaction, source: source)
        document.metadata["n"] = .integer(Int64(number))
        try document.apply(.metadata, to: transaction, source: source)
      }
      try gone.apply(.deleted, to: transaction, source: source)
      let model = try transaction.registerModel(ModelDescription(name: "m", fingerprint: "m", dimension: 2))
      try transaction.saveVectors(VectorPage(passages: [1, 2], dimension: 2, halves: [1, 2, 3, 4]), model: model.id)
      _ = try transaction.collect(versions: [1, 3], of: document.id)
      _ = try transaction.collect(versions: [1, 2], of: gone.id)
    }
    for _ in 0..<min(steps, 100) {
      if try await store.write({ try $0.sweep(.collectedVersions, limit: 1).isDone }) { break }
    }
    await store.close()
  }

  private func problems() async throws -> [IntegrityProblem] {
    let store = try SQLiteStore.open(at: path, mode: .readOnly)
    defer { Task { await store.close() } }
    do {
      return try await store.read(.everything) { try $0.problems(checkingContents: true) }
    } catch let error as FreshetError where error.code == .storeDamaged {
      return [IntegrityProblem(code: "database_damaged", message: error.message)]
    }
  }

  private func alter(_ sql: String) throws {
    let raw = try RawDatabase(path)
    try raw.execute("PRAGMA foreign_keys = OFF")
    try raw.execute(sql)
    #expect(raw.changes >= 1, "\(sql)")
  }

  @Test(arguments: [0, 1, 2, 3, 5, .max]) func whatWasCollectedIsNoProblemAtAnyMoment(steps: Int) async throws {
    try await makeStore(steps: steps)
    #expect(try await problems() == [])
  }

  @Test(arguments: [
    // Marks that were taken away, or set for what was not collected.
    "DELETE FROM collected WHERE document = 1 AND version = 1", "DELETE FROM collected",
    "INSERT INTO collected VALUES(1, 2, 0, 0)", "INSERT INTO collected VALUES(3, 1, 0, 0)",
    "INSERT INTO collected VALUES(1, 9, 0, 0)", "UPDATE collected SET version = 2 WHERE document = 1 AND version = 3",
    "INSERT INTO collected VALUES(1, 2, 0, 1)", "INSERT INTO collected VALUES(1, 4, 0, 1)",
    "DELETE FROM collected WHERE document = 2 AND version = 2", "UPDATE collected SET at = at + 1 WHERE document = 2",
    "UPDATE collected SET at = 'x' WHERE document = 1", "UPDATE collected SET is_pending = 1 WHERE version = 3",
    "UPDATE collected SET document = 3 WHERE document = 1 AND version = 1",
    "UPDATE seal SET sum = sum + 1 WHERE name = 'collected'", "DELETE FROM seal WHERE name = 'collected'",
    // Editions and chunks of versions that are kept.
    "DELETE FROM edition WHERE document = 1 AND version = 2", "DELETE FROM edition WHERE document = 1 AND version = 4",
    "DELETE FROM edition WHERE to_sequence IS NULL AND document = 1",
    "DELETE FROM chunk WHERE document = 1 AND to_sequence IS NOT NULL",
    "UPDATE chunk SET from_sequence = from_sequence + 1 WHERE document = 1 AND to_sequence IS NULL",
    "UPDATE chunk SET to_sequence = to_sequence + 1 WHERE document = 1 AND to_sequence IS NOT NULL",
    "UPDATE edition SET to_sequence = to_sequence + 1 WHERE document = 1 AND version = 2",
    "UPDATE edition SET title = 'other' WHERE document = 1 AND version = 2",
    // Rows that stay for ever.
    "DELETE FROM version WHERE document = 1 AND number = 1", "DELETE FROM change WHERE sequence = 1",
    "UPDATE version SET actor = 'other' WHERE document = 1 AND number = 1",
    "UPDATE version SET content_hash = zeroblob(32) WHERE document = 2 AND number = 1",
    "UPDATE change SET edition = zeroblob(32) WHERE document = 1 AND version = 1",
    "UPDATE head SET history_floor = 0", "UPDATE head SET history_floor = 99",
    "UPDATE document SET edition = 1 WHERE id = 2",
  ])
  func whatWasTakenAwayIsAProblemAlsoAfterACollection(alteration: String) async throws {
    try await makeStore()
    try alter(alteration)
    #expect(try await problems() != [])
  }

  /// A mark that is forged or removed is named, also by a check of the document alone.
  @Test(
    arguments: [
      ("INSERT INTO collected VALUES(1, 2, 0, 0)", "collection_altered", "a.md", 2),
      ("INSERT INTO collected VALUES(1, 5, 0, 1)", "collection_altered", "a.md", 5),
      ("INSERT INTO collected VALUES(3, 1, 0, 0)", "collection_altered", "c.md", 1),
      ("UPDATE collected SET version = 4 WHERE document = 1 AND version = 3", "collection_altered", "a.md", 4),
      ("UPDATE collected SET version = 4 WHERE document = 1 AND version = 3", "edition_missing", "a.md", 3),
      ("DELETE FROM collected WHERE document = 1 AND version = 1", "edition_missing", "a.md", 1),
      ("DELETE FROM collected WHERE document = 2", "edition_missing", "b.md", 1),
    ] as [(String, String, String, Int)]
  )
  func aForgedOrRemovedMarkIsNamed(alteration: String, code: String, origin: String, version: Int) async throws {
    try await makeStore()
    try alter(alteration)
    let found = try await problems()
    let named = found.first { $0.code == code && $0.version == version && $0.message.contains("'\(origin)'") }
    #expect(found.contains { $0.code == "seal_altered" }, "\(found)")
    let document = try #require(named?.document, "\(found)")
    let store = try SQLiteStore.open(at: path, mode: .readOnly)
    let alone = try await store.read(.everything) { try $0.verification(of: document) }
    await store.close()
    #expect(alone.problems.contains { $0.code == code && $0.version == version }, "\(alone)")
  }

  @Test func aDocumentOfWhichSomeWasCollectedIsWholeByItself() async throws {
    try await makeStore(steps: 3)
    let store = try SQLiteStore.open(at: path, mode: .readOnly)
    let documents = try await store.read(.everything) { snapshot in
      let ids = Set(try snapshot.changes(after: 0, limit: 99).map(\.document))
      return try ids.map { try snapshot.verification(of: $0) }
    }
    await store.close()
    #expect(documents.count == 3)
    for document in documents { #expect(document.problems == [], "\(document)") }
  }

  @Test(arguments: [0, 2, 5]) func aPendingMarkThatWasRemovedIsAProblem(steps: Int) async throws {
    try await makeStore(steps: steps)
    try alter("DELETE FROM collected WHERE is_pending = 1 AND document = 2")
    #expect(try await problems() != [])
  }

  /// An edition that a state from the floor on has is there, and a state before the floor lacks one.
  @Test(arguments: [41, 42, 43]) func everyStateFromTheHistoryFloorOnIsWhole(seed: UInt64) async throws {
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    let source = try await store.write { try $0.registerSource(name: "docs", location: "/docs").id }
    var random = SeededRandom(seed: seed)
    var documents = (0..<6).map { SampleDocument(origin: "\($0).md", paragraphs: ["first \($0)"]) }
    var versions = [Int](repeating: 0, count: 6)
    var isLive = [Bool](repeating: false, count: 6)
    for step in 0..<160 {
      let index = Int.random(in: 0..<6, using: &random)
      documents[index].paragraphs = ["step \(step)", "shared \(Int.random(in: 0..<5, using: &random))"]
      var kind = ChangeKind.modified
      if versions[index] == 0 { kind = .created } else if !isLive[index] { kind = .restored }
      if kind == .modified, Int.random(in: 0..<6, using: &random) == 0 {
        kind = Bool.random(using: &random) ? .deleted : .metadata
      }
      documents[index].metadata = ["step": .integer(Int64(step))]
      let (document, change) = (documents[index], kind)
      // A deletion and a refresh keep the content of before.
      if let before = try await store.read(.everything, { try $0.document(document.id) }), !change.changesContent {
        let run = SampleDocument.run
        try await store.write { transaction throws in
          try transaction.refresh(before, change, document.metadata, source: source, run: run)
        }
      } else {
        try await store.write { _ = try document.apply(change, to: $0, source: source) }
      }
      versions[index] += change.makesVersion ? 1 : 0
      isLive[index] = change != .deleted
      guard step % 20 == 19 else { continue }
      for (index, document) in documents.enumerated() where versions[index] > 1 {
        let last = isLive[index] ? versions[index] - 1 : versions[index]
        let chosen = (1...last).filter { _ in Int.random(in: 0..<4, using: &random) == 0 }
        _ = try await store.write { try $0.collect(versions: chosen, of: document.id) }
      }
      while try await !store.write({ try $0.sweep(.collectedVersions, limit: 7).isDone }) {}
      let floor = try await store.read(.everything) { $0.head.historyFloor }
      let ends = try RawDatabase(path).texts(
        """
        SELECT max(ifnull((SELECT min(n.sequence) FROM change n WHERE n.document = c.document AND n.sequence > c.sequence),
          1000000)) FROM change c WHERE c.kind <> 'deleted' AND NOT EXISTS(
            SELECT 1 FROM edition e WHERE e.document = c.document AND e.from_sequence = c.sequence)
        """
      )
      #expect(ends.first.map { $0.isEmpty ? "0" : $0 } == String(floor), "seed \(seed), step \(step)")
      #expect(try await problems() == [], "seed \(seed), step \(step)")
    }
    await store.close()
  }

  @Test func theFileGivesItsSpaceBackInStepsBesideAReader() async throws {
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    let id = try await fill(store)
    let before = try #require(try await store.space())
    #expect(before.shrinksInSteps && before.freeBytes < 1 << 20)
    let reader = try SQLiteStore.open(at: path, mode: .readOnly)
    let seen = try await reader.read(.everything) { try $0.versions(of: id).count }
    _ = try await store.write { try $0.collect(versions: Array(1..<seen), of: id) }
    while try await !store.write({ try $0.sweep(.collectedVersions, limit: 50).isDone }) {}
    let freed = try #require(try await store.space())
    #expect(freed.freeBytes > 1 << 20, "\(freed)")
    var steps = 0
    while try await store.returnSpace(.step(bytes: 256 << 10)) { steps += 1 }
    #expect(steps > 3)
    #expect(try await store.returnSpace(.finish))
    let after = try #require(try await store.space())
    #expect(after.freeBytes == 0 && after.logBytes == 0)
    #expect(after.bytes + (1 << 20) < before.bytes + before.logBytes, "\(before) \(after)")
    #expect(try await reader.read(.everything) { try $0.versions(of: id).count } == seen)
    #expect(try await store.read(.everything) { try $0.problems(checkingContents: true) } == [])
    await reader.close()
    await store.close()
  }

  @Test func aReaderThatIsAtWorkKeepsItsStateAndTheLog() async throws {
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    let id = try await fill(store)
    let reader = try SQLiteStore.open(at: path, mode: .readOnly)
    let (began, begin) = AsyncStream.makeStream(of: Void.self)
    let gate = Gate()
    let reading = Task {
      try await reader.read(.everything) { snapshot in
        let versions = try snapshot.versions(of: id)
        begin.finish()
        gate.wait()
        // The state of before, with every content, whatever was removed meanwhile.
        return try versions.allSatisfy { try snapshot.content($0.contentHash) != nil }
      }
    }
    for await _ in began {}
    _ = try await store.write { try $0.collect(versions: [1, 2, 3], of: id) }
    while try await !store.write({ try $0.sweep(.collectedVersions, limit: 50).isDone }) {}
    _ = try await store.returnSpace(.step(bytes: 1 << 20))
    gate.open()
    #expect(try await reading.value)
    #expect(try await store.returnSpace(.finish))
    await reader.close()
    await store.close()
    #expect(try await problems() == [])
  }

  @Test func aDatabaseOfBeforeIsBroughtUpAndWrittenAnewOnce() async throws {
    var store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    _ = try await fill(store)
    await store.close()
    do {
      let raw = try RawDatabase(path, tokenizing: true)
      try raw.execute("PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM; PRAGMA journal_mode = WAL")
      #expect(try raw.texts("PRAGMA auto_vacuum") == ["0"])
    }
    store = try SQLiteStore.open(at: path, mode: .readWrite(create: false))
    #expect(try await store.space()?.shrinksInSteps == false)
    #expect(try await !store.returnSpace(.step(bytes: 1 << 20)))
    #expect(try await store.returnSpace(.rewrite))
    #expect(try await store.space()?.shrinksInSteps == true)
    #expect(try await store.read(.everything) { try $0.problems(checkingContents: true) } == [])
    await store.close()
  }

  /// One document of many versions that do not compress.
  private func fill(_ store: SQLiteStore) async throws -> DocumentID {
    var random = SeededRandom(seed: 3)
    var document = SampleDocument(origin: "a.md", paragraphs: [])
    let source = try await store.write { try $0.registerSource(name: "docs", location: "/docs").id }
    for number in 0..<30 {
      document.paragraphs = (0..<40).map { _ in
        (0..<40).map { _ in String(UInt64.random(in: 0 ... .max, using: &random), radix: 36) }.joined(separator: " ")
      }
      let version = document
      try await store.write {
        _ = try version.apply(number == 0 ? .created : .modified, to: $0, source: source)
      }
    }
    return document.id
  }
}

extension ChangeKind {
  /// Whether the document has another content after it.
  fileprivate var changesContent: Bool { self != .deleted && self != .metadata }
}

extension StoreTransaction {
  /// Applies a change that keeps the content.
  fileprivate func refresh(
    _ document: DocumentRecord,
    _ kind: ChangeKind,
    _ metadata: Metadata,
    source: SourceID,
    run: RunID
  ) throws {
    let version = DocumentChange.Version(
      contentHash: document.contentHash,
      size: document.size,
      content: nil,
      fileModified: document.fileModified,
      actor: "tester",
      owner: nil
    )
    let edition = DocumentChange.Edition(
      parser: document.parser,
      markdown: nil,
      markdownIsContent: false,
      map: nil,
      statedTitle: nil,
      statedMetadata: [:],
      title: document.title,
      metadata: metadata,
      pipeline: document.pipeline,
      chunks: try chunks(of: document.id)
    )
    _ = try apply(
      DocumentChange(
        kind: kind,
        document: document.id,
        source: source,
        itemPath: document.itemPath,
        origin: document.origin,
        run: run,
        version: kind == .deleted ? version : nil,
        edition: kind == .deleted ? nil : edition,
        reason: kind == .deleted ? .vanished : nil
      )
    )
  }
}

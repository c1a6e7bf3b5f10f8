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

import FreshetModel
import FreshetStore
import FreshetSystem
import FreshetTestKit
import Testing

/// What a stranger may do to a pruned log, and to what its rows vouched for: each is noticed, and nothing is pruned that
/// was altered.
@Suite struct LogPruningTests {
  private let folder: TemporaryDirectory
  private var path: String { folder.file("store.sqlite") }

  init() throws {
    folder = try TemporaryDirectory()
  }

  private func makeStore(prunedThrough sequence: SequenceNumber) async throws {
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    try await store.write { transaction throws in
      let source = try transaction.registerSource(name: "docs", location: "/docs").id
      var document = SampleDocument(origin: "a.md", paragraphs: ["alpha", "beta"], metadata: ["team": "ops"])
      let second = SampleDocument(origin: "b.md", paragraphs: ["gamma"])
      let third = SampleDocument(origin: "c.md", paragraphs: ["delta"])
      try document.apply(.created, to: transaction, source: source)
      try second.apply(.created, to: transaction, source: source)
      document.paragraphs[1] = "epsilon"
      try document.apply(.modified, to: transaction, source: source)
      document.metadata["team"] = "dev"
      try document.apply(.metadata, to: transaction, source: source)
      try second.apply(.deleted, to: transaction, source: source)
      document.paragraphs[0] = "zeta"
      try document.apply(.modified, to: transaction, source: source)
      try third.apply(.created, to: transaction, source: source)
      document.paragraphs[0] = "eta"
      try document.apply(.modified, to: transaction, source: source)
    }
    while try await !store.write({ try $0.sweep(.log(through: sequence), limit: 2).isDone }) {}
    #expect(try await store.read(.everything) { try $0.problems(checkingContents: true) } == [])
    await store.close()
  }

  private func problems(after statements: String) async throws -> [String] {
    let copy = folder.file("copy-\(DocumentID.random()).sqlite")
    let original = try RawDatabase(path)
    try original.execute("PRAGMA wal_checkpoint(TRUNCATE); VACUUM INTO '\(copy)'")
    try RawDatabase(copy, tokenizing: true).execute("PRAGMA foreign_keys = OFF; \(statements)")
    let store: SQLiteStore
    do {
      store = try SQLiteStore.open(at: copy, mode: .readWrite(create: false))
    } catch let error as FreshetError {
      return ["\(error)"]
    }
    let found: [String]
    do {
      found = try await store.read(.everything) { snapshot throws in
        try snapshot.problems(checkingContents: true).map(\.code)
      }
    } catch let error as FreshetError {
      found = ["\(error)"]
    }
    await store.close()
    return found
  }

  @Test(arguments: [
    "UPDATE anchor SET sequence = 4", "UPDATE anchor SET sequence = 6", "UPDATE anchor SET at = at - 1",
    "UPDATE anchor SET chain = (SELECT chain FROM change WHERE sequence = 6)", "DELETE FROM anchor",
    "DELETE FROM change WHERE sequence = 6",
    // Rows that a stranger prunes, with the right anchor.
    """
    UPDATE anchor SET (sequence, chain, at) = (SELECT sequence, chain, at FROM change WHERE sequence = 6);
    DELETE FROM change WHERE sequence <= 6; UPDATE head SET history_floor = 6
    """,
    "UPDATE head SET history_floor = 0", "DELETE FROM vouched WHERE sequence = 5", "DELETE FROM vouched",
    "UPDATE vouched SET source = 'other' WHERE sequence = 5", "UPDATE vouched SET document = 2 WHERE sequence = 1",
    "UPDATE vouched SET edition = zeroblob(32) WHERE sequence = 4", "UPDATE vouched SET version = 1 WHERE sequence = 4",
    "UPDATE vouched SET sequence = -1 WHERE sequence = 3", "UPDATE vouched SET version_chain = NULL WHERE sequence = 4",
    "UPDATE edition SET title = 'Other' WHERE from_sequence = 4", "DELETE FROM edition WHERE from_sequence = 1",
    "UPDATE version SET actor = 'somebody' WHERE sequence = 5", "UPDATE version SET owner = NULL WHERE sequence = 1",
    "DELETE FROM version WHERE sequence = 5", "UPDATE document SET is_live = 1 WHERE id = 2",
    "INSERT INTO change SELECT 2, at, run, kind, document, source, origin, previous_origin, version, content_hash, reason, "
      + "edition, chain, version_chain FROM change WHERE sequence = 6",
    "UPDATE seal SET sum = sum + 1 WHERE name = 'anchor'", "UPDATE seal SET size = 0 WHERE name = 'vouched'",
  ])
  func whatIsAlteredOfAPrunedLogIsNoticed(statements: String) async throws {
    try await makeStore(prunedThrough: 5)
    #expect(try await problems(after: "SELECT 1") == [])
    #expect(try await !problems(after: statements).isEmpty)
  }

  /// Where seals are altered too, what is vouched for is still compared.
  @Test(arguments: [
    ("UPDATE vouched SET edition = zeroblob(32) WHERE sequence = 4", "edition_altered"),
    ("DELETE FROM vouched WHERE sequence = 5", "version_unlogged"),
    ("DELETE FROM vouched WHERE sequence = 3", "edition_unlogged"),
    ("UPDATE version SET actor = 'x' WHERE sequence = 5", "chain_broken"),
    ("DELETE FROM edition WHERE from_sequence = 1", "edition_missing"),
  ])
  func whatIsVouchedForIsCompared(statement: String, code: String) async throws {
    try await makeStore(prunedThrough: 5)
    #expect(try await problems(after: statement).contains(code))
  }

  @Test(arguments: [
    "UPDATE change SET origin = 'x.md' WHERE sequence = 3", "DELETE FROM change WHERE sequence = 3",
    "UPDATE change SET chain = zeroblob(32) WHERE sequence = 5", "UPDATE change SET at = at - 1 WHERE sequence = 1",
  ])
  func whatWasAlteredIsNotPrunedAway(statement: String) async throws {
    try await makeStore(prunedThrough: 0)
    try RawDatabase(path).execute(statement)
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: false))
    let error = await #expect(throws: FreshetError.self) {
      _ = try await store.write { try $0.sweep(.log(through: 5), limit: 100) }
    }
    #expect(error?.code == .storeDamaged)
    #expect(try await store.read(.everything) { $0.head.anchor } == .beginning)
    #expect(try await !store.read(.everything) { try $0.problems(checkingContents: false) }.isEmpty)
    await store.close()
  }
}

import FreshetModel
import FreshetStore
import FreshetSystem
import FreshetTestKit
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Alters one field at a time of what a store wrote, behind its back: `problems` must find each.
@Suite struct TamperingTests {
  /// Which row of each table is altered, and the columns that nothing vouches for: see "Not vouched for" in the store's
  /// design; the head's own are for a recorded head.
  private static let rows: [(table: String, condition: String, unvouched: Set<String>)] = [
    ("head", "id = 1", ["collection", "epoch", "history_floor", "last_passage"]),
    ("document", "id = 1", ["item_path", "pipeline"]),
    ("document", "id = 2", ["item_path", "pipeline"]),
    ("version", "document = 1 AND number = 1", []),
    ("version", "document = 1 AND number = 2", []),
    ("version", "document = 2 AND number = 2", []),
    ("content", "id = 1", ["id"]),
    ("rendition", "id = 1", []),
    ("rendition", "id = 2", []),
    ("rendition", "id = (SELECT max(id) FROM rendition WHERE is_withdrawn = 1)", []),
    ("edition", "id = 1", []),
    ("edition", "id = 2", []),
    ("edition", "id = (SELECT max(id) FROM edition)", []),
    ("edition", "rendition_checksum IS NOT NULL", []),
    ("field", "name = 'team' AND document = 1", []),
    ("passage", "id = 1", []),
    ("passage", "id = 2", []),
    ("chunk", "id = 1", []),
    ("chunk", "id = 2", []),
    ("chunk", "to_sequence IS NOT NULL AND document = 1", []),
    ("change", "sequence = 1", []),
    ("change", "sequence = 3", []),
    ("change", "kind = 'deleted'", []),
    ("vector_1", "passage = 1", []),
    ("vector_1", "passage = 4", []),
    ("model", "id = 1", []),
    ("run", "id = 1", ["id"]),
    ("seal", "name = 'content'", []),
    ("seal", "name = 'vector_1'", []),
    ("annotation", "document = 1", []),
    ("seal", "name = 'annotation'", []),
    ("live_fts_docsize", "id = 1", []),
  ]

  private func makeStore(at path: String) async throws {
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    try await store.write { transaction throws in
      let source = try transaction.registerSource(name: "docs", location: "/docs").id
      _ = try transaction.registerSource(name: "other", location: "/other")
      var document = SampleDocument(
        origin: "a.md",
        paragraphs: ["alpha words", "beta words", "gamma"],
        metadata: ["team": "ops"]
      )
      var second = SampleDocument(origin: "b.md", paragraphs: ["delta", "alpha words"])
      second.keepsContent = false
      try document.apply(.created, to: transaction, source: source)
      try second.apply(.created, to: transaction, source: source)
      document.paragraphs[2] = "epsilon"
      try document.apply(.modified, to: transaction, source: source)
      document.metadata["team"] = "dev"
      try document.apply(.metadata, to: transaction, source: source)
      try transaction.annotate(document.id, with: ["team": "sales"])
      try transaction.annotate(document.id, with: ["team": "dev"])
      try transaction.annotate(second.id, with: ["team": "ops"])
      try transaction.annotate(second.id, with: [:])
      try second.apply(.deleted, to: transaction, source: source)
      // A text that was withdrawn and came back with its content, and another one that was.
      var third = SampleDocument(origin: "c.md", paragraphs: ["zeta"], metadata: ["team": "ops"])
      third.keepsContent = false
      try third.apply(.created, to: transaction, source: source)
      third.paragraphs = ["eta"]
      try third.apply(.modified, to: transaction, source: source)
      third.paragraphs = ["zeta"]
      third.keepsContent = true
      try third.apply(.modified, to: transaction, source: source)
      try transaction.save(
        RunRecord(
          id: SampleDocument.run,
          startedAt: transaction.now,
          finishedAt: transaction.now,
          actor: "tester@host",
          firstSequence: 0,
          lastSequence: 8,
          report: ["type": "summary"]
        )
      )
      let model = try transaction.registerModel(ModelDescription(name: "m", fingerprint: "m", dimension: 2))
      try transaction.saveVectors(
        VectorPage(passages: [1, 2, 4], dimension: 2, halves: [1, 2, 3, 4, 5, 6]),
        model: model.id
      )
    }
    await store.close()
  }

  private func problems(at path: String) async throws -> [IntegrityProblem] {
    let store = try SQLiteStore.open(at: path, mode: .readOnly)
    do {
      let problems = try await store.read(.everything) { try $0.problems(checkingContents: true) }
      await store.close()
      return problems
    } catch let error as FreshetError where error.code == .storeDamaged {
      await store.close()
      return [IntegrityProblem(code: "database_damaged", message: error.message)]
    }
  }

  private func copy(_ path: String, to other: String) throws {
    let source = open(path, O_RDONLY)
    let target = open(other, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer {
      close(source)
      close(target)
    }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = read(source, &buffer, buffer.count)
      guard count > 0 else { break }
      #expect(write(target, buffer, count) == count)
    }
  }

  @Test func everyAlteredFieldIsFound() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("whole.sqlite")
    try await makeStore(at: path)
    #expect(try await problems(at: path) == [])
    let columns = try {
      let raw = try RawDatabase(path)
      return try Self.rows.map { try raw.texts("SELECT name FROM pragma_table_info('\($0.table)')") }
    }()
    var altered = 0
    for (row, columns) in zip(Self.rows, columns) {
      #expect(!columns.isEmpty)
      for column in columns where !row.unvouched.contains(column) {
        let copied = directory.file("altered.sqlite")
        try copy(path, to: copied)
        do {
          let raw = try RawDatabase(copied)
          try raw.execute("PRAGMA foreign_keys = OFF; PRAGMA journal_mode = DELETE")
          let change = """
            UPDATE \(row.table) SET \(column) = CASE typeof(\(column)) WHEN 'integer' THEN \(column) + 1
              WHEN 'text' THEN \(column) || 'x' WHEN 'null' THEN 1
              ELSE CAST(CASE substr(\(column), 1, 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(\(column), 2) AS BLOB) END
            WHERE \(row.condition)
            """
          do {
            try raw.execute(change)
          } catch is RawDatabase.Failure {
            // A constraint of the schema refuses the alteration by itself.
            continue
          }
          #expect(raw.changes >= 1, "\(row)")
        }
        altered += 1
        #expect(try await problems(at: copied) != [], "\(row.table).\(column) where \(row.condition)")
      }
    }
    #expect(altered > 140)
  }

  @Test(arguments: [
    "DELETE FROM change WHERE sequence = 2", "DELETE FROM change WHERE sequence = 5",
    "DELETE FROM version WHERE number = 2",
    "DELETE FROM edition WHERE id = 1", "DELETE FROM edition WHERE to_sequence IS NULL",
    "DELETE FROM passage WHERE id = 1",
    "DELETE FROM chunk WHERE id = 1", "DELETE FROM content", "DELETE FROM rendition WHERE id = 2",
    "DELETE FROM field WHERE name = 'origin'", "DELETE FROM document WHERE id = 2",
    "DELETE FROM live_fts_docsize WHERE id = 1",
    "DELETE FROM live_fts_data WHERE id > 1000",
    "UPDATE live_fts_data SET block = zeroblob(length(block)) WHERE id > 1000",
    "INSERT INTO field VALUES('team', 'x', 1)", "UPDATE model SET dimension = 3",
    "DELETE FROM vector_1 WHERE passage = 4", "DELETE FROM run", "DELETE FROM seal WHERE name = 'run'",
    "DELETE FROM annotation", "INSERT INTO annotation VALUES(2, '{}')",
    "DELETE FROM content WHERE id = 1", "UPDATE seal SET size = size + 1 WHERE name = 'passage'",
    "INSERT INTO chunk SELECT 99, uuid, document, passage, from_sequence, 3 FROM chunk WHERE id = 1",
    "INSERT INTO rendition SELECT 99, content_hash, 'x', title, metadata, map, codec, markdown, checksum, is_withdrawn "
      + "FROM rendition WHERE id = 1",
    // What only the store may do to a rendition: the text of a version whose content is kept goes.
    "UPDATE rendition SET title = NULL, metadata = '', map = x'', codec = NULL, markdown = NULL, is_withdrawn = 1 "
      + "WHERE id = 1",
    "UPDATE document SET origin = CAST(origin AS BLOB) WHERE id = 1", "DROP INDEX version_content",
    "CREATE TRIGGER hidden AFTER INSERT ON version BEGIN DELETE FROM version; END",
    "UPDATE edition SET to_sequence = to_sequence - 1 WHERE id = 1",
    "UPDATE chunk SET to_sequence = to_sequence + 1 WHERE to_sequence IS NOT NULL",
    "INSERT INTO chunk SELECT 99, uuid, document, passage, from_sequence, NULL FROM chunk WHERE id = 1",
    "UPDATE vector_1 SET value = (SELECT value FROM vector_1 WHERE passage = 2) WHERE passage = 1",
    "UPDATE edition SET to_sequence = NULL WHERE document = 2", "DELETE FROM head",
  ])
  func everyRowThatIsGoneOrTooManyIsFound(alteration: String) async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    try await makeStore(at: path)
    do {
      let raw = try RawDatabase(path)
      try raw.execute("PRAGMA foreign_keys = OFF")
      try raw.execute(alteration)
      if !alteration.hasPrefix("DROP"), !alteration.hasPrefix("CREATE") { #expect(raw.changes >= 1) }
    }
    #expect(try await problems(at: path) != [])
  }

  /// Alterations with the row that has to be named: document, version and change.
  @Test(
    arguments: [
      ("UPDATE version SET actor = 'x' WHERE document = 1 AND number = 2", "a.md", 2, 3),
      ("UPDATE version SET chain = zeroblob(32) WHERE document = 1 AND number = 1", "a.md", 1, 1),
      ("UPDATE change SET reason = NULL WHERE sequence = 5", "b.md", 2, 5),
      ("UPDATE change SET kind = 'nonsense' WHERE sequence = 2", nil, nil, 2),
      ("UPDATE change SET chain = zeroblob(32) WHERE sequence = 3", "a.md", 2, 3),
      ("DELETE FROM change WHERE sequence = 2", nil, nil, 2),
      ("UPDATE edition SET title = 'x' WHERE from_sequence = 4", "a.md", 2, 4),
      ("UPDATE edition SET metadata = '[' WHERE from_sequence = 1", "a.md", 1, 1),
      ("UPDATE chunk SET to_sequence = to_sequence + 1 WHERE document = 1 AND to_sequence = 3", "a.md", 1, 1),
      ("UPDATE content SET data = zeroblob(4) WHERE id = 2", "a.md", 2, 3),
      ("UPDATE rendition SET title = 'x' WHERE id = 2", "b.md", 1, 2),
      ("UPDATE rendition SET checksum = zeroblob(32) WHERE id = 2", "b.md", 1, 2),
      ("UPDATE rendition SET is_withdrawn = 0 WHERE id = 2", "b.md", 1, 2),
      (
        "UPDATE rendition SET title = NULL, metadata = '', map = x'', is_withdrawn = 1 WHERE id = "
          + "(SELECT rendition FROM edition WHERE from_sequence = 8)", "c.md", 1, 6
      ),
    ] as [(String, String?, Int?, SequenceNumber)]
  )
  func theFirstAlteredRecordIsNamed(
    alteration: String,
    origin: String?,
    version: Int?,
    sequence: SequenceNumber
  ) async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    try await makeStore(at: path)
    do {
      let raw = try RawDatabase(path)
      try raw.execute("PRAGMA foreign_keys = OFF")
      try raw.execute(alteration)
      #expect(raw.changes >= 1)
    }
    let found = try await problems(at: path)
    let first = try #require(
      found.filter { $0.sequence != nil }.min { $0.sequence ?? 0 < $1.sequence ?? 0 },
      "\(found)"
    )
    #expect(first.sequence == sequence, "\(found)")
    if let origin { #expect(first.message.contains("'\(origin)'"), "\(first)") }
    if let version { #expect(first.version == version, "\(first)") }
    // A document alone tells the same, unless nothing of it was altered.
    guard let document = first.document, origin != nil else { return }
    let store = try SQLiteStore.open(at: path, mode: .readOnly)
    let alone = try await store.read(.everything) { try $0.verification(of: document) }
    await store.close()
    #expect(alone.problems.first?.version == version, "\(alone)")
  }

  @Test func aVersionRewrittenWithItsOwnChainIsFoundByTheLog() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    try await makeStore(at: path)
    let store = try SQLiteStore.open(at: path, mode: .readOnly)
    let (id, versions) = try await store.read(.everything) { snapshot in
      let id = try #require(try snapshot.changes(after: 0, limit: 1).first).document
      return (id, try snapshot.versions(of: id))
    }
    await store.close()
    var forged = versions
    forged[0].owner = "somebody else"
    forged[0].chain = SHA256.link(.zero, forged[0].canonicalBytes)
    forged[1].chain = SHA256.link(forged[0].chain, forged[1].canonicalBytes)
    do {
      let raw = try RawDatabase(path)
      for version in forged {
        try raw.execute(
          "UPDATE version SET owner = '\(version.owner ?? "")', chain = x'\(version.chain)' WHERE document = 1 AND number = "
            + "\(version.number)"
        )
      }
    }
    let found = try await problems(at: path)
    #expect(found.first?.code == "version_altered" && found.first?.version == 1 && found.first?.document == id)
  }

  @Test func flippedBytesOfTheFileNeverCrashAndAreFound() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("whole.sqlite")
    try await makeStore(at: path)
    let seed: UInt64 = 0xF11B
    var random = SeededRandom(seed: seed)
    var found = 0
    for _ in 0..<60 {
      let copied = directory.file("flipped.sqlite")
      try copy(path, to: copied)
      let file = open(copied, O_RDWR)
      let size = lseek(file, 0, SEEK_END)
      for _ in 0..<20 {
        var byte = UInt8.random(in: 0...255, using: &random)
        #expect(pwrite(file, &byte, 1, off_t(Int.random(in: 100..<Int(size), using: &random))) == 1)
      }
      close(file)
      do {
        if try await problems(at: copied) != [] { found += 1 }
      } catch let error as FreshetError {
        #expect([.storeDamaged, .storeFailed].contains(error.code), "\(error) (seed \(seed))")
        found += 1
      }
    }
    // Bytes in free space change nothing.
    #expect(found > 10, "seed \(seed)")
  }
}

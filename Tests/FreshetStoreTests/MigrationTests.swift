import FreshetModel
import FreshetStore
import FreshetTestKit
import Testing

/// Databases of earlier versions, made by taking a new one's last steps back.
@Suite struct MigrationTests {
  @Test func theMailsConsumerGetsANameThatNobodyCanChooseAndAnnotationsAreSealed() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    try await store.write { transaction throws in
      let source = try transaction.registerSource(name: "docs", location: "/docs").id
      let document = SampleDocument(origin: "a.md", paragraphs: ["alpha"])
      try document.apply(.created, to: transaction, source: source)
      try transaction.annotate(document.id, with: ["team": "ops"])
      _ = try transaction.registerConsumer("mail", kind: .mail, at: transaction.head.logPosition)
      _ = try transaction.registerConsumer("other", kind: .named, at: transaction.head.logPosition)
    }
    await store.close()
    try RawDatabase(path).execute(
      """
      DROP INDEX change_deletion; DROP TABLE anchor; DROP TABLE vouched; ALTER TABLE consumer DROP COLUMN receiver;
      DELETE FROM seal WHERE name IN ('annotation', 'anchor', 'vouched'); PRAGMA user_version = 7
      """
    )
    let migrated = try SQLiteStore.open(at: path, mode: .readWrite(create: false))
    let (consumers, problems) = try await migrated.read(.everything) { snapshot in
      (try snapshot.consumers(), try snapshot.problems(checkingContents: true))
    }
    #expect(consumers.map(\.name) == ["mail:server", "other"] && consumers[0].kind == .mail)
    #expect(problems == [])
    await migrated.close()
  }

  @Test func aDocumentWhoseItemIsNotOnRecordGetsOneThatIsReadAgain() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    let document = SampleDocument(origin: "a.md", paragraphs: ["alpha"])
    let source = try await store.write { transaction in
      let source = try transaction.registerSource(name: "docs", location: "/docs").id
      try document.apply(.created, to: transaction, source: source)
      let other = ItemFingerprint(device: 7, inode: 1, size: 2, modified: 3, changed: 4)
      try transaction.save([ItemRecord(path: [1], fingerprint: other, isRacy: false, hash: .zero)], source: source)
      return source
    }
    await store.close()
    try RawDatabase(path).execute("DROP INDEX change_deletion; PRAGMA user_version = 9")
    let migrated = try SQLiteStore.open(at: path, mode: .readWrite(create: false))
    let items = try await migrated.read(.everything) { try $0.items(of: source, after: nil, limit: 9) }
    #expect(items.count == 2 && items.last?.path == Array("a.md".utf8) && items.last?.documents == 1)
    #expect(items.last?.fingerprint == .unseen(device: 7) && items.last?.isRacy == true)
    await migrated.close()
  }
}

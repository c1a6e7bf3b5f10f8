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
      DROP TABLE anchor; DROP TABLE vouched; ALTER TABLE consumer DROP COLUMN receiver;
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
}

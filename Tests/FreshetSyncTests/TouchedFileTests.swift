import FreshetModel
import FreshetStore
import FreshetSync
import FreshetTestKit
import Testing

/// A file that was changed while its content stayed is no change of its document; what it says of the file is kept up.
@Suite struct TouchedFileTests {
  private func modified(
    _ fixture: SyncFixture,
    _ comparison: Filter.Comparison,
    _ time: Timestamp
  ) async throws -> [String] {
    var query = DocumentQuery()
    query.filter = .field("modified", comparison, .string(time.description))
    let asked = query
    return try await fixture.store.read(.everything) { try $0.documents(asked).map(\.origin) }
  }

  private func head(_ fixture: SyncFixture) async throws -> Head {
    try await fixture.store.read(.everything) { $0.head }
  }

  @Test(arguments: [false, true]) func whatTheFileSaysIsKeptUpWithoutAChange(force: Bool) async throws {
    let fixture = try SyncFixture()
    for name in ["a.txt", "b.md", "c.txt"] { fixture.source.write(name, "text of \(name)") }
    try await fixture.sync()
    let before = try await head(fixture)
    let old = try #require(try await fixture.document("b.md"))
    for _ in 0..<2 {
      fixture.source.touch("b.md")
      let outcome = try await fixture.sync { $0.force = force }
      #expect(outcome.changes.isEmpty && outcome.report.documents.unchanged == 3)
    }
    let new = try #require(try await fixture.document("b.md"))
    #expect(new.fileModified > old.fileModified && new.updatedAt == old.updatedAt && new.version == 1)
    #expect(new.metadata["modified"] == .string(new.fileModified.description))
    #expect(try await modified(fixture, .greater, old.fileModified).contains("b.md"))
    #expect(try await modified(fixture, .equal, old.fileModified) == [])
    #expect(try await head(fixture) == before)
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
    #expect(try await fixture.sync().report.checkpoints == 0)
    // The next version says its own time.
    fixture.source.write("b.md", "other text")
    #expect(try await fixture.sync().kinds == [.modified: 1])
    let versions = try await fixture.store.read(.everything) { try $0.versions(of: old.id) }
    #expect(try await fixture.document("b.md")?.fileModified == versions.last?.fileModified)
    #expect(versions.first?.fileModified == old.fileModified)
    try await fixture.expectVerified()
  }

  @Test func whatIsNotedOutlastsChangesThatMakeNoVersion() async throws {
    let fixture = try SyncFixture()
    fixture.source.write("a.txt", "text")
    try await fixture.sync()
    fixture.source.touch("a.txt")
    try await fixture.sync()
    let touched = try #require(try await fixture.document("a.txt"))
    fixture.source.set(metadata: ["team": "ops"])
    #expect(try await fixture.sync().kinds == [.metadata: 1])
    fixture.model = CountingEmbedder(name: "next")
    try await fixture.sync()
    let after = try #require(try await fixture.document("a.txt"))
    #expect(after.fileModified == touched.fileModified)
    #expect(after.metadata["modified"] == touched.metadata["modified"])
    try await fixture.expectVerified()
    // A deletion and a return keep the document in order.
    fixture.source.write("other.txt", "other")
    let text = try #require(fixture.source.texts["a.txt"])
    fixture.source.remove("a.txt")
    #expect(try await fixture.sync().kinds == [.created: 1, .deleted: 1])
    try await fixture.expectVerified()
    fixture.source.write("a.txt", text)
    #expect(try await fixture.sync().kinds == [.restored: 1])
    try await fixture.expectVerified()
  }

  @Test func aSourceThatSaysAnotherTimeAndMembersOfAFileKeepTheirs() async throws {
    let fixture = try SyncFixture("docs", "stated")
    fixture.sources[1].set(metadata: ["modified": "once"])
    fixture.sources[1].write("a.txt", "text")
    fixture.source.write("r.records", "1\tone\n2\ttwo")
    try await fixture.sync()
    let member = try #require(try await fixture.document("r.records!/1"))
    fixture.sources[1].touch("a.txt")
    fixture.source.write("r.records", "1\tone\n2\tother")
    #expect(try await fixture.sync().kinds == [.modified: 1])
    #expect(try await fixture.document("a.txt")?.metadata["modified"] == "once")
    #expect(try await fixture.document("r.records!/1")?.fileModified == member.fileModified)
    try await fixture.expectVerified()
  }
}

import Freshet
import FreshetConfiguration
import FreshetModel
import FreshetSearch
import FreshetSync
import FreshetTestKit
import Testing

/// Versions without embedding, and what is said of documents beside their content.
@Suite struct TrackTests {
  private let folder: TemporaryDirectory
  private let embedder = CountingEmbedder()

  init() throws {
    folder = try TemporaryDirectory()
    try folder.write("docs/keys.md", "---\nteam: sales\n---\n# Keys\n\nRotate the signing key once a quarter.\n")
    try folder.write("docs/backups.txt", "The vault is copied every night.\n")
  }

  private func open(embedding: Bool = true) async throws -> Collection {
    let source = try SourceConfiguration.folder(folder.path + "/docs", metadata: ["site": "north"])
    guard !embedding else {
      return try await Collection.open(at: folder.path + "/docs.freshet", sources: [source], embedder: embedder)
    }
    var configuration = Configuration(folder: folder.path)
    configuration.collection = folder.path + "/docs.freshet"
    configuration.sources = [source]
    configuration.embedder.provider = .none
    return try await Collection.open(configuration)
  }

  private var keys: String { folder.file("docs/keys.md") }

  @Test func aTrackedFileWaitsForItsVectorsAndTheNextSyncMakesThem() async throws {
    let collection = try await open()
    let report = try await collection.track([keys])
    #expect(report.documents.created == 1 && embedder.calls == 0)
    #expect(try await collection.documents().map(\.origin) == ["keys.md"], "exactly the files named")
    #expect(try await collection.document("keys.md").editionState == .awaitingVectors)
    let request = SearchRequest("signing", mode: .keyword, limit: 5)
    #expect(try await collection.search(request).hits.map(\.origin) == ["keys.md"])
    let again = try await collection.track([keys])
    #expect(again.sequence == report.sequence && again.documents.unchanged == 1)
    #expect(try await collection.verify(sources: false).problems == [])

    try await collection.sync()
    #expect(embedder.calls > 0 && embedder.repeated.isEmpty)
    #expect(try await collection.document("keys.md").editionState == .complete)
    #expect(try await collection.versions(of: "keys.md").count == 1)
    #expect(try await collection.verify().problems == [])
    await collection.close()
  }

  @Test func whatAFileIsCannotBeSaidOtherwise() async throws {
    let collection = try await open()
    try await collection.sync()
    let before = try await collection.document("keys.md")
    for key in ["type", "name", "modified", "size", "member", "source", "origin"] {
      do {
        try await collection.track([keys], metadata: [key: "x", "team": "ops"])
        Issue.record("\(key) was said")
      } catch let error as FreshetError {
        #expect(error.code == .invalidArgument && error.message.contains("`\(key)`"), "\(error)")
      }
    }
    #expect(try await collection.document("keys.md").metadata == before.metadata)
    try await collection.track([keys], metadata: ["title": "Other", "category": "a", "team": "ops"])
    #expect(try await collection.document("keys.md").title == "Other")
    await collection.close()
  }

  @Test func aChangeThatIsTrackedIsAVersionAndTheOldVectorsAreWithdrawn() async throws {
    let collection = try await open()
    try await collection.sync()
    let calls = embedder.calls
    try folder.write("docs/keys.md", "# Keys\n\nThrow the keys away.\n")
    let report = try await collection.track([keys])
    #expect(report.documents.modified == 1 && embedder.calls == calls)
    #expect(try await collection.versions(of: "keys.md").count == 2)
    #expect(try await collection.document("keys.md").editionState == .awaitingVectors)
    // Text that was embedded before needs no later run.
    try folder.write("docs/keys.md", "---\nteam: sales\n---\n# Keys\n\nRotate the signing key once a quarter.\n")
    try await collection.track([keys])
    #expect(try await collection.document("keys.md").editionState == .complete)
    #expect(try await collection.sync().embedderCalls == 0)
    #expect(try await collection.verify().problems == [])
    await collection.close()
  }

  @Test func withoutAnEmbedderATrackedDocumentIsComplete() async throws {
    let collection = try await open(embedding: false)
    try await collection.track([keys])
    #expect(try await collection.document("keys.md").editionState == .complete)
    #expect(try await collection.verify(sources: false).problems == [])
    await collection.close()
  }

  @Test func whatIsSaidWinsAndStays() async throws {
    let collection = try await open()
    try await collection.sync()
    let calls = embedder.calls
    let said: Metadata = ["team": "ops", "site": "south", "level": 3]
    let report = try await collection.track([keys], metadata: said)
    #expect(report.documents.refreshed == 1 && report.documents.modified == 0 && embedder.calls == calls)
    var document = try await collection.document("keys.md")
    #expect(
      document.metadata["team"] == "ops" && document.metadata["site"] == "south" && document.metadata["level"] == 3
    )
    #expect(document.version == 1 && document.editionState == .complete)
    #expect(try await collection.search("signing", filter: .metadata("team", equals: "ops")).count == 1)
    #expect(try await collection.search("signing", filter: .metadata("team", equals: "sales")).isEmpty)
    let again = try await collection.track([keys], metadata: said)
    #expect(again.sequence == report.sequence && again.documents.unchanged == 1, "nothing new is said")

    try folder.write("docs/keys.md", "---\nteam: sales\n---\n# Keys\n\nRotate the signing key once a month.\n")
    try await collection.sync()
    try folder.move("docs/keys.md", to: "docs/guide/keys.md")
    try await collection.sync()
    #expect(try await collection.document("guide/keys.md").metadata["team"] == "ops")
    folder.remove("docs/guide/keys.md")
    try await collection.sync()
    try await collection.restore("guide/keys.md")
    document = try await collection.document("guide/keys.md")
    #expect(document.state == .live && document.metadata["level"] == 3)

    let file = folder.file("docs/guide/keys.md")
    try await collection.track([file], removing: ["team", "site"])
    document = try await collection.document("guide/keys.md")
    #expect(
      document.metadata["team"] == "sales" && document.metadata["site"] == "north" && document.metadata["level"] == 3
    )
    #expect(try await collection.sync().documents.refreshed == 0)
    #expect(try await collection.verify().problems == [])
    await collection.close()
  }

  @Test func whatIsSaidOfADocumentThatWaitsForVectorsIsKept() async throws {
    let collection = try await open()
    try await collection.track([keys])
    let report = try await collection.track([keys], metadata: ["team": "ops"])
    #expect(report.documents.refreshed == 1 && embedder.calls == 0)
    #expect(try await collection.document("keys.md").metadata["team"] == "ops")
    #expect(try await collection.document("keys.md").editionState == .awaitingVectors)
    try await collection.sync()
    let document = try await collection.document("keys.md")
    #expect(document.editionState == .complete && document.metadata["team"] == "ops")
    let request = SearchRequest("signing key", mode: .vector, limit: 5, filter: .metadata("team", equals: "ops"))
    #expect(try await collection.search(request).hits.map(\.origin) == ["keys.md"])
    #expect(try await collection.verify().problems == [])
    await collection.close()
  }

  @Test func aTitleThatIsSaidIsTheTitle() async throws {
    let collection = try await open()
    try await collection.track([keys], metadata: ["title": "The keys"])
    #expect(try await collection.document("keys.md").title == "The keys")
    try await collection.track([keys], removing: ["title"])
    #expect(try await collection.document("keys.md").title == "Keys")
    await collection.close()
  }

  @Test func assignmentsAreRead() throws {
    let change = try AnnotationChange(assignments: [
      "team=ops", "level=3", "share=0.5", "draft=true", "code=\"3\"", "tags=a", "tags=b", "gone=", "note=a=b",
      "at=2026-03-01",
    ])
    #expect(
      change.set == [
        "team": "ops", "level": 3, "share": 0.5, "draft": true, "code": "3", "tags": ["a", "b"], "note": "a=b",
        "at": "2026-03-01",
      ]
    )
    #expect(change.removed == ["gone"])
    #expect(throws: FreshetError.self) { try AnnotationChange(assignments: ["=x"]) }
    #expect(throws: FreshetError.self) { try AnnotationChange(assignments: ["team"]) }
  }
}

import Freshet
import FreshetModel
import FreshetSources
import FreshetSystem
import FreshetTestKit
import Testing

@testable import FreshetService

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Files whose documents failed for good, in the folder for them.
@Suite(.timeLimit(.minutes(10))) struct SetAsideTests {
  private let folder: TemporaryDirectory
  private let embedder = CountingEmbedder()

  init() throws {
    folder = try TemporaryDirectory()
    try folder.write("docs/a/data.json", "{ \"text\": \"The vault is copied every night.\" }")
    try folder.write("docs/notes.txt", "Rotate the signing key once a quarter.\n")
  }

  private func configuration() throws -> Configuration {
    var configuration = Configuration(folder: folder.path)
    configuration.collection = folder.path + "/live.freshet"
    configuration.sources = [try .folder(folder.path + "/docs", name: "docs")]
    configuration.failures.folder = "failed/now"
    return configuration
  }

  private func with(_ body: (Collection) async throws -> Void) async throws {
    try await withCollection(try configuration(), embedder: embedder) { (collection: Collection) async throws -> Void in
      try await body(collection)
      #expect(try await collection.verify().problems == [])
    }
  }

  private func text(_ name: String) throws -> String? {
    guard try FileSystem.exists(folder.file(name)) else { return nil }
    return String(decoding: try FileSystem.read(folder.file(name)), as: UTF8.self)
  }

  private static let broken = "{ \"text\": broken"

  @Test func aFileThatFailsForGoodMovesAndItsDocumentStays() async throws {
    try await with { collection in
      try await collection.sync()
      try folder.write("docs/a/data.json", Self.broken)
      let report = try await collection.sync()
      #expect(report.documents.failed == 1 && report.documents.deleted == 0)
      #expect(try text("docs/a/data.json") == nil && text("docs/failed/now/a/data.json") == Self.broken)
      let note = try #require(try text("docs/failed/now/a/data.json.error.txt"))
      #expect(
        note.contains("docs:a/data.json") && note.contains("parser_failed") && note.contains("Attempts  1"),
        "\(note)"
      )
      // It is still found, and nothing of it goes, however often it is looked for.
      for _ in 0..<2 {
        let again = try await collection.sync()
        #expect(again.documents.changed == 0 && again.documents.failed == 0 && again.held.isEmpty)
      }
      #expect(try await collection.search("copied every night", limit: 1).first?.origin == "a/data.json")
      #expect(try await collection.versions(of: "a/data.json").count == 1)
      #expect(try await collection.failures().map(\.origin) == ["a/data.json"])
      #expect(try await collection.documents().map(\.origin) == ["a/data.json", "notes.txt"])

      // Put back as it is, it fails and moves again; mended, it is the next version.
      try folder.move("docs/failed/now/a/data.json", to: "docs/a/data.json")
      #expect(try await collection.sync().documents.failed == 1)
      #expect(try text("docs/failed/now/a/data.json") == Self.broken)
      try folder.move("docs/failed/now/a/data.json", to: "docs/a/data.json")
      try folder.write("docs/a/data.json", "{ \"text\": \"The vault is copied twice.\" }")
      #expect(try await collection.sync().documents.modified == 1)
      #expect(try await collection.failures().isEmpty)
    }
  }

  @Test func aFileOfWhichOneRecordFailsStays() async throws {
    try await with { collection in
      try folder.write("docs/many.jsonl", "{\"text\":\"one\"}\n\(Self.broken)\n{\"text\":\"two\"}\n")
      try await collection.sync()
      #expect(try text("docs/many.jsonl") != nil && text("docs/failed/now/many.jsonl") == nil)
      #expect(try await collection.failures().map(\.error.code) == [.partlyRead, .parserFailed])
      // None is left: its documents stay while it lies in the folder.
      try folder.write("docs/many.jsonl", Self.broken)
      try await collection.sync()
      #expect(try text("docs/failed/now/many.jsonl") == Self.broken)
      #expect(try await collection.sync().documents.deleted == 0)
      #expect(try await collection.documents().count == 4)
    }
  }

  @Test func aNewFileThatFailsStaysOnRecordUntilItIsRemoved() async throws {
    try await with { collection in
      try folder.write("docs/new.json", Self.broken)
      try await collection.sync()
      #expect(try text("docs/failed/now/new.json") == Self.broken)
      try await collection.sync()
      #expect(try await collection.failures().map(\.origin) == ["new.json"])
      folder.remove("docs/failed/now/new.json")
      try await collection.sync()
      #expect(try await collection.failures().isEmpty)
    }
  }

  @Test func filesWhoseNamesMeetThereGoBackToTheirOwnPlaces() async throws {
    try await with { collection in
      // The folder calls a second file of `index.html` what the other one is called.
      let names = ["index.html", "index.html.2"]
      for name in names { try folder.write("docs/" + name, "<html><body><p>This is \(name).</p></body></html>") }
      try await collection.sync()
      for name in names { try folder.write("docs/" + name, "<html><body><!-- \(name) --></body></html>") }
      #expect(try await collection.sync().documents.failed == 2)
      #expect(try text("docs/failed/now/index.html.2")?.contains("index.html.2") == true)
      var request = SyncRequest()
      request.retriesFailures = true
      let report = try await collection.sync(request)
      #expect(report.documents.deleted == 0 && report.documents.failed == 2)
      #expect(try text("docs/failed/now/index.html")?.contains("index.html ") == true)
      #expect(try await collection.documents().map(\.origin).filter { $0.hasPrefix("index") } == names)
      // A file of such a name that stands there without its note is nobody's.
      try folder.write("docs/notes.txt.2", "Plain.\n")
      try await collection.sync()
      folder.remove("docs/notes.txt")
      try folder.write("docs/failed/now/notes.txt", "somebody's")
      #expect(try await collection.sync().documents.deleted == 1)
    }
  }

  @Test func whatWasSetAsideBeforeADocumentCameAnewKeepsItNotAlive() async throws {
    try await with { collection in
      try folder.write("docs/z.json", Self.broken)
      try await collection.sync()
      try folder.write("docs/z.json", "{ \"text\": \"It is well now.\" }")
      try await collection.sync()
      #expect(try await collection.failures().isEmpty)
      folder.remove("docs/z.json")
      #expect(try await collection.sync().documents.deleted == 1)
      #expect(try text("docs/failed/now/z.json") == Self.broken)
    }
  }

  @Test func removingTheFileThatWasSetAsideDeletesItsDocument() async throws {
    try await with { collection in
      try await collection.sync()
      try folder.write("docs/a/data.json", Self.broken)
      try await collection.sync()
      folder.remove("docs/failed")
      #expect(try await collection.sync().documents.deleted == 1)
    }
  }

  @Test func nothingIsEverOverwritten() async throws {
    try await with { collection in
      try folder.write("docs/failed/now/a/data.json", "mine")
      try folder.write("docs/failed/now/a/data.json.2", "mine, too")
      try folder.write("docs/failed/now/a/data.json.3.error.txt", "and this")
      try folder.write("docs/a/data.json", Self.broken)
      try await collection.sync()
      #expect(try text("docs/failed/now/a/data.json") == "mine" && text("docs/failed/now/a/data.json.2") == "mine, too")
      #expect(try text("docs/failed/now/a/data.json.3") == nil && text("docs/failed/now/a/data.json.4") == Self.broken)
      #expect(try text("docs/failed/now/a/data.json.error.txt") == nil)
      // On the way back, too.
      try folder.write("docs/a/data.json", "{ \"text\": \"Another one.\" }")
      var retry = SyncRequest()
      retry.retriesFailures = true
      try await collection.sync(retry)
      #expect(try text("docs/a/data.json") == "{ \"text\": \"Another one.\" }")
      #expect(try text("docs/failed/now/a/data.json.4") == Self.broken)
    }
  }

  @Test func retryingPutsTheFileBackFirst() async throws {
    try await with { collection in
      try folder.write("docs/a/data.json", Self.broken)
      try await collection.sync()
      try folder.write("docs/failed/now/a/data.json", "{ \"text\": \"Mended where it lies.\" }")
      let report = try await collection.retry(try await collection.failures())
      #expect(report.documents.created == 1 && report.documents.failed == 0)
      #expect(try text("docs/a/data.json") != nil && text("docs/failed/now/a/data.json.error.txt") == nil)
    }
  }

  @Test func whatIsStillBeingWrittenStays() async throws {
    try await with { collection in
      try folder.write("docs/a/data.json", Self.broken)
      let writer = try Descriptor(opening: folder.file("docs/a/data.json"), flags: O_WRONLY | O_APPEND)
      #expect(try await collection.sync().documents.failed == 1)
      #expect(try text("docs/a/data.json") == Self.broken)
      withExtendedLifetime(writer) {}
    }
    // The writer has gone, and what failed is the same still.
    try await with { collection in
      try await collection.sync()
      #expect(try text("docs/failed/now/a/data.json") == Self.broken)
    }
  }

  @Test func nothingLeavesTheRootThroughALink() async throws {
    try await with { collection in
      try FileSystem.createFolder(folder.file("elsewhere"))
      try FileSystem.createFolder(folder.file("docs/failed"))
      symlink(folder.file("elsewhere"), folder.file("docs/failed/now"))
      try folder.write("docs/a/data.json", Self.broken)
      let told = Told()
      try await collection.sync { event in
        if case .setAside(let file) = event, file.place == nil { told.hear(.idle) }
      }
      await told.idle()
      #expect(try text("docs/a/data.json") == Self.broken)
      #expect(try FileSystem.names(in: folder.file("elsewhere")).isEmpty)
    }
  }

  @Test func whatFailsForAnotherReasonStaysWhereItIs() async throws {
    try await with { collection in
      embedder.trouble { $0.refused = ["quarter"] }
      let report = try await collection.sync()
      #expect(report.documents.failed == 1)
      #expect(try text("docs/notes.txt") != nil)
    }
  }

  @Test func aServiceSetsAsideAndTakesUpWhatIsPutBack() async throws {
    try await with { collection in
      let told = Told()
      let feed = ScriptedFeed()
      let service = LiveService(collection: collection, feed: feed) { told.hear($0) }
      let run = Task { await service.run() }
      await told.idle()
      try folder.write("docs/a/data.json", Self.broken)
      feed.send(WatchRelease(source: "docs", files: [Array("a/data.json".utf8)]))
      await told.worked(.fresh)
      let exists = try FileSystem.exists(folder.file("docs/failed/now/a/data.json"))
      #expect(exists)
      // The watcher sees that it left.
      feed.send(WatchRelease(source: "docs", files: [Array("a/data.json".utf8)]))
      await told.worked(.fresh)
      #expect(service.status.totals.documents.deleted == 0)
      try folder.move("docs/failed/now/a/data.json", to: "docs/a/data.json")
      try folder.write("docs/a/data.json", "{ \"text\": \"Mended.\" }")
      feed.send(WatchRelease(source: "docs", files: [Array("a/data.json".utf8)]))
      await told.until { service.status.totals.documents.modified == 1 }
      service.stop()
      await run.value
    }
  }
}

import Freshet
import FreshetConfiguration
import FreshetModel
import FreshetSearch
import FreshetSync
import FreshetSystem
import FreshetTestKit
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Writing versions back: byte for byte, never over what is in no version, never out of the source, embedding nothing.
@Suite struct RestoreTests {
  private let folder: TemporaryDirectory
  private let embedder = CountingEmbedder()
  private let first = "# Keys\r\n\r\nRotate the keys once a year.\r\n\r\nNo line feed at the end"

  init() throws {
    folder = try TemporaryDirectory()
    try folder.write("docs/guide/keys.md", first)
    try folder.write("docs/other.md", "# Other\n\nSomething else.\n")
  }

  private func edited(_ change: (inout SourceConfiguration) -> Void = { _ in }) async throws -> Collection {
    var source = try SourceConfiguration.folder(folder.path + "/docs")
    change(&source)
    let collection = try await Collection.open(
      at: folder.path + "/docs.freshet",
      sources: [source],
      embedder: embedder
    )
    try await collection.sync()
    try folder.write("docs/guide/keys.md", "# Keys\n\nRotate the keys once a month.\n")
    try await collection.sync()
    return collection
  }

  private func text(_ name: String) throws -> String {
    String(decoding: try FileSystem.read(folder.file(name)), as: UTF8.self)
  }

  private func request(_ version: VersionSelector, _ change: (inout RestoreRequest) -> Void = { _ in })
    -> RestoreRequest
  {
    var request = RestoreRequest()
    request.version = version
    change(&request)
    return request
  }

  @Test func anOlderVersionReturnsByteForByteAndEmbedsNothing() async throws {
    let collection = try await edited()
    #expect(chmod(folder.file("docs/guide/keys.md"), 0o640) == 0)
    let calls = embedder.calls
    let report = try await collection.restore("guide/keys.md", request(1))
    #expect(try text("docs/guide/keys.md") == first)
    #expect(try FileStatus(of: folder.file("docs/guide/keys.md")).permissions == 0o640)
    #expect(report.isWritten && report.isCurrent && report.document.version == 3)
    #expect(report.sync?.documents.modified == 1 && report.sync?.embedderCalls == 0)
    #expect(embedder.calls == calls)
    let last = try #require(try await collection.versions(of: "guide/keys.md").last)
    #expect(last.kind == .modified && last.sameAs == 1)
    #expect(try await collection.search("once a year").first?.origin == "guide/keys.md")
    #expect(try FileSystem.names(in: folder.file("docs/guide")).count == 1, "nothing is left beside it")
    #expect(try await collection.verify().problems == [])
    await collection.close()
  }

  @Test func aDeletedDocumentIsNeverWrittenOverTheOneThatTookItsPlace() async throws {
    let collection = try await edited()
    let deleted = try await collection.document("guide/keys.md")
    folder.remove("docs/guide/keys.md")
    try await collection.sync()
    // Another document takes the place by a rename.
    try folder.write("docs/guide/keys.md", try text("docs/other.md"))
    folder.remove("docs/other.md")
    try await collection.sync()
    let present = try await collection.document("guide/keys.md")
    #expect(present.id != deleted.id)
    for force in [false, true] {
      do {
        try await collection.restore("\(deleted.id)", request(.latest) { $0.force = force })
        Issue.record("a document was written over another, force \(force)")
      } catch let error as FreshetError {
        #expect(error.code == .wouldOverwrite)
        #expect(error.message.contains("docs:guide/keys.md") && error.message.contains("\(present.id)"), "\(error)")
        #expect(error.message.contains("-o"), "\(error)")
      }
    }
    #expect(try text("docs/guide/keys.md") == "# Other\n\nSomething else.\n")
    let report = try await collection.restore(
      "\(deleted.id)",
      request(.latest) { $0.file = folder.file("out.md") }
    )
    #expect(report.isWritten)
    #expect(try text("out.md").contains("once a month"))
    #expect(try await collection.versions(of: "\(present.id)").count == 2)
    await collection.close()
  }

  @Test func aDeletedDocumentReturnsToItsFolder() async throws {
    let collection = try await edited()
    folder.remove("docs/guide")
    try await collection.sync()
    let identity = try await collection.document("guide/keys.md").id
    let calls = embedder.calls
    let report = try await collection.restore("guide/keys.md")
    #expect(try text("docs/guide/keys.md").contains("once a month"))
    #expect(report.document.id == identity && report.document.state == .live)
    #expect(
      try await collection.versions(of: "guide/keys.md").map(\.kind) == [.created, .modified, .deleted, .restored]
    )
    #expect(embedder.calls == calls)
    await collection.close()
  }

  @Test func withoutASyncTheCollectionStaysAsItIs() async throws {
    let collection = try await edited()
    let report = try await collection.restore("guide/keys.md", request(1) { $0.syncs = false })
    #expect(report.sync == nil && report.document.version == 2)
    #expect(try text("docs/guide/keys.md") == first)
    #expect(try await collection.restore("guide/keys.md", request(1)).isWritten == false, "it has the bytes already")
    #expect(try await collection.document("guide/keys.md").version == 3)
    await collection.close()
  }

  @Test func whatIsInNoVersionIsOverwrittenOnlyByForce() async throws {
    let collection = try await edited()
    try folder.write("docs/guide/keys.md", "# Keys\n\nRotate the keys once a MONTH.\n")
    await #expect { try await collection.restore("guide/keys.md", request(1)) } throws: { error in
      "\(error)".contains("changed since the last sync")
    }
    #expect(try text("docs/guide/keys.md").contains("MONTH"))
    try await collection.restore("guide/keys.md", request(1) { $0.force = true })
    #expect(try text("docs/guide/keys.md") == first)

    folder.remove("docs/guide/keys.md")
    try await collection.sync()
    try folder.write("docs/guide/keys.md", "A stranger.\n")
    await #expect { try await collection.restore("guide/keys.md", request(1)) } throws: { error in
      "\(error)".contains("does not know")
    }
    #expect(try text("docs/guide/keys.md") == "A stranger.\n")
    await collection.close()
  }

  @Test func aVersionIsWrittenToAFile() async throws {
    let collection = try await edited()
    let file = folder.file("elsewhere/deep/old.md")
    let report = try await collection.restore("guide/keys.md", request(1) { $0.file = file })
    #expect(try text("elsewhere/deep/old.md") == first && report.sync == nil && report.path == file)
    #expect(try text("docs/guide/keys.md").contains("once a month"))
    #expect(try await collection.restore("guide/keys.md", request(1) { $0.file = file }).isWritten == false)
    try folder.write("elsewhere/deep/old.md", "Mine.\n")
    await #expect(throws: FreshetError.self) {
      try await collection.restore("guide/keys.md", request(1) { $0.file = file })
    }
    #expect(try text("elsewhere/deep/old.md") == "Mine.\n")
    await #expect(throws: FreshetError.self) {
      try await collection.restore(
        "guide/keys.md",
        request(1) {
          $0.file = folder.file("elsewhere"); $0.force = true
        }
      )
    }
    await collection.close()
  }

  @Test(arguments: [true, false]) func noLinkLeadsOutOfTheSource(follows: Bool) async throws {
    let collection = try await edited { $0.symlinks = follows ? .follow : .skip }
    try await collection.restore("guide/keys.md", request(1))
    try folder.write("outside/keys.md", "# Keys\n\nOutside.\n")
    folder.remove("docs/guide")
    #expect(symlink("../outside", folder.file("docs/guide")) == 0)
    for force in [false, true] {
      await #expect(throws: FreshetError.self) {
        try await collection.restore(
          "guide/keys.md",
          request(2) {
            $0.force = force; $0.syncs = false
          }
        )
      }
    }
    #expect(try text("outside/keys.md") == "# Keys\n\nOutside.\n")
    // A link in the file's own place, and one that leads nowhere in the folder's.
    folder.remove("docs/guide")
    try FileSystem.createFolder(folder.file("docs/guide"))
    #expect(symlink("../../outside/keys.md", folder.file("docs/guide/keys.md")) == 0)
    await #expect(throws: FreshetError.self) {
      try await collection.restore(
        "guide/keys.md",
        request(2) {
          $0.force = true; $0.syncs = false
        }
      )
    }
    folder.remove("docs/guide")
    #expect(symlink("../outside/new", folder.file("docs/guide")) == 0)
    await #expect(throws: FreshetError.self) {
      try await collection.restore(
        "guide/keys.md",
        request(2) {
          $0.force = true; $0.syncs = false
        }
      )
    }
    #expect(try FileSystem.names(in: folder.file("outside")).count == 1)
    #expect(try text("outside/keys.md") == "# Keys\n\nOutside.\n")
    await collection.close()
  }

  @Test func aPartOfAFileIsRefusedAndGoesToAFile() async throws {
    try folder.write("docs/notes.jsonl", #"{"id": "a", "text": "A line about aardvarks."}"# + "\n")
    let collection = try await edited()
    await #expect { try await collection.restore("notes.jsonl!/a") } throws: { error in
      "\(error)".contains("a part of the file notes.jsonl")
    }
    try await collection.restore("notes.jsonl!/a", request(.latest) { $0.file = folder.file("aardvarks") })
    #expect(try text("aardvarks").contains("aardvarks"))
    await collection.close()
  }

  @Test func aDocumentOfASourceThatIsGoneGoesToAFile() async throws {
    let collection = try await edited()
    await collection.close()
    var configuration = collection.configuration
    configuration.sources = []
    let without = try await Collection.open(configuration, embedder: embedder)
    await #expect { try await without.restore("guide/keys.md") } throws: { "\($0)".contains("no longer configured") }
    try await without.restore("guide/keys.md", request(1) { $0.file = folder.file("kept.md") })
    #expect(try text("kept.md") == first)
    await without.close()
  }

  @Test func aNameThatIsNoTextIsRestored() async throws {
    let name: [UInt8] = Array((folder.path + "/docs/caf").utf8) + [0xE9] + Array(".md".utf8)
    func write(_ text: String) throws {
      let file = try #require(
        (name + [0]).withUnsafeBytes { bytes in
          bytes.baseAddress.flatMap { fopen($0.assumingMemoryBound(to: CChar.self), "w") }
        }
      )
      fputs(text, file)
      fclose(file)
    }
    try write("# One\n\nThe first text.\n")
    let collection = try await edited()
    try write("# Two\n\nThe second text.\n")
    try await collection.sync()
    let origin = try #require(try await collection.documents().map(\.origin).first { $0.hasPrefix("caf") })
    let report = try await collection.restore(origin, request(1))
    #expect(report.isCurrent && report.document.version == 3)
    await collection.close()
  }
}

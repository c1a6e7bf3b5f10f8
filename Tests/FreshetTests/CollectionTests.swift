import Freshet
import FreshetConfiguration
import FreshetEmbedding
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

/// The library's face, over real files, the real store and the real index; vectors by hash, since nothing here is about
/// meaning.
@Suite struct CollectionTests {
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
    try folder.write("docs/keys.md", "# Keys\n\nRotate the signing key once a quarter, and after every incident.\n")
    try folder.write("docs/backups.txt", "The vault is copied to the second site every night.\n")
  }

  private func open() async throws -> Collection {
    try await Collection.open(
      at: folder.path + "/docs.freshet",
      sources: [try .folder(folder.path + "/docs", metadata: ["team": "ops"])],
      embedder: HashEmbedder()
    )
  }

  @Test func aFolderIsSyncedSearchedAndVerified() async throws {
    let collection = try await open()
    let report = try await collection.sync()
    #expect(report.documents.created == 2)
    let hits = try await collection.search("signing key", limit: 1, filter: .metadata("team", equals: "ops"))
    #expect(hits.map(\.origin) == ["keys.md"])
    #expect(hits.first?.heading == ["Keys"])
    #expect(try await collection.search("signing", filter: .metadata("team", equals: "sales")).isEmpty)
    let verification = try await collection.verify()
    #expect(verification.problems == [])
    await collection.close()
  }

  @Test func aRenameKeepsTheHistoryAndEmbedsNothing() async throws {
    let collection = try await open()
    try await collection.sync()
    try folder.move("docs/keys.md", to: "docs/guide/rotation.md")
    let report = try await collection.sync()
    #expect(report.documents.renamed == 1)
    #expect(report.chunks.embedded == 0)
    let versions = try await collection.versions(of: "guide/rotation.md")
    #expect(versions.map(\.kind) == [.created, .renamed])
    #expect(versions.last?.previousOrigin == "keys.md")
    await collection.close()
  }

  @Test func aFileInAFolderIsNotTakenForADocumentInAFile() async throws {
    try folder.write("docs/notes.jsonl", #"{"id": "b.md", "text": "A line about aardvarks."}"# + "\n")
    try folder.write("docs/notes.jsonl!/b.md", "A file about badgers.\n")
    let collection = try await open()
    #expect(try await collection.sync().documents.created == 4)
    #expect(try await collection.search("aardvarks", limit: 1).map(\.origin) == ["notes.jsonl!/b.md"])
    let hits = try await collection.search("badgers", limit: 1)
    #expect(hits.map(\.origin) == ["notes.jsonl%21/b.md"])
    #expect(hits.first?.uri == "file://" + folder.path + "/docs/notes.jsonl%21/b.md")
    #expect(try await collection.sync().documents.unchanged == 4)
    #expect(try await collection.verify().problems == [])
    await collection.close()
  }

  @Test func aFailureIsNamedByAPathThroughALink() async throws {
    try folder.write("docs/broken.json", "{\"text\": ")
    try #require(symlink(folder.path + "/docs", folder.path + "/alias") == 0)
    let collection = try await open()
    #expect(try await collection.sync().documents.failed == 1)
    let found = try await collection.failures(of: [folder.path + "/alias/broken.json"])
    #expect(found.map(\.origin) == ["broken.json"])
    await #expect(throws: FreshetError.self) {
      try await collection.failures(of: [folder.path + "/alias/keys.md"])
    }
    await collection.close()
  }

  @Test func aChangeThatNoFingerprintTellsOfIsVerified() async throws {
    func write(_ text: String, at date: Int) throws {
      try folder.write("docs/keys.md", text)
      var times = [timespec(tv_sec: date, tv_nsec: 0), timespec(tv_sec: date, tv_nsec: 0)]
      try #require(utimensat(AT_FDCWD, folder.path + "/docs/keys.md", &times, 0) == 0)
    }
    // A time to come never tells whether a file changed.
    try write("# Old\n\nThe text before.\n", at: 4_000_000_000)
    let collection = try await open()
    try await collection.sync()
    #expect(try await collection.verify().problems == [])
    try write("# New\n\nThe text behind.\n", at: 4_000_000_000)
    let problems = try await collection.verify().problems
    #expect(problems.map(\.code) == ["out_of_step"] && problems.first?.message.contains("keys.md") == true)
    try await collection.sync()
    // A fingerprint that moves alone is no difference.
    try write("# New\n\nThe text behind.\n", at: 1_000_000_000)
    #expect(try await collection.verify().problems == [])
    await collection.close()
  }

  @Test func documentsOfASourceThatLeftTheConfigurationAreVerified() async throws {
    try folder.write("more/one.md", "One document of another source.\n")
    let both = try await Collection.open(
      at: folder.path + "/docs.freshet",
      sources: [try .folder(folder.path + "/docs"), try .folder(folder.path + "/more")],
      embedder: HashEmbedder()
    )
    try await both.sync()
    await both.close()
    let collection = try await open()
    let problems = try await collection.verify().problems
    #expect(problems.map(\.code) == ["out_of_step"] && problems.first?.message.contains("more") == true)
    await collection.close()
  }

  @Test(arguments: SearchMode.allCases) func equalScoresAreOrderedAlikeWhateverTheHistory(mode: SearchMode) async throws
  {
    let names = ["north", "south", "east", "west", "up", "down"]
    func hits(_ order: [String], in name: String) async throws -> [[String]] {
      let documents = folder.path + "/" + name
      let collection = try await Collection.open(
        at: folder.path + "/\(name).freshet",
        sources: [try .folder(documents)],
        embedder: HashEmbedder()
      )
      for word in order {
        try folder.write("\(name)/\(word).txt", "The ferry goes \(word) today.\n")
        try await collection.sync()
      }
      var request = SearchRequest("ferry today", limit: 6)
      request.mode = mode
      let found = try await collection.search(request).hits
      await collection.close()
      return found.map { [$0.origin, "\($0.score)"] }
    }
    #expect(try await hits(names, in: "one") == hits(names.reversed(), in: "two"))
  }

  @Test func changesAreToldInOrderAndGoOnWhereAReaderStopped() async throws {
    let collection = try await open()
    let report = try await collection.sync()
    var known: [ChangeRecord] = []
    for try await change in collection.changes(following: false) { known.append(change) }
    #expect(known.map(\.sequence) == [1, 2])
    #expect(Set(known.map(\.origin)) == ["keys.md", "backups.txt"])
    #expect(known.last?.sequence == report.sequence)

    let follower = Task {
      var iterator = collection.changes(after: report.sequence).makeAsyncIterator()
      return try await iterator.next()
    }
    try folder.write("docs/keys.md", "# Keys\n\nRotate the signing key once a month.\n")
    try await collection.sync()
    let change = try #require(try await follower.value)
    #expect(change.origin == "keys.md" && change.kind == .modified)

    let endless = Task {
      var count = 0
      for try await _ in collection.changes(after: change.sequence) { count += 1 }
      return count
    }
    endless.cancel()
    #expect(try await endless.value == 0)
    await collection.close()
  }

  @Test func theIndexMayBeLostAndNothingIsEmbeddedAgain() async throws {
    let collection = try await open()
    try await collection.sync()
    await collection.close()
    folder.remove("docs.freshet/index")
    let again = try await open()
    #expect(try await again.search(SearchRequest("vault", mode: .vector, limit: 5)).hits.count == 2)
    let report = try await again.sync()
    #expect(report.embedderCalls == 0)
    #expect(try await again.verify().isOK)
    #expect(
      try FileSystem.exists(folder.path + "/docs.freshet/index/manifest"),
      "a sync without changes mends the index"
    )
    await again.close()
  }

  @Test func vectorsThatCameLaterAreFoundWithoutARebuild() async throws {
    for number in 0..<30 { try folder.write("docs/\(number).txt", "The number of this note is \(number).\n") }
    let first = try await open()
    try await first.sync()
    await first.close()
    try folder.write("docs/7.txt", "A pineapple took the place of the number.\n")
    var configuration = first.configuration
    configuration.embedder.provider = .none
    let without = try await Collection.open(configuration)
    try await without.sync()
    await without.close()
    let again = try await open()
    let report = try await again.sync()
    #expect(report.chunks.embedded <= 1)
    #expect(try await again.verify().problems == [])
    let request = SearchRequest("A pineapple took the place of the number.", mode: .vector, limit: 1)
    #expect(try await again.search(request).hits.map(\.origin) == ["7.txt"])
    await again.close()
  }

  @Test func aSourceInsideAnotherTakesItsDocumentsOver() async throws {
    try folder.write("docs/guide/start.md", "# Start\n\nBegin with the end in mind.\n")
    let outer = try await open()
    try await outer.sync()
    await outer.close()
    var configuration = outer.configuration
    configuration.sources.append(try .folder(folder.path + "/docs/guide"))
    let both = try await Collection.open(configuration, embedder: HashEmbedder())
    let report = try await both.sync()
    #expect(
      report.documents.renamed == 1 && report.documents.created == 0 && report.documents.deleted == 0,
      "\(report)"
    )
    #expect(report.chunks.embedded == 0)
    #expect(try await both.versions(of: "guide:start.md").map(\.kind) == [.created, .renamed])
    await both.close()
  }

  @Test func aFileThatMovesBehindALinkIsRenamed() async throws {
    let collection = try await open()
    try await collection.sync()
    try folder.move("docs/keys.md", to: "docs/real.md")
    #expect(symlink("real.md", folder.path + "/docs/keys.md") == 0)
    let report = try await collection.sync()
    #expect(report.documents.renamed == 1 && report.documents.created == 0 && report.documents.deleted == 0)
    await collection.close()
  }

  @Test func aSecondWriterIsRefusedAndAReaderIsNot() async throws {
    let collection = try await open()
    try await collection.sync()
    await #expect(throws: FreshetError.self) { try await open() }
    let reader = try await Collection.open(
      at: folder.path + "/docs.freshet",
      for: .reading,
      embedder: HashEmbedder()
    )
    #expect(try await reader.search("vault").isEmpty == false)
    await reader.close()
    await collection.close()
  }

  @Test func aCollectionWithoutSourcesIsNotSynced() async throws {
    let collection = try await Collection.open(at: folder.path + "/empty.freshet", embedder: HashEmbedder())
    await #expect(throws: FreshetError.self) { try await collection.sync() }
    await collection.close()
  }
}

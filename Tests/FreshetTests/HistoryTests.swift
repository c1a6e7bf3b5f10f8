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

/// Comparing, finding and restoring versions through the library's face.
@Suite struct HistoryTests {
  private let folder: TemporaryDirectory
  private let embedder = CountingEmbedder()

  init() throws {
    folder = try TemporaryDirectory()
    try folder.write("docs/keys.md", "# Keys\n\n\(Self.text("year"))\n\n# Owners\n\n\(Self.owners)\n")
    try folder.write("docs/backups.txt", "The vault is copied every night.\n")
  }

  /// Long enough for a chunk of its own.
  private static func text(_ period: String) -> String {
    "Rotate the keys once a \(period). "
      + String(repeating: "The old ones are kept in the vault at the gate. ", count: 12)
  }

  private static let owners = String(repeating: "Ada owns them, and signs for each of them in the book. ", count: 12)

  private func open(storing: ContentRetention? = nil) async throws -> Collection {
    var source = try SourceConfiguration.folder(folder.path + "/docs")
    source.storeContent = storing
    return try await Collection.open(at: folder.path + "/docs.freshet", sources: [source], embedder: embedder)
  }

  private func bytes(_ name: String) throws -> String {
    String(decoding: try FileSystem.read(folder.file(name)), as: UTF8.self)
  }

  /// `keys.md` in two versions.
  private func edited() async throws -> Collection {
    let collection = try await open()
    try await collection.sync()
    try folder.write("docs/keys.md", "# Owners\n\n\(Self.owners)\n\n# Keys\n\n\(Self.text("month"))\n")
    try await collection.sync()
    return collection
  }

  // MARK: Differences

  @Test func aDifferenceTellsLinesAndChunks() async throws {
    let collection = try await edited()
    var options = DiffOptions()
    options.readsChunks = true
    let diff = try await collection.diff("keys.md", from: 1, to: 2, options: options)
    #expect((diff.from.number, diff.to.number) == (1, 2))
    let old = try await collection.text(of: diff.document, version: 1)
    let new = try await collection.text(of: diff.document, version: 2)
    #expect(
      TextDiff(from: old, to: new).unified(oldLabel: "a", newLabel: "b").dropFirst(14).count <= diff.unified.count
    )
    #expect(String(decoding: diff.unified, as: UTF8.self).contains("\n-Rotate the keys once a year. "))
    #expect(diff.additions == diff.deletions && diff.additions > 0)
    let counts = try #require(diff.chunkCounts)
    #expect((counts.count(.added), counts.count(.removed)) == (1, 1))
    #expect(counts.count(.kept) + counts.count(.moved) == 1)
    #expect(diff.chunks.first { $0.state == .removed }?.text.contains("once a year") == true)
    #expect(diff.chunks.first { $0.state == .added }?.heading == ["Keys"])
    let usual = try await collection.diff("keys.md")
    #expect(usual.unified == diff.unified && usual.chunks.isEmpty)
    let back = try await collection.diff("keys.md", from: .latest, to: .first)
    #expect((back.additions, back.deletions) == (diff.deletions, diff.additions))
    await collection.close()
  }

  @Test func aFirstVersionHasNothingBeforeIt() async throws {
    let collection = try await edited()
    await #expect(throws: FreshetError.self) { try await collection.diff("backups.txt") }
    await #expect(throws: FreshetError.self) { try await collection.diff("keys.md", from: 1, to: 3) }
    await collection.close()
  }

  @Test func aDeletionTakesEveryLineAndARestorationBringsThem() async throws {
    let collection = try await edited()
    folder.remove("docs/keys.md")
    try await collection.sync()
    let gone = try await collection.diff("keys.md")
    #expect(gone.to.kind == .deleted && gone.additions == 0 && gone.deletions == 7)
    #expect(String(decoding: gone.unified, as: UTF8.self).contains("\n+++ /dev/null\t"))
    #expect(gone.chunkCounts?.count(.removed) == 2)
    await collection.close()
  }

  @Test func binaryContentsAreToldAndNotCompared() async throws {
    try folder.write("docs/table.csv", "name,team\nAda,ops\n")
    let collection = try await open()
    try await collection.sync()
    let before = try await collection.document("table.csv")
    try folder.write("docs/table.csv", "name,team\nAda,o\u{0}ps\n")
    try await collection.sync()
    guard try await collection.document("table.csv").version > before.version else {
      // The parser refuses the NUL: nothing of it is in the history.
      return await collection.close()
    }
    var options = DiffOptions()
    options.subject = .original
    let diff = try await collection.diff("table.csv", options: options)
    #expect(diff.isBinary && diff.unified.isEmpty && !diff.isEmpty && diff.additions == 0)
    options.comparesBinary = true
    #expect(try await collection.diff("table.csv", options: options).additions == 1)
    await collection.close()
  }

  @Test func withHashesAloneChunksAreComparedAndTextsAreRefused() async throws {
    let collection = try await open(storing: ContentRetention.none)
    try await collection.sync()
    let created = try await collection.document("keys.md")
    let old = String(decoding: try await collection.text(of: created, version: 1), as: UTF8.self)
    #expect(old.contains("once a year"))
    try folder.write("docs/keys.md", "# Keys\n\n\(Self.text("month"))\n\n# Owners\n\n\(Self.owners)\n")
    try await collection.sync()
    var options = DiffOptions()
    for refused in [DiffOptions(), options] {
      await #expect { try await collection.diff("keys.md", options: refused) } throws: { error in
        "\(error)".contains("only the hash of version 1 is kept")
      }
    }
    options.readsChunks = true
    let diff = try await collection.diff("keys.md", options: options)
    #expect(!diff.hasText && !diff.isEmpty && diff.unified.isEmpty)
    #expect(diff.chunkCounts?.count(.kept) == 1 && diff.chunkCounts?.count(.removed) == 1)
    #expect(diff.chunks.first { $0.state == .removed }?.text.contains("once a year") == true)
    let document = try await collection.document("keys.md")
    await #expect { try await collection.text(of: document, version: 1) } throws: { error in
      "\(error)".contains("only the hash of version 1 is kept")
    }
    #expect(String(decoding: try await collection.text(of: document), as: UTF8.self).contains("once a month"))
    options.readsChunks = false
    options.subject = .original
    await #expect { try await collection.diff("keys.md", options: options) } throws: { error in
      "\(error)".contains("only the hash of version 1 is kept")
    }
    await #expect { try await collection.restore("keys.md") } throws: { "\($0)".contains("only the hash") }
    #expect(try await collection.version(.first, of: "keys.md").content == nil)
    let versions = try await collection.versions(of: "keys.md")
    #expect(try await collection.versionsWithContent(among: versions).isEmpty)
    #expect(try await collection.verify().problems == [])
    await collection.close()
  }

  @Test func withHashesAloneThePastIsSearchedWithItsContext() async throws {
    let collection = try await open(storing: ContentRetention.none)
    let first = try await collection.sync()
    var request = SearchRequest("rotate", mode: .keyword, limit: 1, neighbours: 1)
    let then = try #require(try await collection.search(request).hits.first)
    #expect(then.text.contains("once a year") && then.text.contains("Ada owns them"))
    try folder.write("docs/keys.md", "# Keys\n\nNo more keys.\n")
    try await collection.sync()
    #expect(try await collection.search(request).hits.isEmpty)
    request.asOf = .sequence(first.sequence)
    let past = try #require(try await collection.search(request).hits.first)
    #expect(past.text.contains("once a year") && past.text.contains("Ada owns them"))
    #expect((past.version, past.position) == (1, then.position))
    let rebuilt = String(past.text.filter { !$0.isWhitespace })
    #expect(rebuilt == then.text.filter { !$0.isWhitespace }.replacing("#Owners", with: ""))
    await collection.close()
  }

  @Test func withHashesAloneAVersionThatReturnsHasItsTextAgain() async throws {
    let collection = try await open(storing: ContentRetention.none)
    try await collection.sync()
    let text = try bytes("docs/keys.md")
    try folder.write("docs/keys.md", "# Keys\n\nNo more keys.\n")
    try await collection.sync()
    try folder.write("docs/keys.md", text)
    try await collection.sync()
    let document = try await collection.document("keys.md")
    for version in [1, 3] {
      let shown = String(decoding: try await collection.text(of: document, version: version), as: UTF8.self)
      #expect(shown.contains("once a year"), "\(version)")
    }
    #expect(try await collection.diff("keys.md", from: 1, to: 3).isEmpty)
    folder.remove("docs/keys.md")
    try await collection.sync()
    await #expect { try await collection.text(of: document, version: 3) } throws: { "\($0)".contains("only the hash") }
    try folder.write("docs/keys.md", text)
    try await collection.sync()
    #expect(
      String(decoding: try await collection.text(of: document, version: 3), as: UTF8.self).contains("once a year")
    )
    #expect(try await collection.verify().problems == [])
    await collection.close()
  }

  @Test func largeContentsMayBeLeftOutAlone() async throws {
    try folder.write("docs/large.md", "# Large\n\n" + String(repeating: "A long sentence about nothing. ", count: 200))
    let collection = try await open(storing: .upTo(bytes: 2_000))
    try await collection.sync()
    #expect(try await collection.version(of: "large.md").content == nil)
    #expect(try await collection.version(of: "keys.md").content != nil)
    #expect(try await collection.restore("keys.md").isWritten == false)
    await #expect(throws: FreshetError.self) { try await collection.restore("large.md") }
    await collection.close()
  }

  // MARK: States of the collection

  @Test func theDocumentsThatDifferBetweenTwoStatesAreTold() async throws {
    let collection = try await open()
    let first = try await collection.sync().sequence
    try folder.write("docs/keys.md", "# Keys\n\n\(Self.text("month"))\n\n# Owners\n\n\(Self.owners)\n")
    try folder.write("docs/new.md", "# New\n\nOne line.\n")
    try folder.write("docs/short.md", "Here and gone.\n")
    try folder.move("docs/backups.txt", to: "docs/vault/backups.txt")
    try await collection.sync()
    folder.remove("docs/short.md")
    let last = try await collection.sync().sequence
    let changes = try await collection.changedDocuments(after: first)
    #expect(changes.map(\.origin) == ["keys.md", "new.md", "vault/backups.txt"], "what came and went is no difference")
    #expect(changes.map(\.change) == [.modified, .created, .renamed])
    #expect(changes[0].additions == 1 && changes[0].deletions == 1)
    #expect((changes[1].from, changes[1].to, changes[1].additions) == (nil, 1, 3))
    #expect(changes[2].previousOrigin == "backups.txt" && changes[2].additions == 0)
    #expect(try await collection.changedDocuments(after: last).isEmpty)
    #expect(try await collection.changedDocuments(after: 0, through: first).map(\.change) == [.created, .created])
    folder.remove("docs/keys.md")
    try await collection.sync()
    let gone = try await collection.changedDocuments(after: first, through: nil)
    #expect(gone.first?.change == .deleted && gone.first?.deletions == 7)
    #expect(try await collection.changedDocuments(since: .sequence(first)).count == gone.count)
    #expect(try await collection.changedDocuments(since: .time(try #require(TimeSpan("2001-01-01")))).count == 2)
    await #expect(throws: FreshetError.self) { try await collection.changedDocuments(after: last, through: first) }
    await collection.close()
  }

  // MARK: Names

  @Test func aDocumentIsFoundByTheNameThatItHad() async throws {
    let collection = try await open()
    try await collection.sync()
    try folder.move("docs/keys.md", to: "docs/rotation.md")
    try await collection.sync()
    #expect(try await collection.document("keys.md").origin == "rotation.md")
    #expect(try await collection.document("docs:keys.md").origin == "rotation.md")
    try folder.write("docs/keys.md", "# Other\n\nA new document.\n")
    try await collection.sync()
    #expect(try await collection.document("keys.md").title == "Other")
    await collection.close()
  }

  @Test func versionsAreNamedByTheirPlace() async throws {
    let collection = try await edited()
    let first = try await collection.version(.first, of: "keys.md")
    #expect(first.number == 1 && String(decoding: first.content ?? [], as: UTF8.self).contains("once a year"))
    #expect(try await collection.version(.previous, of: "keys.md").number == 1)
    #expect(try await collection.version(of: "keys.md").number == 2)
    #expect([1, 2].contains(try await collection.version(.random, of: "keys.md").number))
    await #expect(throws: FreshetError.self) { try await collection.version(.previous, of: "backups.txt") }
    await #expect(throws: FreshetError.self) { try await collection.version(9, of: "keys.md") }
    await collection.close()
  }

  @Test func aKeyAlwaysGetsTheSameVersion() async throws {
    let collection = try await edited()
    var groups: [Int: Int] = [:]
    for number in 0..<200 {
      let selector = VersionSelector.assigned(to: "user-\(number)", among: [1, 2], weights: [1, 3])
      let version = try await collection.version(selector, of: "keys.md")
      let again = try await collection.version(selector, of: "keys.md")
      #expect(version.number == again.number && version.content == again.content)
      #expect(version.number == version.group.map { $0 + 1 })
      groups[version.group ?? -1, default: 0] += 1
    }
    #expect((25...75).contains(groups[0] ?? 0), "a quarter of 200: \(groups)")
    await collection.close()
  }

  @Test func assignmentsAreThoseOfTheDocumentedHash() throws {
    // Computed with another program: SHA-256 of "freshet-assignment/1\0\0user-N", first eight bytes over 2^64.
    let groups = try (0..<16).map { try VersionAssignment(key: "user-\($0)", versions: [1, 4]).group() }
    #expect(groups == [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 1, 1])
    #expect(throws: FreshetError.self) { try VersionAssignment(key: "a", versions: []).group() }
    #expect(throws: FreshetError.self) { try VersionAssignment(key: "a", versions: [1], weights: [0]).group() }
    #expect(try VersionAssignment(key: "a", versions: [1, 2], weights: [0, 1]).group() == 1)
  }
}

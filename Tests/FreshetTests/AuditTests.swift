import Freshet
import FreshetConfiguration
import FreshetEmbedding
import FreshetModel
import FreshetSync
import FreshetSystem
import FreshetTestKit
import Testing

/// Audit, single documents and recorded heads, over real files and the real store.
@Suite struct AuditTests {
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
    try folder.write("docs/keys.md", "# Keys\n\nRotate the signing key once a quarter.\n")
    try folder.write("docs/backups.txt", "The vault is copied to the second site every night.\n")
  }

  private func open(at name: String = "docs.freshet", for access: Collection.Access = .writing()) async throws
    -> Collection
  {
    try await Collection.open(
      at: folder.path + "/" + name,
      sources: [try .folder(folder.path + "/docs")],
      for: access,
      embedder: HashEmbedder()
    )
  }

  private func parts(_ report: AuditReport) async throws -> [AuditPart] {
    try await report.reduce(into: []) { $0.append($1) }
  }

  @Test func aReportHasItsPeriodsChangesByDocumentWithRunsAndHead() async throws {
    let collection = try await open()
    let first = try await collection.sync()
    try folder.move("docs/keys.md", to: "docs/rotation.md")
    try folder.write("docs/backups.txt", "The vault is copied every hour.\n")
    try await collection.sync()

    let all = try await parts(collection.audit())
    guard case .header(let header) = try #require(all.first) else {
      Issue.record("a report begins with its header")
      return
    }
    let head = try await collection.status().head
    #expect(header.head == head && header.since == nil && header.until == nil)
    #expect(header.totals.changes == 4 && header.totals.documents == 2)
    #expect(header.totals.byKind == [.created: 2, .modified: 1, .renamed: 1])
    let runs = all.compactMap { part in if case .run(let run) = part { run } else { nil } }
    #expect(runs.count == 2 && runs.first?.id == first.run)
    var byDocument: [String: [ChangeKind]] = [:]
    var origin = ""
    for part in all {
      if case .document(let document) = part { origin = document.origin }
      if case .change(let entry) = part {
        byDocument[origin, default: []].append(entry.change.kind)
        #expect(entry.actor == runs.first?.actor)
        if entry.change.kind == .renamed { #expect(entry.change.previousOrigin == "keys.md") }
      }
    }
    #expect(byDocument == ["rotation.md": [.created, .renamed], "backups.txt": [.created, .modified]])

    let later = try await parts(collection.audit(since: .sequence(first.sequence), document: "rotation.md"))
    let changes = later.compactMap { part in if case .change(let entry) = part { entry.change.kind } else { nil } }
    #expect(changes == [.renamed])
    let none = try await parts(collection.audit(until: .sequence(0)))
    #expect(none.count(where: { if case .change = $0 { true } else { false } }) == 0)
    await #expect(throws: FreshetError.self) { try await parts(collection.audit(document: "nothing.md")) }
    await collection.close()
  }

  @Test func aDocumentWithMoreChangesThanAPageIsReportedWhole() async throws {
    let collection = try await open()
    let count = 2_300
    try await collection.store.write { transaction throws in
      let source = try transaction.registerSource(name: "made", location: "/made").id
      var document = SampleDocument(origin: "many.md", paragraphs: ["0"])
      try document.apply(.created, to: transaction, source: source)
      for number in 1..<count {
        document.paragraphs = ["\(number)"]
        try document.apply(.modified, to: transaction, source: source)
      }
      try SampleDocument(origin: "one.md", paragraphs: ["1"]).apply(.created, to: transaction, source: source)
    }
    var sequences: [SequenceNumber] = []
    var documents: [String] = []
    for try await part in collection.audit(source: "made") {
      if case .change(let entry) = part { sequences.append(entry.change.sequence) }
      if case .document(let document) = part { documents.append(document.origin) }
    }
    #expect(documents == ["many.md", "one.md"])
    #expect(sequences == (1...SequenceNumber(count + 1)).map { $0 })
    await collection.close()
  }

  @Test func aDocumentIsVerifiedAlone() async throws {
    let collection = try await open()
    try await collection.sync()
    folder.remove("docs/backups.txt")
    try await collection.sync()
    let live = try await collection.verify(document: "keys.md")
    #expect(live.isOK && live.versions == 1 && live.contents == 1)
    let gone = try await collection.verify(document: "backups.txt")
    #expect(gone.isOK && gone.versions == 2)
    await #expect(throws: FreshetError.self) { try await collection.verify(document: "nothing.md") }
    await collection.close()
  }

  @Test func aRecordedHeadTellsOtherHistoriesApart() async throws {
    let collection = try await open()
    try await collection.sync()
    let early = try #require(try await collection.verify().head)
    try folder.write("docs/keys.md", "# Keys\n\nRotate the signing key once a year.\n")
    try await collection.sync()
    let late = try #require(try await collection.verify().head)
    #expect(early.head.sequence == 2 && late.head.sequence == 3)
    for head in [early, late] { #expect(try await collection.verify(recorded: head).problems == []) }
    let text = try RecordedHead(text: late.text)
    #expect(try await collection.verify(recorded: text).problems == [])

    var longer = late
    longer.head.sequence = 5
    let cut = try await collection.verify(recorded: longer)
    #expect(cut.problems.map(\.code) == ["head_restored"])
    var other = late
    other.head.chain = .zero
    #expect(try await collection.verify(recorded: other).problems.map(\.code) == ["head_rewritten"])
    #expect(try await collection.verify(recorded: other).first?.sequence == 3)
    other.at = .epoch
    #expect(try await collection.verify(recorded: other).problems.map(\.code) == ["head_restored"])
    other = late
    other.epoch = .random()
    #expect(try await collection.verify(recorded: other).problems.map(\.code) == ["head_other_epoch"])
    let stranger = try await open(at: "other.freshet")
    try await stranger.sync()
    #expect(try await stranger.verify(recorded: late).problems.map(\.code) == ["head_other_collection"])
    await stranger.close()
    await collection.close()
  }

  @Test func vectorsThatWereReplacedWithTheirChecksumsAreFoundByEmbeddingAgain() async throws {
    let collection = try await open()
    try await collection.sync()
    let compared = try await collection.verify(embeddings: 10)
    #expect(compared.problems == [] && compared.comparedVectors == 2)
    try await collection.store.write { transaction throws in
      let model = try #require(try transaction.models().first)
      let page = try transaction.liveVectors(model: model.id, after: 0, limit: 1)
      var halves = page.halves
      for index in halves.indices { halves[index] ^= 0x8000 }
      try transaction.saveVectors(
        VectorPage(passages: page.passages, dimension: page.dimension, halves: halves),
        model: model.id
      )
    }
    #expect(try await collection.verify().problems == [])
    #expect(try await collection.verify(embeddings: 10).problems.map(\.code) == ["vector_differs"])
    await collection.close()
  }
}

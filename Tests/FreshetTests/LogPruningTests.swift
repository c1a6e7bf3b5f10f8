import Freshet
import FreshetConfiguration
import FreshetEmbedding
import FreshetModel
import FreshetSearch
import FreshetSync
import FreshetTestKit
import Testing

/// A log that is kept in part, through the library's face: what begins at its anchor, and what is refused before it.
@Suite(.timeLimit(.minutes(10))) struct LogPruningTests {
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
  }

  private func open(keeping log: LogRetention = .changes(4), access: Collection.Access = .writing()) async throws
    -> Collection
  {
    var configuration = Configuration(folder: folder.path)
    configuration.collection = folder.path + "/docs.freshet"
    configuration.sources = [try .folder(folder.path + "/docs")]
    configuration.index.backend = .exact
    configuration.history.keepLog = log
    return try await Collection.open(configuration, for: access, embedder: HashEmbedder())
  }

  private func edit(_ collection: Collection, rounds: ClosedRange<Int>) async throws {
    for round in rounds {
      for name in ["a", "b"] {
        try folder.write("docs/\(name).md", "# \(name)\n\nThe word\(round) of \(name) in round \(round).\n")
      }
      try await collection.sync()
    }
  }

  private func code(_ body: () async throws -> Void) async -> FreshetError.Code? {
    do {
      try await body()
      return nil
    } catch {
      return (error as? FreshetError)?.code
    }
  }

  @Test func everythingBeginsAtTheAnchor() async throws {
    let collection = try await open()
    try await edit(collection, rounds: 1...2)
    let early = try #require(try await collection.verify().head)
    try await edit(collection, rounds: 3...5)
    let late = try #require(try await collection.verify().head)
    let forecast = try await collection.garbageForecast()
    #expect(forecast.removable.changes == 6 && forecast.logAnchor == 6 && forecast.historyFloor == 6)
    let report = try await collection.collectGarbage()
    #expect(report.removed == forecast.removable && report.logAnchor == 6 && report.historyFloor == 6)
    #expect(try await collection.collectGarbage().removed.isEmpty)
    #expect(try await collection.verify().problems == [])
    #expect(try await collection.verify(recorded: late).problems == [])
    let problems = try await collection.verify(recorded: early).problems
    #expect(problems.map(\.code) == ["head_pruned"])

    var kept: [SequenceNumber] = []
    for try await change in collection.changes(following: false) { kept.append(change.sequence) }
    #expect(kept == [7, 8, 9, 10])
    kept = []
    for try await event in collection.events(following: false) { kept.append(event.sequence) }
    #expect(kept == [7, 8, 9, 10])
    kept = []
    for try await change in collection.changes(after: 6, following: false) { kept.append(change.sequence) }
    #expect(kept == [7, 8, 9, 10])
    for sequence in [0, 5] as [SequenceNumber] {
      #expect(
        await code { for try await _ in collection.changes(after: sequence, following: false) {} } == .consumerLapsed
      )
      #expect(
        await code { for try await _ in collection.events(after: sequence, following: false) {} } == .consumerLapsed
      )
      #expect(await code { _ = try await collection.changedDocuments(after: sequence) } == .historyPruned)
    }
    #expect(try await collection.changedDocuments(after: 6).count == 2)

    var header: AuditHeader?
    var changes = 0
    for try await part in collection.audit() {
      if case .header(let found) = part { header = found }
      if case .change = part { changes += 1 }
    }
    #expect(header?.head.anchor.sequence == 6 && header?.selection.first == 7 && changes == 4)
    for since in ["5", "0", "2020-01-01", "9000d"] {
      #expect(
        await code { for try await _ in collection.audit(since: try Moment(since)) {} } == .historyPruned,
        "\(since)"
      )
      #expect(await code { for try await _ in collection.audit(until: try Moment(since)) {} } == .historyPruned)
    }
    #expect(await code { for try await _ in collection.audit(since: .sequence(6)) {} } == nil)
    #expect(await code { _ = try await collection.sequence(of: .sequence(5)) } == .historyPruned)
    #expect(try await collection.sequence(of: .sequence(6)) == 6)
    // Versions stay, with their contents.
    #expect(try await collection.versions(of: "a.md").count == 5)
    #expect(try await collection.search("word5", limit: 3).count == 2)
    await collection.close()
  }

  @Test func aConsumerThatIsTooFarBehindGetsAListing() async throws {
    let collection = try await open(keeping: .changes(3))
    try await edit(collection, rounds: 1...1)
    let slow = try await collection.consumer("slow", startingAt: .head)
    try await edit(collection, rounds: 2...3)
    #expect(
      try await collection.garbageForecast().logAnchor == 2,
      "it is four behind, of which twice three are waited for"
    )
    #expect(try await collection.collectGarbage().removed.changes == 2)
    try await edit(collection, rounds: 4...5)
    #expect(try await collection.collectGarbage().removed.changes == 5)
    #expect(try await collection.consumers().first?.lapse == .pruned)
    #expect(await code { for try await _ in slow.batches(following: false) {} } == .consumerLapsed)
    var seen: [CollectionEvent] = []
    for try await batch in slow.batches(following: false, onLapse: .resync) {
      seen += batch.events
      try await slow.acknowledge(batch)
    }
    #expect(seen.map(\.change) == [.resyncStarted, .present, .present, .resyncFinished])
    #expect(try await collection.consumers().first?.lapse == nil)
    // A new one begins with a listing, since the log's beginning is gone.
    var first: [CollectionEvent] = []
    for try await batch in try await collection.consumer("new").batches(following: false) { first += batch.events }
    #expect(first.map(\.change) == [.resyncStarted, .present, .present, .resyncFinished])
    await collection.close()
  }

  @Test func aSyncPrunesWhenItCollects() async throws {
    var configuration = Configuration(folder: folder.path)
    configuration.collection = folder.path + "/docs.freshet"
    configuration.sources = [try .folder(folder.path + "/docs")]
    configuration.history.keepLog = .changes(1)
    configuration.history.collection = .afterSync
    let collection = try await Collection.open(configuration, embedder: HashEmbedder())
    let called = Called()
    collection.onChange { _ in await called.count() }
    try await edit(collection, rounds: 1...4)
    #expect(await called.times == 8)
    #expect(try await collection.status().head.anchor.sequence == 7)
    #expect(try await collection.verify().problems == [])
    folder.remove("docs/a.md")
    try await collection.sync()
    #expect(try await collection.status().head.anchor.sequence == 8)
    #expect(try await collection.verify().problems == [])
    await collection.close()
  }

  private actor Called {
    var times = 0
    func count() { times += 1 }
  }

  @Test func anIndexFromBeforeTheAnchorIsBuiltAnew() async throws {
    let collection = try await open(keeping: .changes(1))
    try await edit(collection, rounds: 1...2)
    let reader = try await open(access: .reading)
    #expect(try await reader.search("word2", limit: 3).count == 2)
    try await edit(collection, rounds: 3...4)
    #expect(try await collection.collectGarbage().removed.changes == 7)
    let hits = try await reader.search("word4", limit: 3)
    #expect(hits.count == 2 && hits.allSatisfy { $0.text.contains("word4") })
    await reader.close()
    await collection.close()
  }
}

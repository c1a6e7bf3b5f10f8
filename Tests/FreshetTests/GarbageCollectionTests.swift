import Freshet
import FreshetConfiguration
import FreshetEmbedding
import FreshetModel
import FreshetSearch
import FreshetSync
import FreshetTestKit
import Testing

/// Collecting garbage through the library's face: the index, searches of other processes, and what is said of what is gone.
@Suite struct GarbageCollectionTests {
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
  }

  private func open(
    _ access: Collection.Access = .writing(),
    _ change: (inout HistoryConfiguration) -> Void = { _ in }
  ) async throws -> Collection {
    var configuration = Configuration(folder: folder.path)
    configuration.collection = folder.path + "/docs.freshet"
    configuration.sources = [try .folder(folder.path + "/docs")]
    configuration.index.backend = .exact
    change(&configuration.history)
    return try await Collection.open(configuration, for: access, embedder: HashEmbedder())
  }

  private func edit(_ collection: Collection, rounds: ClosedRange<Int>) async throws {
    for round in rounds {
      for name in ["a", "b", "c"] {
        try folder.write(
          "docs/\(name).md",
          "# \(name)\n\nThe word\(round) of \(name) in round \(round).\n\nIt stays.\n"
        )
      }
      try await collection.sync()
    }
  }

  @Test func runsHaveTheirWholeReports() async throws {
    let collection = try await open()
    try folder.write("docs/a.md", "# A\n\nText.\n")
    let report = try await collection.sync()
    let run = try #require(try await collection.runs().first)
    guard case .object(let members) = report.json else { return }
    for member in members {
      // What follows the run's commit is in the seconds of the one alone.
      let stored = try #require(run.report?[member.name])
      #expect(stored.description == member.value.description || member.name == "seconds", "\(member.name)")
    }
    #expect(try await collection.status().lastRun == run)
    await collection.close()
  }

  @Test func searchesOfOtherProcessesStayRightOverACollection() async throws {
    let collection = try await open { $0.rules.keepLast = 2 }
    try await edit(collection, rounds: 1...3)
    let reader = try await open(.reading)
    let old = try await reader.search("word3", limit: 3)
    #expect(old.count == 3)
    try await edit(collection, rounds: 4...8)
    let forecast = try await reader.garbageForecast()
    #expect(forecast.removable.isEmpty, "the reader's own rules keep everything")
    let report = try await collection.collectGarbage()
    #expect(report.isComplete && report.removed.versions == 3 * 6 && report.removed.contents == 3 * 6)
    // The reader's view of the index is of before the history floor.
    let new = try await reader.search("word8", limit: 3)
    #expect(new.count == 3 && new.allSatisfy { $0.text.contains("word8") })
    let gone = try await reader.search("\"word3\"", limit: 9)
    #expect(gone.allSatisfy { !$0.text.contains("word3") })
    #expect(try await collection.verify().problems == [])
    #expect(try await collection.collectGarbage().removed.isEmpty)
    await reader.close()
    await collection.close()
  }

  @Test func theContentOfACollectedVersionIsRefusedWithTheReason() async throws {
    let collection = try await open { $0.rules.keepLast = 1 }
    try await edit(collection, rounds: 1...3)
    try await collection.collectGarbage()
    let document = try await collection.document("a.md")
    #expect(try await collection.versions(of: "a.md").count == 3)
    #expect(try await !collection.content(of: document).isEmpty)
    let isPruned: @Sendable (any Error) -> Bool = { error in
      (error as? FreshetError)?.code == .historyPruned && "\(error)".contains("version 1 is no longer kept")
    }
    await #expect { _ = try await collection.content(of: document, version: 1) } throws: { isPruned($0) }
    await #expect { _ = try await collection.text(of: document, version: 1) } throws: { isPruned($0) }
    await #expect { _ = try await collection.diff("a.md", from: .number(1)) } throws: { isPruned($0) }
    var request = RestoreRequest()
    request.version = .number(1)
    let restore = request
    await #expect { _ = try await collection.restore("a.md", restore) } throws: { isPruned($0) }
    #expect(try await collection.versionsWithContent(among: collection.versions(of: "a.md")) == [3])
    await collection.close()
  }

  @Test func garbageIsCollectedAfterEachSyncWhenThatIsConfigured() async throws {
    let collection = try await open {
      $0.rules.keepLast = 1
      $0.collection = .afterSync
      $0.compression = .none
    }
    try await edit(collection, rounds: 1...4)
    #expect(try await collection.garbageForecast().removable.isEmpty)
    let counts = try await collection.status().counts
    #expect(counts.versions == 12 && counts.documents == 3)
    #expect(try await collection.verify().problems == [])
    #expect(try await collection.search("word4", limit: 3).count == 3)
    await collection.close()
  }

  @Test func aSyncAndACollectionAtTheSameTimeTakeTurns() async throws {
    let collection = try await open { $0.rules.keepLast = 1 }
    try await edit(collection, rounds: 1...3)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for round in 4...7 {
        for name in ["a", "b", "c"] { try folder.write("docs/\(name).md", "# \(name)\n\nRound \(round).\n") }
        group.addTask { try await collection.sync() }
        group.addTask { try await collection.collectGarbage() }
      }
      try await group.waitForAll()
    }
    try await collection.sync()
    try await collection.collectGarbage()
    #expect(try await collection.verify().problems == [])
    await collection.close()
  }

  @Test func aCollectionThatIsOpenToReadOnlyCollectsNothing() async throws {
    let collection = try await open()
    try await edit(collection, rounds: 1...2)
    await collection.close()
    let reader = try await open(.reading) { $0.rules.keepLast = 1 }
    #expect(try await reader.garbageForecast().removable.versions == 3)
    await #expect(throws: FreshetError.self) { try await reader.collectGarbage() }
    await reader.close()
  }
}

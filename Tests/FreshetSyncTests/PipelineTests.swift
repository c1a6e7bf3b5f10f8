import FreshetModel
import FreshetStore
import FreshetSync
import FreshetTestKit
import Synchronization
import Testing

/// Parsers, chunkers, metadata, partial runs, forecasts, faults of the store.
@Suite struct PipelineTests {
  private func filled() async throws -> SyncFixture {
    let fixture = try SyncFixture()
    for index in 0..<6 { fixture.source.write("a/\(index).txt", "first \(index)\n\nsecond \(index)") }
    fixture.source.write("b.records", "1\tone\n2\ttwo")
    try await fixture.sync()
    return fixture
  }

  @Test func anotherParserMakesEditionsAndNoVersions() async throws {
    let fixture = try await filled()
    fixture.parsers.version = 2
    #expect(try await fixture.sync().kinds == [.reprocessed: 8])
    #expect(try await fixture.history("a/1.txt") == [.created])
    #expect(fixture.embedder.repeated == [])
    #expect(try await fixture.sync().report.checkpoints == 0)
    try await fixture.expectVerified()
  }

  @Test func aCollectionWithOtherwiseWrittenPipelinesIsReadOnceAndEmbedsNothing() async throws {
    let fixture = try await filled()
    try await fixture.store.write { transaction throws in
      let old = "registry/1 markdown/1 text/1|cartesian/2:tokens:190-60-256:0|freshet-passage/1|metadata/1|{}"
      for document in try transaction.documents(DocumentQuery()) {
        try transaction.touch(document: document.id, pipeline: old)
      }
      for var source in try transaction.sources() {
        source.pipeline = old
        try transaction.update(source)
      }
    }
    let (calls, fetches) = (fixture.embedder.calls, fixture.source.fetches)
    let same = try await fixture.sync()
    #expect(same.changes.isEmpty && same.report.documents.unchanged == 8)
    #expect(fixture.embedder.calls == calls && fixture.source.fetches == fetches + 7)
    #expect(try await fixture.sync().report.documents.unchanged == 8)
    #expect(fixture.source.fetches == fetches + 7, "a second time")
    let pipelines = try await fixture.store.read(.everything) { snapshot throws in
      try snapshot.documents(DocumentQuery()).map(\.pipeline) + snapshot.sources().map(\.pipeline)
    }
    #expect(Set(pipelines).count == 1 && pipelines.allSatisfy { $0.utf8.count == 32 })
    try await fixture.expectVerified()
  }

  @Test func anotherParserGoesOnWhereContentsAreKeptOnlyFromNowOn() async throws {
    let fixture = try SyncFixture()
    fixture.options.storesContent = { _, _ in false }
    fixture.source.write("a.txt", "first\n\nsecond")
    try await fixture.sync()
    fixture.options.storesContent = { _, _ in true }
    fixture.parsers.version = 2
    let outcome = try await fixture.sync()
    #expect(outcome.kinds == [.reprocessed: 1] && outcome.failures.isEmpty)
    try await fixture.expectVerified()
  }

  @Test func theStoredReportLeavesOutWhatIsAsInAnEmptyOne() async throws {
    let fixture = try await filled()
    let report = try await fixture.sync().report
    let run = try #require(try await fixture.store.read(.everything) { try $0.runs(limit: 1) }.first)
    let stored = try #require(run.report)
    #expect(stored["documents"] == ["unchanged": 8] && stored["type"] == nil && stored["deliveries"] == nil)
    #expect(stored["run"] == nil && stored["success_rate"] == nil && stored["embedder"] == nil)
    #expect(run.withWholeReport.report?.description == report.json.description)
    var old = run
    old.report = report.json
    #expect(old.withWholeReport.report?.description == report.json.description)
    old.report = nil
    #expect(old.withWholeReport.report == Optional<JSONValue>.none)
    try await fixture.expectVerified()
  }

  @Test func anotherChunkerChangesOnlyWhatItCutsOtherwise() async throws {
    let fixture = try await filled()
    fixture.chunker.version = 2
    let same = try await fixture.sync()
    #expect(same.changes.isEmpty && same.report.documents.unchanged == 8)
    fixture.chunker.paragraphs = 2
    let other = try await fixture.sync()
    #expect(other.kinds == [.reprocessed: 6] && other.report.documents.unchanged == 2)
    #expect(try await fixture.history("a/1.txt") == [.created])
    try await fixture.expectVerified()
  }

  @Test func otherMetadataOfTheSourceAreMetadataChanges() async throws {
    let fixture = try await filled()
    fixture.source.set(metadata: ["team": "ops"])
    #expect(try await fixture.sync().kinds == [.metadata: 8])
    #expect(try await fixture.document("a/1.txt")?.metadata["team"] == "ops")
    #expect(try await fixture.history("a/1.txt") == [.created])
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
  }

  @Test func aRenameToAnotherSuffixIsParsedAgain() async throws {
    let fixture = try await filled()
    fixture.source.move("a/1.txt", to: "a/1.md")
    #expect(try await fixture.sync().kinds == [.renamed: 1])
    #expect(try await fixture.document("a/1.md")?.metadata["type"] == "markdown")
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
  }

  @Test func aRenameThatCannotBeParsedDeletesTheOldOneLater() async throws {
    let fixture = try await filled()
    fixture.source.write("a/x.txt", "!brokenness is fine\n\nhere")
    fixture.source.write("a/y.txt", "text of y")
    try await fixture.sync()
    fixture.parsers.version = 2
    fixture.embedder.trouble { $0.refused = ["text of y"] }
    fixture.source.move("a/y.txt", to: "a/y.md")
    try await fixture.sync()
    try await fixture.sync()
    let live = try await fixture.live()
    let items = try await fixture.store.read(.everything) { snapshot in
      try snapshot.documents(DocumentQuery()).filter { try snapshot.item(of: $0.source, at: $0.itemPath) == nil }
    }
    #expect(items.isEmpty, "\(live.keys)")
  }

  @Test func aContainerThatBecomesOneDocumentLosesItsMembers() async throws {
    let fixture = try await filled()
    fixture.source.remove("b.records")
    fixture.source.write("a/0.txt", "changed")
    let outcome = try await fixture.sync()
    #expect(outcome.kinds == [.deleted: 2, .modified: 1])
    try await fixture.expectVerified()
  }

  @Test func aRenamedContainerKeepsItsMembers() async throws {
    let fixture = try await filled()
    fixture.source.move("b.records", to: "c.records")
    #expect(try await fixture.sync().kinds == [.renamed: 2])
    #expect(try await fixture.history("c.records!/1") == [.created, .renamed])
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
  }

  @Test func aContainerWithNewAndMovedMembersIsSettledInOneRun() async throws {
    let fixture = try await filled()
    fixture.source.write("b.records", "1\tone")
    fixture.source.write("c.records", "9\ttwo\n8\tone\n7\tnew")
    let outcome = try await fixture.sync()
    #expect(outcome.kinds == [.renamed: 1, .created: 2])
    #expect(outcome.report.documents.unchanged == 7)
    #expect(try await fixture.sync().report.checkpoints == 0)
    try await fixture.expectVerified()
  }

  @Test func aPartialRunJudgesOnlyItsPaths() async throws {
    let fixture = try await filled()
    fixture.source.write("a/1.txt", "changed")
    fixture.source.write("c.txt", "new")
    fixture.source.remove("a/2.txt")
    fixture.source.remove("b.records")
    let outcome = try await fixture.sync { $0.paths = ["docs": [Array("a".utf8)]] }
    #expect(outcome.kinds == [.modified: 1, .deleted: 1])
    #expect(outcome.report.documents.unchanged == 4)
    let rest = try await fixture.sync()
    #expect(rest.kinds == [.created: 1, .deleted: 2])
    try await fixture.expectVerified()
  }

  @Test func aForecastIsWhatTheRunThenDoes() async throws {
    let fixture = try await filled()
    fixture.source.write("a/1.txt", "changed\n\nsecond 1")
    fixture.source.move("a/2.txt", to: "d/2.txt")
    fixture.source.move("a/3.txt", to: "d/3.md")
    fixture.source.copy("a/4.txt", to: "e/4.txt")
    fixture.source.remove("a/5.txt")
    fixture.source.write("b.records", "1\tone\n3\tthree")
    fixture.source.write("n.txt", "new\n\nshared\n\nshared")
    fixture.source.write("x.txt", "!broken")
    fixture.source.write("y.bin", "binary")
    let forecast = try await fixture.forecast()
    fixture.embedder.reset()
    let before = fixture.embedder.calls
    let outcome = try await fixture.sync()
    #expect(forecast.documents == outcome.report.documents)
    #expect(
      Set(forecast.changes.map { "\($0.change) \($0.origin) \($0.version)" })
        == Set(outcome.changes.map { "\($0.change) \($0.origin) \($0.version)" })
    )
    #expect(forecast.passagesToEmbed == outcome.report.chunks.embedded)
    #expect(forecast.tokens == outcome.report.embedderTokens)
    #expect(fixture.embedder.calls > before)
  }

  @Test func failuresThatMayPassAreTriedAgainAndClearedOnSuccess() async throws {
    let fixture = try await filled()
    fixture.source.write("a/1.txt", "changed")
    fixture.source.write("broken.txt", "!broken")
    fixture.source.trouble { $0.moving = ["a/1.txt"] }
    let first = try await fixture.sync()
    #expect(Set(first.failures.map(\.origin)) == ["a/1.txt", "broken.txt"])
    let second = try await fixture.sync()
    #expect(second.failures.map(\.origin) == ["a/1.txt"] && second.failures.map(\.attempts) == [2])
    fixture.source.trouble { $0.moving = [] }
    #expect(try await fixture.sync().kinds == [.modified: 1])
    #expect(try await fixture.failures().map(\.origin) == ["broken.txt"])
    fixture.source.write("broken.txt", "mended")
    #expect(try await fixture.sync().kinds == [.created: 1])
    #expect(try await fixture.failures().isEmpty)
    try await fixture.expectVerified()
  }

  @Test func aMemberThatIsMendedLeavesTheQuarantineThoughAnotherFails() async throws {
    let fixture = try SyncFixture()
    fixture.source.write("a.records", "1\t!bad\n2\ttwo")
    try await fixture.sync()
    fixture.source.write("a.records", "1\tone\n2\t!bad")
    try await fixture.sync()
    #expect(try await fixture.failures().map(\.origin) == ["a.records!/2"])
    #expect(try await fixture.live() == ["docs:a.records!/1": "one", "docs:a.records!/2": "two"])
  }

  @Test func aFileThatVanishesBeforeItIsReadIsJudgedByTheNextListing() async throws {
    let fixture = try await filled()
    fixture.source.write("n.txt", "new")
    fixture.source.trouble { $0.vanishing = ["n.txt"] }
    let outcome = try await fixture.sync()
    #expect(outcome.changes.isEmpty && outcome.report.documents.failed == 0)
    fixture.source.trouble { $0.vanishing = [] }
    #expect(try await fixture.sync().kinds == [.created: 1])
  }

  @Test func aStoreThatFailsAtAnyWriteLosesNothing() async throws {
    var number = 0
    var isDone = false
    while !isDone {
      number += 1
      let fixture = try SyncFixture()
      fixture.options.checkpointDocuments = 2
      fixture.options.embedderBatch = 3
      for index in 0..<5 { fixture.source.write("a/\(index).txt", "first \(index)\n\nsecond \(index)") }
      fixture.source.write("b.records", "1\tone\n2\ttwo\n3\tthree")
      try await fixture.sync()
      let kept = try await fixture.live()
      fixture.source.move("a/1.txt", to: "c/1.txt")
      fixture.source.write("a/2.txt", "changed")
      fixture.source.remove("a/3.txt")
      fixture.source.write("b.records", "1\tone\n4\ttwo\n5\tfive")
      fixture.faulty.fail(atWrite: number)
      do {
        try await fixture.sync()
        isDone = true
      } catch let error as FreshetError {
        #expect(error.code == .diskFull)
        #expect(kept.isEmpty == false)
      }
      fixture.faulty.fail(atWrite: nil)
      try await fixture.expectVerified(sources: false, "write \(number)")
      try await fixture.sync()
      #expect(try await fixture.live() == documents(of: fixture.sources), "write \(number)")
      #expect(try await fixture.history("c/1.txt") == [.created, .renamed], "write \(number)")
      #expect(try await fixture.history("a/2.txt") == [.created, .modified], "write \(number)")
      try await fixture.expectVerified("write \(number)")
      // At most the batch in flight is computed again.
      #expect(fixture.embedder.repeated.count <= 3, "write \(number)")
      #expect(number < 60)
    }
    #expect(number > 4)
  }

  @Test func aFinishedDocumentDoesNotWaitForSlowReaders() async throws {
    let fixture = try SyncFixture()
    fixture.source.write("a.txt", "text a")
    let timer = ManualTimer()
    let slow = SlowSource(fixture.source, waits: ["b.txt"])
    fixture.source.write("b.txt", "text b")
    let committed = Mutex(false)
    let stages = SyncStages(
      store: fixture.store,
      sources: [slow],
      parsers: fixture.parsers,
      chunker: fixture.chunker,
      embedder: fixture.embedder
    )
    let engine = SyncEngine(stages: stages, options: fixture.options, timer: timer)
    let run = Task {
      try await engine.run { event in
        if case .changed(let outcome) = event, outcome.origin == "a.txt" { committed.withLock { $0 = true } }
      }
    }
    while !committed.withLock({ $0 }) {
      if timer.sleepers > 0 { timer.advance(by: fixture.options.checkpointInterval) }
      await Task.yield()
    }
    slow.release()
    #expect(try await run.value.documents.created == 2)
  }
}

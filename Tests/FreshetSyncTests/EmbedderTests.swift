import FreshetModel
import FreshetStore
import FreshetSync
import FreshetTestKit
import Testing

/// What an embedder that fails does to documents, and that nothing is computed twice.
@Suite struct EmbedderTests {
  @Test func oneFailedCallIsMendedByTheNextRun() async throws {
    let fixture = try SyncFixture()
    fixture.options.embedderBatch = 1
    for index in 0..<6 { fixture.source.write("\(index).txt", "text \(index)") }
    fixture.embedder.trouble { $0.failingCalls = 1 }
    let first = try await fixture.sync()
    #expect(first.report.documents.failed == 1 && first.report.documents.created == 5)
    #expect(try await fixture.failures().map(\.attempts) == [1])
    let second = try await fixture.sync()
    #expect(second.report.documents.created == 1 && second.report.documents.unchanged == 5)
    #expect(try await fixture.failures().isEmpty)
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
  }

  @Test func aRefusedTextFailsItsDocumentAlone() async throws {
    let fixture = try SyncFixture()
    fixture.embedder.trouble { $0.refused = ["poison"] }
    for index in 0..<20 { fixture.source.write("\(index).txt", "text \(index)") }
    fixture.source.write("bad.txt", "good start\n\npoison")
    let first = try await fixture.sync()
    #expect(first.report.documents.created == 20 && first.failures.map(\.origin) == ["bad.txt"])
    #expect(first.failures.first?.error.code == .embedderFailed)
    // A permanent failure is not tried again until something changes.
    let calls = fixture.embedder.calls
    #expect(try await fixture.sync().report.documents.failed == 0)
    #expect(fixture.embedder.calls == calls)
    #expect(try await fixture.sync { $0.retriesFailures = true }.report.documents.failed == 1)
    fixture.embedder.trouble { $0.refused = [] }
    #expect(try await fixture.sync { $0.retriesFailures = true }.report.documents.created == 1)
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
  }

  @Test func theLastGoodEditionStaysWhileTheEmbedderIsDown() async throws {
    let fixture = try SyncFixture()
    for index in 0..<8 { fixture.source.write("\(index).txt", "text \(index)") }
    try await fixture.sync()
    fixture.source.write("1.txt", "other text")
    fixture.embedder.trouble { $0.isDown = true }
    for _ in 0..<2 {
      let outcome = try await fixture.sync()
      #expect(outcome.report.documents.failed == 1 && outcome.changes.isEmpty)
    }
    #expect(try await fixture.live()["docs:1.txt"] == "text 1")
    fixture.embedder.trouble { $0.isDown = false }
    #expect(try await fixture.sync().kinds == [.modified: 1])
    #expect(try await fixture.history("1.txt") == [.created, .modified])
    try await fixture.expectVerified()
  }

  @Test func keywordFirstCommitsTheTextAndAwaitsItsVectors() async throws {
    let fixture = try SyncFixture()
    fixture.options.onEmbedderDown = .keywordFirst
    for index in 0..<8 { fixture.source.write("\(index).txt", "text \(index)") }
    try await fixture.sync()
    fixture.source.write("1.txt", "other text")
    fixture.embedder.trouble { $0.isDown = true }
    #expect(try await fixture.sync().kinds == [.modified: 1])
    #expect(try await fixture.document("1.txt")?.editionState == .awaitingVectors)
    // Waiting longer is no change.
    let waiting = try await fixture.sync()
    #expect(waiting.changes.isEmpty && waiting.report.documents.failed == 0)
    #expect(waiting.report.documents.unchanged == 8)
    fixture.embedder.trouble { $0.isDown = false }
    #expect(try await fixture.sync().kinds == [.embedded: 1])
    #expect(try await fixture.document("1.txt")?.editionState == .complete)
    #expect(try await fixture.history("1.txt") == [.created, .modified])
    #expect(try await fixture.sync().report.checkpoints == 0)
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
  }

  private func manyWindows() throws -> SyncFixture {
    let fixture = try SyncFixture()
    fixture.options.embedderBatch = 1
    fixture.options.embedderWindow = 4
    for index in 0..<60 { fixture.source.write("\(index).txt", "text \(index)") }
    return fixture
  }

  @Test func aDeadEmbedderIsAskedAFewTimesOnlyHoweverLongTheRun() async throws {
    let fixture = try manyWindows()
    fixture.embedder.trouble { $0.isDown = true }
    let first = try await fixture.sync()
    // As many calls as it takes, and those under way at that time.
    #expect(fixture.embedder.calls <= 4)
    #expect(first.report.documents.failed == 60 && first.changes.isEmpty)
    let errors = try await fixture.failures().map(\.error)
    #expect(errors.count == 60 && errors.allSatisfy { $0.isTransient && $0.message.contains("cannot be reached") })
    #expect(errors.contains { $0.message.contains("after 3 failed calls in a row") })
    fixture.embedder.trouble { $0.isDown = false }
    #expect(try await fixture.sync().report.documents.created == 60)
    #expect(try await fixture.failures().isEmpty)
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
  }

  @Test func anEmbedderThatComesBackIsUsedAgainInTheSameRun() async throws {
    let fixture = try manyWindows()
    fixture.options.embedderPause = .zero
    fixture.embedder.trouble { $0.failingCalls = 6 }
    let outcome = try await fixture.sync()
    #expect(outcome.report.documents.created > 0 && outcome.report.documents.failed > 0)
    #expect(outcome.report.documents.created + outcome.report.documents.failed == 60)
    try await fixture.sync()
    #expect(try await fixture.live().count == 60)
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
  }

  @Test func aTrialThatFailsForAnotherReasonIsFollowedByAnother() async throws {
    let fixture = try SyncFixture()
    fixture.options.embedderHealth = EmbedderHealth(pause: .zero)
    fixture.options.embedderBatch = 1
    for index in 0..<8 { fixture.source.write("\(index).txt", "text \(index)") }
    fixture.embedder.trouble { $0.isDown = true }
    #expect(try await fixture.sync().report.documents.failed == 8)
    fixture.embedder.trouble { $0.failsBesides = true }
    await #expect(throws: FreshetError.self) { try await fixture.sync() }
    fixture.embedder.trouble { $0 = CountingEmbedder.Troubles() }
    #expect(try await fixture.sync().report.documents.created == 8)
    try await fixture.expectVerified()
  }

  @Test func keywordFirstTakesEveryTextWhileADeadEmbedderIsLeftAlone() async throws {
    let fixture = try manyWindows()
    fixture.options.onEmbedderDown = .keywordFirst
    fixture.embedder.trouble { $0.isDown = true }
    #expect(try await fixture.sync().kinds == [.created: 60])
    #expect(fixture.embedder.calls <= 4)
    #expect(try await fixture.document("59.txt")?.editionState == .awaitingVectors)
    fixture.embedder.trouble { $0.isDown = false }
    #expect(try await fixture.sync().kinds == [.embedded: 60])
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8]) func aStoppedRunKeepsWhatItDid(call: Int) async throws {
    let fixture = try SyncFixture()
    fixture.options.embedderBatch = 2
    fixture.options.embedderWindow = 6
    fixture.options.checkpointDocuments = 2
    for index in 0..<12 {
      fixture.source.write("\(index).txt", "text \(index)\n\nmore \(index)\n\nshared \(index % 3)")
    }
    fixture.source.write("r.records", (0..<12).map { "\($0)\trecord \($0)" }.joined(separator: "\n"))
    let stop = StopSignal()
    fixture.embedder.onCall { if $0 == call { stop.give() } }
    let first = try await fixture.sync(stop: stop)
    #expect(first.report.interrupted)
    #expect(try await fixture.live().count == first.report.documents.created)
    fixture.embedder.onCall(nil)
    let second = try await fixture.sync()
    #expect(first.report.documents.created + second.report.documents.created == 24)
    #expect(try await fixture.live() == documents(of: fixture.sources))
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
    #expect(try await fixture.sync().report.checkpoints == 0)
  }

  @Test func anotherModelEmbedsOnceAndServesThen() async throws {
    let fixture = try SyncFixture()
    for index in 0..<9 { fixture.source.write("\(index).txt", "text \(index)\n\nshared") }
    try await fixture.sync()
    let next = CountingEmbedder(name: "next", dimension: 12)
    fixture.model = next
    try await fixture.sync()
    #expect(next.counts.count == 10 && next.repeated == [])
    #expect(try await fixture.history("1.txt") == [.created])
    try await fixture.expectVerified()
    fixture.model = fixture.embedder
    try await fixture.sync()
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
  }

  @Test func documentsOfATimeWithoutEmbedderGetTheirVectorsLater() async throws {
    let fixture = try SyncFixture()
    fixture.source.write("1.txt", "text 1")
    try await fixture.sync()
    fixture.model = nil
    fixture.source.write("2.txt", "text 2")
    #expect(try await fixture.sync().kinds == [.created: 1])
    fixture.model = fixture.embedder
    try await fixture.sync()
    try await fixture.expectVerified()
    #expect(fixture.embedder.counts == ["text 1": 1, "text 2": 1])
  }

  @Test func ignoringTheCacheEmbedsAgainWithoutAVersion() async throws {
    let fixture = try SyncFixture()
    fixture.source.write("1.txt", "text 1")
    try await fixture.sync()
    let forced = try await fixture.sync { $0.force = true }
    #expect(forced.changes.isEmpty && forced.report.documents.unchanged == 1)
    #expect(fixture.embedder.repeated == [])
    let again = try await fixture.sync { options in
      options.force = true
      options.ignoresEmbeddingCache = true
    }
    #expect(again.kinds == [.embedded: 1])
    #expect(fixture.embedder.counts == ["text 1": 2])
    #expect(try await fixture.history("1.txt") == [.created])
    try await fixture.expectVerified()
  }
}

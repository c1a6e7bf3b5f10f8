import FreshetModel
import FreshetStore
import FreshetSync
import FreshetTestKit
import Testing

/// What another embedding model does to the log, the failures and the forecast.
@Suite struct ModelChangeTests {
  private func changes(_ fixture: SyncFixture, after sequence: SequenceNumber) async throws -> [ChangeRecord] {
    try await fixture.store.read(.everything) { try $0.changes(after: sequence, limit: 1000) }
  }

  private func isServing(_ fixture: SyncFixture, _ name: String) async throws -> Bool {
    try await fixture.store.read(.everything) { snapshot in
      try snapshot.models().contains { $0.description.name == name && $0.state == .serving }
    }
  }

  @Test func theLogTellsOfEveryDocumentOnceAnotherModelServes() async throws {
    let fixture = try SyncFixture()
    for index in 0..<9 { fixture.source.write("\(index).txt", "text \(index)\n\nshared") }
    let first = try await fixture.sync()
    fixture.source.write("3.txt", "other text")
    fixture.source.remove("4.txt")
    fixture.model = CountingEmbedder(name: "next", dimension: 12)
    let second = try await fixture.sync()
    #expect(second.kinds == [.embedded: 9, .modified: 1, .deleted: 1])
    let told = try await changes(fixture, after: first.report.sequence)
    #expect(told.prefix(9).allSatisfy { $0.kind == .embedded && $0.version == 1 })
    #expect(told.count == 11 && told.last?.sequence == second.report.sequence)
    #expect(try await fixture.history("1.txt") == [.created])
    // The numbers add up to the nine documents.
    #expect(second.report.documents.refreshed == 7 && second.report.documents.unchanged == 0)
    #expect(second.report.documents.modified == 1 && second.report.documents.deleted == 1)
    try await fixture.expectVerified()
    let third = try await fixture.sync()
    #expect(third.changes.isEmpty && third.report.checkpoints == 0 && third.report.documents.unchanged == 8)
  }

  @Test func aReturnToAModelIsToldTooAndEmbedsNothing() async throws {
    let fixture = try SyncFixture()
    fixture.source.write("1.txt", "text 1")
    try await fixture.sync()
    fixture.model = CountingEmbedder(name: "next")
    try await fixture.sync()
    fixture.model = fixture.embedder
    let back = try await fixture.sync()
    #expect(back.kinds == [.embedded: 1] && back.report.chunks.embedded == 0)
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
  }

  @Test func theFirstModelOfAnEmptyCollectionIsNoChange() async throws {
    let fixture = try SyncFixture()
    fixture.source.write("1.txt", "text 1")
    #expect(try await fixture.sync().kinds == [.created: 1])
  }

  @Test func documentsOfATimeWithoutEmbedderAreToldWhenTheirVectorsCome() async throws {
    let fixture = try SyncFixture()
    fixture.source.write("1.txt", "text 1")
    try await fixture.sync()
    fixture.model = nil
    fixture.source.write("2.txt", "text 2")
    let without = try await fixture.sync()
    fixture.model = fixture.embedder
    let with = try await fixture.sync()
    #expect(with.changes.map(\.origin) == ["2.txt"] && with.kinds == [.embedded: 1])
    #expect(with.report.documents.refreshed == 1 && with.report.documents.unchanged == 1)
    // An index that stood at the run before learns of the vector.
    let (live, ids) = try await fixture.store.read(.everything) { snapshot in
      let document = try snapshot.documents(DocumentQuery()).first { $0.origin == "2.txt" }
      return (
        try snapshot.passagesChanged(after: without.report.sequence).live,
        try document.map { try snapshot.chunks(of: $0.id).map(\.passage) } ?? []
      )
    }
    #expect(live == ids && !ids.isEmpty)
    try await fixture.expectVerified()
    #expect(try await fixture.sync().report.checkpoints == 0)
  }

  @Test(arguments: 1...10) func vectorsThatCameBeforeAStopAreToldByTheNextRun(write: Int) async throws {
    let fixture = try SyncFixture()
    fixture.source.write("1.txt", "text 1")
    try await fixture.sync()
    fixture.model = nil
    for index in 2..<6 { fixture.source.write("\(index).txt", "text \(index)") }
    let without = try await fixture.sync()
    fixture.model = fixture.embedder
    fixture.options.embedderBatch = 1
    // Whatever fails, what is stored is told of at last.
    fixture.faulty.fail(atWrite: write)
    _ = try? await fixture.sync()
    fixture.faulty.fail(atWrite: nil)
    try await fixture.sync()
    let told = Set(try await changes(fixture, after: without.report.sequence).map(\.origin))
    #expect(told == ["2.txt", "3.txt", "4.txt", "5.txt"])
    #expect(try await fixture.sync().report.checkpoints == 0)
    try await fixture.expectVerified()
  }

  @Test func aTextThatTheNewModelRefusesIsOnRecordAndNotTriedAtEachRun() async throws {
    let fixture = try SyncFixture()
    for index in 0..<5 { fixture.source.write("\(index).txt", "text \(index)") }
    fixture.source.write("bad.txt", "good start\n\npoison")
    try await fixture.sync()
    let next = CountingEmbedder(name: "next")
    next.trouble { $0.refused = ["poison"] }
    fixture.model = next
    let switched = try await fixture.sync()
    #expect(switched.failures.map(\.origin) == ["bad.txt"] && switched.report.documents.failed == 1)
    #expect(switched.kinds == [.embedded: 5])
    #expect(switched.report.documents.refreshed == 5 && switched.report.documents.unchanged == 0)
    #expect(try await isServing(fixture, "next"))
    #expect(try await fixture.failures().map(\.attempts) == [1])

    let calls = next.calls
    let again = try await fixture.sync()
    #expect(next.calls == calls && again.report.documents.failed == 0 && again.report.checkpoints == 0)
    // Also when the file is read again.
    _ = try await fixture.sync { $0.checksum = true }
    #expect(next.calls == calls)
    #expect(try await fixture.failures().map(\.origin) == ["bad.txt"])

    let retried = try await fixture.sync { $0.retriesFailures = true }
    #expect(retried.report.documents.failed == 1 && retried.report.documents.unchanged == 5)
    #expect(try await fixture.failures().map(\.attempts) == [2])
    next.trouble { $0.refused = [] }
    let mended = try await fixture.sync { $0.retriesFailures = true }
    #expect(mended.changes.map(\.origin) == ["bad.txt"] && mended.kinds == [.embedded: 1])
    #expect(try await fixture.failures().isEmpty)
    #expect(next.repeated == [])
    try await fixture.expectVerified()
  }

  @Test func aRefusedTextThatWasForgottenIsTriedAgain() async throws {
    let fixture = try SyncFixture()
    for index in 0..<3 { fixture.source.write("\(index).txt", "text \(index)") }
    try await fixture.sync()
    let next = CountingEmbedder(name: "next")
    next.trouble { $0.refused = ["text 1"] }
    fixture.model = next
    #expect(try await fixture.sync().report.documents.failed == 1)
    next.trouble { $0.refused = [] }
    try await fixture.store.write { transaction in
      try Quarantine.clear(try transaction.failures(source: nil, itemPath: nil), transaction)
    }
    let mended = try await fixture.sync()
    #expect(mended.report.documents.failed == 0 && mended.kinds == [.embedded: 1])
    try await fixture.expectVerified()
  }

  @Test func aRefusedDocumentIsMendedByANewContent() async throws {
    let fixture = try SyncFixture()
    fixture.source.write("bad.txt", "poison")
    fixture.source.write("good.txt", "text")
    try await fixture.sync()
    let next = CountingEmbedder(name: "next")
    next.trouble { $0.refused = ["poison"] }
    fixture.model = next
    try await fixture.sync()
    fixture.source.write("bad.txt", "an antidote")
    #expect(try await fixture.sync().kinds == [.modified: 1])
    #expect(try await fixture.failures().isEmpty)
    try await fixture.expectVerified()
  }

  @Test func aModelThatTakesTheTextEndsTheFailureOfTheOneBefore() async throws {
    let fixture = try SyncFixture()
    fixture.source.write("bad.txt", "poison")
    fixture.source.write("good.txt", "text")
    try await fixture.sync()
    let strict = CountingEmbedder(name: "strict")
    strict.trouble { $0.refused = ["poison"] }
    fixture.model = strict
    try await fixture.sync()
    #expect(try await fixture.failures().map(\.origin) == ["bad.txt"])
    fixture.model = CountingEmbedder(name: "lenient")
    #expect(try await fixture.sync().kinds == [.embedded: 2])
    #expect(try await fixture.failures().isEmpty)
    try await fixture.expectVerified()
  }

  @Test func theForecastCountsWhatANewModelIsFilledWith() async throws {
    let fixture = try SyncFixture()
    for index in 0..<9 { fixture.source.write("\(index).txt", "text \(index)\n\nshared") }
    try await fixture.sync()
    #expect(try await fixture.forecast().passagesToEmbed == 0)
    let next = CountingEmbedder(name: "next")
    fixture.model = next
    fixture.source.write("new.txt", "a new text\n\nshared")
    let forecast = try await fixture.forecast()
    #expect(forecast.passagesToEmbed == 11)
    let run = CountingEmbedder(name: "next")
    fixture.model = run
    let outcome = try await fixture.sync()
    #expect(outcome.report.chunks.embedded == forecast.passagesToEmbed)
    #expect(outcome.report.embedderTokens == forecast.tokens)
    #expect(try await fixture.forecast().passagesToEmbed == 0)
    // Without a model before, all that was committed is to be filled in.
    let plain = try SyncFixture()
    plain.model = nil
    plain.source.write("1.txt", "text 1\n\nmore")
    try await plain.sync()
    plain.model = plain.embedder
    #expect(try await plain.forecast().passagesToEmbed == 2)
  }
}

import FreshetModel
import FreshetSync
import FreshetTestKit
import Testing

/// Documents that are large against the memory that they may take together.
@Suite struct LargeDocumentTests {
  /// More than two megabytes, from which a document is large, that no other number gives.
  private func text(_ number: Int) -> String {
    (0..<6).map { part in String(repeating: "words \(number) of part \(part) ", count: 21_000) }
      .joined(separator: "\n\n")
  }

  private func fixture() throws -> SyncFixture {
    let fixture = try SyncFixture()
    fixture.options.bytesInFlight = 1 << 20
    fixture.options.checkpointBytes = 1 << 20
    for index in 0..<3 {
      fixture.source.write("large \(index).txt", text(index))
      fixture.source.write("small \(index).txt", "a small one \(index)")
    }
    fixture.source.write(
      "many.records",
      (0..<10).map { "\($0)\t" + String(repeating: "entry \($0) ", count: 8000) }.joined(separator: "\n")
    )
    return fixture
  }

  @Test func largeDocumentsWaitForEachOtherAndAllAreCommitted() async throws {
    let fixture = try fixture()
    #expect(try await fixture.sync().report.documents.created == 16)
    #expect(try await fixture.live() == documents(of: fixture.sources))
    for index in 0..<3 { fixture.source.write("large \(index).txt", text(index + 3)) }
    #expect(try await fixture.sync().kinds == [.modified: 3])
    try await fixture.expectVerified()
  }

  @Test(arguments: [2, 5])
  func aStoreThatFailsWhileLargeDocumentsWaitEndsTheRun(_ write: Int) async throws {
    let fixture = try fixture()
    fixture.faulty.fail(atWrite: write)
    await #expect(throws: FreshetError.self) { try await fixture.sync() }
    fixture.faulty.fail(atWrite: nil)
    try await fixture.sync()
    #expect(try await fixture.live() == documents(of: fixture.sources))
    try await fixture.expectVerified()
  }

  @Test func aRunThatIsStoppedWhileLargeDocumentsWaitEnds() async throws {
    let fixture = try fixture()
    let stop = StopSignal()
    fixture.embedder.onCall { _ in stop.give() }
    #expect(try await fixture.sync(stop: stop).report.interrupted)
    fixture.embedder.onCall(nil)
    try await fixture.sync()
    #expect(try await fixture.live() == documents(of: fixture.sources))
    try await fixture.expectVerified()
  }
}

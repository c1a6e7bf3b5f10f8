import FreshetModel
import FreshetStore
import FreshetSync
import FreshetTestKit
import Synchronization
import Testing

/// Runs that something breaks into: whatever is left, it is whole, and an undisturbed run afterwards completes it with
/// nothing computed twice.
@Suite struct DisturbedRunTests {
  static let seeds: [UInt64] = Campaign.seeds(default: [21, 22, 23])

  @Test(arguments: seeds) func anUndisturbedRunCompletesWhatDisturbedOnesLeft(seed: UInt64) async throws {
    let fixture = try SyncFixture("one", "two")
    fixture.options.deletionGuard.allowMassDelete = true
    fixture.options.checkpointDocuments = 2
    fixture.options.embedderBatch = 2
    fixture.options.embedderWindow = 8
    var edits = RandomEdits(seed: seed, sources: fixture.sources)
    var lostBatches = 0
    for step in 0..<Campaign.steps(default: 50) {
      var done: [String] = []
      for _ in 0...edits.below(6) { done.append(edits.step()) }
      let disturbance = edits.below(7)
      var comment: Comment {
        "seed \(seed), step \(step), disturbance \(disturbance): \(done.joined(separator: "; "))"
      }
      lostBatches += try await disturb(fixture, disturbance, &edits, comment)
      // Whole: every check but that it is in step.
      try await fixture.expectVerified(sources: false, comment)
      // What the run began may be gone when the next one comes.
      if edits.below(2) == 0 { for _ in 0...edits.below(4) { done.append("then " + edits.step()) } }
      let allowed = documents(of: fixture.sources)
      try await fixture.sync { $0.retriesFailures = true }
      let live = try await fixture.live()
      #expect(live == allowed, comment)
      // Two members of one name are the content's own failure.
      let failures = try await fixture.failures().filter { $0.error.code != .duplicateOrigin }
      #expect(failures.map(\.origin) == [], comment)
      try await fixture.expectVerified(comment)
      let again = try await fixture.sync()
      #expect(again.changes.isEmpty && again.report.documents.unchanged == live.count, comment)
      let chunks = try await fixture.store.read(.everything) { try $0.counts().chunks }
      #expect(again.report.chunks.total == chunks, comment)
      if live != allowed { return }
    }
    #expect(fixture.embedder.repeated.count <= lostBatches * fixture.options.embedderBatch * 2, "seed \(seed)")
  }

  /// One run with something wrong; answers how many batches may be computed again.
  private func disturb(
    _ fixture: SyncFixture,
    _ kind: Int,
    _ edits: inout RandomEdits,
    _ comment: Comment
  ) async throws -> Int {
    let source = fixture.sources[edits.below(2)]
    let number = 1 + edits.below(5)
    switch kind {
    case 0:
      let stop = StopSignal()
      let first = fixture.embedder.calls
      fixture.embedder.onCall { if $0 == first + number { stop.give() } }
      try await fixture.sync(stop: stop)
      fixture.embedder.onCall(nil)
    case 1:
      fixture.embedder.trouble { $0.failingCalls = number }
      try await fixture.sync()
      fixture.embedder.trouble { $0.failingCalls = 0 }
    case 2:
      fixture.embedder.trouble { $0.refused = ["number \(number)"] }
      try await fixture.sync()
      fixture.embedder.trouble { $0.refused = [] }
    case 3:
      source.trouble { $0.unavailableAfterBatches = number - 1 }
      let outcome = try await fixture.sync()
      let deleted = outcome.changes.filter { $0.change == .deleted && $0.source == source.name }
      if !outcome.report.unavailable.isEmpty { #expect(deleted.isEmpty, comment) }
      source.trouble { $0.unavailableAfterBatches = nil }
    case 4:
      fixture.faulty.fail(atWrite: number)
      do {
        try await fixture.sync()
      } catch let error as FreshetError where error.code == .diskFull {
        fixture.faulty.fail(atWrite: nil)
        return 1
      }
      fixture.faulty.fail(atWrite: nil)
    case 5:
      source.trouble { $0.shielded = ["a"] }
      source.trouble { $0.unreadable = Set(source.texts.keys.sorted().prefix(number)) }
      try await fixture.sync()
      source.trouble { troubles in
        troubles.shielded = []
        troubles.unreadable = []
      }
    default:
      source.trouble { $0.isUnmounted = true }
      let outcome = try await fixture.sync { $0.deletionGuard.allowMassDelete = false }
      #expect(outcome.changes.allSatisfy { $0.change != .deleted || $0.source != source.name }, comment)
      source.trouble { $0.isUnmounted = false }
    }
    return 0
  }
}

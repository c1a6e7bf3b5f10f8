import FreshetModel
import FreshetStore
import FreshetSync
import FreshetTestKit
import Testing

/// The engine beside a plain dictionary: whatever is done to the sources, the live documents, the report and the
/// histories are what § 3's table says.
@Suite struct ModelTests {
  /// Seeds of a campaign stand in the environment, a few are always run.
  static let seeds: [UInt64] = Campaign.seeds(default: [1, 2, 3])

  @Test(arguments: seeds) func liveDocumentsAndReportsFollowTheSources(seed: UInt64) async throws {
    let fixture = try SyncFixture("one", "two")
    fixture.options.deletionGuard.allowMassDelete = true
    fixture.options.checkpointDocuments = 3
    fixture.options.embedderBatch = 4
    var edits = RandomEdits(seed: seed, sources: fixture.sources)
    var before: [String: String] = [:]
    for step in 0..<Campaign.steps(default: 70) {
      var done: [String] = []
      for _ in 0...edits.below(4) { done.append(edits.step()) }
      let comment: Comment = "seed \(seed), step \(step): \(done.joined(separator: "; "))"
      let expected = try await Expectation(before: before, fixture: fixture)
      let outcome = try await fixture.sync()
      let live = try await fixture.live()
      #expect(live == expected.after, comment)
      expected.check(outcome, comment)
      try await fixture.expectVerified(comment)
      let again = try await fixture.sync()
      #expect(again.changes.isEmpty && again.report.checkpoints == 0, comment)
      #expect(again.report.documents.unchanged == live.count, comment)
      if live != expected.after { break }
      before = live
    }
    #expect(fixture.embedder.repeated == [], "seed \(seed)")
  }
}

/// What a run must do, computed naively from the state before and after.
struct Expectation {
  var after: [String: String]
  var modified = 0
  var unchanged = 0
  var renamed = 0
  var deleted = 0
  /// Origins that are new, whether created, restored or renamed.
  var appeared: Set<String> = []
  var vanished: Set<String> = []
  var restorable: Set<String> = []
  private let before: [String: String]

  init(before: [String: String], fixture: SyncFixture) async throws {
    self.before = before
    after = documents(of: fixture.sources)
    let present = documents(of: fixture.sources, includingExcluded: true)
    var gone: [String: Int] = [:]
    var came: [String: Int] = [:]
    for (key, content) in before {
      if let now = after[key] {
        if now == content { unchanged += 1 } else { modified += 1 }
      } else {
        vanished.insert(key)
        // A member may leave its container while the container is out of scope too: the container decides.
        let item = key.split(separator: "!").first.map(String.init) ?? key
        let isThere = present.keys.contains { $0 == key || $0.hasPrefix(item + "!/") }
        let isExcluded = isThere && !after.keys.contains { $0.hasPrefix(item + "!/") }
        if !isExcluded || (key == item && present[key] == nil) { gone[content, default: 0] += 1 }
      }
    }
    for (key, content) in after where before[key] == nil {
      appeared.insert(key)
      came[content, default: 0] += 1
    }
    for (content, count) in gone where !content.isEmpty { renamed += min(count, came[content] ?? 0) }
    deleted = vanished.count - renamed
    let keys = appeared
    restorable = try await fixture.store.read(.everything) { snapshot in
      let numbers = Dictionary(try snapshot.sources().map { ($0.name, $0.id) }, uniquingKeysWith: { $1 })
      return try keys.filter { key in
        let parts = key.split(separator: ":", maxSplits: 1).map(String.init)
        guard let source = numbers[parts[0]] else { return false }
        return try snapshot.deletedDocument(source: source, origin: parts[1]) != nil
      }
    }
  }

  func check(_ outcome: SyncFixture.Outcome, _ comment: Comment) {
    let report = outcome.report.documents
    #expect(report.modified == modified, comment)
    #expect(report.renamed == renamed, comment)
    #expect(report.deleted == deleted, comment)
    #expect(report.created + report.restored == appeared.count - renamed, comment)
    #expect(report.unchanged == unchanged, comment)
    #expect(report.refreshed == 0 && report.held == 0, comment)
    var seen = Set<String>()
    for change in outcome.changes {
      let key = "\(change.source):\(change.origin)"
      #expect(seen.insert(key).inserted || change.change == .deleted, comment)
      switch change.change {
      case .created: #expect(appeared.contains(key) && !restorable.contains(key), comment)
      case .restored: #expect(appeared.contains(key) && restorable.contains(key), comment)
      case .renamed: #expect(appeared.contains(key), comment)
      case .deleted: #expect(vanished.contains(key), comment)
      case .modified: #expect(before[key] != nil && before[key] != after[key], comment)
      case .metadata, .reprocessed, .embedded: Issue.record("\(change.change) of \(key): \(comment)")
      }
    }
    #expect(outcome.kinds[.created] ?? 0 == report.created, comment)
    #expect(outcome.kinds[.deleted] ?? 0 == report.deleted, comment)
  }
}

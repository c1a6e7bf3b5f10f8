import FreshetModel
import FreshetStore
import FreshetSync
import FreshetSystem
import FreshetTestKit
import Synchronization
import Testing

/// A clock that goes on when the test says so, and by a second whenever it is asked.
private final class GarbageClock: WallClock {
  private let seconds = Mutex<Int64>(1_770_000_000)

  func now() -> Timestamp {
    seconds.withLock {
      $0 += 1
      return Timestamp(seconds: $0)
    }
  }

  func advance(_ amount: Int64) { seconds.withLock { $0 += amount } }
}

/// Collecting garbage over real syncs: what is kept is whole, what is let go is gone, whatever comes between.
@Suite struct GarbageTests {
  private let clock = GarbageClock()

  private func fixture(_ names: String = "docs") throws -> SyncFixture {
    let clock = clock
    return try SyncFixture(names, clock: { clock.now() })
  }

  private func collector(
    _ fixture: SyncFixture,
    rows: Int = 2_000,
    policies: [String: RetentionPolicy] = [:],
    _ change: (inout RetentionPolicy) -> Void
  ) -> GarbageCollector {
    var policy = RetentionPolicy()
    change(&policy)
    var options = GarbageOptions()
    options.rowsPerStep = rows
    options.bytesPerStep = 64 << 10
    return GarbageCollector(
      store: fixture.faulty,
      policies: policies,
      standard: policy,
      options: options,
      clock: clock
    )
  }

  private func write(_ fixture: SyncFixture, _ name: String, _ text: String) async throws {
    fixture.source.write(name, text)
    try await fixture.sync()
  }

  private func contents(_ fixture: SyncFixture, of origin: String) async throws -> [String?] {
    try await fixture.store.read(.everything) { snapshot in
      var query = DocumentQuery()
      query.state = nil
      guard let document = try snapshot.documents(query).first(where: { $0.origin == origin }) else { return [] }
      return try snapshot.versions(of: document.id).map { version in
        try snapshot.content(version.contentHash).map { String(decoding: $0, as: UTF8.self) }
      }
    }
  }

  @Test func aKeptVersionThatReturnsEmbedsNothingAndACollectedOneIsEmbeddedAgain() async throws {
    let fixture = try fixture()
    for text in ["Alpha first.\n\nShared.", "Beta second.\n\nShared.", "Gamma third.\n\nShared."] {
      try await write(fixture, "a.txt", text)
    }
    let report = try await collector(fixture) { $0.last = 2 }.run()
    #expect(report.isComplete)
    #expect(report.removed.versions == 1)
    #expect(report.removed.passages == 1)
    #expect(report.removed.vectors == 1)
    #expect(report.historyFloor == 2)
    try await fixture.expectVerified()
    #expect(try await contents(fixture, of: "a.txt") == [nil, "Beta second.\n\nShared.", "Gamma third.\n\nShared."])
    fixture.embedder.reset()
    try await write(fixture, "a.txt", "Beta second.\n\nShared.")
    #expect(fixture.embedder.counts == [:], "a kept version embeds nothing when it returns")
    try await write(fixture, "a.txt", "Alpha first.\n\nShared.")
    #expect(fixture.embedder.counts.count == 1, "what was collected is embedded again")
    #expect(try await contents(fixture, of: "a.txt").first == "Alpha first.\n\nShared.")
    try await fixture.expectVerified()
    let document = try #require(try await fixture.document("a.txt"))
    let collected = try await fixture.store.read(.everything) { try $0.collectedVersions(of: document.id) }
    #expect(collected == [1])
  }

  @Test func aCollectionWithoutRulesLosesNoVersion() async throws {
    let fixture = try fixture()
    for number in 1...4 { try await write(fixture, "a.txt", "Text \(number).") }
    let writes = fixture.faulty.writes
    let report = try await collector(fixture) { _ in }.run()
    #expect(report.removed.isEmpty)
    #expect(report.historyFloor == 0)
    #expect(try await contents(fixture, of: "a.txt").allSatisfy { $0 != nil })
    #expect(fixture.faulty.writes <= writes + 1)
  }

  @Test func eachSourceHasItsOwnRules() async throws {
    let fixture = try fixture()
    fixture.sources.append(SampleSource("logs"))
    for number in 1...4 {
      fixture.sources[1].write("b.txt", "Log \(number).")
      try await write(fixture, "a.txt", "Text \(number).")
    }
    var last = RetentionPolicy()
    last.last = 1
    let report = try await collector(fixture, policies: ["logs": last]) { $0.last = 3 }.run()
    #expect(report.removed.versions == 1 + 3)
    #expect(try await contents(fixture, of: "a.txt").map { $0 != nil } == [false, true, true, true])
    #expect(try await contents(fixture, of: "b.txt").map { $0 != nil } == [false, false, false, true])
    try await fixture.expectVerified()
  }

  @Test func aDeletedDocumentKeepsItsLastVersionUntilItsTimeIsOver() async throws {
    let fixture = try fixture()
    for number in 1...3 { try await write(fixture, "a.txt", "Text \(number).") }
    try await write(fixture, "b.txt", "Another.")
    fixture.source.remove("a.txt")
    try await fixture.sync()
    func collect() async throws -> GarbageReport {
      try await collector(fixture) {
        $0.last = 1
        $0.deletedFor = .seconds(30 * 86_400)
      }.run()
    }
    #expect(try await collect().removed.versions == 2)
    #expect(try await contents(fixture, of: "a.txt").map { $0 != nil } == [false, false, true, true])
    clock.advance(31 * 86_400)
    let rest = try await collect()
    #expect(rest.removed.versions == 2 && rest.removed.contents == 1)
    #expect(try await contents(fixture, of: "a.txt") == [nil, nil, nil, nil])
    #expect(try await fixture.history("a.txt") == [.created, .modified, .modified, .deleted])
    try await fixture.expectVerified()
    try await write(fixture, "a.txt", "Text 3.")
    #expect(try await fixture.history("a.txt").last == .restored)
    try await fixture.expectVerified()
  }

  @Test func anInterruptedRunKeepsWhatItEmbedded() async throws {
    let fixture = try fixture()
    try await write(fixture, "a.txt", "Text.")
    let lost = SampleDocument(origin: "lost.txt", paragraphs: ["embedded and not committed"])
    let unfinished = RunRecord(id: .random(), startedAt: SystemClock.now(), actor: "me", firstSequence: 1)
    try await fixture.store.write { transaction in
      _ = try transaction.savePassages(lost.passages)
      try transaction.save(unfinished)
    }
    #expect(try await collector(fixture) { _ in }.run().removed.passages == 0)
    #expect(try await collector(fixture) { _ in }.forecast().removable.passages == 0)
    try await write(fixture, "b.txt", "More.")
    #expect(try await collector(fixture) { _ in }.forecast().removable.passages == 1)
    #expect(try await collector(fixture) { _ in }.run().removed.passages == 1)
    try await fixture.expectVerified()
  }

  // MARK: In steps

  /// A collection with a history of many versions.
  private func filled(_ seed: UInt64, steps: Int = 60) async throws -> SyncFixture {
    let fixture = try fixture()
    fixture.options.deletionGuard.allowMassDelete = true
    var edits = RandomEdits(seed: seed, sources: fixture.sources)
    for _ in 0..<steps {
      for _ in 0..<4 { _ = edits.step() }
      clock.advance(Int64(edits.below(40_000)))
      try await fixture.sync()
    }
    return fixture
  }

  @Test(arguments: [11, 12]) func aRunThatIsStoppedIsGoneOnWithUntilTheForecastIsReached(seed: UInt64) async throws {
    let fixture = try await filled(seed)
    let collector = collector(fixture, rows: 10) { $0.last = 1 }
    let forecast = try await collector.forecast()
    #expect(forecast.removable.versions > 20, "seed \(seed)")
    var removed = ReclaimedAmounts()
    var runs = 0
    while true {
      let stop = StopSignal()
      let seen = Mutex(0)
      let report = try await collector.run(stop: stop) { _ in
        if seen.withLock({
          $0 += 1; return $0
        }) == 3 {
          stop.give()
        }
      }
      removed += report.removed
      runs += 1
      try await fixture.expectVerified("seed \(seed), run \(runs)")
      if report.isComplete { break }
    }
    #expect(runs > 2, "seed \(seed)")
    #expect(removed == forecast.removable, "seed \(seed)")
    #expect(try await collector.forecast().removable.isEmpty)
    #expect(try await fixture.sync().changes.isEmpty)
  }

  @Test(arguments: [21, 22]) func aRunWhoseWritesFailLeavesAWholeCollection(seed: UInt64) async throws {
    let fixture = try await filled(seed, steps: 40)
    let collector = collector(fixture, rows: 8) { $0.last = 2 }
    let forecast = try await collector.forecast()
    var failed = 0
    while true {
      fixture.faulty.fail(atWrite: 2)
      do {
        _ = try await collector.run()
        break
      } catch let error as FreshetError {
        #expect(error.code == .diskFull)
        failed += 1
      }
      fixture.faulty.fail(atWrite: nil)
      try await fixture.expectVerified("seed \(seed), after failure \(failed)")
      try #require(failed < 500)
    }
    fixture.faulty.fail(atWrite: nil)
    #expect(failed > 3, "seed \(seed)")
    let after = try await collector.forecast()
    #expect(after.removable.isEmpty, "seed \(seed)")
    #expect(after.historyFloor == forecast.historyFloor)
    try await fixture.expectVerified("seed \(seed)")
  }

  /// Syncs, random rules and collections in turn; every content that was ever let go is gone, every other is there.
  @Test(arguments: [31, 32, 33]) func randomLivesAndRulesKeepExactlyWhatTheRulesKept(seed: UInt64) async throws {
    let fixture = try fixture()
    fixture.sources.append(SampleSource("more"))
    fixture.options.deletionGuard.allowMassDelete = true
    var edits = RandomEdits(seed: seed, sources: fixture.sources)
    var known: [DocumentID: Set<Int>] = [:]
    for round in 0..<12 {
      for _ in 0..<5 {
        for _ in 0...edits.below(6) { _ = edits.step() }
        clock.advance(Int64(edits.below(200_000)))
        try await fixture.sync()
      }
      var policy = RetentionPolicy()
      policy.last = edits.below(2) == 0 ? 1 + edits.below(4) : nil
      policy.days = edits.below(3) == 0 ? 1 + edits.below(6) : nil
      policy.weeks = edits.below(4) == 0 ? 1 + edits.below(3) : nil
      policy.everythingFor = edits.below(3) == 0 ? .seconds(1 + edits.below(900_000)) : nil
      policy.deletedFor = edits.below(3) == 0 ? .seconds(1 + edits.below(400_000)) : nil
      let collector = collector(fixture, rows: 1 + edits.below(60)) { $0 = policy }
      let forecast = try await collector.forecast()
      let report = try await collector.run()
      #expect(report.removed == forecast.removable, "seed \(seed), round \(round), \(policy)")
      try await fixture.expectVerified("seed \(seed), round \(round), \(policy)")
      known = try await expectExactly(fixture, policy, known, "seed \(seed), round \(round), \(policy)")
      #expect(try await fixture.sync().changes.isEmpty, "seed \(seed), round \(round)")
    }
  }

  /// The marks are those of the rules and of before, and contents are there exactly where a version without a mark is.
  private func expectExactly(
    _ fixture: SyncFixture,
    _ policy: RetentionPolicy,
    _ before: [DocumentID: Set<Int>],
    _ comment: Comment
  ) async throws -> [DocumentID: Set<Int>] {
    let now = clock.now()
    return try await fixture.store.read(.everything) { snapshot in
      var marks: [DocumentID: Set<Int>] = [:]
      var kept: Set<ContentHash> = []
      var all: Set<ContentHash> = []
      var query = DocumentQuery()
      query.state = nil
      for document in try snapshot.documents(query) {
        let versions = try snapshot.versions(of: document.id)
        let retained = versions.map {
          RetainedVersion(number: $0.number, at: $0.at, isDeletion: $0.kind == .deleted)
        }
        let found = try snapshot.collectedVersions(of: document.id)
        marks[document.id] = found
        if !policy.keepsEverything {
          let wanted = policy.versionsToKeep(retained, now: now)
          let expected = Set(versions.map(\.number)).subtracting(wanted).union(before[document.id] ?? [])
          // Between the run and now a second or two went by.
          #expect(found.isSubset(of: expected), comment)
        }
        #expect(found.isSuperset(of: before[document.id] ?? []), comment)
        for version in versions where version.kind != .deleted {
          all.insert(version.contentHash)
          if !found.contains(version.number) { kept.insert(version.contentHash) }
        }
      }
      for hash in all {
        let content = try snapshot.content(hash)
        #expect((content != nil) == kept.contains(hash), comment)
        if let content { #expect(SHA256.digest(of: content) == hash, comment) }
      }
      return marks
    }
  }

  // MARK: Space

  @Test func spaceIsReturnedToTheFileSystemWhileAReaderGoesOn() async throws {
    let fixture = try fixture()
    // Texts that do not compress away.
    var random = SeededRandom(seed: 7)
    func text(_ number: Int) -> String {
      (0..<60).map { _ in "Number \(number): \(UInt64.random(in: 0 ... .max, using: &random))." }
        .joined(separator: "\n\n")
    }
    for number in 0..<40 { try await write(fixture, "a.txt", text(number)) }
    let live = try await fixture.live()
    let collector = collector(fixture) { $0.last = 1 }
    let path = fixture.store.path
    let (report, seen) = try await fixture.store.read(.everything) { snapshot in
      (snapshot.head.historyFloor, try snapshot.counts())
    }
    let result = try await collector.run()
    #expect(report == 0 && seen.versions == 40)
    let before = try #require(result.before)
    let after = try #require(result.after)
    #expect(before.shrinksInSteps)
    #expect(after.freeBytes == 0)
    #expect(after.bytes * 3 < before.bytes + before.logBytes, "\(path): \(before) \(after)")
    #expect(result.returnedBytes > 0)
    #expect(try await fixture.live() == live)
    try await fixture.expectVerified()
  }
}

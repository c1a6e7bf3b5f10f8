import FreshetModel
import FreshetStore
import FreshetSync
import FreshetTestKit
import Testing

/// Missing is not deleted.
@Suite struct SafetyTests {
  private func filled(_ count: Int, _ names: String...) async throws -> SyncFixture {
    let fixture = try SyncFixture(names[0])
    for name in names.dropFirst() { fixture.sources.append(SampleSource(name)) }
    for source in fixture.sources {
      for index in 0..<count { source.write("f\(index / 10)/\(source.name)\(index).txt", "\(source.name) \(index)") }
    }
    try await fixture.sync()
    return fixture
  }

  @Test func anUnmountedDiskDeletesNothing() async throws {
    let fixture = try await filled(30, "docs")
    fixture.source.trouble { $0.isUnmounted = true }
    for _ in 0..<2 {
      let outcome = try await fixture.sync()
      #expect(outcome.changes.isEmpty)
      #expect(outcome.report.documents.held == 30)
      #expect(outcome.report.held.reduce(0) { $0 + $1.count } == 30)
      // One sentence, not one for each document.
      #expect(outcome.report.held.count == 1)
    }
    fixture.source.trouble { $0.isUnmounted = false }
    let outcome = try await fixture.sync()
    #expect(outcome.changes.isEmpty && outcome.report.documents.unchanged == 30)
    try await fixture.expectVerified()
  }

  @Test func allowingMassDeletionTakesAnotherDeviceForWhatItIs() async throws {
    let fixture = try await filled(30, "docs")
    fixture.source.trouble { $0.isUnmounted = true }
    let outcome = try await fixture.sync { $0.deletionGuard.allowMassDelete = true }
    #expect(outcome.report.documents.deleted == 30)
  }

  @Test func aShieldedFolderDeletesNothing() async throws {
    let fixture = try await filled(30, "docs")
    fixture.source.trouble { $0.shielded = ["f1"] }
    fixture.source.remove("f0/docs3.txt")
    let outcome = try await fixture.sync()
    #expect(outcome.changes.map(\.origin) == ["f0/docs3.txt"])
    #expect(outcome.report.unavailable.map(\.path) == ["f1"])
    #expect(try await fixture.live().count == 29)
  }

  @Test func aListingThatBreaksOffDeletesNothing() async throws {
    let fixture = try await filled(30, "docs", "more")
    // The first files are gone, and the listing sees that before it breaks off.
    for index in 0..<5 { fixture.source.remove("f0/docs\(index).txt") }
    fixture.source.trouble { $0.unavailableAfterBatches = 2 }
    fixture.sources[1].write("new.txt", "new in the other source")
    let outcome = try await fixture.sync()
    #expect(outcome.changes.map(\.origin) == ["new.txt"])
    #expect(outcome.report.unavailable.count == 1)
    fixture.source.trouble { $0.unavailableAfterBatches = nil }
    #expect(try await fixture.sync().report.documents.deleted == 5)
    try await fixture.expectVerified()
  }

  @Test func aMoveAcrossSourcesNeedsBothListings() async throws {
    let fixture = try await filled(10, "docs", "more")
    fixture.sources[1].write("f0/docs1.txt", "docs 1")
    fixture.source.remove("f0/docs1.txt")
    fixture.source.trouble { $0.unavailableAfterBatches = 1 }
    let outcome = try await fixture.sync()
    #expect(outcome.kinds == [.created: 1])
    #expect(try await fixture.live().count == 21)
  }

  @Test func anEmptySourceIsHeldUntilItIsAllowed() async throws {
    let fixture = try await filled(5, "docs")
    fixture.source.remove("f0")
    for _ in 0..<2 {
      let outcome = try await fixture.sync()
      #expect(outcome.changes.isEmpty && outcome.report.documents.held == 5)
    }
    let outcome = try await fixture.sync { $0.deletionGuard.allowMassDelete = true }
    #expect(outcome.report.documents.deleted == 5 && outcome.report.documents.held == 0)
    try await fixture.expectVerified()
  }

  @Test func anEmptySourceIsHeldWhateverPartOfItIsNamed() async throws {
    let fixture = try await filled(30, "docs")
    fixture.source.remove("f0")
    fixture.source.remove("f1")
    fixture.source.remove("f2")
    for name in ["f0", "f1/docs11.txt", "f2"] {
      let outcome = try await fixture.sync { $0.paths = ["docs": [Array(name.utf8)]] }
      #expect(outcome.changes.isEmpty && outcome.report.documents.held > 0, "\(name)")
      #expect(outcome.report.held.first?.sentence.contains("the source is empty") == true)
    }
    // Something anywhere else shows that the root is what it was.
    fixture.source.write("other.txt", "other")
    let outcome = try await fixture.sync { $0.paths = ["docs": [Array("f0".utf8)]] }
    #expect(outcome.report.documents.deleted == 10 && outcome.report.held.isEmpty)
    try await fixture.expectVerified(sources: false)
  }

  @Test func manySmallCallsAreHeldWhereOneLargeCallIs() async throws {
    let fixture = try await filled(50, "docs")
    var deleted = 0
    var held = 0
    for path in fixture.source.texts.keys.sorted().prefix(30) {
      fixture.source.remove(path)
      let report = try await fixture.sync { $0.paths = ["docs": [Array(path.utf8)]] }.report
      deleted += report.documents.deleted
      held += report.documents.held
    }
    #expect(deleted == 20 && held == 10)
    // A run over everything is judged by itself, and what was allowed counts no more.
    #expect(try await fixture.sync { $0.deletionGuard.allowMassDelete = true }.report.documents.deleted == 10)
    let last = try #require(fixture.source.texts.keys.max())
    fixture.source.remove(last)
    let after = try await fixture.sync { $0.paths = ["docs": [Array(last.utf8)]] }
    #expect(after.report.documents.deleted == 1 && after.report.held.isEmpty)
    try await fixture.expectVerified()
  }

  @Test func filesThatComeBackDoNotCountAsGone() async throws {
    let fixture = try await filled(30, "docs")
    let text = try #require(fixture.source.texts["f0/docs1.txt"])
    for _ in 0..<25 {
      fixture.source.remove("f0/docs1.txt")
      let gone = try await fixture.sync { $0.paths = ["docs": [Array("f0".utf8)]] }
      #expect(gone.kinds == [.deleted: 1])
      fixture.source.write("f0/docs1.txt", text)
      #expect(try await fixture.sync { $0.paths = ["docs": [Array("f0".utf8)]] }.kinds == [.restored: 1])
    }
  }

  @Test func heldDocumentsThatComeBackWereNeverGone() async throws {
    let fixture = try await filled(30, "docs")
    let texts = fixture.source.texts
    for path in texts.keys.sorted().prefix(25) { fixture.source.remove(path) }
    #expect(try await fixture.sync().report.documents.held == 25)
    for (path, text) in texts { fixture.source.write(path, text) }
    let outcome = try await fixture.sync()
    #expect(outcome.changes.isEmpty && outcome.report.documents.unchanged == 30)
    #expect(fixture.embedder.repeated == [])
  }

  @Test func narrowedPatternsAreHeldWithTheirOwnSentence() async throws {
    let fixture = try await filled(40, "docs")
    fixture.source.trouble { $0.excluded = ["f0", "f1", "f2"] }
    let held = try await fixture.sync().report.held
    #expect(held.map(\.count) == [30])
    #expect(held.first?.sentence.contains("patterns") == true)
    let outcome = try await fixture.sync { $0.deletionGuard.allowMassDelete = true }
    #expect(outcome.changes.allSatisfy { $0.reason == .outOfScope } && outcome.changes.count == 30)
  }

  @Test func aRemovedSourceIsGuardedThenForgotten() async throws {
    let fixture = try await filled(40, "docs", "more")
    let removed = fixture.sources.removeLast()
    let outcome = try await fixture.sync()
    #expect(outcome.report.held.map(\.source) == ["more"] && outcome.changes.isEmpty)
    let allowed = try await fixture.sync { $0.deletionGuard.allowMassDelete = true }
    #expect(allowed.report.documents.deleted == 40)
    #expect(allowed.changes.allSatisfy { $0.reason == .sourceRemoved })
    #expect(try await fixture.store.read(.everything) { try $0.sources().map(\.name) } == ["docs"])
    try await fixture.expectVerified()
    fixture.sources.append(removed)
    #expect(try await fixture.sync().report.documents.restored == 40)
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
  }

  @Test func filesThatMoveToASourceOfAnotherNameAreRenamed() async throws {
    let fixture = try await filled(40, "docs")
    let renamed = SampleSource("manuals")
    for (path, text) in fixture.source.texts { renamed.write(path, text) }
    fixture.sources = [renamed]
    let outcome = try await fixture.sync()
    #expect(outcome.kinds == [.renamed: 40])
    #expect(outcome.report.held.isEmpty)
    #expect(outcome.changes.allSatisfy { $0.previousOrigin == $0.origin })
    #expect(fixture.embedder.repeated == [])
    try await fixture.expectVerified()
  }

  @Test func anUnreadableContainerLosesNoMember() async throws {
    let fixture = try SyncFixture()
    fixture.source.write("a.records", "1\tone\n2\ttwo\n3\tthree")
    try await fixture.sync()
    fixture.source.write("a.records", "1\tone\n!broken\n3\tthree")
    let outcome = try await fixture.sync()
    #expect(outcome.report.documents.deleted == 0 && outcome.report.documents.failed == 1)
    #expect(try await fixture.live().count == 3)
    fixture.source.write("a.records", "1\tone\n3\tthree")
    #expect(try await fixture.sync().kinds == [.deleted: 1])
    #expect(try await fixture.failures().isEmpty)
    try await fixture.expectVerified()
  }

  @Test func aVanishedFailureLeavesTheQuarantine() async throws {
    let fixture = try SyncFixture()
    fixture.source.write("a.txt", "text")
    fixture.source.write("b.txt", "other")
    fixture.source.trouble { $0.unreadable = ["b.txt"] }
    #expect(try await fixture.sync().report.documents.failed == 1)
    #expect(try await fixture.failures().count == 1)
    // What is on record as failed is no hole in the collection.
    try await fixture.expectVerified()
    fixture.source.remove("b.txt")
    try await fixture.sync()
    #expect(try await fixture.failures().isEmpty)
  }

  @Test func aFileThatBecomesATypeOfNoParserLeavesTheIndex() async throws {
    let fixture = try SyncFixture()
    fixture.source.write("a.records", "1\tone\n2\ttwo")
    fixture.source.write("b.txt", "text")
    try await fixture.sync()
    fixture.parsers.version = 2
    fixture.source.move("b.txt", to: "b.bin")
    let outcome = try await fixture.sync()
    #expect(outcome.report.documents.deleted == 1 && outcome.report.documents.skipped == 1)
    #expect(try await fixture.live().count == 2)
    try await fixture.expectVerified()
  }

  @Test(arguments: 1...9, [false, true])
  func whatARunThatDiedLeftIsMissedWhenItsFilesAreGone(write: Int, isRename: Bool) async throws {
    let fixture = try SyncFixture()
    fixture.options.deletionGuard.allowMassDelete = true
    fixture.options.checkpointDocuments = 1
    for number in 1...3 { fixture.source.write("f\(number).md", "text \(number)") }
    if isRename {
      try await fixture.sync()
      for number in 1...3 { fixture.source.move("f\(number).md", to: "g\(number).md") }
    }
    fixture.faulty.fail(atWrite: write)
    _ = try? await fixture.sync()
    fixture.faulty.fail(atWrite: nil)
    try await fixture.expectVerified(sources: false)
    for path in fixture.source.texts.keys { fixture.source.remove(path) }
    fixture.source.write("other.md", "other")
    try await fixture.sync()
    #expect(try await fixture.live() == ["docs:other.md": "other"])
    try await fixture.expectVerified()
  }
}

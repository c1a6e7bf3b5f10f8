import Freshet
import FreshetSources
import FreshetTestKit
import Synchronization
import Testing

@testable import FreshetService

/// A collection that is kept in step, with changes told by the tests instead of the system.
@Suite(.timeLimit(.minutes(10))) struct LiveServiceTests: LiveSuite {
  let fixture: LiveFixture

  init() throws {
    fixture = try LiveFixture(files: [
      "keys.md": "# Keys\n\nRotate the signing key once a quarter.\n",
      "notes.txt": "The vault is copied every night.\n",
    ])
  }

  @Test func everythingIsTakenUpAtTheStartAndEachSaveAfterIt() async throws {
    try await with { collection, service, told in
      await told.idle()
      #expect(try await collection.documents().map(\.origin) == ["keys.md", "notes.txt"])
      try folder.write("docs/keys.md", "# Keys\n\nThrow the keys away.\n")
      release("keys.md")
      await told.worked(.fresh)
      #expect(try await collection.versions(of: "keys.md").count == 2)
      try folder.write("docs/keys.md", "# Keys\n\nLook for the keys.\n")
      release("keys.md")
      await told.worked(.fresh)
      await told.idle()
      #expect(try await collection.search("Look for", limit: 1).first?.version == 3)
      // One run, whose counts add up.
      let runs = try await collection.runs()
      #expect(runs.count == 1 && runs.first?.report?["documents"]?["modified"] == 2)
      #expect(runs.first?.report?["documents"]?["created"] == 2 && runs.first?.report?["chunks"]?["total"] == 2)
      let status = service.status
      #expect(status.totals.documents.created == 2 && status.totals.documents.modified == 2 && status.queued == 0)
      #expect(status.lastChange != nil && status.working == nil && status.error == nil)
      #expect(embedder.repeated.isEmpty)
    }
  }

  @Test func renamesDeletionsAndFoldersAreSeen() async throws {
    try folder.write("docs/a/one.txt", "One is one.\n")
    try folder.write("docs/a/two.txt", "Two is two.\n")
    try await with { collection, _, told in
      await told.idle()
      let calls = embedder.calls
      try folder.move("docs/a", to: "docs/b")
      release(folders: ["a", "b"])
      await told.worked(.moved)
      #expect(try await collection.versions(of: "b/one.txt").map(\.kind) == [.created, .renamed])
      folder.remove("docs/b/two.txt")
      release("b/two.txt")
      await told.worked(.fresh)
      #expect(try await collection.documents().map(\.origin) == ["b/one.txt", "keys.md", "notes.txt"])
      #expect(embedder.calls == calls)
    }
  }

  @Test func aSavedFileOvertakesALoad() async throws {
    for number in 0..<400 { try folder.write("docs/z/\(number).txt", "Text number \(number).\n") }
    let (folder, feed) = (folder, feed)
    // Saved while the load is under way.
    embedder.onCall { call in
      guard call == 3 else { return }
      do {
        try folder.write("docs/urgent.md", "# Urgent\n\nThis must not wait.\n")
        feed.send(WatchRelease(source: "docs", files: [Array("urgent.md".utf8)]))
      } catch { Issue.record(error) }
    }
    try await with { collection, _, told in
      await told.worked(.fresh)
      await told.idle()
      let before = told.works.prefix { $0.kind != .fresh }.reduce(0) { $0 + $1.report.documents.created }
      #expect(before < 402 && told.works.filter { $0.kind == .load }.count > 1, "\(before)")
      let count = try await collection.documents().count
      #expect(count == 403)
      #expect(embedder.repeated.isEmpty)
    }
  }

  @Test func aSavedFileOvertakesATreeThatWasMovedIn() async throws {
    let (folder, feed) = (folder, feed)
    try await with { collection, _, told in
      await told.idle()
      let first = embedder.calls
      for number in 0..<400 { try folder.write("docs/z/\(number).txt", "Text number \(number).\n") }
      embedder.onCall { call in
        guard call == first + 3 else { return }
        do {
          try folder.write("docs/urgent.md", "# Urgent\n\nThis must not wait.\n")
          feed.send(WatchRelease(source: "docs", files: [Array("urgent.md".utf8)]))
        } catch { Issue.record(error) }
      }
      release(folders: ["z"])
      await told.worked(.fresh)
      await told.until { told.works.reduce(0) { $0 + $1.report.documents.created } == 403 }
      let before = told.works.prefix { $0.kind != .fresh }.reduce(0) { $0 + $1.report.documents.created }
      #expect(before < 402, "\(before)")
      let count = try await collection.documents().count
      #expect(count == 403)
      #expect(embedder.repeated.isEmpty)
    }
  }

  @Test func deletionsThatAreHeldOneAfterTheOtherAreCountedTogether() async throws {
    for number in 0..<80 { try folder.write("docs/z/\(number).txt", "Text number \(number).\n") }
    try await with(options: { $0.maintenanceQuiet = .milliseconds(100) }) { collection, service, told in
      await told.idle()
      for part in [0..<30, 30..<60] {
        for number in part { folder.remove("docs/z/\(number).txt") }
        feed.send(
          WatchRelease(
            source: "docs",
            files: part.map { Array("z/\($0).txt".utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
          )
        )
        await told.worked(.fresh)
      }
      await told.until { service.status.held.first?.count == 60 }
      service.survey(allowMassDelete: true)
      await told.until { service.status.held.isEmpty && service.status.totals.documents.deleted == 60 }
      let count = try await collection.documents().count
      #expect(count == 22)
    }
  }

  @Test func whatIsHeldForRecentDeletionsStaysWhenAllIsListedAgain() async throws {
    for number in 0..<98 { try folder.write("docs/z/\(number).txt", "Text number \(number).\n") }
    try await with(options: { $0.maintenanceQuiet = .milliseconds(100) }, checksSources: false) {
      collection,
      service,
      told in
      await told.idle()
      for part in [0..<25, 25..<47] {
        for number in part { folder.remove("docs/z/\(number).txt") }
        feed.send(WatchRelease(source: "docs", files: part.map { Array("z/\($0).txt".utf8) }))
        await told.worked(.fresh)
      }
      // What is held is counted by a run over all.
      await told.until { told.works.last?.kind == .whole }
      service.survey()
      await told.until { told.works.count { $0.kind == .whole } >= 2 }
      let count = try await collection.documents().count
      #expect(count == 75)
      #expect(service.status.held.first?.count == 22)
    }
  }

  @Test func whatIsBeingWrittenWaitsThoughEverythingIsListed() async throws {
    try await with { collection, service, told in
      await told.idle()
      try folder.write("docs/open.txt", "The first part")
      try folder.write("docs/done.txt", "All of it.\n")
      feed.write("open.txt")
      service.survey()
      await told.until { service.status.totals.documents.created == 3 }
      // Somebody opens a file that was found already.
      #expect(try await !collection.documents().map(\.origin).contains("open.txt"))
      try folder.write("docs/keys.md", "# Ke")
      feed.write("open.txt", "keys.md")
      feed.send(WatchRelease(source: "docs", isEverything: true))
      await told.idle()
      #expect(try await collection.versions(of: "keys.md").count == 1)
      feed.write()
      try folder.write("docs/keys.md", "# Keys\n\nRotate the keys twice a year.\n")
      try folder.write("docs/open.txt", "The first part and the second.\n")
      release("keys.md", "open.txt")
      await told.until { service.status.totals.documents.created == 4 }
      #expect(try await collection.versions(of: "keys.md").count == 2)
      #expect(try await collection.versions(of: "open.txt").count == 1)
    }
  }

  @Test func whatCannotBeSeenIsShownUntilItCan() async throws {
    try await with(options: { $0.maintenanceQuiet = .milliseconds(100) }) { _, service, told in
      await told.idle()
      // A folder whose rules cannot be read is not listed.
      try folder.write("docs/sub/one.txt", "One.\n")
      try folder.write("docs/sub/.freshetignore/rules", "*.md\n")
      release(folders: ["sub"])
      await told.until { service.status.unavailable.map(\.path) == ["sub"] }
      folder.remove("docs/sub/.freshetignore")
      release(folders: ["sub"])
      await told.until { service.status.unavailable.isEmpty }
      await told.until { service.status.totals.documents.created == 3 }
    }
  }

  @Test func aDocumentThatFailsForAPassingReasonIsTriedAgain() async throws {
    try await with { collection, service, told in
      await told.idle()
      embedder.trouble { $0.failingCalls = 2 }
      try folder.write("docs/late.txt", "It comes late.\n")
      release("late.txt")
      await told.until { service.status.totals.documents.created == 3 }
      #expect(try await collection.failures().isEmpty)
    }
  }

  @Test func whatChangedWhileNobodyWatchedIsFoundByTheSurvey() async throws {
    try await with { collection, service, told in
      await told.idle()
      try folder.move("docs/keys.md", to: "docs/rotation.md")
      try folder.write("docs/new.txt", "New.\n")
      feed.send(WatchRelease(source: "docs", isEverything: true))
      await told.worked(.whole)
      await told.worked(.whole)
      #expect(try await collection.versions(of: "rotation.md").map(\.kind) == [.created, .renamed])
      #expect(try await collection.documents().count == 3)
    }
  }

  @Test func massDeletionsAreHeldAndShown() async throws {
    for number in 0..<30 { try folder.write("docs/z/\(number).txt", "Text number \(number).\n") }
    try await with { collection, service, told in
      await told.idle()
      folder.remove("docs/z")
      release(folders: ["z"])
      await told.worked(.moved)
      #expect(try await collection.documents().count == 32)
      #expect(service.status.held.map(\.source) == ["docs"] && service.status.held.first?.count == 30)
      // The folder comes back.
      for number in 0..<30 { try folder.write("docs/z/\(number).txt", "Text number \(number).\n") }
      service.survey()
      await told.until { service.status.held.isEmpty }
      #expect(try await collection.versions(of: "z/7.txt").count == 1)
    }
  }
}

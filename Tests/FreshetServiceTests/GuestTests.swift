import Freshet
import FreshetSources
import FreshetTestKit
import Synchronization
import Testing

@testable import FreshetService

/// Work of others on a collection that a service keeps in step, and the service's end.
@Suite(.timeLimit(.minutes(10))) struct GuestTests: LiveSuite {
  let fixture: LiveFixture

  init() throws {
    fixture = try LiveFixture(files: ["keys.md": "# Keys\n\nRotate the signing key once a quarter.\n"])
  }

  private func writeMany() throws {
    for number in 0..<400 { try folder.write("docs/z/\(number).txt", "Text number \(number).\n") }
  }

  @Test func aLoadMakesRoomForAGuestAndGoesOnAfterwards() async throws {
    try writeMany()
    let (calls, call) = AsyncStream.makeStream(of: Int.self)
    embedder.onCall { call.yield($0) }
    try await with(checksSources: false) { (collection, service, told) async throws in
      for await call in calls where call == 3 { break }
      let seen = try await service.exclusively("sync") { collection in
        #expect(service.status.working == "sync")
        let before = try await collection.documents().count
        _ = try await collection.sync()
        return before
      }
      #expect(seen < 401)
      #expect(try await collection.documents().count == 401)
      await told.idle()
      #expect(embedder.repeated.isEmpty)
    }
  }

  @Test func aGuestsSyncMakesWayForASavedFileAndIsCounted() async throws {
    let (calls, call) = AsyncStream.makeStream(of: Int.self)
    try await with(options: { $0.leastLoad = .zero }) { (_, service, told) async throws in
      await told.idle()
      try writeMany()
      embedder.onCall { call.yield($0) }
      async let synced = service.exclusively("sync") { collection in try await collection.sync() }
      for await _ in calls { break }
      try folder.write("docs/keys.md", "# Keys\n\nThrow the keys away.\n")
      release("keys.md")
      let report = try await synced
      #expect(!report.interrupted && report.documents.created == 400 && report.documents.unchanged == 1)
      let kinds = told.works.map(\.kind)
      let fresh = try #require(kinds.firstIndex(of: .fresh))
      #expect(kinds[..<fresh].contains(.call) && kinds[fresh...].contains(.call), "\(kinds)")
      let totals = service.status.totals.documents
      #expect(totals.created == 401 && totals.modified == 1)
      #expect(embedder.repeated.isEmpty)
    }
  }

  @Test func aPausedSyncCountsWhatFailsForAPassingReasonOnceAndEndsThoughSavesGoOn() async throws {
    try await with({ $0.embedder.batch = 8 }, options: { $0.leastLoad = .zero }, checksSources: false) {
      (collection, service, told) async throws in
      await told.idle()
      try writeMany()
      embedder.trouble { $0.failingCalls = 1 }
      let saves = Task {
        var number = 0
        while !Task.isCancelled {
          number += 1
          try folder.write("docs/keys.md", "# Keys\n\nThrow key \(number) away.\n")
          release("keys.md")
          try await Task.sleep(for: .milliseconds(5))
        }
      }
      defer { saves.cancel() }
      let report = try await service.exclusively("sync") { collection in try await collection.sync() }
      let documents = report.documents
      #expect(documents.created == 400 && documents.failed == 0 && !report.interrupted, "\(documents)")
      // The file that is saved all the time counts once, or as often as the sync itself took it up.
      #expect(documents.processed == 400 + max(1, documents.modified), "\(documents)")
      let stored = try await collection.runs(limit: 8).first { $0.id == report.run }?.withWholeReport.report
      #expect(stored?["documents"]?["unchanged"] == .integer(Int64(documents.unchanged)))
      #expect(told.works.count { $0.kind == .call } > 1)
    }
  }

  @Test func guestsAreServedOneAtATime() async throws {
    try await with(checksSources: false) { (_, service, told) async throws in
      await told.idle()
      let visits = Visits()
      let calls = (0..<8).map { number in
        Task { try await service.exclusively("call") { _ in try await visits.visit(number) } }
      }
      for call in calls { try await call.value }
      #expect(visits.most == 1 && visits.numbers.sorted() == Array(0..<8))
    }
  }

  @Test func aGuestThatWaitsCanBeWithdrawnAndOneThatWorksIsCancelled() async throws {
    try await with(checksSources: false) { (_, service, told) async throws in
      await told.idle()
      let (starts, start) = AsyncStream.makeStream(of: Void.self)
      let working = Task {
        try await service.exclusively("first") { _ in
          start.yield()
          try await Task.sleep(for: .seconds(600))
        }
      }
      for await _ in starts { break }
      let waiting = Task { try await service.exclusively("second") { _ in Issue.record("its turn came") } }
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
      working.cancel()
      await #expect(throws: CancellationError.self) { try await working.value }
      #expect(try await service.exclusively("third") { _ in 3 } == 3)
    }
  }

  @Test func guestsThatComeTooLateAreRefusedAndTheWorkingOneIsAsked() async throws {
    try await with(checksSources: false) { (_, service, told) async throws in
      await told.idle()
      let (starts, start) = AsyncStream.makeStream(of: Void.self)
      let (stops, stop) = AsyncStream.makeStream(of: Void.self)
      async let working = service.exclusively("first", onStop: { stop.yield() }) { _ in
        start.yield()
        for await _ in stops { return "asked" }
        return "never asked"
      }
      for await _ in starts { break }
      let waiting = Task { try await service.exclusively("second") { _ in } }
      service.stop()
      #expect(try await working == "asked")
      await #expect(throws: FreshetError.self) { try await waiting.value }
      await #expect(throws: FreshetError.self) { try await service.exclusively("third") { _ in } }
    }
  }

  @Test func anEmbedderThatHangsIsLeftWhenTheServiceEnds() async throws {
    embedder.trouble { $0.hangs = true }
    let (calls, call) = AsyncStream.makeStream(of: Int.self)
    embedder.onCall { call.yield($0) }
    try await with(options: { $0.drainTime = .milliseconds(100) }, checksSources: false) {
      (collection, _, _) async throws in
      for await _ in calls { break }
      #expect(try await collection.failures().isEmpty)
    }
    // It is no failure of the document.
    embedder.trouble { $0.hangs = false }
    try await with(checksSources: false) { (collection, _, told) async throws in
      await told.idle()
      #expect(try await collection.documents().map(\.origin) == ["keys.md"])
      #expect(try await collection.failures().isEmpty)
    }
  }

  @Test func anotherConfigurationIsAdoptedAndWhatItLeavesOutLeaves() async throws {
    try folder.write("more/new.md", "# New\n\nIt was not there before.\n")
    try await with(checksSources: false) { (collection, service, told) async throws in
      await told.idle()
      var configuration = collection.configuration
      configuration.sources = [try SourceConfiguration.folder(folder.path + "/more", name: "more")]
      let next = try collection.reconfigured(configuration)
      try await service.exclusively("reload") { _ in service.adopt(next, feed: ScriptedFeed()) }
      await service.noteDepartedSources()
      await told.until { service.status.totals.documents.deleted == 1 }
      await told.until { service.status.queued == 0 && service.status.working == nil }
      #expect(try await next.documents().map(\.origin) == ["new.md"])
      #expect(try await next.departedSources().isEmpty)
    }
  }

  @Test func theLastOfTwoReloadsIsFollowedThoughTheFirstIsStillBeginning() async throws {
    try await with { (_, service, told) async throws in
      await told.idle()
      let (slow, last) = (ScriptedFeed(), ScriptedFeed())
      slow.holdBeginning()
      for feed in [slow, last] {
        try await service.exclusively("reload") { collection in
          service.adopt(try collection.reconfigured(collection.configuration), feed: feed)
        }
        if feed === slow { await told.until { slow.isBeginning } }
      }
      slow.letBegin()
      try folder.write("docs/more.md", "# More\n\nIt came after the reloads.\n")
      last.send(WatchRelease(source: "docs", files: [Array("more.md".utf8)]))
      await told.worked(.fresh)
      await told.until { service.status.totals.documents.created == 2 }
    }
  }

  @Test func whatIsDoneAfterAReloadIsCountedOnce() async throws {
    try await with { (_, service, told) async throws in
      await told.idle()
      try await service.exclusively("reload") { collection in
        service.adopt(try collection.reconfigured(collection.configuration))
      }
      try folder.write("docs/more.md", "# More\n\nIt came after the reload.\n")
      release("more.md")
      await told.worked(.fresh)
      await told.until { service.status.queued == 0 && service.status.working == nil }
      #expect(service.status.totals.documents.created == 2)
      #expect(!told.works.map(\.kind).contains(.call))
    }
  }

  @Test func aCollectionIsNotReconfiguredToAnotherPlaceOrModel() async throws {
    try await with(checksSources: false) { (collection, _, told) async throws in
      await told.idle()
      var configuration = collection.configuration
      configuration.collection = folder.path + "/other.freshet"
      #expect(throws: FreshetError.self) { try collection.reconfigured(configuration) }
      configuration = collection.configuration
      configuration.embedder.dimension = 7
      #expect(throws: FreshetError.self) { try collection.reconfigured(configuration) }
    }
  }
}

/// Who was there, and how many at once.
private final class Visits: Sendable {
  private let state = Mutex<(numbers: [Int], inside: Int, most: Int)>(([], 0, 0))

  var numbers: [Int] { state.withLock { $0.numbers } }
  var most: Int { state.withLock { $0.most } }

  func visit(_ number: Int) async throws {
    state.withLock { state in
      state.numbers.append(number)
      state.inside += 1
      state.most = max(state.most, state.inside)
    }
    try await Task.sleep(for: .milliseconds(5))
    state.withLock { $0.inside -= 1 }
  }
}

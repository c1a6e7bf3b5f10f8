import Freshet
import FreshetConfiguration
import FreshetEmbedding
import FreshetModel
import FreshetSync
import FreshetTestKit
import Synchronization
import Testing

/// Events through the library's face: callbacks, named consumers, sequences.
@Suite(.timeLimit(.minutes(10))) struct EventTests {
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
    try folder.write("docs/keys.md", "# Keys\n\nRotate the signing key once a quarter.\n")
    try folder.write("docs/guide/backups.md", "# Backups\n\nThe vault is copied every night.\n")
  }

  private struct Refused: Error {}

  private func open(_ access: Collection.Access = .writing()) async throws -> Collection {
    try await Collection.open(
      at: folder.path + "/docs.freshet",
      sources: [try .folder(folder.path + "/docs", metadata: ["team": "ops"])],
      for: access,
      embedder: HashEmbedder()
    )
  }

  private func events(_ collection: Collection, after: SequenceNumber? = nil, _ filter: EventFilter = EventFilter())
    async throws -> [CollectionEvent]
  {
    var found: [CollectionEvent] = []
    for try await event in collection.events(after: after, matching: filter, following: false) { found.append(event) }
    return found
  }

  @Test func eventsTellWhatChangedWithItsMetadata() async throws {
    let collection = try await open()
    try await collection.sync()
    try folder.move("docs/keys.md", to: "docs/rotation.md")
    let first = try await collection.status().head.sequence
    let report = try await collection.sync()
    let all = try await events(collection)
    #expect(all.map(\.change) == [.created, .created, .renamed])
    let rename = try #require(try await events(collection, after: first).first)
    #expect(rename.origin == "rotation.md" && rename.previousOrigin == "keys.md" && rename.run == report.run)
    #expect(rename.uri == "file://" + folder.path + "/docs/rotation.md" && rename.metadata["team"] == "ops")
    #expect(rename.json["from"] == "keys.md" && rename.json["document"] != nil && rename.json["reason"] == nil)
    // A document that leaves what a pattern covers is told too.
    #expect(try await events(collection, EventFilter(patterns: ["keys*"])).map(\.change) == [.created, .renamed])
    #expect(try await events(collection, EventFilter(changes: [.renamed])).count == 1)
    #expect(try await events(collection, EventFilter(sources: ["other"])).isEmpty)
    await #expect(throws: FreshetError.self) { try await collection.resetConsumer("nobody", to: .head) }
    await collection.close()
  }

  @Test func callbacksFollowASyncAndWhatTheyThrowStopsNothing() async throws {
    let collection = try await open()
    let seen = Mutex<[String]>([])
    collection.onChange { event in
      seen.withLock { $0.append(event.origin) }
      throw Refused()
    }
    let guide = Mutex(0)
    let subscription = collection.onChange(matching: EventFilter(patterns: ["guide/*"])) { _ in
      guide.withLock { $0 += 1 }
    }
    let report = try await collection.sync()
    #expect(report.documents.created == 2)
    #expect(seen.withLock { Set($0) } == ["keys.md", "guide/backups.md"])
    #expect(report.callbacks.calls == 3 && report.callbacks.failed == 2 && report.callbacks.errors.count == 2)
    #expect(guide.withLock { $0 } == 1)
    subscription.cancel()
    try folder.write("docs/guide/backups.md", "# Backups\n\nThe vault is copied every hour.\n")
    var request = SyncRequest()
    request.continuing = report
    #expect(try await collection.sync(request).callbacks.calls == 4)
    #expect(guide.withLock { $0 } == 1)
    await collection.close()
  }

  @Test func aReaderFollowsWhatAnotherProcessWouldChange() async throws {
    let writer = try await open()
    try await writer.sync()
    let reader = try await open(.reading)
    let (origins, told) = AsyncStream.makeStream(of: String.self)
    reader.onChange { told.yield($0.origin) }
    let follow = Task { try await reader.follow(after: 0) }
    try folder.write("docs/new.md", "# New\n")
    try await writer.sync()
    var found: Set<String> = []
    for await origin in origins {
      found.insert(origin)
      if found.count == 3 { break }
    }
    follow.cancel()
    #expect(try await follow.value.calls >= 3)
    await reader.close()
    await writer.close()
  }

  @Test func aNamedConsumerGoesOnBehindWhatItAcknowledged() async throws {
    for number in 0..<10 { try folder.write("docs/page\(number).md", "# Page \(number)\n") }
    let writer = try await open()
    try await writer.sync()
    // A reader beside the writer, whose lock it does not need.
    let reader = try await open(.reading)
    let cache = try await reader.consumer("search-cache")
    var seen: [SequenceNumber] = []
    for try await batch in cache.batches(limits: EventBatchLimits(events: 5), following: false) {
      seen += batch.events.map(\.sequence)
      if seen.count <= 5 { try await cache.acknowledge(batch) } else { break }
    }
    #expect(seen == Array(1...10))
    seen = []
    for try await batch in cache.batches(following: false) {
      seen += batch.events.map(\.sequence)
      try await cache.acknowledge(batch)
    }
    #expect(seen == Array(6...12))
    let statuses = try await reader.consumers()
    #expect(statuses.map(\.record.name) == ["search-cache"] && statuses[0].pending == 0 && statuses[0].lapse == nil)
    await #expect(throws: FreshetError.self) { _ = try await reader.consumer("webhook:ops") }
    await reader.close()
    await writer.close()
    // Nobody writes now: the reader takes the lock for a moment itself.
    let alone = try await open(.reading)
    try await alone.resetConsumer("search-cache", to: .sequence(3))
    #expect(try await alone.consumer("search-cache").record().position.sequence == 3)
    #expect(try await alone.removeConsumer("search-cache"))
    await alone.close()
  }

  @Test func aConsumerWhosePositionIsGoneSaysSoAndIsBroughtBackByAListing() async throws {
    let collection = try await open()
    try await collection.sync()
    let cache = try await collection.consumer("cache", startingAt: .head)
    var lapsed = try await cache.record()
    lapsed.position.sequence = 99
    let broken = lapsed
    try await collection.store.write { try $0.save(broken) }
    do {
      for try await _ in cache.batches(following: false) { Issue.record("a lapsed consumer got events") }
      Issue.record("nothing was thrown")
    } catch let error as FreshetError {
      #expect(error.code == .consumerLapsed && error.message.contains("--to present"))
    }
    #expect(try await collection.consumers().first?.lapse == .aheadOfLog)
    var changes: [CollectionEvent.Change] = []
    for try await batch in cache.batches(following: false, onLapse: .resync) {
      changes += batch.events.map(\.change)
      try await cache.acknowledge(batch)
    }
    #expect(changes == [.resyncStarted, .present, .present, .resyncFinished])
    #expect(try await collection.consumers().first?.lapse == nil)
    await collection.close()
  }
}

import FreshetDelivery
import FreshetModel
import FreshetStore
import FreshetSync
import FreshetSystem
import FreshetTestKit
import Synchronization
import Testing

/// A receiver that answers what a test says, and keeps what it took.
final class ScriptedChannel: EventChannel {
  let consumer: String
  let kind = ConsumerKind.webhook
  let filter: EventFilter
  let limits: EventBatchLimits
  let onLapse: LapseAnswer
  let retries: Int
  let receiver: ContentHash?
  private let taken = Mutex<[EventBatch]>([])
  private let attempts = Mutex(0)
  private let answer: @Sendable (Int) async throws -> Void

  init(
    _ name: String = "webhook:test",
    filter: EventFilter = EventFilter(),
    events: Int = 3,
    onLapse: LapseAnswer = .resync,
    retries: Int = 3,
    receiver: String? = nil,
    _ answer: @escaping @Sendable (_ attempt: Int) async throws -> Void = { _ in }
  ) {
    consumer = name
    self.filter = filter
    limits = EventBatchLimits(events: events, rows: 5)
    self.onLapse = onLapse
    self.retries = retries
    self.receiver = receiver.map { SHA256.digest(of: Array($0.utf8)) }
    self.answer = answer
  }

  var batches: [EventBatch] { taken.withLock { $0 } }
  var events: [CollectionEvent] { batches.flatMap(\.events) }
  var attemptCount: Int { attempts.withLock { $0 } }

  func send(_ batch: EventBatch) async throws {
    let number = attempts.withLock { attempts in
      attempts += 1
      return attempts
    }
    try await answer(number)
    taken.withLock { $0.append(batch) }
  }
}

@Suite(.timeLimit(.minutes(10))) struct DeliveryTests {
  let store = MemoryStore()

  private func delivery(
    _ store: (any Store)? = nil,
    firstDelay: Duration = .milliseconds(1),
    now: @escaping @Sendable () -> Timestamp = { SystemWallClock().now() }
  ) -> EventDelivery {
    var backoff = DeliveryBackoff()
    backoff.firstDelay = firstDelay
    return EventDelivery(
      store: store ?? self.store,
      uri: { "sample://\($0)/\($1)" },
      backoff: backoff,
      now: now,
      jitter: { 1 }
    )
  }

  private func fill(_ range: Range<Int>, source name: String = "docs") async throws {
    try await store.write { transaction in
      let source = try transaction.registerSource(name: name, location: "/\(name)").id
      for number in range {
        let document = SampleDocument(
          origin: "\(name)/\(number).md",
          paragraphs: ["Number \(number)"],
          metadata: ["number": .integer(Int64(number))]
        )
        try document.apply(.created, to: transaction, source: source)
      }
    }
  }

  private func consumer(_ name: String = "webhook:test") async throws -> ConsumerRecord {
    try #require(try await store.read(.everything) { try $0.consumer(name) })
  }

  private static func down(_ retryAfter: Duration? = nil) -> FreshetError {
    FreshetError(.deliveryFailed, "down", permanence: .transient(retryAfter: retryAfter))
  }

  @Test func whatComesIsHandedOverOnceInOrderAndInBatches() async throws {
    try await fill(0..<4)
    let channel = ScriptedChannel()
    try await delivery().register([channel])
    try await fill(4..<21)
    let reports = try await delivery().run([channel], EventDelivery.Mode())
    #expect(reports.map(\.state) == [.delivered])
    #expect(reports[0].events == 17 && reports[0].pending == 0)
    #expect(channel.events.map(\.sequence) == Array(5...21))
    #expect(channel.batches.allSatisfy { $0.events.count <= 3 })
    #expect(channel.events.first?.uri == "sample://docs/docs/4.md")
    #expect(channel.events.first?.metadata == ["number": 4])
    _ = try await delivery().run([channel], EventDelivery.Mode())
    #expect(channel.events.count == 17)
  }

  @Test func aReceiverThatFailsIsTriedAgainAndMissesNothing() async throws {
    let channel = ScriptedChannel { attempt in if attempt % 3 != 0 { throw Self.down() } }
    try await delivery().register([channel])
    try await fill(0..<10)
    for _ in 0..<20 {
      let report = try await delivery().run([channel], EventDelivery.Mode(ignoresPauses: true))[0]
      if report.state == .delivered { break }
      #expect(report.state == .failing && report.pending > 0 && report.error?.message == "down")
    }
    #expect(channel.events.map(\.sequence) == Array(1...10))
    #expect(try await consumer().failures == 0)
  }

  @Test func aPauseOfAClockThatWasSetBackIsOver() async throws {
    let channel = ScriptedChannel(retries: 0) { attempt in if attempt == 1 { throw Self.down() } }
    try await delivery().register([channel])
    try await fill(0..<1)
    let year = Int64(365 * 86_400) * 1_000_000_000
    let ahead = delivery(firstDelay: .seconds(600)) {
      Timestamp(nanoseconds: SystemWallClock().now().nanoseconds + year)
    }
    #expect(try await ahead.run([channel], EventDelivery.Mode())[0].state == .failing)
    #expect(try await delivery().run([channel], EventDelivery.Mode())[0].state == .delivered)
  }

  @Test func aConsumerThatIsRemovedWhileItIsServedBeginsAnew() async throws {
    try await fill(0..<2)
    let channel = ScriptedChannel()
    let following = Task { try await delivery().run([channel], EventDelivery.Mode(isFollowing: true)) }
    while try await store.read(.everything, { try $0.consumer("webhook:test") }) == nil { await Task.yield() }
    #expect(try await store.write { try $0.removeConsumer("webhook:test") })
    while try await store.read(.everything, { try $0.consumer("webhook:test") }) == nil { await Task.yield() }
    try await fill(2..<3)
    while channel.events.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    following.cancel()
    let report = try await following.value[0]
    #expect(channel.events.map(\.sequence) == [3] && report.failedAttempts == 0)
  }

  @Test func anotherReceiverForgetsTheFailuresOfTheOneBefore() async throws {
    func wrong(_ error: FreshetError) -> ScriptedChannel {
      ScriptedChannel(retries: 0, receiver: "wrong") { _ in throw error }
    }
    try await delivery().register([wrong(Self.down())])
    try await fill(0..<2)
    let failed = try await delivery(firstDelay: .seconds(600)).run([wrong(Self.down())], EventDelivery.Mode())[0]
    #expect(failed.state == .failing && failed.failedAttempts == 1)
    let paused = try await delivery().run([wrong(Self.down())], EventDelivery.Mode())[0]
    #expect(paused.state == .failing && paused.failedAttempts == 0, "the same receiver keeps its pause")
    let right = ScriptedChannel(receiver: "right")
    let delivered = try await delivery().run([right], EventDelivery.Mode())[0]
    #expect(delivered.state == .delivered && delivered.error == nil && right.events.count == 2)
    #expect(try await consumer().failures == 0)
    // One that was gone for good is served again at another address.
    try await fill(2..<3)
    let gone = FreshetError(.receiverGone, "410")
    #expect(try await delivery().run([wrong(gone)], EventDelivery.Mode())[0].state == .disabled)
    #expect(try await delivery().run([right], EventDelivery.Mode())[0].state == .delivered)
    #expect(right.events.map(\.sequence) == [1, 2, 3])
  }

  @Test func aListingOfThePresentIsExactAtEveryLimit() async throws {
    try await fill(0..<5)
    for limit in 1...8 {
      let name = "webhook:limit-\(limit)"
      let channel = ScriptedChannel(name, events: limit)
      try await delivery().register([channel])
      var record = try await consumer(name)
      record.resync = ConsumerResync(start: record.position)
      let listing = record
      try await store.write { try $0.save(listing) }
      _ = try await delivery().run([channel], EventDelivery.Mode())
      #expect(channel.batches.allSatisfy { (1...limit).contains($0.events.count) }, "limit \(limit)")
      #expect(
        channel.events.map(\.change)
          == [.resyncStarted] + Array(repeating: .present, count: 5) + [.resyncFinished],
        "limit \(limit)"
      )
    }
  }

  @Test func pausesGrowAreRememberedAndObeyWhatTheReceiverAsksFor() async throws {
    var backoff = DeliveryBackoff()
    backoff.firstDelay = .seconds(1)
    backoff.maximumDelay = .seconds(60)
    let pauses = (1...8).map { backoff.pause(failures: $0, after: Self.down(), jitter: 1) }
    #expect(pauses.prefix(5) == [.seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(16)])
    #expect(pauses.last == .seconds(60))
    #expect(backoff.pause(failures: 1, after: Self.down(), jitter: 0) == .milliseconds(500))
    #expect(backoff.pause(failures: 1, after: Self.down(.seconds(90)), jitter: 0) == .seconds(90))
    #expect(backoff.pause(failures: 60, after: Self.down(.seconds(1_000_000)), jitter: 1) == .seconds(86_400))

    let channel = ScriptedChannel { _ in throw Self.down(.seconds(300)) }
    try await delivery().register([channel])
    try await fill(0..<2)
    let report = try await delivery().run([channel], EventDelivery.Mode(limit: .seconds(2)))[0]
    #expect(report.state == .failing && channel.attemptCount == 1)
    let record = try await consumer()
    #expect(record.failures == 1 && record.lastError == "down" && record.position.sequence == 0)
    let asked = try #require(record.retryAt) - SystemWallClock().now()
    #expect(asked > .seconds(200) && asked <= .seconds(300))
    // The next run leaves it alone until then, one that was asked for by name does not.
    _ = try await delivery().run([channel], EventDelivery.Mode(limit: .seconds(2)))
    #expect(channel.attemptCount == 1)
    _ = try await delivery().run([channel], EventDelivery.Mode(limit: .seconds(2), ignoresPauses: true))
    #expect(channel.attemptCount == 2)
  }

  @Test func aReceiverThatIsGoneIsLeftAloneUntilItIsReset() async throws {
    let channel = ScriptedChannel { _ in throw FreshetError(.receiverGone, "410") }
    try await delivery().register([channel])
    try await fill(0..<2)
    for _ in 0..<3 {
      let report = try await delivery().run([channel], EventDelivery.Mode(ignoresPauses: true))[0]
      #expect(report.state == .disabled)
    }
    #expect(channel.attemptCount == 1)
    #expect(try await consumer().state == .disabled)
  }

  @Test func oneReceiverThatHangsKeepsNobody() async throws {
    let hanging = ScriptedChannel("webhook:hangs") { _ in try await Task.sleep(for: .seconds(3_600)) }
    let quick = ScriptedChannel("webhook:quick")
    try await delivery().register([hanging, quick])
    try await fill(0..<7)
    let (delivery, channels) = (delivery(), [hanging, quick])
    let (taken, told) = AsyncStream.makeStream(of: Int.self)
    let run = Task {
      try await delivery.run(channels, EventDelivery.Mode(isFollowing: true)) { told.yield($0.events) }
    }
    for await count in taken where count == 7 { break }
    run.cancel()
    let reports = try await run.value
    #expect(reports.map(\.events) == [0, 7] && reports[0].pending == 7)
    #expect(try await consumer("webhook:hangs").position.sequence == 0)
  }

  @Test func aRunEndsWithItsTimeWhateverAReceiverDoes() async throws {
    let hanging = ScriptedChannel { _ in try await Task.sleep(for: .seconds(3_600)) }
    try await delivery().register([hanging])
    try await fill(0..<7)
    let report = try await delivery().run([hanging], EventDelivery.Mode(limit: .seconds(1)))[0]
    #expect(report.state == .unfinished && report.pending == 7)
    #expect(try await consumer().position.sequence == 0)
  }

  @Test func anAcknowledgementThatIsLostBringsTheBatchAgain() async throws {
    let faulty = FaultyStore(store)
    let channel = ScriptedChannel()
    try await delivery(faulty).register([channel])
    try await fill(0..<5)
    // The first acknowledgement fails; noting the failure goes on.
    faulty.fail(atWrite: 1)
    let report = try await delivery(faulty).run([channel], EventDelivery.Mode(ignoresPauses: true))[0]
    #expect(report.state == .delivered)
    #expect(channel.events.map(\.sequence) == [1, 2, 3, 1, 2, 3, 4, 5])
  }

  @Test func filtersPassOverWhatIsNotWanted() async throws {
    let channel = ScriptedChannel(filter: EventFilter(sources: ["wiki"], patterns: ["*/1?.md"]))
    try await delivery().register([channel])
    try await fill(0..<12)
    try await fill(0..<12, source: "wiki")
    let report = try await delivery().run([channel], EventDelivery.Mode())[0]
    #expect(report.state == .delivered)
    #expect(channel.events.map(\.origin) == ["wiki/10.md", "wiki/11.md"])
    #expect(try await consumer().position.sequence == 24)
  }

  @Test func aLapsedReceiverGetsAListingAndThenWhatComes() async throws {
    try await fill(0..<8)
    let channel = ScriptedChannel(filter: EventFilter(changes: [.created]))
    try await delivery().register([channel])
    var lapsed = try await consumer()
    lapsed.position.chain = .zero
    let broken = lapsed
    try await store.write { try $0.save(broken) }
    _ = try await delivery().run([channel], EventDelivery.Mode())
    #expect(channel.events.first?.change == .resyncStarted && channel.events.last?.change == .resyncFinished)
    let listed = channel.events.filter { $0.change == .present }
    #expect(Set(listed.map(\.origin)) == Set((0..<8).map { "docs/\($0).md" }) && listed.count == 8)
    try await fill(8..<9)
    _ = try await delivery().run([channel], EventDelivery.Mode())
    #expect(channel.events.last?.sequence == 9 && channel.events.last?.change == .created)
  }

  @Test func aListingGoesOnWhereItWasInterrupted() async throws {
    try await fill(0..<20)
    let failing = ScriptedChannel(retries: 0) { attempt in if attempt == 3 { throw Self.down() } }
    try await delivery().register([failing])
    var lapsed = try await consumer()
    lapsed.resync = ConsumerResync(start: lapsed.position)
    let begun = lapsed
    try await store.write { try $0.save(begun) }
    _ = try await delivery().run([failing], EventDelivery.Mode())
    #expect(failing.batches.count == 2)
    _ = try await delivery().run([failing], EventDelivery.Mode(ignoresPauses: true))
    let listed = failing.events.filter { $0.change == .present }
    #expect(listed.count == 20 && Set(listed.map(\.document)).count == 20)
    #expect(failing.events.count { $0.change == .resyncStarted } == 1)
    #expect(try await consumer().resync == nil)
  }

  @Test func aReceiverForPeopleIsToldThatSomethingIsMissing() async throws {
    try await fill(0..<8)
    let channel = ScriptedChannel(onLapse: .skip)
    try await delivery().register([channel])
    var lapsed = try await consumer()
    lapsed.position = LogPosition(epoch: CollectionID(high: 9, low: 9), sequence: 3, chain: .zero)
    let broken = lapsed
    try await store.write { try $0.save(broken) }
    _ = try await delivery().run([channel], EventDelivery.Mode())
    #expect(channel.events.map(\.change) == [.changesSkipped])
    try await fill(8..<10)
    _ = try await delivery().run([channel], EventDelivery.Mode())
    #expect(channel.events.map(\.sequence) == [8, 9, 10])
  }

  @Test func aRunThatFollowsHandsOverWhatComesUntilItIsCancelled() async throws {
    let channel = ScriptedChannel()
    try await delivery().register([channel])
    let (delivery, channels) = (delivery(), [channel])
    let (taken, told) = AsyncStream.makeStream(of: Int.self)
    let run = Task {
      try await delivery.run(channels, EventDelivery.Mode(isFollowing: true)) { told.yield($0.events) }
    }
    try await fill(0..<5)
    for await count in taken where count == 5 { break }
    try await fill(5..<7)
    for await count in taken where count == 7 { break }
    run.cancel()
    #expect(try await run.value.map(\.events) == [7])
    #expect(channel.events.map(\.sequence) == Array(1...7))
  }
}

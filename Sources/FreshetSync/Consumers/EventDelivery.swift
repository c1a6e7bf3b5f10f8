import FreshetModel
import FreshetSystem

/// Hands a collection's events over to channels, each in the order of the log and at its own pace.
///
/// ```
///          ┌──────────────────── pause ◀── failed ──┐
///          ▼                                        │
/// read ──▶ batch ──▶ send ──▶ acknowledge ──▶ read  │      every arrow may be the last: the position moves only after
///  │ lapsed ──▶ listing of the present, or skip     │      the receiver has the batch, so it comes again
///  │ end ────▶ wait for more, or done               └── gone ──▶ disabled
/// ```
///
/// Only one process at a time may hand over to a channel, else receivers see events out of order; the caller holds a lock.
public struct EventDelivery: Sendable {
  /// How a run goes on.
  public struct Mode: Sendable {
    /// Whether to wait for further changes and for receivers that fail, until the task is cancelled.
    public var isFollowing: Bool
    /// The longest that the run may take; `nil` for no bound. What is under way then is given up and comes again.
    public var limit: Duration?
    /// Whether a receiver that failed before is tried again at once, instead of when its pause is over.
    public var ignoresPauses: Bool

    /// Describes a run.
    public init(isFollowing: Bool = false, limit: Duration? = nil, ignoresPauses: Bool = false) {
      self.isFollowing = isFollowing
      self.limit = limit
      self.ignoresPauses = ignoresPauses
    }
  }

  /// How often a run that follows looks for changes, and for positions that were reset.
  public static let interval = Duration.milliseconds(200)
  /// Bytes of an error's sentence that are kept with a consumer.
  static let errorBytesMax = 500

  private let store: any Store
  private let uri: @Sendable (String, String) -> String
  private let backoff: DeliveryBackoff
  private let now: @Sendable () -> Timestamp
  private let jitter: @Sendable () -> Double

  /// Prepares deliveries; nothing is read yet.
  ///
  /// - Parameters:
  ///   - store: whose `write` may be called while another process syncs.
  ///   - uri: the address that reopens a document, by source and origin.
  ///   - now: the time of day.
  ///   - jitter: a random number of 0 to 1.
  public init(
    store: any Store,
    uri: @escaping @Sendable (String, String) -> String,
    backoff: DeliveryBackoff = DeliveryBackoff(),
    now: @escaping @Sendable () -> Timestamp = { SystemWallClock().now() },
    jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }
  ) {
    self.store = store
    self.uri = uri
    self.backoff = backoff
    self.now = now
    self.jitter = jitter
  }

  /// Adds the channels that are new, at the log's present end: they get what comes.
  public func register(_ channels: [any EventChannel]) async throws {
    try await Self.register(channels.map { ($0.consumer, $0.kind) }, in: store)
  }

  /// Adds the consumers that are new, at the log's present end.
  public static func register(_ consumers: [(name: String, kind: ConsumerKind)], in store: any Store) async throws {
    let known = try await store.read(.everything) { try Set($0.consumers().map(\.name)) }
    let missing = consumers.filter { !known.contains($0.name) }
    guard !missing.isEmpty else { return }
    try await store.write { transaction in
      for (name, kind) in missing {
        _ = try transaction.registerConsumer(name, kind: kind, at: transaction.head.logPosition)
      }
    }
  }

  /// Forgets the failures and the pause of consumers whose receiver is another one than before: what was wrong with the
  /// old address or secret says nothing of the new one.
  private func greet(_ channels: [any EventChannel]) async throws {
    let receivers = channels.compactMap { channel in channel.receiver.map { (channel.consumer, $0) } }
    let isKnown = try await store.read(.everything) { snapshot in
      try receivers.allSatisfy { try snapshot.consumer($0.0)?.receiver == $0.1 }
    }
    guard !isKnown else { return }
    try await store.write { transaction in
      for (name, receiver) in receivers {
        guard var consumer = try transaction.consumer(name), consumer.receiver != receiver else { continue }
        consumer.receiver = receiver
        consumer.state = .active
        consumer.failures = 0
        consumer.lastError = nil
        consumer.retryAt = nil
        try transaction.save(consumer)
      }
    }
  }

  /// Hands over what the channels do not have, side by side. Cancellation and the time limit end it, with what was done.
  ///
  /// - Parameter told: hears of each batch that was taken and each attempt that failed.
  public func run(
    _ channels: [any EventChannel],
    _ mode: Mode,
    told: @escaping @Sendable (ChannelDelivery) -> Void = { _ in }
  ) async throws -> [ChannelDelivery] {
    try await register(channels)
    try await greet(channels)
    let deadline = mode.limit.map { ContinuousClock.now.advanced(by: $0) }
    var reports = await withTaskGroup(of: (Int, ChannelDelivery)?.self) { group in
      for (number, channel) in channels.enumerated() {
        group.addTask { (number, await serve(channel, mode, deadline, told)) }
      }
      if let deadline {
        group.addTask {
          try? await Task.sleep(until: deadline, clock: .continuous)
          return nil
        }
      }
      var reports = [ChannelDelivery?](repeating: nil, count: channels.count)
      var open = channels.count
      while open > 0, let ended = await group.next() {
        if let (number, report) = ended {
          reports[number] = report
          open -= 1
        } else {
          group.cancelAll()
        }
      }
      group.cancelAll()
      return reports.compactMap(\.self)
    }
    let found = reports.map(\.consumer)
    // Also after a cancellation, which a read would obey.
    let (head, consumers) = try await uncancelled {
      try await store.read(.everything) { snapshot in
        (snapshot.head, try found.map { try snapshot.consumer($0) })
      }
    }
    for (index, consumer) in consumers.enumerated() {
      reports[index].pending = consumer.map { max(0, head.sequence - $0.position.sequence) } ?? 0
      if reports[index].state == .unfinished, reports[index].pending == 0, let consumer, consumer.resync == nil {
        reports[index].state = .delivered
      }
    }
    return reports
  }

  // MARK: One channel

  private enum Situation: Sendable {
    case removed
    case disabled(ConsumerRecord)
    case paused(until: Timestamp, ConsumerRecord)
    case step(EventReader.Step, ConsumerRecord)
  }

  private func serve(
    _ channel: any EventChannel,
    _ mode: Mode,
    _ deadline: ContinuousClock.Instant?,
    _ told: @Sendable (ChannelDelivery) -> Void
  ) async -> ChannelDelivery {
    var report = ChannelDelivery(consumer: channel.consumer, kind: channel.kind)
    while !Task.isCancelled {
      do {
        switch try await situation(of: channel, ignoringPauses: mode.ignoresPauses && report.failedAttempts == 0) {
        case .removed:
          guard mode.isFollowing else { return report }
          try await register([channel])
        case .disabled(let consumer):
          report.state = .disabled
          report.error = consumer.lastError.map {
            FreshetErrorRecord(code: .receiverGone, message: $0, isTransient: false)
          }
          guard mode.isFollowing else { return report }
          try await Task.sleep(for: Self.interval)
        case .paused(let until, let consumer):
          report.state = .failing
          report.retryAt = until
          if report.error == nil {
            report.error = consumer.lastError.map {
              FreshetErrorRecord(code: .deliveryFailed, message: $0, isTransient: true)
            }
          }
          guard try await wait(until: until, report, channel, mode, deadline) else { return report }
        case .step(.end, _):
          report.state = .delivered
          report.error = nil
          report.retryAt = nil
          guard mode.isFollowing else { return report }
          try await Task.sleep(for: Self.interval)
        case .step(.lapsed, let consumer): try await mend(consumer, channel, &report, told)
        case .step(.batch(let batch), _):
          report.state = .unfinished
          if !batch.events.isEmpty {
            try await send(batch, to: channel, &report)
          }
          try await uncancelled { try await store.write { _ = try $0.acknowledge(batch, consumer: channel.consumer) } }
          if !batch.events.isEmpty { told(report) }
        }
      } catch is CancellationError {
        break
      } catch {
        await note(error, channel, &report)
        told(report)
        if !mode.isFollowing, report.state == .disabled || report.failedAttempts > channel.retries { return report }
      }
    }
    return report
  }

  private func situation(of channel: any EventChannel, ignoringPauses: Bool) async throws -> Situation {
    let reader = EventReader(filter: channel.filter, limits: channel.limits, uri: uri)
    let moment = now()
    return try await store.read(.everything) { snapshot in
      guard let consumer = try snapshot.consumer(channel.consumer) else { return .removed }
      if consumer.state == .disabled { return .disabled(consumer) }
      // A pause that is longer than any is of a clock that was set back since.
      if let retryAt = consumer.retryAt, retryAt > moment, retryAt - moment <= backoff.maximumRetryAfter,
        !ignoringPauses
      {
        return .paused(until: retryAt, consumer)
      }
      return .step(try reader.step(after: consumer.cursor, in: snapshot), consumer)
    }
  }

  private func send(_ batch: EventBatch, to channel: any EventChannel, _ report: inout ChannelDelivery) async throws {
    try await channel.send(batch)
    CrashPoint.reached("events-handed-over")
    report.events += batch.events.count
    report.batches += 1
    report.error = nil
    report.retryAt = nil
  }

  /// Waits for the end of a pause in steps, since the consumer may be reset meanwhile; `false` when this run does not.
  private func wait(
    until moment: Timestamp,
    _ report: ChannelDelivery,
    _ channel: any EventChannel,
    _ mode: Mode,
    _ deadline: ContinuousClock.Instant?
  ) async throws -> Bool {
    let pause = moment - now()
    if !mode.isFollowing {
      // A failure of an earlier run is left to a later one; of one's own, a few are tried again.
      guard report.failedAttempts > 0, report.failedAttempts <= channel.retries else { return false }
      if let deadline, ContinuousClock.now.advanced(by: pause) >= deadline { return false }
    }
    try await Task.sleep(for: min(max(pause, .milliseconds(1)), mode.isFollowing ? .seconds(1) : pause))
    return true
  }

  /// Answers a lapse: begins a listing of the present, or tells that something is missing and goes on at the head.
  private func mend(
    _ consumer: ConsumerRecord,
    _ channel: any EventChannel,
    _ report: inout ChannelDelivery,
    _ told: @Sendable (ChannelDelivery) -> Void
  ) async throws {
    let head = try await store.read(.everything) { $0.head }
    var mended = consumer
    switch channel.onLapse {
    case .resync: mended.resync = ConsumerResync(start: head.logPosition)
    case .skip:
      let notice = CollectionEvent(.changesSkipped, sequence: head.sequence, at: head.at)
      let batch = EventBatch(
        collection: head.collection,
        start: consumer.cursor,
        end: .log(head.logPosition),
        events: [notice]
      )
      try await send(batch, to: channel, &report)
      mended.position = head.logPosition
      mended.resync = nil
      mended.failures = 0
      mended.lastError = nil
      mended.retryAt = nil
      told(report)
    }
    let saved = mended
    try await uncancelled {
      try await store.write { transaction in
        // Somebody may have reset it meanwhile.
        guard try transaction.consumer(saved.name)?.cursor == consumer.cursor else { return }
        try transaction.save(saved)
      }
    }
  }

  /// Remembers a failure, with the moment from which it is tried again.
  private func note(_ error: any Error, _ channel: any EventChannel, _ report: inout ChannelDelivery) async {
    let failure = FreshetError.describing(error, as: .deliveryFailed)
    report.failedAttempts += 1
    report.error = FreshetErrorRecord(failure)
    report.state = failure.code == .receiverGone ? .disabled : .failing
    let (moment, jitter, backoff) = (now(), jitter(), backoff)
    do {
      report.retryAt = try await uncancelled {
        try await store.write { transaction -> Timestamp? in
          guard var consumer = try transaction.consumer(channel.consumer) else {
            throw FreshetError(.notFound, "the consumer was removed", path: channel.consumer)
          }
          consumer.failures += 1
          consumer.lastError = String(failure.message.prefix(Self.errorBytesMax))
          if failure.code == .receiverGone {
            consumer.state = .disabled
            consumer.retryAt = nil
          } else {
            let pause = backoff.pause(failures: consumer.failures, after: failure, jitter: jitter)
            consumer.retryAt = Timestamp(nanoseconds: moment.nanoseconds + pause.nanoseconds)
          }
          try transaction.save(consumer)
          return consumer.retryAt
        }
      }
    } catch {
      // The store itself fails, and said so to whoever writes, or the consumer is gone; a short pause keeps this from turning
      // in circles.
      try? await Task.sleep(for: backoff.firstDelay)
    }
  }

  /// Runs a body to its end though this task is cancelled: what was handed over has to be remembered.
  private func uncancelled<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    try await Task { try await body() }.value
  }
}

extension Duration {
  /// Whole nanoseconds, saturating.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflowToo) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return overflow || overflowToo ? (seconds < 0 ? .min : .max) : sum
  }
}

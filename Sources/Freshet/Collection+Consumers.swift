import FreshetModel
import FreshetSync

extension Collection {
  /// Where a consumer is put by a reset, or begins.
  public enum ConsumerStart: Hashable, Sendable {
    /// At the log's end: it gets what comes.
    case head
    /// After this change; 0 for all changes.
    case sequence(SequenceNumber)
    /// At a listing of everything that is there, followed by what comes.
    case present
  }

  /// A consumer that keeps its position with the collection, made when there is none of the name: whatever happens to the
  /// process, it gets every change at least once.
  ///
  /// ```swift
  /// let cache = try await collection.consumer("search-cache")
  /// for try await batch in cache.batches() {
  ///   for event in batch.events { … }
  ///   try await cache.acknowledge(batch)
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - name: letters, digits, `.`, `_` and `-`.
  ///   - start: where a new one begins.
  /// - Throws: `FreshetError` with `invalid_argument` for another name, or one that a consumer of another kind has.
  public func consumer(_ name: String, startingAt start: ConsumerStart = .sequence(0)) async throws
    -> CollectionConsumer
  {
    guard ConsumerRecord.isChosenName(name) else {
      throw FreshetError(
        .invalidArgument,
        "a consumer's name has 1 to \(ConsumerRecord.chosenNameBytesMax) \(ConsumerRecord.chosenNameCharacters)",
        path: name
      )
    }
    if let known = try await store.read(.everything, { try $0.consumer(name) }) {
      guard known.kind == .named else {
        throw FreshetError(.invalidArgument, "the name belongs to a consumer of another kind", path: name)
      }
    } else {
      try await positions.write { transaction in
        let place = try Self.place(start, transaction)
        var record = try transaction.registerConsumer(name, kind: .named, at: place.position)
        guard record.resync == nil, let resync = place.resync else { return }
        record.resync = resync
        try transaction.save(record)
      }
    }
    return CollectionConsumer(name: name, collection: self)
  }

  /// A consumer with how it stands to the log.
  public struct ConsumerStatus: Sendable {
    /// What is remembered of it.
    public var record: ConsumerRecord
    /// Changes after its position.
    public var pending: Int64
    /// Why it cannot go on from its position; `nil` when it can.
    public var lapse: ConsumerLapse?
  }

  /// Every consumer, webhooks and mail among them, by name.
  public func consumers() async throws -> [ConsumerStatus] {
    try await store.read(.everything) { snapshot in
      try snapshot.consumers().map { record in
        // Within a listing, what follows it counts.
        let place = record.resync?.start ?? record.position
        let lapse = try snapshot.lapse(of: place)
        return ConsumerStatus(
          record: record,
          pending: lapse == nil ? snapshot.head.sequence - place.sequence : snapshot.head.sequence,
          lapse: lapse
        )
      }
    }
  }

  /// Puts a consumer somewhere else, also backwards, and forgets its failures; a disabled one is active again.
  ///
  /// - Throws: `FreshetError` with `not_found`; `invalid_argument` for a sequence that the log does not have.
  @discardableResult
  public func resetConsumer(_ name: String, to start: ConsumerStart) async throws -> ConsumerRecord {
    try await positions.write { transaction in
      guard var record = try transaction.consumer(name) else {
        throw FreshetError(.notFound, "there is no consumer of this name", path: name)
      }
      let place = try Self.place(start, transaction)
      record.position = place.position
      record.resync = place.resync
      record.state = .active
      record.failures = 0
      record.lastError = nil
      record.retryAt = nil
      record.movedAt = transaction.now
      try transaction.save(record)
      return record
    }
  }

  /// Forgets a consumer; a configured webhook's is made anew by the next sync, at the log's end.
  /// - Returns: whether there was one.
  @discardableResult
  public func removeConsumer(_ name: String) async throws -> Bool {
    try await positions.write { try $0.removeConsumer(name) }
  }

  private static func place(
    _ start: ConsumerStart,
    _ transaction: any StoreTransaction
  ) throws -> (position: LogPosition, resync: ConsumerResync?) {
    let head = transaction.head.logPosition
    switch start {
    case .head: return (head, nil)
    case .present: return (head, ConsumerResync(start: head))
    case .sequence(let sequence):
      guard sequence >= 0, sequence <= head.sequence, let chain = try transaction.chain(at: sequence) else {
        throw FreshetError(
          .invalidArgument,
          "the log has no change \(sequence); it ends with \(head.sequence)"
        )
      }
      let position = LogPosition(epoch: head.epoch, sequence: sequence, chain: chain)
      if let lapse = try transaction.lapse(of: position) {
        // All that is kept of a log whose beginning is gone: a listing says the rest.
        if sequence == 0, lapse == .pruned { return (head, ConsumerResync(start: head)) }
        throw FreshetError(.invalidArgument, "a consumer cannot start there: \(lapse.sentence)")
      }
      return (position, nil)
    }
  }
}

/// A reader of a collection's events whose position the collection keeps: `Collection.consumer`.
public struct CollectionConsumer: Sendable {
  /// Its name.
  public let name: String
  let collection: Collection

  /// What is remembered of it.
  /// - Throws: `FreshetError` with `not_found` once it was removed.
  public func record() async throws -> ConsumerRecord {
    let name = name
    guard let record = try await collection.store.read(.everything, { try $0.consumer(name) }) else {
      throw FreshetError(.notFound, "the consumer was removed", path: name)
    }
    return record
  }

  /// Events in batches, from its position on. Each batch follows the one before, acknowledged or not.
  ///
  /// - Parameters:
  ///   - filter: which events; the position moves over the others too.
  ///   - limits: how much a batch holds.
  ///   - following: whether to wait for further changes instead of ending with the last one.
  ///   - onLapse: what is done when the log no longer has its position. `nil` throws `consumer_lapsed`; `.resync` gives
  ///     a listing of everything that is there, framed by `resync_started` and `resync_finished`; `.skip` gives
  ///     `changes_skipped` and goes on at the log's end.
  public func batches(
    matching filter: EventFilter = EventFilter(),
    limits: EventBatchLimits = EventBatchLimits(),
    following: Bool = true,
    onLapse: LapseAnswer? = nil
  ) -> ConsumerBatches {
    ConsumerBatches(
      consumer: self,
      reader: EventReader(filter: filter, limits: limits, uri: collection.uriOfOrigin),
      isFollowing: following,
      onLapse: onLapse
    )
  }

  /// Says that a batch is dealt with: after a crash the consumer goes on behind it.
  ///
  /// - Throws: `FreshetError` with `consumer_lapsed` when the log changed meanwhile, or the consumer was reset; `not_found`
  ///   once it was removed.
  public func acknowledge(_ batch: EventBatch) async throws {
    let name = name
    try await collection.positions.write { transaction in
      if batch.events.contains(where: { $0.change == .changesSkipped }), case .log(let end) = batch.end {
        guard var record = try transaction.consumer(name) else { return }
        record.position = end
        record.resync = nil
        record.movedAt = transaction.now
        try transaction.save(record)
      } else {
        try transaction.acknowledge(batch, consumer: name)
      }
    }
  }
}

/// A consumer's events in batches: `CollectionConsumer.batches`.
public struct ConsumerBatches: AsyncSequence, Sendable {
  let consumer: CollectionConsumer
  let reader: EventReader
  let isFollowing: Bool
  let onLapse: LapseAnswer?

  /// Begins at the consumer's position.
  public func makeAsyncIterator() -> Iterator { Iterator(batches: self) }

  /// One reader of the batches.
  public struct Iterator: AsyncIteratorProtocol {
    let batches: ConsumerBatches
    private var cursor: ConsumerCursor?

    init(batches: ConsumerBatches) {
      self.batches = batches
    }

    /// The next batch, never without events; `nil` after the last one, or once the task is cancelled.
    public mutating func next() async throws -> EventBatch? {
      let (consumer, reader) = (batches.consumer, batches.reader)
      do {
        var place = if let cursor { cursor } else { try await consumer.record().cursor }
        var start = place
        while true {
          let from = place
          let (step, head) = try await consumer.collection.store.read(.everything) { snapshot in
            (try reader.step(after: from, in: snapshot), snapshot.head)
          }
          switch step {
          case .batch(var batch):
            place = batch.end
            cursor = place
            guard !batch.events.isEmpty else { continue }
            // What the filter left out before it is dealt with as well.
            batch.start = start
            return batch
          case .end:
            if start != place, !batches.isFollowing {
              // Nothing of it was wanted; the position moves over it nevertheless.
              try await consumer.acknowledge(
                EventBatch(collection: head.collection, start: start, end: place, events: [])
              )
            }
            guard batches.isFollowing else { return nil }
            try await Task.sleep(for: CollectionChanges.interval)
          case .lapsed(let lapse):
            switch batches.onLapse {
            case nil: throw FreshetError.lapsed(lapse, consumer: consumer.name)
            case .resync?:
              try await consumer.collection.resetConsumer(consumer.name, to: .present)
              place = .present(ConsumerResync(start: head.logPosition))
              if let record = try? await consumer.record() { place = record.cursor }
              start = place
            case .skip?:
              let notice = CollectionEvent(.changesSkipped, sequence: head.sequence, at: head.at)
              cursor = .log(head.logPosition)
              return EventBatch(
                collection: head.collection,
                start: place,
                end: .log(head.logPosition),
                events: [notice]
              )
            }
          }
        }
      } catch is CancellationError {
        return nil
      }
    }
  }
}

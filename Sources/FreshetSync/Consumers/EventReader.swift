import FreshetModel

/// Makes events of a collection's log, or of a listing of what is there.
public struct EventReader: Sendable {
  private let filter: EventFilter
  private let limits: EventBatchLimits
  private let uri: @Sendable (_ source: String, _ origin: String) -> String

  /// Reads events that a filter lets through.
  ///
  /// - Parameter uri: the address that reopens a document.
  public init(
    filter: EventFilter = EventFilter(),
    limits: EventBatchLimits = EventBatchLimits(),
    uri: @escaping @Sendable (_ source: String, _ origin: String) -> String
  ) {
    self.filter = filter
    self.limits = limits
    self.uri = uri
  }

  /// What follows a cursor.
  public enum Step: Sendable {
    /// The next events; perhaps none, when the filter let nothing through, and then only the cursor moves.
    case batch(EventBatch)
    /// There is nothing after the cursor.
    case end
    /// The log cannot be followed from there.
    case lapsed(ConsumerLapse)
  }

  /// The events after a cursor, at one committed state.
  public func step(after cursor: ConsumerCursor, in snapshot: any StoreSnapshot) throws -> Step {
    switch cursor {
    case .log(let position):
      if let lapse = try snapshot.lapse(of: position) { return .lapsed(lapse) }
      return try log(after: position, snapshot).map { .batch($0) } ?? .end
    case .present(let resync):
      // What comes after the listing must still be there when it is done.
      if let lapse = try snapshot.lapse(of: resync.start) { return .lapsed(lapse) }
      return .batch(try present(resync, snapshot))
    }
  }

  /// The event of a change.
  public func event(of change: ChangeRecord, in snapshot: any StoreSnapshot) throws -> CollectionEvent {
    let metadata = try snapshot.metadata(of: change) ?? Self.presentMetadata(of: change.document, snapshot)
    return CollectionEvent(change, metadata: metadata, uri: uri(change.source, change.origin))
  }

  /// What the document has now; nothing when it is not live any more.
  private static func presentMetadata(of id: DocumentID, _ snapshot: any StoreSnapshot) throws -> Metadata {
    guard let document = try snapshot.document(id), document.state == .live else { return [:] }
    return document.metadata
  }

  private func log(after position: LogPosition, _ snapshot: any StoreSnapshot) throws -> EventBatch? {
    var end = position
    var events: [CollectionEvent] = []
    var bytes = 0
    var rows = 0
    // By pages of what a batch holds: where everything is wanted, no row is read in vain.
    scan: while rows < limits.rows, events.count < limits.events {
      let page = try snapshot.changes(after: end.sequence, limit: min(limits.events, limits.rows - rows))
      guard !page.isEmpty else { break }
      rows += page.count
      for change in page {
        if filter.matches(change) {
          let event = try event(of: change, in: snapshot)
          guard take(event, &events, &bytes) else { break scan }
        }
        end.sequence = change.sequence
        end.chain = change.chain
      }
    }
    guard end != position else { return nil }
    return EventBatch(
      collection: snapshot.head.collection,
      start: .log(position),
      end: .log(end),
      events: events
    )
  }

  /// No document has this identity.
  private static let beforeFirstDocument = DocumentID(high: 0, low: 0)

  private func present(_ resync: ConsumerResync, _ snapshot: any StoreSnapshot) throws -> EventBatch {
    let sequence = resync.start.sequence
    var events: [CollectionEvent] = []
    var bytes = 0
    var end = resync
    if resync.after == nil {
      events.append(CollectionEvent(.resyncStarted, sequence: sequence, at: snapshot.head.at))
      // Says that the listing has begun, also when no document fits beside this event.
      end.after = Self.beforeFirstDocument
    }
    var isComplete = true
    let ids = try snapshot.liveDocumentIDs(after: resync.after, limit: limits.rows)
    for id in ids {
      if let document = try snapshot.document(id), filter.matches(present: document) {
        let event = CollectionEvent(
          present: document,
          sequence: sequence,
          uri: uri(document.sourceName, document.origin)
        )
        guard take(event, &events, &bytes) else {
          isComplete = false
          break
        }
      }
      end.after = id
    }
    // The event that ends a listing counts too.
    isComplete = isComplete && ids.count < limits.rows && events.count < limits.events
    if isComplete {
      events.append(CollectionEvent(.resyncFinished, sequence: sequence, at: snapshot.head.at))
    }
    return EventBatch(
      collection: snapshot.head.collection,
      start: .present(resync),
      end: isComplete ? .log(resync.start) : .present(end),
      events: events
    )
  }

  /// Adds an event unless the batch is full; one always fits.
  private func take(_ event: CollectionEvent, _ events: inout [CollectionEvent], _ bytes: inout Int) -> Bool {
    var text: [UInt8] = []
    event.json.write(to: &text)
    guard events.count < limits.events, bytes == 0 || bytes + text.count <= limits.bytes else { return false }
    events.append(event)
    bytes += text.count
    return true
  }
}

extension StoreTransaction {
  /// Moves a consumer to where a batch ends, and forgets its failures.
  ///
  /// - Throws: `FreshetError` with `not_found`; `consumer_lapsed` when the log changed meanwhile, or the batch belongs to a
  ///   listing that is no longer the consumer's.
  @discardableResult
  public func acknowledge(_ batch: EventBatch, consumer name: String) throws -> ConsumerRecord {
    guard var consumer = try consumer(name) else { return try advanceConsumer(name, to: head.logPosition) }
    switch (batch.start, batch.end) {
    case (.log, .log(let end)): return try advanceConsumer(name, to: end)
    case (.present(let listing), let end):
      guard consumer.resync?.start == listing.start else {
        throw FreshetError.lapsed(.otherChange, consumer: name)
      }
      switch end {
      case .present(let next): consumer.resync = next
      case .log(let position):
        consumer.resync = nil
        consumer.position = position
      }
    case (.log, .present(let next)): consumer.resync = next
    }
    consumer.failures = 0
    consumer.lastError = nil
    consumer.retryAt = nil
    consumer.movedAt = now
    try save(consumer)
    return consumer
  }
}

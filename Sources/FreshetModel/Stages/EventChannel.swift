/// Where a reader of a collection's events is: in the log, or in a listing that brings it back in step.
public enum ConsumerCursor: Hashable, Sendable {
  /// After this change.
  case log(LogPosition)
  /// Within a listing of the present.
  case present(ConsumerResync)
}

extension ConsumerRecord {
  /// Where the consumer goes on.
  public var cursor: ConsumerCursor { resync.map { .present($0) } ?? .log(position) }
}

/// Events that are handed over together, in their order.
public struct EventBatch: Hashable, Sendable {
  /// The collection that they are of.
  public var collection: CollectionID
  /// Where the reader was.
  public var start: ConsumerCursor
  /// Where it is once these are dealt with: a batch may be empty, when a filter let nothing through.
  public var end: ConsumerCursor
  /// The events.
  public var events: [CollectionEvent]

  /// Describes a batch.
  public init(
    collection: CollectionID,
    start: ConsumerCursor,
    end: ConsumerCursor,
    events: [CollectionEvent]
  ) {
    self.collection = collection
    self.start = start
    self.end = end
    self.events = events
  }
}

/// How much is handed over at once.
public struct EventBatchLimits: Hashable, Sendable {
  /// Events of one batch, at least 1.
  public var events: Int
  /// Bytes of their JSON; a single event may be larger.
  public var bytes: Int
  /// Rows of the log that are looked at for one batch, when a filter lets few through.
  public var rows: Int

  /// Sets the limits.
  public init(events: Int = 100, bytes: Int = 512 << 10, rows: Int = 1000) {
    self.events = max(1, events)
    self.bytes = bytes
    self.rows = max(1, rows)
  }
}

/// What becomes of a receiver whose position the log no longer has.
public enum LapseAnswer: String, Sendable, CaseIterable {
  /// It gets a listing of everything that is there, then what comes.
  case resync
  /// It is told that something is missing, and gets what comes.
  case skip
}

/// Somewhere outside that gets a collection's events: a webhook, a chat, a mailbox.
///
/// Batches come one after the other, in the order of the log; the next one only after `send` returned. After a crash, or
/// when `send` failed, a batch comes again, perhaps with other limits: at least once.
public protocol EventChannel: Sendable {
  /// The name of the consumer whose position it moves: `webhook:ops`.
  var consumer: String { get }
  /// The consumer's kind.
  var kind: ConsumerKind { get }
  /// What it wants.
  var filter: EventFilter { get }
  /// How much it takes at once.
  var limits: EventBatchLimits { get }
  /// What it does when it cannot go on from its position.
  var onLapse: LapseAnswer { get }

  /// What tells the receiver from another one (address, secret, form): when it changes, the failures of the one before and
  /// the pause after them are forgotten. `nil` when there is nothing to tell it by.
  var receiver: ContentHash? { get }

  /// Further attempts within one run that does not go on for ever.
  var retries: Int { get }

  /// Hands a batch over; returning means that the receiver has it.
  /// - Throws: `FreshetError`, transient with what `Retry-After` asks for or permanent, in both cases tried again later;
  ///   with `receiver_gone` when the receiver wants nothing more; `CancellationError`.
  func send(_ batch: EventBatch) async throws
}

extension EventChannel {
  /// Nothing to tell the receiver by.
  public var receiver: ContentHash? { nil }
}

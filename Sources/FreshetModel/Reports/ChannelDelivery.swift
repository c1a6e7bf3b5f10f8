/// What one run handed over to one receiver of events.
public struct ChannelDelivery: Hashable, Sendable {
  /// How it ended; the raw values appear in JSON.
  public enum State: String, Sendable, CaseIterable {
    /// The receiver has everything.
    case delivered
    /// Something is left for the next run: the time was up.
    case unfinished
    /// Something is left for the next run: the receiver failed, and is tried again later.
    case failing
    /// The receiver said that it is gone for good; it gets nothing until it is reset.
    case disabled
    /// Another process hands over at the moment.
    case elsewhere
  }

  /// The consumer's name: `webhook:ops`.
  public var consumer: String
  /// Its kind.
  public var kind: ConsumerKind
  /// How it ended.
  public var state: State
  /// Events that the receiver took.
  public var events = 0
  /// Batches that it took.
  public var batches = 0
  /// Attempts that failed.
  public var failedAttempts = 0
  /// Changes of the log that are not dealt with.
  public var pending: Int64 = 0
  /// The last failure, without addresses and secrets; `nil` when nothing stands in the way.
  public var error: FreshetErrorRecord?
  /// When it is tried again; `nil` when nothing stands in the way.
  public var retryAt: Timestamp?

  /// Starts with nothing handed over.
  public init(consumer: String, kind: ConsumerKind, state: State = .unfinished) {
    self.consumer = consumer
    self.kind = kind
    self.state = state
  }

  /// The members of a JSON object.
  public var json: JSONValue {
    [
      "consumer": .string(consumer), "kind": .string(kind.rawValue), "state": .string(state.rawValue),
      "events": .integer(Int64(events)), "batches": .integer(Int64(batches)),
      "failed_attempts": .integer(Int64(failedAttempts)), "pending": .integer(pending),
      "error": error.map { ["code": .string($0.code.rawValue), "message": .string($0.message)] } ?? .null,
      "retry_at": retryAt.map { .string($0.description) } ?? .null,
    ]
  }
}

/// What the functions did that follow a sync's changes in the same process.
public struct CallbackReport: Hashable, Sendable {
  /// The errors that are kept.
  public static let errorsMax = 20

  /// Calls.
  public var calls = 0
  /// Calls that threw; they stopped nothing.
  public var failed = 0
  /// The first of the errors, as the functions described them, each with the document that it was about.
  public var errors: [String] = []

  /// Starts with no calls.
  public init() {}

  /// Counts a call that threw.
  public mutating func add(_ error: any Error, about event: CollectionEvent) {
    failed += 1
    if errors.count < Self.errorsMax { errors.append("\(event.source):\(event.origin): \(error)") }
  }

  /// Adds the calls of a further part of a run.
  public mutating func add(_ part: CallbackReport) {
    calls += part.calls
    failed += part.failed
    errors = Array((errors + part.errors).prefix(Self.errorsMax))
  }

  /// The members of a JSON object.
  public var json: JSONValue {
    [
      "calls": .integer(Int64(calls)), "failed": .integer(Int64(failed)),
      "errors": .array(errors.map { .string($0) }),
    ]
  }
}

import FreshetModel

/// Stands for a channel that cannot be made as configured: its position is kept, and every attempt says what is wrong.
public struct UnavailableChannel: EventChannel {
  public let consumer: String
  public let kind: ConsumerKind
  public let filter = EventFilter()
  public let limits = EventBatchLimits()
  public let onLapse = LapseAnswer.skip
  public let retries = 0
  let error: FreshetError

  /// Keeps a consumer's place with the error that its channel was refused with.
  public init(consumer: String, kind: ConsumerKind, error: FreshetError) {
    self.consumer = consumer
    self.kind = kind
    self.error = error
  }

  public func send(_ batch: EventBatch) throws { throw error }
}

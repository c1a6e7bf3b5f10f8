import FreshetModel

/// When a receiver that failed is tried again.
public struct DeliveryBackoff: Hashable, Sendable {
  /// The pause after the first failure; each further one doubles it.
  public var firstDelay = Duration.seconds(1)
  /// The longest pause of our own.
  public var maximumDelay = Duration.seconds(3600)
  /// The longest pause that a receiver may ask for.
  public var maximumRetryAfter = Duration.seconds(86_400)

  /// Starts with the defaults.
  public init() {}

  /// The pause after a failure.
  ///
  /// - Parameters:
  ///   - failures: those in a row, this one included.
  ///   - jitter: 0 to 1; half of a pause of our own is left to it, so that many senders do not return at once.
  public func pause(failures: Int, after error: FreshetError, jitter: Double) -> Duration {
    let doubled = firstDelay * (1 << min(max(failures, 1) - 1, 20))
    let own = min(doubled, maximumDelay) * (0.5 + 0.5 * min(max(jitter, 0), 1))
    guard case .transient(let asked?) = error.permanence else { return own }
    return max(own, min(asked, maximumRetryAfter))
  }
}

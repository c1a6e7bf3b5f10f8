import FreshetModel

/// How often and when a failed call is made again.
public struct RetryPolicy: Sendable {
  /// Further attempts after the first.
  public var retries = 3
  /// The pause before the first retry; each later one is twice as long.
  public var firstDelay = Duration.milliseconds(500)
  /// The longest pause of our own.
  public var maximumDelay = Duration.seconds(30)
  /// The longest pause that a server may ask for; one that asks for more is given up for now.
  public var maximumRetryAfter = Duration.seconds(300)

  /// Starts with the defaults.
  public init() {}

  /// The pause before a retry, counted from 1; `nil` when it is not to be made.
  ///
  /// - Parameter jitter: 0 to 1; half of a pause of our own is left to it, so that many clients do not return at once.
  func delay(before retry: Int, after error: FreshetError, jitter: Double) -> Duration? {
    guard retry <= retries, case .transient(let retryAfter) = error.permanence else { return nil }
    let doubled = firstDelay * (1 << min(retry - 1, 20))
    let own = min(doubled, maximumDelay) * (0.5 + 0.5 * min(max(jitter, 0), 1))
    guard let retryAfter else { return own }
    return retryAfter <= maximumRetryAfter ? max(retryAfter, own) : nil
  }
}

/// Makes calls again that failed for a reason that may pass.
public struct RetryingEmbedder: Embedder {
  private let base: any Embedder
  private let policy: RetryPolicy
  private let sleep: @Sendable (Duration) async throws -> Void
  private let jitter: @Sendable () -> Double

  /// Retries the calls of an embedder.
  ///
  /// - Parameters:
  ///   - sleep: waits; throws `CancellationError` when cancelled. The continuous clock's by default.
  ///   - jitter: a random number of 0 to 1.
  public init(
    _ base: any Embedder,
    policy: RetryPolicy = RetryPolicy(),
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
    jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }
  ) {
    self.base = base
    self.policy = policy
    self.sleep = sleep
    self.jitter = jitter
  }

  public var model: ModelDescription { base.model }
  public var parallelism: Int { base.parallelism }

  public func embed(_ texts: [String], for purpose: EmbeddingPurpose) async throws -> EmbeddingBatch {
    try await retrying { try await base.embed(texts, for: purpose) }
  }

  public func countTokens(of texts: [String]) async throws -> [Int] {
    try await retrying { try await base.countTokens(of: texts) }
  }

  private func retrying<Result>(_ body: () async throws -> Result) async throws -> Result {
    var retry = 1
    while true {
      do {
        return try await body()
      } catch let error as FreshetError {
        guard let delay = policy.delay(before: retry, after: error, jitter: jitter()) else { throw error }
        try await sleep(delay)
        retry += 1
      }
    }
  }
}

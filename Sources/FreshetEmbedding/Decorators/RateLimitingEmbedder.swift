import FreshetModel
import Synchronization

/// Spaces calls evenly, so that a server is sent no more than so many a minute.
public final class RateLimitingEmbedder: Embedder {
  private let base: any Embedder
  private let interval: Duration
  private let now: @Sendable () -> Duration
  private let sleep: @Sendable (Duration) async throws -> Void
  private let nextStart = Mutex(Duration.zero)

  /// Limits the calls of an embedder.
  ///
  /// - Parameters:
  ///   - now: the time since any fixed moment; the continuous clock's by default.
  ///   - sleep: waits; throws `CancellationError` when cancelled.
  public init(
    _ base: any Embedder,
    callsPerMinute: Int,
    now: (@Sendable () -> Duration)? = nil,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.base = base
    interval = .seconds(60) / max(1, callsPerMinute)
    let start = ContinuousClock.now
    self.now = now ?? { ContinuousClock.now - start }
    self.sleep = sleep
  }

  public var model: ModelDescription { base.model }
  public var parallelism: Int { base.parallelism }

  public func embed(_ texts: [String], for purpose: EmbeddingPurpose) async throws -> EmbeddingBatch {
    let time = now()
    let start = nextStart.withLock { next in
      let start = max(next, time)
      next = start + interval
      return start
    }
    if start > time { try await sleep(start - time) }
    return try await base.embed(texts, for: purpose)
  }

  public func countTokens(of texts: [String]) async throws -> [Int] { try await base.countTokens(of: texts) }
}

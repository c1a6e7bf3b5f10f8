import FreshetModel
import FreshetSystem
import Synchronization

/// A deterministic embedder that counts what it is asked, and fails on demand.
public final class CountingEmbedder: Embedder {
  /// What fails.
  public struct Troubles: Sendable {
    /// The next calls that fail once each, for a passing reason.
    public var failingCalls = 0
    /// Whether every call fails for a passing reason.
    public var isDown = false
    /// Whether every call fails with an error that is not of the embedder.
    public var failsBesides = false
    /// Whether calls answer nothing at all, whatever is done to them.
    public var hangs = false
    /// Texts that contain one of these are refused for good, with everything in their batch.
    public var refused: Set<String> = []

    /// Starts without troubles.
    public init() {}
  }

  private struct State {
    var counts: [String: Int] = [:]
    var calls = 0
    var troubles = Troubles()
    var onCall: (@Sendable (Int) -> Void)?
  }

  public let model: ModelDescription
  public let parallelism: Int
  private let state = Mutex(State())

  /// Makes an embedder; another name is another model.
  public init(name: String = "counting", dimension: Int = 8, parallelism: Int = 2) {
    model = ModelDescription(name: name, fingerprint: name + "/1", dimension: dimension)
    self.parallelism = parallelism
  }

  /// How often each text was embedded.
  public var counts: [String: Int] { state.withLock { $0.counts } }
  /// Calls that were answered or refused.
  public var calls: Int { state.withLock { $0.calls } }
  /// Texts that were embedded more than once.
  public var repeated: [String] { counts.filter { $0.value > 1 }.keys.sorted() }

  /// Forgets the counts.
  public func reset() { state.withLock { $0.counts = [:] } }

  /// Changes what fails.
  public func trouble(_ change: (inout Troubles) -> Void) { state.withLock { change(&$0.troubles) } }

  /// Runs a body at the start of each call, with the call's number from 1.
  public func onCall(_ body: (@Sendable (Int) -> Void)?) { state.withLock { $0.onCall = body } }

  public func embed(_ texts: [String], for purpose: EmbeddingPurpose) async throws -> EmbeddingBatch {
    let (call, body) = state.withLock { state in
      state.calls += 1
      return (state.calls, state.onCall)
    }
    body?(call)
    // Not even cancellation ends such a call.
    while state.withLock({ $0.troubles.hangs }) {
      await Task.detached { try? await Task.sleep(for: .milliseconds(20)) }.value
    }
    try state.withLock { state in
      if state.troubles.failsBesides { throw FreshetError(.inputOutput, "the disk is full; make room") }
      if state.troubles.isDown || state.troubles.failingCalls > 0 {
        state.troubles.failingCalls = max(0, state.troubles.failingCalls - 1)
        throw FreshetError(
          .network,
          "the embedder cannot be reached; start it",
          permanence: .transient(retryAfter: nil)
        )
      }
      if texts.contains(where: { text in state.troubles.refused.contains { text.contains($0) } }) {
        throw FreshetError(.embedderFailed, "the embedder refuses a text")
      }
      for text in texts { state.counts[text, default: 0] += 1 }
    }
    return EmbeddingBatch(
      dimension: model.dimension,
      values: texts.flatMap { Self.vector($0, dimension: model.dimension) },
      tokens: texts.reduce(0) { $0 + Self.tokens($1) }
    )
  }

  public func countTokens(of texts: [String]) async throws -> [Int] { texts.map(Self.tokens) }

  private static func tokens(_ text: String) -> Int { text.utf8.count / 4 + 1 }

  private static func vector(_ text: String, dimension: Int) -> [Float] {
    let digest = SHA256.digest(of: Array(text.utf8))
    let values = (0..<dimension).map { Float(digest.bytes[$0 % 32]) - 127.5 + Float($0 / 32) }
    let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return values.map { $0 / length }
  }
}

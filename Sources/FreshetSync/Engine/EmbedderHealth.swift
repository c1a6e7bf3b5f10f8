import FreshetModel
import Synchronization

/// Whether the embedder is asked, in one run or in all that share it: after some calls in a row that failed for a passing
/// reason it is left alone for a while, and what needs it fails at once, to be tried by the next run.
///
/// ```
/// asked ──(failuresUntilDown calls failed in a row)──▶ left alone ──(pause over)──▶ one call on trial
///   ▲                                                     ▲                           │      │
///   └─────────────────────(it answered)───────────────────┼───────────────────────────┘      │
///                                                         └──────────(it failed)─────────────┘
/// ```
///
/// Each call has been made again by then as often as the embedder's own policy says.
public final class EmbedderHealth: Sendable {
  /// Failed calls in a row after which the embedder counts as down.
  static let failuresUntilDown = 3

  private enum State {
    case asked(failuresInARow: Int)
    case leftAlone(since: ContinuousClock.Instant, cause: FreshetError)
    case onTrial(cause: FreshetError)
  }

  /// How long a call may take while others wait: at least, at most, and in comparison with the slowest text before.
  private static let patience = (least: Duration.seconds(5), most: Duration.seconds(30), timesTheSlowest: 4)
  /// How long a call on trial may take while others wait: at first, doubled each time that it was left, and at most.
  private static let patienceOnTrial = (first: Duration.seconds(2), most: Duration.seconds(10))
  /// What remains of the slowest text's time with each call, so that a model that was being loaded is forgotten.
  private static let memoryOfTheSlowest = 0.9

  private struct Times {
    /// Of one text, among calls of several its share; `nil` before the first answer.
    var slowest: Duration?
    /// Calls in a row that were left.
    var left = 0
  }

  private let pause: Duration
  private let state = Mutex(State.asked(failuresInARow: 0))
  private let times = Mutex(Times())

  /// - Parameter pause: how long a failing embedder is left alone before one call tries it again.
  public init(pause: Duration = .seconds(30)) {
    self.pause = pause
  }

  /// Whether it is left alone, or on trial: only one call may be made at a time then.
  public var isDown: Bool {
    state.withLock { if case .asked = $0 { false } else { true } }
  }

  /// Whether the last call failed for a passing reason, or it is left alone.
  public var isInDoubt: Bool {
    state.withLock { if case .asked(let failures) = $0 { failures > 0 } else { true } }
  }

  /// How long a call of so many texts may take when other changes wait for it.
  public func patience(texts: Int) -> Duration {
    let times = times.withLock { $0 }
    if isDown { return min(Self.patienceOnTrial.most, Self.patienceOnTrial.first * (1 << min(times.left, 8))) }
    // The first may have to load its model.
    guard let slowest = times.slowest else { return Self.patience.most }
    return min(Self.patience.most, max(Self.patience.least, slowest * texts * Self.patience.timesTheSlowest))
  }

  /// Why no call may be made now; `nil` when one may, whose end is to be told.
  func refusal() -> FreshetError? {
    state.withLock { state in
      switch state {
      case .asked: return nil
      case .leftAlone(let since, let cause) where ContinuousClock.now - since >= pause:
        state = .onTrial(cause: cause)
        return nil
      case .leftAlone(_, let cause), .onTrial(let cause):
        return FreshetError(
          cause.code,
          "the embedder was not asked any more after \(Self.failuresUntilDown) failed calls in a row, the last with: "
            + cause.message,
          permanence: .transient(retryAfter: nil)
        )
      }
    }
  }

  /// A call was answered, if only with a refusal of its texts.
  func answered() {
    state.withLock { $0 = .asked(failuresInARow: 0) }
    times.withLock { $0.left = 0 }
  }

  /// A call was answered with the vectors of so many texts.
  func answered(_ texts: Int, after duration: Duration) {
    answered()
    let each = duration / max(1, texts)
    times.withLock { $0.slowest = max(each, ($0.slowest ?? .zero) * Self.memoryOfTheSlowest) }
  }

  /// A call was left because others waited; it counts as failed besides.
  func left() { times.withLock { $0.left += 1 } }

  /// A call was left before it was answered: whether it would have been is not known.
  func abandoned() {
    state.withLock { state in
      if case .onTrial(let cause) = state { state = .leftAlone(since: .now, cause: cause) }
    }
  }

  /// A call failed for a passing reason.
  func failed(_ cause: FreshetError) {
    state.withLock { state in
      switch state {
      case .asked(let failures) where failures + 1 < Self.failuresUntilDown:
        state = .asked(failuresInARow: failures + 1)
      case .asked, .onTrial: state = .leftAlone(since: .now, cause: cause)
      // A call that was under way when the embedder was given up.
      case .leftAlone: break
      }
    }
  }
}

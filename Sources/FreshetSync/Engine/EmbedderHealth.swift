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

  /// How long a call may take while others wait: at least, at most, and in comparison with the slowest of those before.
  private static let patience = (least: Duration.seconds(5), most: Duration.seconds(30), timesTheSlowest: 4)
  /// How long a call on trial may take while others wait.
  private static let patienceOnTrial = Duration.seconds(2)

  private let pause: Duration
  private let state = Mutex(State.asked(failuresInARow: 0))
  private let slowest = Mutex<Duration?>(nil)

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

  /// How long a call may take when other changes wait for it.
  public var patience: Duration {
    if isDown { return Self.patienceOnTrial }
    // The first may have to load its model.
    guard let slowest = slowest.withLock({ $0 }) else { return Self.patience.most }
    return min(Self.patience.most, max(Self.patience.least, slowest * Self.patience.timesTheSlowest))
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
  ///
  /// - Parameter duration: how long that took; `nil` when it says nothing of other calls.
  func answered(after duration: Duration?) {
    state.withLock { $0 = .asked(failuresInARow: 0) }
    if let duration { slowest.withLock { $0 = max($0 ?? .zero, duration) } }
  }

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

import FreshetConfiguration
import FreshetModel
import FreshetSystem

/// Decides when failing documents are an alert and when that is over: a pure value.
///
/// ```
/// quiet ──condition holds, last alert at least `cool_down` ago──▶ on ──one succeeds / few fail──▶ quiet
/// ```
struct FailureAlarm: Sendable {
  /// Parts of the window, each of which is forgotten as a whole.
  static let partsMax = 20
  /// Documents of the window below which their share says nothing.
  static let documentsMin = 10

  private struct Part {
    var began: ContinuousClock.Instant
    var failed = 0
    var succeeded = 0
  }

  /// When failing documents are an alert. An alert that is on and no longer wanted is over at the next look.
  var options: AlertConfiguration
  /// Documents that failed since the last one that did not; a document counts once.
  private var row: Set<String> = []
  private var collectionErrors = 0
  private var parts: [Part] = []
  private var last = ""
  private var error = FreshetErrorRecord(FreshetError(.inputOutput, ""))
  private var on: [LiveAlert.Cause: LiveAlert] = [:]
  private var began: [LiveAlert.Cause: ContinuousClock.Instant] = [:]

  init(_ options: AlertConfiguration) {
    self.options = options
  }

  /// Alerts that are on.
  var active: [LiveAlert] { LiveAlert.Cause.allCases.compactMap { on[$0] } }

  /// Between two looks at whether time alone changes something.
  static func interval(_ options: AlertConfiguration) -> Duration {
    min(.seconds(60), max(.seconds(1), options.window / partsMax))
  }

  /// Takes what a service tells; answers the alerts that begin or end with it.
  mutating func hear(_ event: LiveEvent, at now: ContinuousClock.Instant) -> [LiveAlert] {
    switch event {
    case .sync(.failed(let failure)):
      note("\(failure.source):\(failure.origin)", failure.error, at: now)
    case .failed(let error, _):
      collectionErrors += 1
      note("", FreshetErrorRecord(error), at: now, number: collectionErrors)
    case .sync(.changed(let outcome)) where outcome.change != .deleted:
      row = []
      count(\.succeeded, at: now)
    default: return []
    }
    return pass(to: now)
  }

  private mutating func note(
    _ document: String,
    _ error: FreshetErrorRecord,
    at now: ContinuousClock.Instant,
    number: Int = 0
  ) {
    // What is beyond the bound changes nothing.
    if row.count < max(1, options.afterFailures) { row.insert(number == 0 ? document : "\(number)") }
    count(\.failed, at: now)
    last = document.isEmpty ? "the collection" : document
    self.error = error
  }

  /// Counts an outcome in the part of the window that is now.
  private mutating func count(_ outcome: WritableKeyPath<Part, Int>, at now: ContinuousClock.Instant) {
    if let last = parts.last, now - last.began < options.window / Self.partsMax {
      parts[parts.count - 1][keyPath: outcome] += 1
    } else {
      var part = Part(began: now)
      part[keyPath: outcome] = 1
      parts.append(part)
    }
  }

  /// Answers the alerts that begin or end because it is that time.
  mutating func pass(to now: ContinuousClock.Instant) -> [LiveAlert] {
    parts.removeAll { now - $0.began >= options.window }
    let failed = parts.reduce(0) { $0 + $1.failed }
    let documents = failed + parts.reduce(0) { $0 + $1.succeeded }
    let share = documents == 0 ? 0 : Double(failed) / Double(documents)
    var told: [LiveAlert] = []
    told += judge(
      .failuresInARow,
      begins: options.afterFailures > 0 && row.count >= options.afterFailures,
      ends: options.afterFailures == 0 || row.isEmpty,
      failures: row.count,
      documents: row.count,
      now
    )
    told += judge(
      .failureRate,
      begins: options.failureRate > 0 && documents >= Self.documentsMin && share >= options.failureRate,
      // Well below, so that a share around the bound is one alert.
      ends: options.failureRate == 0 || share < options.failureRate / 2,
      failures: failed,
      documents: documents,
      now
    )
    return told
  }

  private mutating func judge(
    _ cause: LiveAlert.Cause,
    begins: Bool,
    ends: Bool,
    failures: Int,
    documents: Int,
    _ now: ContinuousClock.Instant
  ) -> [LiveAlert] {
    let time = SystemWallClock().now()
    if var alert = on[cause] {
      guard ends else { return [] }
      on[cause] = nil
      (alert.isOver, alert.at) = (true, time)
      return [alert]
    }
    if let last = began[cause], now - last < options.coolDown { return [] }
    guard begins else { return [] }
    let alert = LiveAlert(
      cause: cause,
      failures: failures,
      documents: documents,
      window: cause == .failureRate ? options.window : nil,
      last: last,
      error: error,
      since: time,
      at: time
    )
    on[cause] = alert
    began[cause] = now
    return [alert]
  }
}

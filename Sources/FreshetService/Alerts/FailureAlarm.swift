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
  /// Documents of the window that are counted; their share says enough of more.
  static let documentsMax = 100_000

  /// A part of the window, and the documents of which it has an outcome.
  private struct Part {
    var number: Int
    var began: ContinuousClock.Instant
    var documents: Set<Int> = []
  }

  /// What a document did last within the window, and in which part of it.
  private struct Outcome {
    var part: Int
    var isFailure: Bool
  }

  /// When failing documents are an alert. An alert that is on and no longer wanted is over at the next look.
  var options: AlertConfiguration
  /// Documents that failed since the last one that did not; a document counts once.
  private var row: Set<String> = []
  private var collectionErrors = 0
  private var parts: [Part] = []
  /// By the hash of the document's name.
  private var outcomes: [Int: Outcome] = [:]
  /// Failures among the outcomes.
  private var failed = 0
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
      count("\(outcome.source):\(outcome.origin)", isFailure: false, at: now)
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
    count(document, isFailure: true, at: now)
    last = document.isEmpty ? "the collection" : document
    self.error = error
  }

  /// Notes a document's outcome in the part of the window that is now, in place of an earlier one.
  private mutating func count(_ document: String, isFailure: Bool, at now: ContinuousClock.Instant) {
    let last = parts.last
    if last.map({ now - $0.began >= options.window / Self.partsMax }) ?? true {
      parts.append(Part(number: (last?.number ?? 0) + 1, began: now))
    }
    let (document, index) = (document.hashValue, parts.count - 1)
    let before = outcomes[document]
    guard before != nil || outcomes.count < Self.documentsMax else { return }
    failed += (isFailure ? 1 : 0) - (before?.isFailure == true ? 1 : 0)
    outcomes[document] = Outcome(part: parts[index].number, isFailure: isFailure)
    parts[index].documents.insert(document)
  }

  /// Forgets the parts that left the window.
  private mutating func forget(before now: ContinuousClock.Instant) {
    while let part = parts.first, now - part.began >= options.window {
      parts.removeFirst()
      for document in part.documents {
        guard let outcome = outcomes[document], outcome.part == part.number else { continue }
        outcomes[document] = nil
        if outcome.isFailure { failed -= 1 }
      }
    }
  }

  /// Answers the alerts that begin or end because it is that time.
  mutating func pass(to now: ContinuousClock.Instant) -> [LiveAlert] {
    forget(before: now)
    let documents = outcomes.count
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

import FreshetModel
import FreshetSync
import FreshetSystem

/// What a live service remembers from one unit of work to the next.
struct LiveState {
  /// The unit under way.
  struct Current: Sendable {
    var number: Int
    var unit: Workload.Unit
    var stop: StopSignal
    var since: ContinuousClock.Instant
    /// How long it goes on before something urgent ends it.
    var leastTime: Duration
    /// The run that it goes on with.
    var run: SyncReport?
    /// When the first of the changes was seen that it takes up; `nil` for what was found by listing.
    var freshSince: ContinuousClock.Instant?

    var isInterruptible: Bool {
      if case .fresh = unit { false } else { true }
    }
  }

  /// A path that failed for a passing reason, and when it is tried again.
  private struct Retry {
    var due: ContinuousClock.Instant
    var source: String
    var path: [UInt8]
  }

  var workload = Workload()
  var pace = LoadPace()
  var unsettled: [String: Set<[UInt8]>] = [:]
  var current: Current?
  /// When the first of the changes was seen that wait.
  var freshSince: ContinuousClock.Instant?
  var isStopping = false
  var nextSurvey = ContinuousClock.now
  private(set) var pausedUntil: ContinuousClock.Instant?
  private var pause: Duration?
  private var units = 0
  private var retries: [Retry] = []
  private var run: SyncReport?
  private var runBegan = ContinuousClock.now
  private var lastWork = ContinuousClock.now
  private var lastMaintenance = ContinuousClock.now
  private var needsMaintenance = false
  private var isIdle = false
  private var reported: LiveStatus

  init(startedAt: Timestamp) {
    reported = LiveStatus()
    reported.startedAt = startedAt
  }

  var status: LiveStatus {
    var status = reported
    status.working = current.map { current in
      switch current.unit {
      case .fresh: "fresh"
      case .load: "load"
      case .whole: "whole"
      case .survey: "survey"
      }
    }
    status.queued = workload.waiting + retries.count
    return status
  }

  // MARK: Time

  /// Moves what is due into the workload.
  mutating func enqueueDue(_ now: ContinuousClock.Instant, sources: [String], _ options: LiveOptions) {
    if now >= nextSurvey {
      for source in sources { workload.survey(source) }
      nextSurvey = now + options.surveyInterval
    }
    for retry in retries where retry.due <= now { workload.add(again: retry.path, of: retry.source) }
    retries.removeAll { $0.due <= now }
  }

  /// When something is due that nobody wakes it for.
  func nextDue(_ now: ContinuousClock.Instant, _ options: LiveOptions) -> ContinuousClock.Instant {
    var due = nextSurvey
    if let retry = retries.map(\.due).min() { due = min(due, retry) }
    if needsMaintenance { due = min(due, lastWork + options.maintenanceQuiet) }
    return due
  }

  func isMaintenanceDue(_ now: ContinuousClock.Instant, _ options: LiveOptions) -> Bool {
    guard needsMaintenance, !workload.isUrgent else { return false }
    return workload.isEmpty && now - lastWork >= options.maintenanceQuiet
      || now - lastMaintenance >= options.maintenanceInterval
  }

  /// Whether it has become idle since it was asked last.
  mutating func becomesIdle() -> Bool {
    defer { isIdle = true }
    return !isIdle
  }

  // MARK: Units

  mutating func begin(_ unit: Workload.Unit, at now: ContinuousClock.Instant, _ options: LiveOptions) -> Current {
    units += 1
    isIdle = false
    if now - runBegan > options.runPeriod || now - lastWork > options.runQuiet { run = nil }
    if run == nil { runBegan = now }
    // A whole source is listed again after each interruption: it goes on at least for a time that grows.
    var leastTime = options.leastLoad
    if case .whole(let source) = unit { leastTime = options.leastLoad * (1 << min(interruptions[source] ?? 0, 5)) }
    var begun = Current(
      number: units,
      unit: unit,
      stop: StopSignal(),
      since: now,
      leastTime: leastTime,
      run: run
    )
    if case .fresh = unit {
      begun.freshSince = freshSince
      freshSince = nil
    }
    current = begun
    return begun
  }

  private var interruptions: [String: Int] = [:]
  /// Sources in which any number of deletions is accepted.
  private var accepted: Set<String> = []

  mutating func finished(
    _ kind: LiveWork.Kind,
    _ report: SyncReport,
    _ change: SyncReport,
    duration: Duration,
    files: Int
  ) {
    run = accepted.isEmpty ? report : nil
    lastWork = .now
    reported.totals.add(change)
    if change.checkpoints > 0 {
      needsMaintenance = true
      reported.lastChange = SystemWallClock().now()
    }
    if kind == .load, !report.interrupted { pace.took(duration, files: files) }
    if kind == .whole, case .whole(let source)? = current?.unit {
      interruptions[source] = report.interrupted ? (interruptions[source] ?? 0) + 1 : nil
      if !report.interrupted {
        accepted.remove(source)
        canSee(source)
        hasEverything(source)
        reported.held += report.held
        reported.unavailable += report.unavailable
      }
    } else {
      for held in report.held {
        reported.held.removeAll { $0.source == held.source }
        reported.held.append(held)
      }
    }
  }

  /// Nothing of the source is unavailable any more.
  mutating func canSee(_ source: String) { reported.unavailable.removeAll { $0.source == source } }

  /// Nothing of the source is missing, so that no deletion is held any more.
  mutating func hasEverything(_ source: String) { reported.held.removeAll { $0.source == source } }

  /// Any number of deletions is accepted in the next run over the whole source.
  mutating func acceptDeletions(of source: String) {
    accepted.insert(source)
    workload.add(whole: source)
  }

  func acceptsDeletions(of source: String) -> Bool { accepted.contains(source) }

  mutating func maintained() {
    needsMaintenance = false
    lastMaintenance = .now
  }

  // MARK: Errors

  mutating func succeeded() {
    pause = nil
    pausedUntil = nil
    reported.error = nil
  }

  /// Notes an error of the collection as a whole; answers the pause before the next attempt.
  mutating func failed(_ unit: Workload.Unit?, _ error: FreshetError, _ options: LiveOptions) -> Duration {
    if let unit { workload.putBack(unit) }
    let next = min(pause.map { $0 * 2 } ?? options.errorPause, options.errorPauseMaximum)
    pause = next
    pausedUntil = .now + next
    reported.error = FreshetErrorRecord(error)
    return next
  }

  /// Notes a document that failed: for a passing reason it is tried again.
  mutating func note(_ failure: FailureRecord, _ options: LiveOptions) {
    guard failure.error.isTransient, failure.attempts < options.attempts else { return }
    var wait = options.retryPause
    // No longer than to the next survey, which tries everything again.
    for _ in 1..<max(1, failure.attempts) where wait < options.surveyInterval { wait *= 4 }
    // Spread over half of it, so that many do not come at once.
    let jitter = Double.random(in: 0.75...1.25)
    retries.removeAll { $0.source == failure.source && $0.path == failure.itemPath }
    retries.append(Retry(due: .now + wait * jitter, source: failure.source, path: failure.itemPath))
  }
}

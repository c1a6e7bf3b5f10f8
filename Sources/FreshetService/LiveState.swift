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

  /// Attempts of a document that failed for a passing reason; then it waits for the next survey.
  static let attemptsMax = 3
  /// The pause before the second attempt; each later one is four times as long.
  static let retryPause: Duration = .seconds(1)

  var workload = Workload()
  var freshPace = LoadPace()
  var loadPace = LoadPace()
  var unsettled: [String: Set<[UInt8]>] = [:]
  var current: Current?
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
      case .trees: "trees"
      case .moved: "moved"
      case .survey: "survey"
      case .load: "load"
      case .whole: "whole"
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
    if !uncounted.isEmpty, workload.isEmpty, now >= lastWork + options.maintenanceQuiet {
      for source in uncounted { workload.survey(source) }
      uncounted = []
    }
  }

  /// When something is due that nobody wakes it for.
  func nextDue(_ now: ContinuousClock.Instant, _ options: LiveOptions) -> ContinuousClock.Instant {
    var due = nextSurvey
    if let retry = retries.map(\.due).min() { due = min(due, retry) }
    if needsMaintenance || !uncounted.isEmpty { due = min(due, lastWork + options.maintenanceQuiet) }
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
    // What is listed again after each interruption goes on at least for a time that grows.
    var leastTime = options.leastLoad
    switch unit {
    case .moved(let source, _), .whole(let source):
      leastTime = options.leastLoad * (1 << min(interruptions[source] ?? 0, Self.interruptionsMax))
    case .fresh, .trees, .survey, .load: break
    }
    let begun = Current(
      number: units,
      unit: unit,
      stop: StopSignal(),
      since: now,
      leastTime: leastTime,
      run: run
    )
    current = begun
    return begun
  }

  /// Notes that the unit under way has ended.
  mutating func endUnit() {
    current = nil
    workload.finished()
  }

  /// Interruptions after which the time for which a run over a source goes on at least no longer doubles.
  private static let interruptionsMax = 5
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
    if kind == .load, !report.interrupted { loadPace.took(duration, files: files) }
    // One file alone says little of how long many take.
    if kind == .fresh, !report.interrupted, files * 2 >= freshPace.size { freshPace.took(duration, files: files) }
    switch current?.unit {
    case .moved(let source, _)?:
      interruptions[source] = report.interrupted ? (interruptions[source] ?? 0) + 1 : nil
      hold(report.held)
    case .whole(let source)?:
      interruptions[source] = report.interrupted ? (interruptions[source] ?? 0) + 1 : nil
      guard !report.interrupted else { break }
      accepted.remove(source)
      uncounted.remove(source)
      canSee(source)
      hasEverything(source)
      reported.held += report.held
      reported.unavailable += report.unavailable
    case .fresh?, .load?, .trees?, .survey?, nil: hold(report.held)
    }
  }

  /// Sources of which a part was held back: how much there is in all, their next run says.
  private var uncounted: Set<String> = []

  /// Notes deletions that a run over a part of a source held back.
  private mutating func hold(_ held: [HeldDeletions]) {
    for held in held {
      uncounted.insert(held.source)
      guard !reported.held.contains(where: { $0.source == held.source && $0.count >= held.count }) else { continue }
      hasEverything(held.source)
      reported.held.append(held)
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
  mutating func note(_ failure: FailureRecord) {
    guard failure.error.isTransient, failure.attempts < Self.attemptsMax else { return }
    var wait = Self.retryPause
    for _ in 1..<max(1, failure.attempts) { wait *= 4 }
    // Spread over half of it, so that many do not come at once.
    let jitter = Double.random(in: 0.75...1.25)
    retries.removeAll { $0.source == failure.source && $0.path == failure.itemPath }
    retries.append(Retry(due: .now + wait * jitter, source: failure.source, path: failure.itemPath))
  }
}

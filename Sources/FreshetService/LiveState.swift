import FreshetModel
import FreshetSync
import FreshetSystem

/// What a live service remembers from one unit of work to the next.
struct LiveState {
  /// Work under way that can be ended, and goes on later.
  struct Run: Sendable {
    var number: Int
    var stop: StopSignal
    var since: ContinuousClock.Instant
    /// How long it goes on before something urgent ends it.
    var leastTime: Duration
  }

  /// The unit under way.
  struct Current: Sendable {
    var unit: Workload.Unit
    var run: Run
    /// What it goes on with.
    var continued: SyncReport?
    /// When the first of the changes was seen that it takes up; `nil` for what was found by listing.
    var freshSince: ContinuousClock.Instant?

    var isInterruptible: Bool {
      if case .fresh = unit { false } else { true }
    }
  }

  /// A path that failed for a passing reason.
  private struct Retry: Hashable {
    var source: String
    var path: [UInt8]
  }

  var workload = Workload()
  var freshPace = LoadPace()
  var loadPace = LoadPace()
  var current: Current?
  /// When the first of the changes was seen that wait.
  var freshSince: ContinuousClock.Instant?
  /// Work of others, between two units.
  var guests = GuestQueue()
  /// A sync of the guest that works, and whether it can pause.
  private var guestRun: (run: Run, canPause: Bool)?
  /// How often the guest that works has paused.
  private var guestPauses = 0
  /// Ends the maintenance under way.
  var maintenance: StopSignal?
  var isStopping = false
  /// Why it can take up nothing more: the collection's folder is not in its place.
  var loss: FreshetError?
  var nextSurvey = ContinuousClock.now
  private var units = 0
  /// What is tried again, and when.
  private var retries: [Retry: ContinuousClock.Instant] = [:]
  private var run: SyncReport?
  private var runBegan = ContinuousClock.now
  private var lastWork = ContinuousClock.now
  private var lastMaintenance = ContinuousClock.now
  private var needsMaintenance = false
  private var isIdle = false
  private var isEmbedderInDoubt = false
  /// When it is tried whether the embedder answers again.
  private var embedderTrial: ContinuousClock.Instant?
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
      case .everything: "whole"
      case .vectors: "vectors"
      }
    }
    if let guest = guests.working { status.working = guest.name }
    status.queued = workload.waiting + retries.count
    status.error = trouble.error ?? maintenanceTrouble.error
    return status
  }

  // MARK: Time

  /// Moves what is due into the workload.
  mutating func enqueueDue(_ now: ContinuousClock.Instant, sources: [String], _ options: LiveOptions) {
    if now >= nextSurvey {
      for source in sources { workload.survey(source) }
      nextSurvey = now + options.surveyInterval
    }
    if let due = embedderTrial, due <= now {
      embedderTrial = nil
      workload.addVectors()
    }
    for (retry, due) in retries where due <= now {
      workload.add(again: retry.path, of: retry.source)
      retries[retry] = nil
    }
    if !uncounted.isEmpty, workload.isEmpty, now >= lastWork + options.maintenanceQuiet {
      for source in uncounted { workload.survey(source) }
      uncounted = []
    }
  }

  /// When something is due that nobody wakes it for.
  func nextDue(_ now: ContinuousClock.Instant, _ options: LiveOptions) -> ContinuousClock.Instant {
    var due = nextSurvey
    if let retry = retries.values.min() { due = min(due, retry) }
    if let embedderTrial { due = min(due, embedderTrial) }
    let rest = lastWork + options.maintenanceQuiet
    if !uncounted.isEmpty { due = min(due, rest) }
    if needsMaintenance { due = min(due, max(rest, maintenanceTrouble.until ?? rest)) }
    return due
  }

  func isMaintenanceDue(_ now: ContinuousClock.Instant, _ options: LiveOptions) -> Bool {
    guard needsMaintenance, !workload.isUrgent, maintenanceTrouble.until.map({ $0 <= now }) ?? true else {
      return false
    }
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
    let interrupted = unit.relisted.flatMap { interruptions[$0] } ?? 0
    let leastTime = options.leastLoad * (1 << min(interrupted, Self.interruptionsMax))
    var begun = Current(
      unit: unit,
      run: Run(number: units, stop: StopSignal(), since: now, leastTime: leastTime),
      continued: run
    )
    switch unit {
    case .fresh, .trees, .moved:
      begun.freshSince = freshSince
      freshSince = nil
    case .survey, .load, .vectors, .whole, .everything: break
    }
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
  /// By `Workload.Unit.relisted`.
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
    // Files that turned out to be done already, as after an interruption, say nothing of how long others take.
    let done = min(files, change.documents.changed + change.documents.refreshed + change.documents.failed)
    if kind == .load { loadPace.took(duration, files: done) }
    // One file alone says little of how long many take.
    if kind == .fresh, done * 2 >= freshPace.size { freshPace.took(duration, files: done) }
    if let relisted = current?.unit.relisted {
      interruptions[relisted] = report.interrupted ? (interruptions[relisted] ?? 0) + 1 : nil
    }
    switch current?.unit {
    case .whole(let source)?:
      guard !report.interrupted else { break }
      accepted.remove(source)
      uncounted.remove(source)
      canSee(source)
      hasEverything(source)
      reported.held += report.held
      reported.unavailable += report.unavailable
    case .everything?:
      guard !report.interrupted else { break }
      uncounted = []
      reported.held = report.held
      reported.unavailable = report.unavailable
    case .moved?, .fresh?, .load?, .trees?, .survey?, .vectors?, nil:
      hold(report.held)
      miss(report.unavailable)
    }
  }

  /// Sources of which a part was held back or could not be seen: how much there is in all, their next run says.
  private var uncounted: Set<String> = []

  /// Notes what a run over a part of a source could not see.
  private mutating func miss(_ problems: [SourceProblem]) {
    for problem in problems
    where !reported.unavailable.contains(where: { $0.source == problem.source && $0.path == problem.path }) {
      uncounted.insert(problem.source)
      reported.unavailable.append(problem)
    }
  }

  /// Has a source looked at as a whole when all could be seen in paths that hid something before.
  mutating func saw(_ paths: [[UInt8]], of source: String) {
    let paths = Set(paths)
    let isCleared = reported.unavailable.contains { problem in
      problem.source == source && Workload.covers(paths, Array(problem.path.utf8))
    }
    if isCleared { uncounted.insert(source) }
  }

  /// Notes deletions that a run over a part of a source held back.
  private mutating func hold(_ held: [HeldDeletions]) {
    for held in held {
      uncounted.insert(held.source)
      guard !reported.held.contains(where: { $0.source == held.source && $0.count >= held.count }) else { continue }
      hasEverything(held.source)
      reported.held.append(held)
    }
  }

  /// Takes back what a listing of a whole source disproves.
  mutating func saw(_ items: OutstandingItems) {
    guard items.isComplete else { return }
    canSee(items.source)
    if items.missing == 0 { hasEverything(items.source) }
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

  // MARK: Guests

  /// Pauses of a guest, after which it goes on to its end: its listing alone may take longer than all the time it gets.
  private static let guestPausesMax = 32

  /// What may be interrupted for a saved file.
  var interruptible: Run? {
    if let current { return current.isInterruptible ? current.run : nil }
    guard let guestRun, guestRun.canPause else { return nil }
    return guestRun.run
  }

  /// Whether somebody waits for what is under way: changes, or calls, of which one may be paused.
  var isAwaited: Bool {
    workload.hasChanges || !guests.waiting.isEmpty || current != nil && guests.working != nil
  }

  /// Notes a guest's sync that begins, or goes on.
  mutating func guestBegan(_ run: StopSignal, canPause: Bool, _ options: LiveOptions) {
    units += 1
    let leastTime = options.leastLoad * (1 << min(guestPauses, Self.interruptionsMax))
    let run = Run(number: units, stop: run, since: .now, leastTime: leastTime)
    guestRun = (run, canPause && guestPauses < Self.guestPausesMax)
    guestPauses += 1
  }

  /// Notes that it ended, or is paused.
  mutating func guestEnded(_ change: SyncReport?) {
    guestRun = nil
    guard let change else { return }
    reported.totals.add(change)
    if change.checkpoints > 0 { reported.lastChange = SystemWallClock().now() }
    hold(change.held)
    miss(change.unavailable)
  }

  /// Notes that a guest has done its work: what follows is of another run.
  mutating func guestWorked() {
    guests.finished()
    guestPauses = 0
    run = nil
    lastWork = .now
  }

  // MARK: The embedder

  /// Notes whether the embedder answers. While it does not, a trial is due after each pause; when it does again, all
  /// sources are to be listed, since what failed meanwhile is known by that.
  mutating func noteEmbedder(isInDoubt: Bool, isDown: Bool, sources: [String], _ options: LiveOptions) {
    if isInDoubt {
      isEmbedderInDoubt = true
      if embedderTrial == nil {
        embedderTrial = .now + (isDown ? options.embedderTrialInterval : options.embedderDoubtInterval)
      }
    } else if isEmbedderInDoubt {
      isEmbedderInDoubt = false
      embedderTrial = nil
      workload.addVectors()
      for source in sources { workload.survey(source) }
    }
  }

  // MARK: Others

  /// Sources of which something is shown as held or unavailable.
  var troubled: [String] { reported.held.map(\.source) + reported.unavailable.map(\.source) }

  /// Forgets what is of sources that are no longer configured.
  mutating func keep(only sources: Set<String>) {
    workload.keep(only: sources)
    retries = retries.filter { sources.contains($0.key.source) }
    uncounted.formIntersection(sources)
    reported.unavailable.removeAll { !sources.contains($0.source) }
  }

  mutating func maintained() {
    needsMaintenance = false
    lastMaintenance = .now
    maintenanceTrouble.end()
  }

  // MARK: Errors

  /// Work that fails as a whole, and when it is tried again.
  private struct Trouble {
    var error: FreshetErrorRecord?
    var until: ContinuousClock.Instant?
    private var pause: Duration?

    /// Notes an error; answers the pause before the next attempt.
    mutating func note(_ error: FreshetError, _ options: LiveOptions) -> Duration {
      let next = min(pause.map { $0 * 2 } ?? options.errorPause, options.errorPauseMaximum)
      pause = next
      until = .now + next
      self.error = FreshetErrorRecord(error)
      return next
    }

    mutating func end() { self = Trouble() }
  }

  /// While the collection as a whole fails, nothing is done.
  private var trouble = Trouble()
  /// What maintenance does is made anew from the database at any time: nothing else waits for it.
  private var maintenanceTrouble = Trouble()

  var pausedUntil: ContinuousClock.Instant? { trouble.until }

  mutating func succeeded() { trouble.end() }

  /// Notes an error of the collection as a whole; answers the pause before the next attempt.
  mutating func failed(_ unit: Workload.Unit, _ error: FreshetError, _ options: LiveOptions) -> Duration {
    workload.putBack(unit)
    return trouble.note(error, options)
  }

  /// Notes an error of the maintenance; answers the pause before the next attempt.
  mutating func failedMaintenance(_ error: FreshetError, _ options: LiveOptions) -> Duration {
    maintenanceTrouble.note(error, options)
  }

  /// Notes a document that failed: for a passing reason it is tried again.
  mutating func note(_ failure: FailureRecord, _ options: LiveOptions) {
    guard failure.error.isTransient, failure.attempts < options.attempts else { return }
    var wait = options.retryPause
    // No longer than to the next survey, which tries everything again.
    for _ in 1..<max(1, failure.attempts) where wait < options.surveyInterval { wait *= 4 }
    // Spread over half of it, so that many do not come at once.
    let jitter = Double.random(in: 0.75...1.25)
    retries[Retry(source: failure.source, path: failure.itemPath)] = .now + wait * jitter
  }
}

import FreshetModel
import FreshetSystem
import Synchronization

/// What the parts of one run share.
final class SyncRun: Sendable {
  let stages: SyncStages
  let options: SyncOptions
  let id: RunID
  let startedAt: Timestamp
  let stop: StopSignal
  /// Threads for blocking work of the readers.
  let pool: ThreadPool
  /// What large documents under way may take of memory.
  let memory: ByteBudget
  let handler: @Sendable (SyncEvent) -> Void

  private let state: Mutex<State>

  private struct State {
    var report: SyncReport
    var progress = SyncProgress()
    var startRow: Bool = false
  }

  init(
    stages: SyncStages,
    options: SyncOptions,
    id: RunID,
    startedAt: Timestamp,
    stop: StopSignal,
    handler: @escaping @Sendable (SyncEvent) -> Void
  ) {
    self.stages = stages
    self.options = options
    self.id = id
    self.startedAt = startedAt
    self.stop = stop
    self.handler = handler
    pool = ThreadPool(name: "freshet-read", threads: options.workers + 1)
    memory = ByteBudget(limit: options.bytesInFlight)
    state = Mutex(State(report: SyncReport(run: id)))
  }

  var report: SyncReport { state.withLock { $0.report } }

  /// Changes the report.
  func count(_ change: (inout SyncReport) -> Void) {
    state.withLock { change(&$0.report) }
  }

  /// Changes the progress and tells it.
  func advance(_ change: (inout SyncProgress) -> Void) {
    let progress = state.withLock { state in
      change(&state.progress)
      return state.progress
    }
    handler(.progress(progress))
  }

  /// Counts and tells a problem of a source.
  func report(_ problem: SourceProblem) {
    count { $0.unavailable.append(problem) }
    handler(.unavailable(problem))
  }

  /// Measures a body's wall-clock seconds into the report.
  func timed<Result>(
    _ seconds: any WritableKeyPath<SyncReport.Seconds, Double> & Sendable,
    _ body: () async throws -> Result
  ) async rethrows -> Result {
    let start = ContinuousClock.now
    defer {
      let elapsed = (ContinuousClock.now - start).inSeconds
      count { $0.seconds[keyPath: seconds] += elapsed }
    }
    return try await body()
  }
}

extension Duration {
  /// The duration in seconds.
  public var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}

/// One source in one run.
final class SourcePass: Sendable {
  let source: any Source
  let record: SourceRecord
  /// What makes the source's editions now.
  let pipeline: String
  /// Whether an edition of the source may be of another pipeline, so that everything is read.
  let isStale: Bool
  /// Its live documents before the run.
  let live: Int

  init(source: any Source, record: SourceRecord, live: Int, pipeline: String) {
    self.source = source
    self.record = record
    self.live = live
    self.pipeline = pipeline
    isStale = record.pipeline != pipeline
  }
}

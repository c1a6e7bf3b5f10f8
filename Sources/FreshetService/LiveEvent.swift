import FreshetModel
import FreshetSources

/// What a live service tells while it works.
public enum LiveEvent: Sendable {
  /// It watches, and the sources are being gone through.
  case started(sources: Int)
  /// Something happened to a document, as in a sync.
  case sync(SyncEvent)
  /// A unit of work is committed: what it did, and how long it took.
  case worked(LiveWork)
  /// A part of the tree cannot be watched as it should.
  case watchProblem(source: String, FreshetError)
  /// The collection as a whole failed; it is tried again after the pause.
  case failed(FreshetError, pause: Duration)
  /// Index files and old versions were seen to.
  case maintained
  /// What it did since the last report.
  case reported(LiveReport)
  /// Documents fail in numbers, or that is over.
  case alert(LiveAlert)
  /// A receiver did not take an alert.
  case alertUndelivered(consumer: String, FreshetError)
  /// The memory is above one of its bounds, or below it again.
  case memory(LiveMemory)
  /// The file with the figures cannot be written; said once.
  case figuresFailed(FreshetError)
  /// The configuration was read anew and is in force, but for what is said here.
  case reloaded(left: [String])
  /// The configuration was read anew and is refused; the one before stays in force.
  case reloadRefused(FreshetError)
  /// The control socket's name was removed, and made again, unless there is an error; that is told once, and it is tried
  /// again.
  case controlSocketRemoved(FreshetError?)
  /// The collection's folder is not in its place any more, so the service ends.
  case lost(FreshetError)
  /// Nothing is left to do.
  case idle
  /// It is ending.
  case stopping
}

/// What one unit of work did.
public struct LiveWork: Sendable {
  /// What it was of.
  public enum Kind: String, Sendable {
    /// Files that changed a moment ago.
    case fresh
    /// Paths below which files were missing.
    case moved
    /// Files that a listing found.
    case load
    /// A whole source.
    case whole
    /// A call of the command, or a part of one that made way for saved files.
    case call
  }

  /// What it was of.
  public var kind: Kind
  /// What changed, as counts.
  public var report: SyncReport
  /// What it took.
  public var duration: Duration
  /// From the first of the changes, as its event came, to the commit; `nil` when nothing of it was a saved file.
  public var latency: Duration?
}

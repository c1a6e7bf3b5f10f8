import FreshetModel

/// How a source is being watched at a moment.
public struct WatchStatus: Sendable, Equatable {
  /// How changes are seen.
  public enum Mode: String, Sendable {
    /// By the system's events.
    case events
    /// By listing again and again.
    case polling
    /// By events, and in some folders by listing.
    case mixed
    /// Not at all: the root is not there. It is looked for.
    case waiting
  }

  /// How changes are seen.
  public var mode = Mode.waiting
  /// Folders that the system reports on.
  public var watches = 0
  /// Links that are followed: they count as changed when something on their way does.
  public var links = 0
  /// Paths that wait to be released.
  public var pendingPaths = 0
  /// How often the system's queue was full, so that everything had to be listed again.
  public var overflows = 0
  /// The outermost folders that are polled; the root's path is empty.
  public var polledFolders: [[UInt8]] = []
  /// Files that the last polling pass found.
  public var polledFiles = 0
  /// Bytes that are kept of them.
  public var polledBytes = 0
  /// How long the last polling pass took.
  public var pollDuration = Duration.zero
  /// Events that were read, those of no interest too.
  public var events = 0
}

/// Something that limits what is seen. Nothing is lost by it: what cannot be watched is polled.
public struct WatchProblem: Sendable {
  /// What it is, for programs.
  public enum Kind: String, Sendable {
    /// The user's watches are used up.
    case watchLimit = "watch_limit"
    /// The user's queues are used up.
    case queueLimit = "queue_limit"
    /// Events came faster than they could be read, and the queue was full.
    case overflow
    /// The root is not there.
    case rootGone = "root_gone"
    /// A folder cannot be watched for another reason.
    case unwatchable
  }

  /// What it is.
  public var kind: Kind
  /// A sentence with cause and remedy, and the folder.
  public var error: FreshetError
}

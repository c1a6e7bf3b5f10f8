import FreshetModel

/// What a track of a folder does otherwise than by default.
public struct TrackingRequest: Sendable {
  /// What is done when a file fails.
  public enum ErrorPolicy: Sendable {
    /// The others go on; the result tells of each that failed.
    case `continue`
    /// Nothing new is begun; what is done is committed.
    case stop
  }

  /// Patterns of the files, relative to the folder, as a source's `include` has them; empty means every file.
  public var patterns: [String] = []
  /// Whether folders below it are entered.
  public var isRecursive = true
  /// Files read at the same time; `nil` as configured.
  public var maxWorkers: Int?
  /// What is done when a file fails.
  public var onError = ErrorPolicy.continue
  /// Said of each document and kept with it, as `Collection.track(_:metadata:…)` says.
  public var metadata: Metadata = [:]
  /// Who makes the versions; `nil` for the process's user and host.
  public var actor: String?

  /// Takes what is not as by default.
  public init(
    patterns: [String] = [],
    isRecursive: Bool = true,
    maxWorkers: Int? = nil,
    onError: ErrorPolicy = .continue,
    metadata: Metadata = [:],
    actor: String? = nil
  ) {
    self.patterns = patterns
    self.isRecursive = isRecursive
    self.maxWorkers = maxWorkers
    self.onError = onError
    self.metadata = metadata
    self.actor = actor
  }
}

/// How far a track of a folder is.
public struct TrackingProgress: Sendable, Hashable {
  /// Files that are done, also those that were as before.
  public var completed: Int
  /// Files found so far; all of them once `isTotalKnown`.
  public var total: Int
  /// Whether everything has been listed.
  public var isTotalKnown: Bool

  /// The share that is done, 0 to 1; 0 before the total is known.
  public var fraction: Double {
    isTotalKnown ? (total == 0 ? 1 : Double(completed) / Double(total)) : 0
  }
}

/// What a track of a folder did. Everything in it is committed.
public struct TrackingResult: Sendable {
  /// Documents whose state changed, deletions among them, in the order of their commits.
  public var changed: [DocumentOutcome] = []
  /// Documents that are as they were.
  public var unchanged = 0
  /// Files and documents that failed, each with its error; what was known of them stays.
  public var failed: [FailureRecord] = []
  /// Files that a rule left out.
  public var skipped = 0
  /// Wall-clock time.
  public var duration = Duration.zero
  /// The collection's head afterwards.
  public var sequence: SequenceNumber = 0
  /// Whether it ended before everything was looked at: after a failure, as `onError` said, or because it was stopped.
  public var isStopped = false

  /// Documents that did not fail.
  public var succeeded: Int { changed.count + unchanged }
  /// Documents that were looked at.
  public var total: Int { succeeded + failed.count }
  /// The share of documents that did not fail; 1 when there were none.
  public var successRate: Double { total == 0 ? 1 : Double(succeeded) / Double(total) }
}

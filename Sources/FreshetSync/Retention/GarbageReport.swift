import FreshetModel

/// How garbage is collected.
public struct GarbageOptions: Sendable {
  /// Rows that one transaction removes or marks, about.
  public var rowsPerStep = 2_000
  /// Bytes of free pages that one transaction returns to the file system.
  public var bytesPerStep: Int64 = 4 << 20
  /// Passages without a chunk that are looked up at once.
  public var passagesPerLookup = 50_000
  /// How long it may take; the step under way is finished. `nil` for as long as it takes.
  public var timeLimit: Duration?
  /// The share of the file that must be free for space to be returned.
  public var leastFreeShare = 0.0
  /// Whether the database is written anew: the smallest file, at the price of twice its size for that time.
  public var rewritesDatabase = false

  /// Starts with the defaults.
  public init() {}
}

/// How far a collection of garbage has come.
public struct GarbageProgress: Hashable, Sendable {
  /// What is done now.
  public enum Stage: String, Sendable {
    /// The rules are applied to every document, and what they let go is marked.
    case marking
    /// What marked versions needed is removed.
    case removing
    /// The oldest rows of the log are removed.
    case pruning
    /// Free space is returned to the file system.
    case returning
  }

  /// What is done now.
  public var stage: Stage
  /// Documents looked at, versions done, changes pruned, or bytes returned.
  public var completed: Int
  /// How many of these there are; `nil` while nobody knows.
  public var total: Int?
}

/// What a collection of garbage did.
public struct GarbageReport: Hashable, Sendable {
  /// What was removed.
  public var removed = ReclaimedAmounts()
  /// Whether all of it is done: not stopped, not out of time, and the space is returned as far as it can be.
  public var isComplete = true
  /// The first sequence whose state can still be asked for.
  public var historyFloor: SequenceNumber = 0
  /// The last change that was pruned from the log; 0 when the log is whole.
  public var logAnchor: SequenceNumber = 0
  /// The files before; `nil` for a collection in memory.
  public var before: StoreSpace?
  /// The files after.
  public var after: StoreSpace?
  /// What kept space from being returned, with the remedy.
  public var notice: String?
  /// Wall-clock seconds.
  public var seconds = 0.0

  /// Starts with nothing.
  public init() {}

  /// Bytes by which the files became smaller.
  public var returnedBytes: Int64 {
    guard let before, let after else { return 0 }
    return max(0, before.bytes + before.logBytes - after.bytes - after.logBytes)
  }
}

/// What a collection of garbage would do.
public struct GarbageForecast: Hashable, Sendable {
  /// What would be removed.
  public var removable = ReclaimedAmounts()
  /// The first sequence whose state could be asked for after it.
  public var historyFloor: SequenceNumber = 0
  /// The last change that would be pruned from the log by then; 0 when it would be whole.
  public var logAnchor: SequenceNumber = 0
  /// The files as they are.
  public var space: StoreSpace?

  /// Starts with nothing.
  public init() {}
}

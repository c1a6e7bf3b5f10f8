/// How changes of a directory are waited for.
public struct WatchOptions: Sendable {
  /// How changes are seen.
  public enum Mode: String, Sendable, CaseIterable {
    /// By the system's events where they can be relied on, else by polling.
    case automatic = "auto"
    /// By the system's events, also on file systems that are known to miss some.
    case events
    /// By listing the source again and again.
    case polling
  }

  /// How changes are seen.
  public var mode: Mode
  /// The quiet time after which a finished save counts.
  public var debounce: Duration
  /// Releases are made in steps of this time, so that what changed together leaves together.
  public var step: Duration
  /// By how much the quiet time grows each time that a file is written again soon after it was closed.
  public var debounceGrowth: Int
  /// The longest quiet time: for files that are written again and again, for those of which nobody can say whether they
  /// are still open, and for folders in which so much happens that they are looked at as a whole.
  public var settle: Duration
  /// The longest time that a file is held because it is still being written.
  public var holdLimit: Duration
  /// The longest time that a whole folder, or everything, is held because changes go on in it.
  public var folderHoldLimit: Duration
  /// Paths that may wait; above that, those in one folder become that folder, and in the end everything.
  public var pathsMax: Int
  /// Paths of which is remembered for a while that they were just rewritten.
  public var rewrittenMax: Int
  /// Time between the starts of two polling passes.
  public var pollInterval: Duration
  /// A pass takes at most one part in so many of the time: after a slow one the next waits longer.
  public var pollRestFactor: Int
  /// Time between two looks at whether the root is still the one that is watched.
  public var rootInterval: Duration
  /// Time after which a folder that could not be watched for lack of watches is tried again.
  public var limitRetryInterval: Duration
  /// Problems that wait for somebody to read them; older ones go first.
  public var problemsMax: Int

  /// The defaults, for documents that people and programs save.
  public init(
    mode: Mode = .automatic,
    debounce: Duration = .milliseconds(40),
    step: Duration = .milliseconds(10),
    debounceGrowth: Int = 4,
    settle: Duration = .seconds(1),
    holdLimit: Duration = .seconds(300),
    folderHoldLimit: Duration = .seconds(10),
    pathsMax: Int = 50_000,
    rewrittenMax: Int = 4_096,
    pollInterval: Duration = .seconds(2),
    pollRestFactor: Int = 10,
    rootInterval: Duration = .seconds(2),
    limitRetryInterval: Duration = .seconds(60),
    problemsMax: Int = 64
  ) {
    self.mode = mode
    self.debounce = debounce
    self.step = step
    self.debounceGrowth = debounceGrowth
    self.settle = settle
    self.holdLimit = holdLimit
    self.folderHoldLimit = folderHoldLimit
    self.pathsMax = pathsMax
    self.rewrittenMax = rewrittenMax
    self.pollInterval = pollInterval
    self.pollRestFactor = pollRestFactor
    self.rootInterval = rootInterval
    self.limitRetryInterval = limitRetryInterval
    self.problemsMax = problemsMax
  }
}

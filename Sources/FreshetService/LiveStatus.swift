import FreshetModel

/// What a live service does at a moment.
public struct LiveStatus: Sendable {
  /// When it began.
  public var startedAt = Timestamp.epoch
  /// The unit of work under way: `fresh`, `trees`, `moved`, `survey`, `load`, `whole`; `nil` when it waits.
  public var working: String?
  /// Files and paths that wait for their turn.
  public var queued = 0
  /// When it last committed a change; `nil` before the first.
  public var lastChange: Timestamp?
  /// What it did since it began.
  public var totals = SyncReport(run: RunID(high: 0, low: 0))
  /// Deletions that are held back, by source.
  public var held: [HeldDeletions] = []
  /// Sources that cannot be seen, or only in part.
  public var unavailable: [SourceProblem] = []
  /// What the watchers say of themselves.
  public var watch: [WatchedSource] = []
  /// Whether the embedder is left alone because it does not answer.
  public var isEmbedderDown = false
  /// The last error of the collection as a whole that is not over.
  public var error: FreshetErrorRecord?
  /// Bytes of the process that are resident, now and at most.
  public var residentBytes: Int64 = 0
  /// See `residentBytes`.
  public var peakMemoryBytes: Int64 = 0
  /// Which of its bounds the memory is above.
  public var memory = LiveMemory.Level.normal
  /// Alerts that are on.
  public var alerts: [LiveAlert] = []

  /// How a source is watched.
  public struct WatchedSource: Sendable {
    /// The source's name.
    public var source: String
    /// `inotify`, `polling` or `mixed`.
    public var mode: String
    /// Folders that are watched.
    public var folders: Int
    /// Paths with changes that have not settled.
    public var unsettled: Int
    /// How often the system could not keep up with telling, and everything was listed anew.
    public var overflows: Int
  }
}

import FreshetModel

/// How a live service sees changes.
public struct WatchConfiguration: Hashable, Sendable {
  /// How changes are seen.
  public enum Method: String, Sendable, CaseIterable {
    /// By the system's events where they can be relied on, else by polling.
    case auto
    /// By the system's events, also on file systems that are known to miss some.
    case events
    /// By listing the sources again and again.
    case polling
  }

  /// How changes are seen.
  public var method = Method.auto
  /// Time between two pollings.
  public var pollInterval = Duration.seconds(2)
  /// How often every source is listed, whatever was seen of it.
  public var surveyInterval = Duration.seconds(3600)

  /// Starts with the defaults.
  public init() {}
}

/// How much memory a live service may take.
public struct MemoryConfiguration: Hashable, Sendable {
  /// Resident bytes above which it warns; 0 for never.
  public var warn: Int64 = 4_000_000_000
  /// Resident bytes above which it slows down; `nil` for never.
  public var limit: Int64?

  /// Starts with the defaults.
  public init() {}
}

/// Where figures for Prometheus are written.
public struct MetricsConfiguration: Hashable, Sendable {
  /// The file, absolute; `nil` writes none.
  public var file: String?
  /// Time between two writes.
  public var interval = Duration.seconds(15)

  /// Starts with the defaults.
  public init() {}
}

/// When a live service is told of as failing.
public struct AlertConfiguration: Hashable, Sendable {
  /// Failures in a row from which there is an alert; 0 for none.
  public var afterFailures = 10
  /// The share of the documents of a window from which there is an alert; 0 for none.
  public var failureRate = 0.5
  /// The time that the share is of.
  public var window = Duration.seconds(600)
  /// The least time between two alerts of one kind.
  public var coolDown = Duration.seconds(3600)

  /// Starts with the defaults.
  public init() {}
}

/// What becomes of documents that fail.
public struct FailureConfiguration: Hashable, Sendable {
  /// The folder in each source, relative to its root, that files are moved to when they failed for good; `nil` leaves
  /// them where they are.
  public var folder: String?
  /// Attempts of a document that fails for a passing reason, in a row; then it waits for the next survey.
  public var attempts = 3
  /// The pause before the second attempt; each later one is four times as long.
  public var pause = Duration.seconds(1)

  /// Starts with the defaults.
  public init() {}
}

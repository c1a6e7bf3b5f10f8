import FreshetConfiguration
import FreshetSources
import FreshetSystem

/// How a live service works.
public struct LiveOptions: Sendable {
  /// Who makes the versions; `nil` for the process's user and host.
  public var actor: String?
  /// How changes are seen.
  public var watch = WatchOptions()
  /// How often every source is listed, whatever was seen of it.
  public var surveyInterval: Duration = .seconds(3_600)
  /// How long nothing must happen before index files are brought to the present and old versions are collected.
  public var maintenanceQuiet: Duration = .seconds(5)
  /// The longest between two maintenances while there is always something to do.
  public var maintenanceInterval: Duration = .seconds(300)
  /// How long changes belong to one run, as `runs` shows them, at most; and the quiet time that ends one.
  public var runPeriod: Duration = .seconds(3_600)
  /// See `runPeriod`.
  public var runQuiet: Duration = .seconds(60)
  /// How long a load goes on before an urgent change may interrupt it.
  public var leastLoad: Duration = .milliseconds(200)
  /// The pause after an error of the whole collection (a full disk, a store that fails), doubled up to the maximum.
  public var errorPause: Duration = .seconds(1)
  /// See `errorPause`.
  public var errorPauseMaximum: Duration = .seconds(60)

  /// Attempts of a document that fails for a passing reason, in a row; then it waits for the next survey.
  public var attempts = 3
  /// The pause before the second attempt; each later one is four times as long, more or less by a quarter.
  public var retryPause: Duration = .seconds(1)
  /// Bounds of the memory.
  public var memory = MemoryConfiguration()
  /// Tells the resident bytes of the process; `nil` when the system does not.
  public var residentBytes: @Sendable () -> Int64? = { ProcessStatistics.residentBytes() }
  /// Between two looks at the memory.
  public var memoryInterval: Duration = .seconds(1)
  /// How long the memory must be a tenth below a bound to count as below it.
  public var memoryCalm: Duration = .seconds(30)
  /// When failing documents are an alert.
  public var alerts = AlertConfiguration()
  /// Where figures for Prometheus are written.
  public var metrics = MetricsConfiguration()
  /// The time between two reports in the log; zero for none.
  public var statisticsInterval: Duration = .seconds(3_600)
  /// How often it is tried whether an embedder that did not answer does again: a little longer than it is left alone.
  public var embedderTrialInterval: Duration = .seconds(31)
  /// How soon an embedder is tried again that failed to answer once or twice.
  public var embedderDoubtInterval: Duration = .seconds(4)
  /// Between two looks whether the collection's folder, and the control socket in it, are in their place.
  public var placeInterval: Duration = .seconds(5)
  /// How long a service that is to end waits for calls of embedders that are under way; then it leaves them.
  public var drainTime: Duration = .seconds(8)
  /// How long a service that is to end may take in all.
  public var stopDeadline: Duration = .seconds(20)

  /// Starts with the defaults.
  public init() {}

  /// What a configuration says, and the defaults for everything else.
  public init(_ configuration: Configuration) { take(configuration) }

  /// Takes what a configuration says, and leaves everything else.
  mutating func take(_ configuration: Configuration) {
    watch.mode = WatchOptions.Mode(rawValue: configuration.watch.method.rawValue) ?? .automatic
    watch.pollInterval = configuration.watch.pollInterval
    surveyInterval = configuration.watch.surveyInterval
    attempts = configuration.failures.attempts
    retryPause = configuration.failures.pause
    memory = configuration.memory
    alerts = configuration.alerts
    metrics = configuration.metrics
    statisticsInterval = configuration.statisticsInterval
  }
}

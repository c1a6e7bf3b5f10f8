import FreshetConfiguration
import FreshetModel
import FreshetSync
import FreshetSystem

/// How garbage is collected on one occasion.
public struct GarbageRequest: Sendable {
  /// How long it may take; the step under way is finished. `nil` for as long as it takes.
  public var timeLimit: Duration?
  /// Whether the database is written anew: the smallest file, at the price of twice its size for that time.
  public var rewritesDatabase = false

  /// Asks for everything, in steps.
  public init() {}
}

extension RetentionPolicy {
  /// The rules as they are configured.
  public init(_ rules: HistoryRules) {
    self.init()
    last = rules.keepLast
    everythingFor = rules.keepFor
    days = rules.keepDaily
    weeks = rules.keepWeekly
    months = rules.keepMonthly
    deletedFor = rules.keepDeleted
  }
}

extension Collection {
  /// How long garbage is collected after a sync at most, when that is configured.
  public static let timeAfterSync = Duration.seconds(30)
  /// The share of the database that must be free for space to be returned after a sync: the next sync needs some.
  static let leastFreeShareAfterSync = 0.1

  /// Removes what the rules of `history` let go and what nothing refers to any more, and returns the space to the file
  /// system. Searches go on meanwhile; a sync of this collection waits, or is waited for.
  ///
  /// Of every version the row stays, with its hash and its chain; `versions(of:)` and `verify` go on as before. States of
  /// the collection before the report's `historyFloor` can no longer be asked for. Of the log, what `history.keep_log` says
  /// is kept: `changes(after:)`, events and `audit` begin after the report's `logAnchor`.
  ///
  /// It is many short transactions: when the task is cancelled or `stop` is given, it ends after the one under way, and
  /// the next call goes on there. A second call right after one that is complete changes nothing.
  /// - Throws: `FreshetError` when the collection was opened for reading, or the store fails; what was done stays done.
  @discardableResult
  public func collectGarbage(
    _ request: GarbageRequest = GarbageRequest(),
    stop: StopSignal = StopSignal(),
    handler: @escaping @Sendable (GarbageProgress) -> Void = { _ in }
  ) async throws -> GarbageReport {
    let turn = try await turns.take(1)
    defer { withExtendedLifetime(turn) {} }
    // The index follows rows that may go now; behind the history floor it would be built anew.
    try await updateIndex()
    var options = GarbageOptions()
    options.timeLimit = request.timeLimit
    options.rewritesDatabase = request.rewritesDatabase
    return try await collector(options).run(stop: stop, handler: handler)
  }

  /// What `collectGarbage` would remove now, exactly; writes nothing and waits for no writer.
  public func garbageForecast() async throws -> GarbageForecast {
    try await collector(GarbageOptions()).forecast()
  }

  /// What a sync does at its end, when that is configured; the sync has the turn.
  func collectAfterSync(_ stop: StopSignal) async throws {
    var options = GarbageOptions()
    options.timeLimit = Self.timeAfterSync
    options.leastFreeShare = Self.leastFreeShareAfterSync
    _ = try await collector(options).run(stop: stop)
  }

  private func collector(_ options: GarbageOptions) -> GarbageCollector {
    let own = configuration.sources.compactMap { source in
      source.history.map { (source.name, RetentionPolicy($0)) }
    }
    return GarbageCollector(
      store: store,
      policies: Dictionary(own, uniquingKeysWith: { $1 }),
      standard: RetentionPolicy(configuration.history.rules),
      log: configuration.history.keepLog,
      options: options
    )
  }
}

import FreshetModel
import FreshetSystem

/// What syncs and services did within a period, summed over their runs.
public struct CollectionStatistics: Hashable, Sendable {
  /// The first moment of the period; `nil` when it begins with the first run.
  public var since: Timestamp?
  /// The first moment after it.
  public var until: Timestamp
  /// Runs that were under way within the period, each counted whole; a service's lasts up to an hour.
  public var runs = 0
  /// Runs among them that have no report: killed, or under way for the first time.
  public var unfinishedRuns = 0
  /// When the first of them began.
  public var firstRunAt: Timestamp?
  /// What they did, in sums.
  public var totals = SyncReport(run: RunID(high: 0, low: 0))
  /// Documents that are in quarantine now.
  public var failures = 0

  /// Vectors that were not computed because they were there: of chunks that stayed, moved, or were known by their text.
  public var embeddingsSaved: Int { totals.chunks.kept + totals.chunks.moved + totals.chunks.reused }

  /// Documents that changed, a second of work; `nil` when there was none.
  public var documentsPerSecond: Double? {
    let changed = totals.documents.changed + totals.documents.refreshed
    return totals.seconds.total > 0 && changed > 0 ? Double(changed) / totals.seconds.total : nil
  }

  /// The seconds of each stage, in the order of the flow.
  public var secondsByStage: [(stage: String, seconds: Double)] {
    let seconds = totals.seconds
    return [
      ("listing", seconds.list), ("reading", seconds.read),
      ("parsing", seconds.parseAlone), ("chunking", seconds.chunk),
      ("embedding", seconds.embed), ("committing", seconds.commit), ("indexing", seconds.index),
    ]
  }
}

extension Collection {
  /// Runs that are read at once.
  private static let statisticsPage = 500

  /// What was done since a moment, by syncs and services alike.
  ///
  /// - Parameter since: runs that ended before it do not count; `nil` counts every run that is kept.
  /// - Throws: `FreshetError` with `invalid_argument` for a moment that is a change or a run (name a time), or when the
  ///   store fails.
  public func statistics(since: Moment? = nil) async throws -> CollectionStatistics {
    let now = SystemWallClock().now()
    let from: Timestamp? =
      switch since {
      case nil: nil
      case .time(let span)?: span.start
      case .ago(let duration)?:
        Timestamp(nanoseconds: now.nanoseconds.subtractingReportingOverflow(duration.clampedNanoseconds).partialValue)
      case .sequence?, .run?:
        throw FreshetError(.invalidArgument, "a period begins at a time: `24h`, `7d`, `2026-03-01`")
      }
    var statistics = CollectionStatistics(since: from, until: now)
    var last: RunID?
    while true {
      let after = last
      let page = try await store.read(.everything) { snapshot in
        try snapshot.runs(
          from: from ?? Timestamp(nanoseconds: .min),
          to: Timestamp(nanoseconds: .max),
          after: after,
          limit: Self.statisticsPage
        )
      }
      for run in page {
        statistics.runs += 1
        statistics.firstRunAt = min(statistics.firstRunAt ?? run.startedAt, run.startedAt)
        if let report = run.report { statistics.totals.add(stored: report) } else { statistics.unfinishedRuns += 1 }
      }
      guard page.count == Self.statisticsPage, let end = page.last else { break }
      last = end.id
    }
    statistics.failures = try await store.read(.everything) { try $0.failures(source: nil, itemPath: nil).count }
    return statistics
  }
}

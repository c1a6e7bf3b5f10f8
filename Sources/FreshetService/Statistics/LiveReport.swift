import FreshetModel

/// What a service did since its last report.
public struct LiveReport: Sendable {
  /// The time since then.
  public var period: Duration
  /// What it did, as counts.
  public var work: SyncReport
  /// How it is now.
  public var status: LiveStatus
}

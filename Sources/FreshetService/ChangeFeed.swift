import FreshetModel
import FreshetSources

/// Where a live service hears of changes: the watchers of its sources.
public protocol ChangeFeed: Sendable {
  /// Watches from now on: what changes after this returned comes as a release.
  ///
  /// - Throws: `FreshetError` when nothing can be watched.
  func begin() async throws
  /// Gives each release to the receiver until the task is cancelled; then nothing is watched any more.
  func follow(_ receive: @escaping @Sendable (WatchRelease) -> Void) async
  /// The files of a source that are being written at this moment; each of them comes in a later release.
  ///
  /// - Parameter listing: whether the source is listed now.
  func unsettled(in source: String, listing: Bool) -> Set<[UInt8]>
  /// What the watchers say of themselves.
  var status: [LiveStatus.WatchedSource] { get }
}

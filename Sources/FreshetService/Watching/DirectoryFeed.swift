import FreshetModel
import FreshetSources
import Synchronization

/// Watchers of folders, one a source, as a live service's feed.
public final class DirectoryFeed: ChangeFeed {
  private let sources: [DirectorySource]
  private let options: WatchOptions
  private let tell: @Sendable (_ source: String, WatchProblem) -> Void
  private let watchers = Mutex<[(source: String, watcher: DirectoryWatcher)]>([])

  /// Watches nothing yet.
  ///
  /// - Parameter tell: hears of what limits the watching.
  public init(
    _ sources: [DirectorySource],
    options: WatchOptions = WatchOptions(),
    tell: @escaping @Sendable (_ source: String, WatchProblem) -> Void = { _, _ in }
  ) {
    self.sources = sources
    self.options = options
    self.tell = tell
  }

  public func begin() async throws {
    var begun: [(source: String, watcher: DirectoryWatcher)] = []
    do {
      for source in sources { begun.append((source.name, try await DirectoryWatcher(source, options: options))) }
    } catch {
      for (_, watcher) in begun { await watcher.stop() }
      throw error
    }
    let all = begun
    watchers.withLock { $0 = all }
  }

  public func follow(_ receive: @escaping @Sendable (WatchRelease) -> Void) async {
    let all = watchers.withLock { $0 }
    await withTaskGroup(of: Void.self) { group in
      for (source, watcher) in all {
        group.addTask { for await release in watcher { receive(release) } }
        group.addTask { for await problem in watcher.problems { self.tell(source, problem) } }
      }
    }
    for (_, watcher) in all { await watcher.stop() }
    watchers.withLock { $0 = [] }
  }

  public func unsettled(in source: String, listing: Bool) -> Set<[UInt8]> {
    let watcher = watchers.withLock { $0.first { $0.source == source }?.watcher }
    return watcher?.unsettled(listing: listing) ?? []
  }

  public var status: [LiveStatus.WatchedSource] {
    watchers.withLock { $0 }.map { source, watcher in
      let status = watcher.status
      return LiveStatus.WatchedSource(
        source: source,
        mode: status.mode.rawValue,
        folders: status.watches,
        unsettled: status.pendingPaths,
        overflows: status.overflows
      )
    }
  }
}

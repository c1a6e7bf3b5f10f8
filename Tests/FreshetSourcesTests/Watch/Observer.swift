import FreshetModel
import FreshetSources
import FreshetSystem
import Synchronization

/// Reads a watcher's releases in tests, and waits for what is to come.
final class Observer: Sendable {
  static let deadline = Duration.seconds(20)

  let watcher: DirectoryWatcher
  private let seen = Mutex<[WatchRelease]>([])

  init(_ configuration: DirectoryConfiguration, _ options: WatchOptions, _ system: WatchSystem) async throws {
    watcher = try await DirectoryWatcher(DirectorySource(configuration), options: options, system: system)
  }

  var status: WatchStatus { watcher.status }

  func stop() async { await watcher.stop() }

  /// The releases up to the first that names the path; those to its end when none does in time.
  func releases(until path: String) async -> [WatchRelease] {
    var releases: [WatchRelease] = []
    while let release = await next(within: Self.deadline) {
      releases.append(release)
      seen.withLock { $0.append(release) }
      if Self.covers(release, path) { return releases }
    }
    return releases + [WatchRelease(source: "nothing more came; missing: \(path)")]
  }

  /// Whether a release, one of those that were read or one to come, names the path.
  func saw(_ path: String) async -> Bool {
    let index = seen.withLock { $0.firstIndex { Self.covers($0, path) } }
    if index != nil { return true }
    return Self.covers(await releases(until: path).last, path)
  }

  /// Counts only releases to come.
  func forget() { seen.withLock { $0 = [] } }

  /// Whether nothing is released for so long.
  func isQuiet(for time: Duration) async -> Bool { await next(within: time) == nil }

  /// Reads what is still released, and counts only releases to come; `false` when there is no end of them.
  func comesToRest() async -> Bool {
    let end = ContinuousClock.now + Self.deadline
    while await next(within: .milliseconds(250)) != nil {
      if ContinuousClock.now > end { return false }
    }
    forget()
    return true
  }

  /// Whether the status becomes so in time.
  func becomes(_ condition: (WatchStatus) -> Bool) async -> Bool {
    let end = ContinuousClock.now + Self.deadline
    while !condition(watcher.status) {
      if ContinuousClock.now > end { return false }
      await Task.yield()
    }
    return true
  }

  /// The next problem.
  func problem() async -> WatchProblem? {
    for await problem in watcher.problems { return problem }
    return nil
  }

  func next(within time: Duration) async -> WatchRelease? {
    let watcher = watcher
    return await withTaskGroup(of: WatchRelease?.self) { group in
      group.addTask { await watcher.first { _ in true } }
      group.addTask {
        try? await Task.sleep(for: time)
        return nil
      }
      // The reader's answer counts, also one that came while it was cancelled.
      var release: WatchRelease?
      for await answer in group {
        release = release ?? answer
        group.cancelAll()
      }
      return release
    }
  }

  private static func covers(_ release: WatchRelease?, _ path: String) -> Bool {
    guard let release else { return false }
    let path = Array(path.utf8)
    return release.isEverything || release.files.contains(path)
      || release.folders.contains { $0 == path || path.starts(with: $0 + [UInt8(ascii: "/")]) }
  }
}

/// A system that has no more than so many watches.
final class Limited: Sendable {
  private let known = Mutex<(left: Int, watches: Set<Int32>)>((0, []))
  private let system = WatchSystem()

  init(_ count: Int) {
    known.withLock { $0.left = count }
  }

  func raise(by count: Int) {
    known.withLock { $0.left += count }
  }

  func add(_ queue: Int32, _ folder: Int32, _ events: UInt32) -> Int32 {
    known.withLock { known in
      guard known.left > 0 else { return -28 }  // ENOSPC
      let watch = system.addWatch(queue, folder, events)
      if watch >= 0, known.watches.insert(watch).inserted { known.left -= 1 }
      return watch
    }
  }
}

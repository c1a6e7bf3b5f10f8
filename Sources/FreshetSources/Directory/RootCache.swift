import FreshetSystem
import Synchronization

/// Keeps a source's root open between calls, so that reading thousands of files opens it once.
///
/// It is checked before each use: a root that was replaced, or that another disk is mounted over, is opened anew. It is
/// closed once nobody asked for a while: an open folder would keep its disk from being unmounted.
final class RootCache: Sendable {
  private static let idleTime = Duration.seconds(2)

  private struct State {
    var root: DirectoryRoot?
    /// Uses so far, to see whether there were any lately.
    var uses = 0
    var isWatched = false
  }

  private let configuration: DirectoryConfiguration
  private let state = Mutex(State())

  init(_ configuration: DirectoryConfiguration) {
    self.configuration = configuration
  }

  /// The root, opened now.
  ///
  /// - Throws: `FreshetError` with `source_unavailable`.
  func opened() throws -> DirectoryRoot {
    let root: DirectoryRoot
    do {
      root = try DirectoryRoot(configuration)
    } catch {
      state.withLock { $0.root = nil }
      throw error
    }
    keep(root)
    return root
  }

  /// The root that is at the path now: one look at the path when it is open already.
  ///
  /// - Throws: `FreshetError` with `source_unavailable`.
  func current() throws -> DirectoryRoot {
    let kept = state.withLock { state in
      state.uses &+= 1
      return state.root
    }
    guard let kept, let now = try? FileStatus(of: configuration.path), kept.isSame(now) else { return try opened() }
    return kept
  }

  private func keep(_ root: DirectoryRoot) {
    let startsWatch = state.withLock { state in
      state.root = root
      state.uses &+= 1
      defer { state.isWatched = true }
      return !state.isWatched
    }
    guard startsWatch else { return }
    Task.detached { [weak self] in
      var seen: Int?
      while let uses = self?.closeUnlessUsed(since: seen) {
        seen = uses
        try? await Task.sleep(for: Self.idleTime)
      }
    }
  }

  /// Closes the root when nobody used it meanwhile; else answers the count of uses.
  private func closeUnlessUsed(since seen: Int?) -> Int? {
    state.withLock { state in
      guard state.uses == seen else { return state.uses }
      state.root = nil
      state.isWatched = false
      return nil
    }
  }
}

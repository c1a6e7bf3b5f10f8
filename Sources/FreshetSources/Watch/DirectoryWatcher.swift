import FreshetModel
import FreshetSystem
import Synchronization

/// Sees every change of a directory source, and releases it when it has settled.
///
///     let watcher = try await DirectoryWatcher(source)
///     try await lookAt([])                                       // what changed before the watcher was there
///     for await release in watcher { try await lookAt(release.paths) }
///
/// Here `lookAt` lists these paths of the source, or everything, and takes up what it finds.
///
/// A release is made when it is asked for. Who reads slowly gets fewer and larger ones: nothing is lost, and what waits is
/// bounded by `WatchOptions.pathsMax`. Several readers share the releases.
public final class DirectoryWatcher: AsyncSequence, Sendable {
  public typealias Element = WatchRelease

  /// What limits the watching, as it comes up; the oldest go when nobody reads them.
  public let problems: AsyncStream<WatchProblem>

  private let outlet: ReleaseOutlet
  private let threads: WatchThreads

  /// Watches from now on: what changes after this returned is released.
  ///
  /// A root that is not there is no failure: it is waited for, and everything is released when it comes.
  /// - Throws: `FreshetError` when the process has too many open files.
  public convenience init(_ source: DirectorySource, options: WatchOptions = WatchOptions()) async throws {
    try await self.init(source, options: options, system: WatchSystem())
  }

  /// Watches through other calls than the system's.
  package init(_ source: DirectorySource, options: WatchOptions, system: WatchSystem) async throws {
    let bell = try Bell()
    let (problems, continuation) = AsyncStream.makeStream(
      of: WatchProblem.self,
      bufferingPolicy: .bufferingNewest(options.problemsMax)
    )
    self.problems = problems
    outlet = ReleaseOutlet(WatchCoalescer(source: source.name, options: options), bell)
    threads = try WatchThreads(source, options, system, outlet, bell, continuation)
    await threads.start()
  }

  deinit {
    threads.stop()
  }

  /// How the source is being watched now. Takes a lock for a moment, and asks nobody.
  public var status: WatchStatus { outlet.status }

  /// The files that are being written at this moment, but those that never rest. Who lists the source leaves them alone, and
  /// so reads no half-written file; each comes in a later release. Takes a lock for a moment.
  ///
  /// - Parameter listing: whether the source is listed now: then the names in it are known, and a file that is renamed later
  ///   is released under both.
  public func unsettled(listing: Bool) -> Set<[UInt8]> { outlet.unsettled(listing: listing) }

  /// Ends the releases and the problems, and returns when the threads have ended. What was not released yet is not any
  /// more. A second call does nothing.
  public func stop() async {
    threads.stop()
    await threads.ended()
  }

  /// Reads releases.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let watcher: DirectoryWatcher

    /// The next release; `nil` once the watcher was stopped or the task cancelled.
    public mutating func next() async -> WatchRelease? { await watcher.outlet.next() }

    /// The next release; `nil` once the watcher was stopped or the task cancelled.
    public mutating func next(isolation actor: isolated (any Actor)?) async -> WatchRelease? {
      await watcher.outlet.next()
    }
  }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(watcher: self) }
}

import FreshetModel
import FreshetSystem
import Synchronization

/// What a source has that the collection does not have yet, by its listing alone: nothing is read.
public struct OutstandingItems: Sendable {
  /// The source's name.
  public var source: String
  /// New files, and those that look changed, in the order of their paths.
  public var toRead: [[UInt8]] = []
  /// Files that are known and were not listed.
  public var missing = 0
  /// Whether all of the source was seen, and its files can be taken up one by one.
  public var isComplete = false
  /// Whether a run over the whole source is needed afterwards: it has not been seen as it is configured now.
  public var isNew = false

  /// Whether all of it was seen and nothing is missing, so that its files can be taken up a few at a time.
  public var canBeLoaded: Bool { isComplete && missing == 0 }

  /// Whether the source needs nothing.
  public var isEmpty: Bool { toRead.isEmpty && canBeLoaded && !isNew }
}

extension SyncEngine {
  /// Lists the sources and compares them with the catalogue; writes nothing but the rows of new sources.
  ///
  /// Whoever takes the files up a few at a time by `SyncOptions.paths` can do something urgent in between. Where files are
  /// missing too, only a run over the whole source tells renames from deletions.
  /// - Throws: `FreshetError` when the store fails.
  public func outstanding(stop: StopSignal = StopSignal()) async throws -> [OutstandingItems] {
    let run = SyncRun(
      stages: stages,
      options: options,
      id: .random(),
      startedAt: clock.now(),
      stop: stop,
      handler: { _ in }
    )
    let failures = try await stages.store.read(.everything) { try $0.failures(source: nil, itemPath: nil) }
    let awaiting =
      stages.embedder == nil || options.onEmbedderDown == .keywordFirst
      ? []
      : try await stages.store.read(.everything) { try $0.itemsAwaitingVectors() }
    let attention = Attention(failures: failures, awaiting: awaiting, options: options)
    var found: [OutstandingItems] = []
    let registration = SourceRegistration(run: run)
    for pass in try await registration.passes() where isWanted(pass) {
      let pending = EndOfListing()
      let paths = Mutex<[[UInt8]]>([])
      let lister = SourceLister(run: run, pending: pending) { work in paths.withLock { $0.append(work.item.path) } }
      let ending = try await lister.list(
        pass,
        alwaysRead: attention.paths(of: pass),
        failed: attention.failed(in: pass)
      )
      var items = OutstandingItems(source: pass.source.name)
      items.toRead = paths.withLock { $0 }
      items.missing = pending.take().missing.count + ending.goneFailures.count
      items.isComplete = ending.isFinished && !ending.hadProblems && (!pass.isStale || pass.live == 0)
      items.isNew = pass.isStale || pass.record.configuration != pass.source.configurationFingerprint
      if pass.isStale, pass.live == 0 { try await registration.begin(pass) }
      found.append(items)
    }
    return found
  }
}

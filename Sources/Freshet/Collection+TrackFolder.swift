import FreshetModel
import FreshetSources
import FreshetSync
import Synchronization

extension Collection {
  /// Brings a folder's files into the version history, and calls no embedder: as `track(_:metadata:…)`, with a choice of
  /// the files and a result of each document.
  ///
  /// ```swift
  /// let result = try await collection.track(folder: "docs", TrackingRequest(patterns: ["*.md"], maxWorkers: 4)) {
  ///   print("\($0.completed) of \($0.total)")
  /// }
  /// for failure in result.failed { print(failure.origin, failure.error.message) }
  /// ```
  ///
  /// Files that are gone count as changed: their documents are deleted.
  /// - Parameters:
  ///   - folder: a source's folder, or one in it, absolute or relative to the current folder.
  ///   - stop: ends it early; what is done is committed.
  ///   - progress: is told how far it is, often, on any thread.
  /// - Throws: as `sync(_:stop:handler:)`; `FreshetError` with `invalid_argument` for a folder that no source holds, and
  ///   for a pattern that is not valid. A file that fails is in the result and not thrown. Cancelling the task ends it as
  ///   `stop` does.
  public func track(
    folder: String,
    _ request: TrackingRequest = TrackingRequest(),
    stop: StopSignal = StopSignal(),
    progress: @escaping @Sendable (TrackingProgress) -> Void = { _ in }
  ) async throws -> TrackingResult {
    let start = ContinuousClock.now
    var syncRequest = SyncRequest()
    syncRequest.actor = request.actor
    syncRequest.workers = request.maxWorkers
    syncRequest.leavesVectors = true
    syncRequest.stopsAtFailure = request.onError == .stop
    if !request.metadata.isEmpty { syncRequest.annotation = AnnotationChange(set: request.metadata) }
    if request.patterns.isEmpty, request.isRecursive {
      syncRequest.paths = [folder]
    } else {
      syncRequest.items = try await files(in: folder, request)
      guard !syncRequest.items.isEmpty else {
        var nothing = TrackingResult()
        nothing.sequence = try await store.read(.everything) { $0.head.sequence }
        nothing.duration = ContinuousClock.now - start
        return nothing
      }
    }
    let gathered = Mutex(TrackingResult())
    let report = try await sync(syncRequest, stop: stop) { event in
      switch event {
      case .progress(let counts):
        progress(
          TrackingProgress(
            completed: counts.itemsListed - counts.itemsToRead + counts.itemsRead,
            total: counts.itemsListed,
            isTotalKnown: counts.listingFinished
          )
        )
      case .changed(let outcome): gathered.withLock { $0.changed.append(outcome) }
      case .failed(let failure): gathered.withLock { $0.failed.append(failure) }
      case .skipped, .unavailable, .held, .setAside: break
      }
    }
    var result = gathered.withLock { $0 }
    result.unchanged = report.documents.unchanged
    result.skipped = report.documents.skipped
    result.sequence = report.sequence
    result.isStopped = report.interrupted
    result.duration = ContinuousClock.now - start
    return result
  }

  /// The chosen files of a folder by source: those that are there, and those that are known.
  private func files(in folder: String, _ request: TrackingRequest) async throws -> [String: [[UInt8]]] {
    let roots = try factory.sources().map { SourceRoot($0) }
    let selection = try FileSelection(request.patterns)
    let places = try places(of: folder, roots)
    guard !places.isEmpty else { throw refusal(of: folder, roots) }
    var items: [String: [[UInt8]]] = [:]
    for place in places {
      let start = place.path.isEmpty ? [] : place.path + Array("/".utf8)
      func isChosen(_ path: [UInt8]) -> Bool {
        guard path.starts(with: start) else { return false }
        let within = Array(path.dropFirst(start.count))
        return (request.isRecursive || !within.contains(UInt8(ascii: "/"))) && selection.includes(within)
      }
      var chosen = Set<[UInt8]>()
      let listing = try await place.source.listing(of: place.path.isEmpty ? [] : [place.path])
      while let batch = try await listing.next() {
        for item in batch.items where isChosen(item.path) { chosen.insert(item.path) }
      }
      for path in try await knownItems(of: place.source.name, below: place.path) where isChosen(path) {
        chosen.insert(path)
      }
      if !chosen.isEmpty { items[place.source.name, default: []] += chosen.sorted { $0.lexicographicallyPrecedes($1) } }
    }
    return items
  }

  private func knownItems(of source: String, below folder: [UInt8]) async throws -> [[UInt8]] {
    let record = try await store.read(.everything) { try $0.sources().first { $0.name == source } }
    guard let record else { return [] }
    let catalogue = CataloguePages(store: store, source: record.id, paths: [folder])
    var paths: [[UInt8]] = []
    while case let page = try await catalogue.next(after: paths.last), !page.isEmpty { paths += page.map(\.path) }
    return paths
  }
}

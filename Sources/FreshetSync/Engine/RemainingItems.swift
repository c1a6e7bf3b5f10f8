import FreshetModel

/// What the deletion guard asks beyond the run's own listing: whether a source has anything left at all, and what left it
/// a short while ago.
struct RemainingItems: Sendable {
  let run: SyncRun

  /// Whether the source has no item any more. A run over named paths that found none there looks for one anywhere else:
  /// an empty root, of a disk that is not mounted, is empty below each of its names.
  ///
  /// - Throws: `FreshetError` with `source_unavailable`.
  func isEmpty(_ ending: SourceLister.Ending?) async throws -> Bool {
    guard let ending else { return true }
    if ending.listed > 0 { return false }
    if ending.isWhole { return true }
    let listing = try await ending.pass.source.listing(of: [])
    while let batch = try await listing.next() {
      if !batch.items.isEmpty { return false }
    }
    return true
  }

  /// Documents of the source that were deleted within the guard's window and are gone still, since the last run that was
  /// allowed any number; 0 for a run over the whole source that somebody called for, which is judged by itself.
  func recentDeletions(of ending: SourceLister.Ending?) async throws -> Int {
    guard let ending, run.options.isContinual || !ending.isWhole else { return 0 }
    let name = ending.pass.source.name
    let window = DeletionGuard.window.clampedNanoseconds
    let since = Timestamp(nanoseconds: run.startedAt.nanoseconds.subtractingReportingOverflow(window).partialValue)
    return try await run.stages.store.read(.everything) { snapshot in
      let accepted = try snapshot.setting(Self.setting(name)).flatMap { RunID($0) }
      return try snapshot.recentDeletions(of: name, since: since, after: accepted)
    }
  }

  /// Where the run is named that may delete any number of the source's documents: what it deletes, and what went before,
  /// counts no more.
  static func setting(_ source: String) -> String { "deletions_accepted/\(source)" }
}

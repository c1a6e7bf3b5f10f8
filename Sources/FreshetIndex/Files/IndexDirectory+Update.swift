import FreshetModel
import FreshetSystem

/// Why an index was built from the stored vectors; the raw values appear in logs.
public enum IndexRebuildReason: String, Sendable {
  /// There was none.
  case missing
  /// A file is missing or its checksums do not hold.
  case damaged
  /// It is of another collection, epoch, model or dimension.
  case foreign
  /// The store's log does not lead from the index's position to the present: its tail was lost, or a backup restored.
  case ahead
  /// As much changed as the threshold allows, or the base was empty.
  case threshold
  /// The configuration names another backend.
  case backend
  /// It was asked for.
  case requested
}

/// What an update of the index files did.
public enum IndexUpdate: Sendable, Hashable {
  /// The files held the state already.
  case unchanged
  /// Nothing that concerns vectors changed: only the position moved on.
  case advanced
  /// A delta file was added.
  case appended(added: Int, removed: Int)
  /// A new base was written, and the one before kept as the backup.
  case rebuilt(IndexRebuildReason, live: Int)
}

extension IndexDirectory {
  /// Brings the files to the feed's state: a delta file, or a new base when (added + removed since the last build) /
  /// (vectors at the last build) reaches the threshold, from an empty base always, and when the files cannot be used.
  /// Embeds nothing. Searches go on with the old files.
  ///
  /// - Parameter keepsBase: whether a usable base stays, however much changed since: what `restoreBackup` is followed by.
  /// - Throws: what the feed throws; `FreshetError` with `disk_full`, `input_output` or `index_failed`;
  ///   `CancellationError`. The files then hold the old state, or the new one.
  @discardableResult
  public func update(_ feed: some VectorFeed, keepsBase: Bool = false) throws -> IndexUpdate {
    let stored = stored(mode: .mapped)
    guard let manifest = stored.manifest, let view = stored.view else {
      return try rebuild(feed, stored.problem ?? .damaged, keeping: stored.manifest)
    }
    if let reason = try reasonToRebuild(view, manifest, feed) {
      return try rebuild(feed, reason, keeping: manifest)
    }
    guard view.position.sequence < feed.head.sequence else { return .unchanged }
    let changes = try IndexChanges(
      after: view.position.sequence,
      in: view.index.layers,
      feed: feed,
      keepsHalves: false
    )
    if !keepsBase, !changes.isEmpty, manifest.changedRatio(adding: changes.count) >= settings.rebuildThreshold {
      return try rebuild(feed, .threshold, keeping: manifest)
    }
    try append(changes, to: manifest, view: view, position: feed.position)
    return changes.isEmpty ? .advanced : .appended(added: changes.added.count, removed: changes.removed.count)
  }

  /// Builds a new base from every stored vector, and keeps the one before as the backup.
  /// - Throws: as `update`.
  @discardableResult
  public func rebuild(_ feed: some VectorFeed) throws -> IndexUpdate {
    try rebuild(feed, .requested, keeping: IndexManifest.read(from: path).manifest)
  }

  /// Makes the base before this one the current base, and this one the backup. Opening or updating brings it to the
  /// present by the log, as far as that leads.
  /// - Throws: `FreshetError` with `not_found` when there is no backup; `index_failed` when it is damaged, and nothing is
  ///   changed then; `disk_full`.
  public func restoreBackup() throws {
    guard var manifest = IndexManifest.read(from: path).manifest, let backup = manifest.backup else {
      throw FreshetError(
        .notFound,
        "There is no index backup to restore; `freshet reindex` builds the index again.",
        path: path
      )
    }
    let image = try IndexFile.Image(path: file(backup.file), mode: .mapped)
    _ = try SegmentedIndex.base(in: image, settings.parameters)
    manifest.backup = manifest.base
    manifest.base = backup
    manifest.backend = image.backend
    manifest.position = image.position
    manifest.deltas = []
    manifest.added = 0
    manifest.removed = 0
    try replace(manifest)
  }

  private func reasonToRebuild(
    _ view: IndexView,
    _ manifest: IndexManifest,
    _ feed: some VectorFeed
  ) throws -> IndexRebuildReason? {
    let (mine, head) = (view.position, feed.head)
    guard mine.collection == head.collection, mine.epoch == head.epoch, mine.model == feed.model,
      view.index.dimension == feed.dimension
    else { return .foreign }
    guard try feed.continues(mine) else { return .ahead }
    return settings.backend != .auto && settings.backend.rawValue != manifest.backend.rawValue ? .backend : nil
  }

  private func append(
    _ changes: IndexChanges,
    to old: IndexManifest,
    view: IndexView,
    position: IndexPosition
  ) throws {
    var manifest = old
    manifest.position = position
    if !changes.isEmpty {
      manifest.added += changes.added.count
      manifest.removed += changes.removed.count
      var delta = (added: changes.added, removed: changes.removed)
      if manifest.deltas.count >= settings.maximumDeltaFiles {
        var layers = view.index.layers
        layers.apply(changes)
        delta = try layers.mergedAboveBase()
        manifest.deltas = []
      }
      let name = IndexFileName.delta(at: position.sequence)
      try IndexFile.writeDelta(
        added: delta.added,
        removed: delta.removed,
        backend: manifest.backend,
        position: position,
        to: file(name)
      )
      manifest.deltas.append(name)
      reached("index-delta-written")
    }
    try replace(manifest)
  }

  private func rebuild(
    _ feed: some VectorFeed,
    _ reason: IndexRebuildReason,
    keeping old: IndexManifest?
  ) throws -> IndexUpdate {
    try FileSystem.createFolder(path)
    let view = try IndexView.built(from: feed, settings: settings)
    let name = IndexFileName.base(at: view.position.sequence)
    try view.index.write(to: file(name), position: view.position)
    reached("index-base-written")
    // A damaged base is no backup; what was the backup before it may still be one.
    let isOldWhole = old.map { (try? IndexFile.Image(path: file($0.base.file), mode: .mapped)) != nil } ?? false
    try replace(
      IndexManifest(
        position: view.position,
        backend: view.index.kind,
        base: IndexManifest.Base(file: name, live: view.index.count, builtAt: now()),
        backup: isOldWhole ? old?.base : old?.backup
      )
    )
    return .rebuilt(reason, live: view.index.count)
  }

  private func replace(_ manifest: IndexManifest) throws {
    try manifest.write(to: path)
    reached("index-manifest-replaced")
    sweep(keeping: manifest.files)
    reached("index-swept")
  }

  /// Removes what earlier writers left and nothing refers to. What cannot be removed now is removed next time.
  private func sweep(keeping files: Set<String>) {
    for bytes in (try? FileSystem.names(in: path)) ?? [] {
      let name = String(decoding: bytes, as: UTF8.self)
      if IndexFileName.isOurs(name), !files.contains(name) { try? FileSystem.remove(file(name)) }
    }
  }
}

extension LayerStack {
  /// Everything above the base as one delta.
  fileprivate func mergedAboveBase() throws -> (added: Segment, removed: [PassageID]) {
    var upper = self
    let base = upper.removeBase()
    let removed = (0..<base.segment.count).lazy.filter { base.removed.contains($0) }.map { base.segment.passages[$0] }
    return (try upper.merged(keepsHalves: false, dimension: base.segment.dimension), Array(removed))
  }
}

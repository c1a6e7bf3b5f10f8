import FreshetModel

/// What has to happen to an index to bring it to a later state.
struct IndexChanges {
  /// Passages whose vectors are read at once.
  static let pageSize = 4096

  /// Vectors that are new or differ.
  let added: Segment
  /// Passages that are in the index and must not be.
  let removed: [PassageID]

  var isEmpty: Bool { added.count == 0 && removed.isEmpty }
  var count: Int { added.count + removed.count }

  /// Compares what changed after `sequence` with what the index holds. State-based: the same whatever part of it was
  /// applied before.
  init(after sequence: SequenceNumber, in layers: LayerStack, feed: some VectorFeed, keepsHalves: Bool) throws {
    let changed = try feed.passagesChanged(after: sequence)
    var removed = changed.gone.filter { layers.contains($0) }
    var builder = SegmentBuilder(dimension: feed.dimension, keepsHalves: keepsHalves)
    let live = changed.live.sorted()
    for start in stride(from: 0, to: live.count, by: Self.pageSize) {
      try Task.checkCancellation()
      let asked = Array(live[start..<min(start + Self.pageSize, live.count)])
      var page = SegmentBuilder(dimension: feed.dimension, keepsHalves: keepsHalves, capacity: asked.count)
      try page.append(try feed.vectors(of: asked))
      let segment = page.finish()
      // A passage whose vector was withdrawn is live and must not be found.
      removed += asked.filter { segment.row(of: $0) == nil && layers.contains($0) }
      for row in 0..<segment.count {
        if let place = layers.location(of: segment.passages[row]),
          layers.layers[place.layer].segment.hasSameVector(at: place.row, as: segment, at: row)
        {
          continue
        }
        builder.append(row: row, of: segment)
      }
    }
    added = builder.finish()
    self.removed = removed
  }
}

extension LayerStack {
  /// Applies changes.
  mutating func apply(_ changes: IndexChanges) {
    for passage in changes.removed { remove(passage) }
    push(Layer(changes.added, isBase: false))
  }
}

/// An index together with the position that it holds, as one search sees it. A value: it never changes.
public struct IndexView: Sendable {
  /// The index; whoever adds to it adds to a fork.
  public let index: SegmentedIndex
  /// The state that it holds.
  public let position: IndexPosition

  /// Whether the log leads from this view to the feed's state, so that `advanced` costs what changed between them; if not,
  /// the files may hold a later one.
  public func leads(to feed: some VectorFeed) throws -> Bool {
    try index.dimension == feed.dimension && feed.continues(position)
  }

  /// A view that holds exactly the feed's state: this one when it does already, else one with the log after it applied.
  /// When the log does not lead from here to there, one built anew from the stored vectors.
  ///
  /// Get the view first and begin the feed's snapshot then, or a sync in between makes the view newer than the snapshot
  /// and costs a build.
  ///
  /// - Throws: what the feed throws; `FreshetError` with `index_failed`; `CancellationError`.
  public func advanced(to feed: some VectorFeed, settings: IndexSettings) throws -> IndexView {
    guard try leads(to: feed) else {
      return try IndexView.built(from: feed, settings: settings)
    }
    guard position.sequence < feed.head.sequence else { return self }
    let keepsHalves = index.kind == .faiss
    let changes = try IndexChanges(after: position.sequence, in: index.layers, feed: feed, keepsHalves: keepsHalves)
    let fork = index.fork()
    try fork.change { layers in
      layers.apply(changes)
      try layers.mergeSmallLayers(keepsHalves: keepsHalves)
    }
    return IndexView(index: fork, position: feed.position)
  }

  /// Builds an index in memory from every stored vector.
  static func built(from feed: some VectorFeed, settings: IndexSettings) throws -> IndexView {
    var builder = SegmentBuilder(dimension: feed.dimension, keepsHalves: settings.backend == .faiss)
    var last: PassageID = -1
    while true {
      try Task.checkCancellation()
      let page = try feed.liveVectors(after: last, limit: IndexChanges.pageSize)
      guard let newest = page.passages.last else { break }
      try builder.append(page)
      last = newest
    }
    let segment = builder.finish()
    let backend = settings.backend(for: segment.count)
    var layers = LayerStack()
    layers.push(try SegmentedIndex.base(of: segment, backend, settings.parameters))
    let index = SegmentedIndex(
      backend,
      dimension: feed.dimension,
      parameters: settings.parameters,
      layers: layers
    )
    return IndexView(index: index, position: feed.position)
  }
}

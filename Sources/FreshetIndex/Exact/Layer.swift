import FreshetModel

/// What finds a segment's best rows faster than a scan: a graph, or FAISS. Immutable.
protocol Accelerator: Sendable {
  /// The best rows (of those in `mask`, which then holds `matches` of them), best first; `nil` when a scan is the better
  /// or the only way to the `limit` asked for.
  func search(_ query: Query, in segment: Segment, limit: Int, mask: RowSet?, matches: Int) throws -> [ScoredRow]?

  /// The stored form, as sections of an index file.
  func sections() throws -> [IndexFile.Section]

  /// The vectors in single precision, one after the other, where they are kept beside the codes.
  func vectors() throws -> [Float]?
}

extension Accelerator {
  func vectors() -> [Float]? { nil }
}

/// A segment, less the rows that later ones replaced or removed.
struct Layer: Sendable {
  let segment: Segment
  /// Only the base has one.
  let accelerator: (any Accelerator)?
  /// A base is never merged into another layer: it may be mapped, and it may have an accelerator.
  let isBase: Bool
  private(set) var removed: RowSet

  init(_ segment: Segment, accelerator: (any Accelerator)? = nil, isBase: Bool) {
    self.segment = segment
    self.accelerator = accelerator
    self.isBase = isBase
    removed = RowSet(rows: segment.count)
  }

  /// Rows that a search can find.
  var count: Int { segment.count - removed.count }

  /// The row of a passage that was not removed.
  func row(of passage: PassageID) -> Int? {
    segment.row(of: passage).flatMap { removed.contains($0) ? nil : $0 }
  }

  mutating func remove(row: Int) {
    removed.insert(row)
  }

  func search(_ query: Query, limit: Int, members: PassageSet?) throws -> [ScoredPassage] {
    let mask: RowSet? =
      members == nil && removed.count == 0 ? nil : RowSet(segment: segment, without: removed, members: members)
    let matches = mask?.count ?? segment.count
    let limit = min(limit, matches)
    guard limit > 0 else { return [] }
    let found = try accelerator?.search(query, in: segment, limit: limit, mask: mask, matches: matches)
    let rows = found.flatMap { $0.count == limit ? $0 : nil } ?? segment.scan(query, limit: limit, mask: mask)
    return rows.map { ScoredPassage(passage: segment.passages[$0.row], score: $0.score) }
  }
}

/// Layers of which each replaces what the ones before it hold of the same passages: a base, and small ones above it.
///
/// Invariant: a passage has at most one row that is not removed, over all layers. A value: a copy costs a few pointers,
/// and later changes of the original do not show in it.
struct LayerStack: Sendable {
  private(set) var layers: [Layer] = []
  /// Vectors that a search can find.
  private(set) var count = 0

  /// Whether nothing stands above the base, and nothing of it was removed.
  var isPristineBase: Bool {
    layers.count == 1 && layers[0].isBase && layers[0].removed.count == 0
  }

  func contains(_ passage: PassageID) -> Bool {
    location(of: passage) != nil
  }

  /// Where the passage is found.
  func location(of passage: PassageID) -> (layer: Int, row: Int)? {
    for index in layers.indices.reversed() {
      if let row = layers[index].row(of: passage) { return (index, row) }
    }
    return nil
  }

  /// Puts a layer on top.
  mutating func push(_ layer: Layer) {
    for row in 0..<layer.segment.count { remove(layer.segment.passages[row]) }
    guard layer.segment.count > 0 || layer.isBase else { return }
    layers.append(layer)
    count += layer.count
  }

  /// Removes a passage; nothing happens when it is not there.
  mutating func remove(_ passage: PassageID) {
    guard let (layer, row) = location(of: passage) else { return }
    layers[layer].remove(row: row)
    count -= 1
  }

  /// Merges the top layers until each is more than twice as large as the one above it, so that there are few, and each
  /// vector is copied a logarithmic number of times.
  mutating func mergeSmallLayers(keepsHalves: Bool) throws {
    layers.removeAll { !$0.isBase && $0.count == 0 }
    while layers.count >= 2 {
      let upper = layers[layers.count - 1]
      let lower = layers[layers.count - 2]
      guard !lower.isBase, !upper.isBase, lower.count <= 2 * upper.count else { return }
      let merged = try Self.merge([lower, upper], keepsHalves: keepsHalves)
      layers.removeLast(2)
      layers.append(Layer(merged, isBase: false))
    }
  }

  /// Takes the base away and answers it; the layers above it stay.
  mutating func removeBase() -> Layer {
    let base = layers.removeFirst()
    count -= base.count
    return base
  }

  /// Every vector that a search can find, in one segment.
  func merged(keepsHalves: Bool, dimension: Int) throws -> Segment {
    layers.isEmpty
      ? SegmentBuilder(dimension: dimension).finish() : try Self.merge(layers, keepsHalves: keepsHalves)
  }

  private static func merge(_ layers: [Layer], keepsHalves: Bool) throws -> Segment {
    // A base with an accelerator of the vectors themselves has no halves of its own.
    let originals = try layers.map { keepsHalves ? try $0.accelerator?.vectors() : nil }
    var builder = SegmentBuilder(
      dimension: layers.first?.segment.dimension ?? 0,
      keepsHalves: keepsHalves,
      capacity: layers.reduce(0) { $0 + $1.count }
    )
    // Passages are unique over the layers, so that only the lowest next one has to be found.
    var next = layers.map { _ in 0 }
    while true {
      var lowest: (layer: Int, passage: PassageID)?
      for (index, layer) in layers.enumerated() {
        while next[index] < layer.segment.count, layer.removed.contains(next[index]) { next[index] += 1 }
        guard next[index] < layer.segment.count else { continue }
        let passage = layer.segment.passages[next[index]]
        if lowest.map({ passage < $0.passage }) ?? true { lowest = (index, passage) }
      }
      guard let lowest else { return builder.finish() }
      builder.append(row: next[lowest.layer], of: layers[lowest.layer].segment, vectors: originals[lowest.layer])
      next[lowest.layer] += 1
    }
  }

  /// The best passages, best first, the lower passage first among equals.
  func search(_ query: Query, limit: Int, members: PassageSet?) throws -> [ScoredPassage] {
    guard limit > 0 else { return [] }
    var found: [ScoredPassage] = []
    for layer in layers { found += try layer.search(query, limit: limit, members: members) }
    if layers.count > 1 {
      found.sort { $0.score > $1.score || ($0.score == $1.score && $0.passage < $1.passage) }
    }
    return Array(found.prefix(limit))
  }
}

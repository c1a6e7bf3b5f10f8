/// Joins pieces that are too small to stand alone.
///
/// Every rule looks at a piece and its neighbours only, so that an edit has no effect beyond them:
/// 1. A run of identical pieces is joined by count from its start, up to `soft`.
/// 2. A piece below `min` drops its weaker edge, or the other one when only that result fits `hard`.
/// 3. Pieces that are joined by dropped edges and together exceed `hard` are cut again where a dropped edge stands in
///    more than `hard` between its nearest stronger ones.
struct Merging {
  let limits: ChunkingLimits

  /// The groups of pieces that become one chunk each, in order.
  func groups(of pieces: [Piece]) -> [Range<Int>] {
    guard !pieces.isEmpty else { return [] }
    let runs = runs(of: pieces)
    let isDropped = droppedEdges(runs, pieces)
    var groups: [Range<Int>] = []
    var stack: [Int] = []
    var first = 0
    for next in 1...runs.count where next == runs.count || !isDropped[next] {
      appendGroups(runs, pieces, first..<next, &stack, &groups)
      first = next
    }
    return groups
  }

  /// A run of pieces that stay together, as one piece.
  private struct Run {
    var pieces: Range<Int>
    var size: Int
    var boundary: Boundary
    var context: Int
  }

  private func runs(of pieces: [Piece]) -> [Run] {
    var runs: [Run] = []
    runs.reserveCapacity(pieces.count)
    var index = 0
    while index < pieces.count {
      let piece = pieces[index]
      var end = index + 1
      if piece.size * 2 <= limits.soft, piece.size > 0 {
        let most = index + limits.soft / piece.size
        while end < pieces.count, end < most, pieces[end].digest == piece.digest, pieces[end].size == piece.size,
          pieces[end].context == piece.context, !pieces[end].boundary.isWall
        {
          end += 1
        }
      }
      runs.append(
        Run(
          pieces: index..<end,
          size: piece.size * (end - index),
          boundary: piece.boundary,
          context: piece.context
        )
      )
      index = end
    }
    return runs
  }

  /// Whether the edge before each run is dropped.
  private func droppedEdges(_ runs: [Run], _ pieces: [Piece]) -> [Bool] {
    var isDropped = [Bool](repeating: false, count: runs.count)
    func fits(_ left: Int, _ right: Int) -> Bool {
      runs[left].size + runs[right].size + max(runs[left].context, runs[right].context) <= limits.hard
    }
    for index in runs.indices where runs[index].size < limits.min {
      let hasLeft = index > 0 && !runs[index].boundary.isWall
      let hasRight = index + 1 < runs.count && !runs[index + 1].boundary.isWall
      let prefersLeft = hasLeft && (!hasRight || runs[index].boundary < runs[index + 1].boundary)
      if prefersLeft, fits(index - 1, index) {
        isDropped[index] = true
      } else if hasRight, fits(index, index + 1) {
        isDropped[index + 1] = true
      } else if hasLeft, fits(index - 1, index) {
        isDropped[index] = true
      }
    }
    return isDropped
  }

  private func appendGroups(
    _ runs: [Run],
    _ pieces: [Piece],
    _ range: Range<Int>,
    _ stack: inout [Int],
    _ groups: inout [Range<Int>]
  ) {
    func append(_ first: Int, _ next: Int) {
      groups.append(runs[first].pieces.lowerBound..<runs[next - 1].pieces.upperBound)
    }
    guard range.count > 2 else {
      append(range.lowerBound, range.upperBound)
      return
    }
    var offsets = [0]
    var context = 0
    for index in range {
      offsets.append(offsets[offsets.count - 1] + runs[index].size)
      context = max(context, runs[index].context)
    }
    let boundaries = range.map { runs[$0].boundary }
    var isCut = [Bool](repeating: false, count: range.count + 1)
    isCut[range.count] = true
    CartesianCut.decide(offsets, boundaries, to: range.count, limit: limits.hard - context, stack: &stack) {
      isCut[$0] = true
    }
    var first = 0
    for next in 1...range.count where isCut[next] {
      append(range.lowerBound + first, range.lowerBound + next)
      first = next
    }
  }
}

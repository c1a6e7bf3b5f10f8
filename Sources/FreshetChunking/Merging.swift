/// Joins pieces that are too small to stand alone.
///
/// Every rule looks at a piece and its neighbours only, so that an edit has no effect beyond them:
/// 1. A run of identical pieces is joined by count from its start, up to `soft` (`PieceRuns`).
/// 2. A piece below `min` drops its weaker edge, or the other one when only that result fits `hard`.
/// 3. Pieces that are joined by dropped edges and together exceed `hard` are cut again where a dropped edge stands in
///    more than `hard` between its nearest stronger ones.
struct Merging {
  let limits: ChunkingLimits

  /// The groups of pieces that become one chunk each, in order.
  func groups(of pieces: [Piece]) -> [Range<Int>] {
    guard !pieces.isEmpty else { return [] }
    let isDropped = droppedEdges(pieces)
    var groups: [Range<Int>] = []
    var stack: [Int] = []
    var first = 0
    for next in 1...pieces.count where next == pieces.count || !isDropped[next] {
      appendGroups(pieces, first..<next, &stack, &groups)
      first = next
    }
    return groups
  }

  /// Whether the edge before each piece is dropped.
  private func droppedEdges(_ pieces: [Piece]) -> [Bool] {
    var isDropped = [Bool](repeating: false, count: pieces.count)
    func fits(_ left: Int, _ right: Int) -> Bool {
      pieces[left].size + pieces[right].size + max(pieces[left].context, pieces[right].context) <= limits.hard
    }
    for index in pieces.indices where pieces[index].size < limits.min {
      let hasLeft = index > 0 && !pieces[index].boundary.isWall
      let hasRight = index + 1 < pieces.count && !pieces[index + 1].boundary.isWall
      let prefersLeft = hasLeft && (!hasRight || pieces[index].boundary < pieces[index + 1].boundary)
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
    _ pieces: [Piece],
    _ range: Range<Int>,
    _ stack: inout [Int],
    _ groups: inout [Range<Int>]
  ) {
    func append(_ first: Int, _ next: Int) {
      groups.append(first..<next)
    }
    guard range.count > 2 else {
      append(range.lowerBound, range.upperBound)
      return
    }
    var offsets = [0]
    var context = 0
    for index in range {
      offsets.append(offsets[offsets.count - 1] + pieces[index].size)
      context = max(context, pieces[index].context)
    }
    let boundaries = range.map { pieces[$0].boundary }
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

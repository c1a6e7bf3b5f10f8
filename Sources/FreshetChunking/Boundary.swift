/// How strongly a text divides before a unit: the class decides, then the digest of the unit that follows.
///
/// Of two equal boundaries the left one is the stronger.
struct Boundary: Comparable {
  /// Classes in ascending strength.
  enum Class: UInt64 {
    /// Within a word: by count from its start.
    case part = 0
    case word = 1
    case line = 2
    case sentence = 3
    /// A blank line or list marker within a block.
    case paragraph = 4
    case block = 5
    /// A heading of level 6; lower levels are up to 11.
    case heading = 6
    /// Text that belongs to no block lies between: nothing joins across it.
    case wall = 15
  }

  let rank: UInt64

  init(_ strength: Class, digest: UInt64) {
    rank = strength.rawValue << 60 | digest >> 4
  }

  init(headingLevel: UInt8, digest: UInt64) {
    let level = UInt64(min(max(headingLevel, 1), 6))
    rank = (Class.heading.rawValue + 6 - level) << 60 | digest >> 4
  }

  static let wall = Boundary(.wall, digest: .max)

  var isWall: Bool { rank >= Class.wall.rawValue << 60 }

  static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
}

/// The Cartesian cut: every decision depends on what lies within `limit` of it, and on nothing else.
enum CartesianCut {
  /// Marks the boundaries to cut at.
  ///
  /// `boundaries[i]` is the boundary before unit `i`; the first unit's is not asked. A boundary is cut if and only if
  /// the text between the nearest stronger boundary on its left and the nearest stronger one on its right is larger
  /// than `limit`. Each boundary is pushed and popped once: linear.
  ///
  /// - Parameters:
  ///   - offsets: the size of everything before each unit, and of everything at the end: one more than units.
  ///   - cut: is called with the index of each unit before which to cut, in no order.
  static func decide(
    _ offsets: [Int],
    _ boundaries: [Boundary],
    from first: Int = 0,
    to end: Int,
    limit: Int,
    stack: inout [Int],
    cut: (Int) -> Void
  ) {
    guard end - first > 1, offsets[end] - offsets[first] > limit else { return }
    stack.removeAll(keepingCapacity: true)
    func pop(next: Int) {
      let index = stack.removeLast()
      let left = stack.last ?? first
      if offsets[next] - offsets[left] > limit { cut(index) }
    }
    for index in first + 1..<end {
      while let top = stack.last, boundaries[top] < boundaries[index] { pop(next: index) }
      stack.append(index)
    }
    while !stack.isEmpty { pop(next: end) }
  }
}

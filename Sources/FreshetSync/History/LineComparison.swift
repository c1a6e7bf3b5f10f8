/// Finds which lines of two texts have to go and to come.
///
/// The algorithm: E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1 (1986), section 4b, the
/// refinement in linear space: a search from both ends finds a point in the middle of a shortest way, and the two halves
/// are compared in turn. It runs over the lines that both texts have; what only one of them has is changed in any answer.
///
/// Where a middle takes more than `costLimit` steps to find, the farthest point so far is taken, which bounds the time: for
/// `n` lines at most about `n` times the limit, which is the greater of 256 and `√n` rounded up to a power of two. The
/// answer is then still right, and may be longer than the shortest.
struct LineComparison {
  /// Steps in one search for a middle, above which the farthest point found is taken for it.
  static let leastCostLimit = 256

  /// For each old line, whether it goes.
  private(set) var deleted: [Bool]
  /// For each new line, whether it comes.
  private(set) var inserted: [Bool]

  // The lines that both texts have, and where they stand in their texts.
  private let old: [Int32]
  private let new: [Int32]
  private let oldPlaces: [Int32]
  private let newPlaces: [Int32]
  // The farthest points of the two searches, by diagonal.
  private var forward: [Int32]
  private var backward: [Int32]
  private let origin: Int
  private let costLimit: Int

  init(_ table: LineTable) {
    let (first, last) = Self.commonEnds(table.old, table.new)
    deleted = [Bool](repeating: false, count: table.old.count)
    inserted = [Bool](repeating: false, count: table.new.count)
    let oldRange = first..<table.old.count - last
    let newRange = first..<table.new.count - last
    var inOld = [Bool](repeating: false, count: table.count)
    var inNew = [Bool](repeating: false, count: table.count)
    for index in oldRange { inOld[Int(table.old[index])] = true }
    for index in newRange { inNew[Int(table.new[index])] = true }
    // A line that the other text lacks is changed in every answer: it is not searched for.
    oldPlaces = oldRange.compactMap { inNew[Int(table.old[$0])] ? Int32($0) : nil }
    newPlaces = newRange.compactMap { inOld[Int(table.new[$0])] ? Int32($0) : nil }
    for index in oldRange where !inNew[Int(table.old[index])] { deleted[index] = true }
    for index in newRange where !inOld[Int(table.new[index])] { inserted[index] = true }
    old = oldPlaces.map { table.old[Int($0)] }
    new = newPlaces.map { table.new[Int($0)] }
    origin = new.count + 1
    forward = [Int32](repeating: 0, count: old.count + new.count + 3)
    backward = forward
    var limit = 1
    while limit * limit < old.count + new.count { limit *= 2 }
    costLimit = max(Self.leastCostLimit, limit)
    compare()
  }

  private static func commonEnds(_ old: [Int32], _ new: [Int32]) -> (first: Int, last: Int) {
    let shorter = min(old.count, new.count)
    var first = 0
    while first < shorter, old[first] == new[first] { first += 1 }
    var last = 0
    while last < shorter - first, old[old.count - 1 - last] == new[new.count - 1 - last] { last += 1 }
    return (first, last)
  }

  /// A part of both texts that is still to be compared.
  private struct Part {
    var old: Range<Int>
    var new: Range<Int>

    var starts: (Int, Int)? { old.isEmpty || new.isEmpty ? nil : (old.lowerBound, new.lowerBound) }
    var ends: (Int, Int)? { old.isEmpty || new.isEmpty ? nil : (old.upperBound - 1, new.upperBound - 1) }
  }

  private mutating func compare() {
    var parts = [Part(old: 0..<old.count, new: 0..<new.count)]
    while var part = parts.popLast() {
      while let (x, y) = part.starts, old[x] == new[y] {
        part = Part(old: x + 1..<part.old.upperBound, new: y + 1..<part.new.upperBound)
      }
      while let (x, y) = part.ends, old[x] == new[y] {
        part = Part(old: part.old.lowerBound..<x, new: part.new.lowerBound..<y)
      }
      if part.old.isEmpty {
        for index in part.new { inserted[Int(newPlaces[index])] = true }
      } else if part.new.isEmpty {
        for index in part.old { deleted[Int(oldPlaces[index])] = true }
      } else {
        let (x, y) = middle(of: part)
        guard (x, y) != (part.old.lowerBound, part.new.lowerBound), (x, y) != (part.old.upperBound, part.new.upperBound)
        else {
          // Unreachable by the algorithm; a loop without end would be worse than a long answer.
          for index in part.old { deleted[Int(oldPlaces[index])] = true }
          for index in part.new { inserted[Int(newPlaces[index])] = true }
          continue
        }
        parts.append(Part(old: x..<part.old.upperBound, new: y..<part.new.upperBound))
        parts.append(Part(old: part.old.lowerBound..<x, new: part.new.lowerBound..<y))
      }
    }
  }

  /// A point through which a short way from the one text to the other goes; never a corner of the part, which starts and
  /// ends with differing lines.
  private mutating func middle(of part: Part) -> (x: Int, y: Int) {
    let (left, right) = (part.old.lowerBound, part.old.upperBound)
    let (top, bottom) = (part.new.lowerBound, part.new.upperBound)
    // Diagonals are x - y; those outside of the part's own are never walked.
    let lowest = left - bottom
    let highest = right - top
    let start = left - top
    let end = right - bottom
    let isOdd = (start - end) & 1 != 0
    var (lowForward, highForward) = (start, start)
    var (lowBackward, highBackward) = (end, end)
    forward[origin + start] = Int32(left)
    backward[origin + end] = Int32(right)
    var cost = 0
    while true {
      cost += 1
      if lowForward > lowest { lowForward -= 1; forward[origin + lowForward - 1] = -1 } else { lowForward += 1 }
      if highForward < highest { highForward += 1; forward[origin + highForward + 1] = -1 } else { highForward -= 1 }
      var diagonal = highForward
      while diagonal >= lowForward {
        let below = forward[origin + diagonal - 1]
        let above = forward[origin + diagonal + 1]
        var x = Int(below >= above ? below + 1 : above)
        var y = x - diagonal
        while x < right, y < bottom, old[x] == new[y] { x += 1; y += 1 }
        forward[origin + diagonal] = Int32(x)
        if isOdd, diagonal >= lowBackward, diagonal <= highBackward, Int(backward[origin + diagonal]) <= x {
          return (x, y)
        }
        diagonal -= 2
      }
      if lowBackward > lowest { lowBackward -= 1; backward[origin + lowBackward - 1] = .max } else { lowBackward += 1 }
      if highBackward < highest {
        highBackward += 1; backward[origin + highBackward + 1] = .max
      } else {
        highBackward -= 1
      }
      diagonal = highBackward
      while diagonal >= lowBackward {
        let below = backward[origin + diagonal - 1]
        let above = backward[origin + diagonal + 1]
        var x = Int(below < above ? below : above - 1)
        var y = x - diagonal
        while x > left, y > top, old[x - 1] == new[y - 1] { x -= 1; y -= 1 }
        backward[origin + diagonal] = Int32(x)
        if !isOdd, diagonal >= lowForward, diagonal <= highForward, Int(forward[origin + diagonal]) >= x {
          return (x, y)
        }
        diagonal -= 2
      }
      if cost >= costLimit {
        return farthest(part, lowForward...highForward, lowBackward...highBackward)
      }
    }
  }

  /// The point that one of the two searches got farthest with.
  private func farthest(_ part: Part, _ forwards: ClosedRange<Int>, _ backwards: ClosedRange<Int>) -> (x: Int, y: Int) {
    var best = (reach: -1, x: part.old.lowerBound, y: part.new.lowerBound)
    for diagonal in stride(from: forwards.upperBound, through: forwards.lowerBound, by: -2) {
      let x = min(Int(forward[origin + diagonal]), part.old.upperBound)
      let y = x - diagonal
      guard y <= part.new.upperBound, y >= part.new.lowerBound else { continue }
      let reach = x - part.old.lowerBound + y - part.new.lowerBound
      if reach > best.reach { best = (reach, x, y) }
    }
    for diagonal in stride(from: backwards.upperBound, through: backwards.lowerBound, by: -2) {
      let x = max(Int(backward[origin + diagonal]), part.old.lowerBound)
      let y = x - diagonal
      guard y <= part.new.upperBound, y >= part.new.lowerBound else { continue }
      let reach = part.old.upperBound - x + part.new.upperBound - y
      if reach > best.reach { best = (reach, x, y) }
    }
    return (best.x, best.y)
  }
}

/// Decides the cuts between compounds as they come, and holds no more of them than a decision depends on.
///
/// A decision depends on what lies within the limit on either side (`CartesianCut`), so a compound that is farther from
/// the first undecided boundary than that is let go once it was taken. The result is that of deciding all at once.
struct CompoundCuts {
  /// Compounds that are gathered before the next decision.
  static let stretch = 1 << 14

  private let limit: Int
  private let stretch: Int
  private var compounds: [ChunkingPass.Compound] = []
  private var boundaries: [Boundary] = []
  /// The size of everything before each compound, and of everything: one more than compounds.
  private var offsets: [Int] = [0]
  private var isCut: [Bool] = []
  private var stack: [Int] = []
  /// The first boundary that is not decided; that before the first compound is not asked.
  private var undecided = 1
  /// The first boundary that was not looked at for the next group.
  private var scanned = 1
  /// The first compound that was not taken.
  private var untaken = 0
  private var capacity: Int
  private var isEnded = false

  init(limit: Int, stretch: Int = Self.stretch) {
    self.limit = limit
    self.stretch = stretch
    capacity = stretch
  }

  /// Adds a compound; answers whether groups may be ready.
  mutating func append(_ compound: ChunkingPass.Compound) -> Bool {
    if isEnded { reset() }
    compounds.append(compound)
    boundaries.append(compound.boundary)
    offsets.append(offsets[offsets.count - 1] + compound.size)
    isCut.append(false)
    guard compounds.count >= capacity else { return false }
    decide()
    return true
  }

  /// Nothing joins what comes later: every group is ready then.
  mutating func end() {
    isEnded = true
    decide()
  }

  /// The next compounds that stay together, with their size; `nil` when that depends on what comes.
  mutating func next() -> (compounds: ArraySlice<ChunkingPass.Compound>, size: Int)? {
    while scanned < undecided {
      scanned += 1
      if isCut[scanned - 1] { return take(scanned - 1) }
    }
    if isEnded, untaken < compounds.count { return take(compounds.count) }
    if !isEnded { letGo() }
    return nil
  }

  private mutating func take(_ end: Int) -> (compounds: ArraySlice<ChunkingPass.Compound>, size: Int) {
    defer { untaken = end }
    return (compounds[untaken..<end], offsets[end] - offsets[untaken])
  }

  private mutating func decide() {
    let count = compounds.count
    var end = count
    // Nearer to the end than the limit, a stronger boundary may still come.
    if !isEnded { while end > undecided, offsets[count] - offsets[end - 1] <= limit { end -= 1 } }
    guard end > undecided else {
      capacity = 2 * count
      return
    }
    let first = undecided
    CartesianCut.decide(offsets, boundaries, to: count, limit: limit, stack: &stack) { index in
      if index >= first, index < end { isCut[index] = true }
    }
    undecided = end
  }

  /// Lets go of what no decision depends on any more.
  private mutating func letGo() {
    var first = min(untaken, max(0, undecided - 1))
    while first > 0, offsets[undecided] - offsets[first] <= limit { first -= 1 }
    guard first > 0 else {
      capacity = max(capacity, compounds.count + stretch)
      return
    }
    compounds.removeFirst(first)
    boundaries.removeFirst(first)
    offsets.removeFirst(first)
    isCut.removeFirst(first)
    undecided -= first
    scanned -= first
    untaken -= first
    capacity = max(stretch, 2 * compounds.count)
  }

  private mutating func reset() {
    compounds.removeAll(keepingCapacity: true)
    boundaries.removeAll(keepingCapacity: true)
    offsets.removeAll(keepingCapacity: true)
    offsets.append(0)
    isCut.removeAll(keepingCapacity: true)
    (undecided, scanned, untaken) = (1, 1, 0)
    capacity = stretch
    isEnded = false
  }
}

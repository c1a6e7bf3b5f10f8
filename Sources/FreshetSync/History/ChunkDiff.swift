import FreshetModel

/// What became of a document's chunks between two editions.
///
/// A chunk is the same in both when it has the same identity, or, among those without a counterpart, the same passage.
/// Those whose order is the same in both are kept, as many as can be (a longest increasing subsequence); the others that
/// are in both moved.
public struct ChunkDiff: Sendable, Hashable {
  /// What became of a chunk; the raw values appear in JSON.
  public enum State: String, Sendable, CaseIterable {
    case kept, added, removed, moved
  }

  /// One chunk of either edition.
  public struct Entry: Sendable, Hashable {
    /// What became of it.
    public var state: State
    /// Its text.
    public var passage: PassageID
    /// Its place in the old edition, from 0.
    public var from: Int?
    /// Its place in the new edition, from 0.
    public var to: Int?
  }

  /// The chunks in the order of the new edition; those that went stand where they were.
  public let entries: [Entry]

  /// Compares the chunks of two editions, each in its order.
  public init(from old: [ChunkRecord], to new: [ChunkRecord]) {
    let partners = Self.partners(old, new)
    let stays = Self.longestIncrease(partners)
    let found = Set(partners.compactMap { $0 })
    var entries: [Entry] = []
    entries.reserveCapacity(new.count)
    var next = 0
    func addRemoved(before end: Int) {
      while next < end {
        if !found.contains(next) {
          entries.append(Entry(state: .removed, passage: old[next].passage, from: next, to: nil))
        }
        next += 1
      }
    }
    for (index, chunk) in new.enumerated() {
      let partner = partners[index]
      let state: State = partner == nil ? .added : stays.contains(index) ? .kept : .moved
      if state == .kept, let partner { addRemoved(before: partner) }
      entries.append(Entry(state: state, passage: chunk.passage, from: partner, to: index))
    }
    addRemoved(before: old.count)
    self.entries = entries
  }

  /// How many chunks are in that state.
  public func count(_ state: State) -> Int { entries.count { $0.state == state } }

  /// For each new chunk the place of the old one that it is.
  private static func partners(_ old: [ChunkRecord], _ new: [ChunkRecord]) -> [Int?] {
    let places = Dictionary(old.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    var partners = new.map { places[$0.id] }
    let taken = Set(partners.compactMap { $0 })
    var byPassage: [PassageID: [Int]] = [:]
    for index in old.indices.reversed() where !taken.contains(index) {
      byPassage[old[index].passage, default: []].append(index)
    }
    guard !byPassage.isEmpty else { return partners }
    for index in new.indices where partners[index] == nil {
      partners[index] = byPassage[new[index].passage]?.popLast()
    }
    return partners
  }

  /// The indices of a longest subsequence that increases (M. L. Fredman, "On computing the length of longest increasing
  /// subsequences", 1975: n·log n steps); `nil` is in none.
  private static func longestIncrease(_ values: [Int?]) -> Set<Int> {
    // The index of the least last value of an increase of each length, and what stands before each.
    var ends: [(value: Int, index: Int)] = []
    var before = [Int?](repeating: nil, count: values.count)
    for (index, value) in values.enumerated() {
      guard let value else { continue }
      var (low, high) = (0, ends.count)
      while low < high {
        let middle = (low + high) / 2
        if ends[middle].value < value { low = middle + 1 } else { high = middle }
      }
      before[index] = low > 0 ? ends[low - 1].index : nil
      if low < ends.count { ends[low] = (value, index) } else { ends.append((value, index)) }
    }
    var indices = Set<Int>()
    var next = ends.last?.index
    while let index = next {
      indices.insert(index)
      next = before[index]
    }
    return indices
  }
}

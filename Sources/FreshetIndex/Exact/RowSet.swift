import FreshetModel

/// A set of a segment's rows as a bitmap, in the form of the kernels' masks.
struct RowSet: Sendable {
  /// Bit `row % 64` of word `row / 64`; one word for each 64 rows of the segment.
  private(set) var words: [UInt64]
  /// How many rows it holds.
  private(set) var count = 0

  /// The empty set of a segment of so many rows.
  init(rows: Int) {
    words = [UInt64](repeating: 0, count: (rows + 63) / 64)
  }

  /// Adds a row; answers whether it was not there.
  @discardableResult mutating func insert(_ row: Int) -> Bool {
    let bit = UInt64(1) << UInt64(row % 64)
    guard words[row / 64] & bit == 0 else { return false }
    words[row / 64] |= bit
    count += 1
    return true
  }

  func contains(_ row: Int) -> Bool {
    words[row / 64] & (UInt64(1) << UInt64(row % 64)) != 0
  }

  /// The rows of a segment that are not in `removed` and, when members are given, whose passages are among them.
  init(segment: Segment, without removed: RowSet, members: PassageSet?) {
    self.init(rows: segment.count)
    guard let members else {
      for word in words.indices { words[word] = Self.all(of: segment.count, in: word) & ~removed.words[word] }
      count = segment.count - removed.count
      return
    }
    // Looking a member up costs about as much as testing 20 rows.
    if members.count < segment.count / 20 {
      for (index, word) in members.words.enumerated() where word != 0 {
        var rest = word
        while rest != 0 {
          let passage = PassageID(index * 64 + rest.trailingZeroBitCount)
          if let row = segment.row(of: passage), !removed.contains(row) { insert(row) }
          rest &= rest - 1
        }
      }
      return
    }
    members.words.withUnsafeBufferPointer { memberWords in
      for word in words.indices {
        let found = Self.members(memberWords, among: segment, in: word) & ~removed.words[word]
        words[word] = found
        count += found.nonzeroBitCount
      }
    }
  }

  private static func all(of rows: Int, in word: Int) -> UInt64 {
    let length = min(64, rows - word * 64)
    return length == 64 ? .max : (UInt64(1) << UInt64(length)) - 1
  }

  private static func members(
    _ members: UnsafeBufferPointer<UInt64>,
    among segment: Segment,
    in word: Int
  ) -> UInt64 {
    let start = word * 64
    let length = min(64, segment.count - start)
    let first = segment.passages[start]
    func bits(_ index: Int) -> UInt64 { index < members.count ? members[index] : 0 }
    // Passages without a gap are a window of the members' own bits.
    if segment.passages[start + length - 1] - first == PassageID(length - 1), first >= 0 {
      let index = Int(first / 64)
      let shift = UInt64(first % 64)
      let window = shift == 0 ? bits(index) : bits(index) >> shift | bits(index + 1) << (64 - shift)
      return window & all(of: segment.count, in: word)
    }
    var found: UInt64 = 0
    for offset in 0..<length {
      let passage = segment.passages[start + offset]
      guard passage >= 0 else { continue }
      found |= (bits(Int(passage / 64)) >> UInt64(passage % 64) & 1) << UInt64(offset)
    }
    return found
  }
}

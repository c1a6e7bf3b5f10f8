#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The lines of two texts as numbers: equal lines have equal numbers.
///
/// A line ends after its line feed; a last line without one is another line than the same with one, so that a difference
/// in the final line feed is a difference. Carriage returns belong to the line.
struct LineTable {
  /// Where each line starts in the old text, and the text's length last.
  let oldStarts: [Int]
  /// The same of the new text.
  let newStarts: [Int]
  /// The old text's lines as numbers.
  let old: [Int32]
  /// The new text's lines as numbers.
  let new: [Int32]
  /// How many different lines there are; numbers are below it.
  let count: Int

  /// Lines of both texts together above which nothing is compared: one text goes whole and the other comes.
  static let linesMax = 1 << 29

  /// Whether the texts have more lines than are compared.
  var isBeyondLimit: Bool { oldStarts.count + newStarts.count > Self.linesMax }

  init(_ oldText: [UInt8], _ newText: [UInt8]) {
    oldStarts = Self.starts(of: oldText)
    newStarts = Self.starts(of: newText)
    guard oldStarts.count + newStarts.count <= Self.linesMax else {
      // No number is equal to another: everything goes and everything comes.
      (old, new, count) = ([], [], 0)
      return
    }
    var numbers = LineNumbers(capacity: oldStarts.count + newStarts.count)
    let oldStarts = oldStarts
    let newStarts = newStarts
    (old, new) = oldText.withUnsafeBytes { oldBytes in
      newText.withUnsafeBytes { newBytes in
        (
          (0..<oldStarts.count - 1).map {
            numbers.number(of: .init(rebasing: oldBytes[oldStarts[$0]..<oldStarts[$0 + 1]]))
          },
          (0..<newStarts.count - 1).map {
            numbers.number(of: .init(rebasing: newBytes[newStarts[$0]..<newStarts[$0 + 1]]))
          }
        )
      }
    }
    count = numbers.count
  }

  private static func starts(of text: [UInt8]) -> [Int] {
    var starts: [Int] = text.isEmpty ? [] : [0]
    text.withUnsafeBufferPointer { bytes in
      for index in bytes.indices where bytes[index] == UInt8(ascii: "\n") && index + 1 < bytes.count {
        starts.append(index + 1)
      }
    }
    starts.append(text.count)
    return starts
  }
}

/// Gives equal lines equal numbers, by an open table of their hashes.
private struct LineNumbers {
  private(set) var count = 0
  private var slots: [Int32]
  private var hashes: [Int] = []
  private var lines: [UnsafeRawBufferPointer] = []

  init(capacity: Int) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    slots = [Int32](repeating: -1, count: size)
  }

  mutating func number(of line: UnsafeRawBufferPointer) -> Int32 {
    // Seeded for each process: nobody can write a text whose lines all meet in one slot.
    var hasher = Hasher()
    hasher.combine(bytes: line)
    let hash = hasher.finalize()
    let mask = slots.count - 1
    var slot = hash & mask
    while slots[slot] >= 0 {
      let known = Int(slots[slot])
      if hashes[known] == hash, Self.areEqual(lines[known], line) { return slots[slot] }
      slot = (slot + 1) & mask
    }
    slots[slot] = Int32(truncatingIfNeeded: count)
    hashes.append(hash)
    lines.append(line)
    count += 1
    return Int32(truncatingIfNeeded: count - 1)
  }

  private static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard left.count == right.count, let start = left.baseAddress, let other = right.baseAddress else {
      return left.count == right.count
    }
    return memcmp(start, other, left.count) == 0
  }
}

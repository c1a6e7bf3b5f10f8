import CSQLite
import FreshetModel

/// A passage that holds a word: its number, the weight of the occurrences, its length in tokens, in eight bytes.
///
/// Postings are ordered by passage. Weights and lengths beyond their bits count as the greatest that can be told:
/// `BM25` hardly changes from there on.
struct Posting: Hashable, Sendable, Comparable {
  /// The greatest passage number that a posting can name.
  static let passageMax = PassageID(1) << PassageID(FRESHET_POSTING_ROW_BITS) - 1

  private(set) var bits: UInt64

  init(bits: UInt64) { self.bits = bits }

  /// - Returns: `nil` for a passage that no posting can name.
  init?(passage: PassageID, weight: Int, length: Int) {
    guard passage >= 0, passage <= Self.passageMax else { return nil }
    bits = freshet_posting(
      UInt64(passage),
      UInt64(min(max(weight, 0), Int(FRESHET_POSTING_WEIGHT_MAX))),
      UInt64(min(max(length, 1), Int(FRESHET_POSTING_LENGTH_MAX)))
    )
  }

  var passage: PassageID { PassageID(truncatingIfNeeded: bits &>> Self.passageShift) }
  var weight: Int { Int(truncatingIfNeeded: bits &>> Self.weightShift) & Int(FRESHET_POSTING_WEIGHT_MAX) }
  /// 0 when it was not looked up.
  var length: Int { Int(truncatingIfNeeded: bits) & Int(FRESHET_POSTING_LENGTH_MAX) }

  private static let weightShift = UInt64(FRESHET_POSTING_LENGTH_BITS)
  private static let passageShift = UInt64(FRESHET_POSTING_LENGTH_BITS + FRESHET_POSTING_WEIGHT_BITS)

  static func < (left: Posting, right: Posting) -> Bool { left.bits < right.bits }

  mutating func takeLength(of other: Posting) {
    bits = bits & ~UInt64(FRESHET_POSTING_LENGTH_MAX) | UInt64(other.length)
  }
}

extension [Posting] {
  /// Where the passage's posting is or would be.
  func place(of passage: PassageID) -> Int {
    var low = startIndex
    var high = endIndex
    while low < high {
      let middle = low + (high - low) / 2
      if self[middle].passage < passage { low = middle + 1 } else { high = middle }
    }
    return low
  }

  func holds(_ passage: PassageID, at place: Int) -> Bool { place < endIndex && self[place].passage == passage }

  /// Puts a posting in its place; whether there was none of its passage.
  @discardableResult
  mutating func enter(_ posting: Posting) -> Bool {
    let place = place(of: posting.passage)
    guard !holds(posting.passage, at: place) else { return false }
    insert(posting, at: place)
    return true
  }

  /// Takes the passage's posting out; whether there was one.
  @discardableResult
  mutating func leave(_ passage: PassageID) -> Bool {
    let place = place(of: passage)
    guard holds(passage, at: place) else { return false }
    remove(at: place)
    return true
  }

  /// Gives each posting the length that the list of all passages has for it; whether every passage was there.
  mutating func takeLengths(of all: [Posting]) -> Bool {
    // A step through all of them costs less than a search for each, from some share on.
    let isDense = count > all.count / 16
    var next = 0
    for index in indices {
      let passage = self[index].passage
      if isDense {
        while next < all.count, all[next].passage < passage { next += 1 }
      } else {
        next = all.place(of: passage)
      }
      guard all.holds(passage, at: next) else { return false }
      self[index].takeLength(of: all[next])
    }
    return true
  }
}

/// What makes one text another, line by line.
///
/// The shortest answer or near to it (`LineComparison` says when). Lines are bytes that end with a line feed; nothing is
/// assumed of their encoding, so that any two contents have a difference, and the unified form applied by `patch` to
/// the first gives the second, byte for byte.
public struct TextDiff: Sendable {
  /// A run of lines that goes, and the run that comes in its place; one of them may be empty. Lines count from 0.
  public struct Change: Hashable, Sendable {
    /// Lines of the old text.
    public var old: Range<Int>
    /// Lines of the new text.
    public var new: Range<Int>

    /// Describes a change.
    public init(old: Range<Int>, new: Range<Int>) {
      self.old = old
      self.new = new
    }
  }

  /// The changes in their order; never two that touch.
  public let changes: [Change]
  /// How many lines come.
  public let additions: Int
  /// How many lines go.
  public let deletions: Int

  let oldText: [UInt8]
  let newText: [UInt8]
  let oldStarts: [Int]
  let newStarts: [Int]

  /// Compares two texts.
  ///
  /// Time grows with their length and, up to a limit, with the number of differences: at most about `n·√n` steps for `n`
  /// lines. Memory is about 100 bytes a line beside the texts. Blocks; call it on a thread that may.
  public init(from oldText: [UInt8], to newText: [UInt8]) {
    let table = LineTable(oldText, newText)
    self.oldText = oldText
    self.newText = newText
    oldStarts = table.oldStarts
    newStarts = table.newStarts
    changes = Self.changes(table)
    additions = changes.reduce(0) { $0 + $1.new.count }
    deletions = changes.reduce(0) { $0 + $1.old.count }
  }

  private static func changes(_ table: LineTable) -> [Change] {
    if table.isBeyondLimit { return [Change(old: 0..<table.oldStarts.count - 1, new: 0..<table.newStarts.count - 1)] }
    let comparison = LineComparison(table)
    let (deleted, inserted) = (comparison.deleted, comparison.inserted)
    var changes: [Change] = []
    var (x, y) = (0, 0)
    while x < deleted.count || y < inserted.count {
      let start = (x, y)
      while x < deleted.count, deleted[x] { x += 1 }
      while y < inserted.count, inserted[y] { y += 1 }
      if start != (x, y) { changes.append(Change(old: start.0..<x, new: start.1..<y)) }
      // Unchanged lines stand in both texts.
      while x < deleted.count, y < inserted.count, !deleted[x], !inserted[y] {
        x += 1
        y += 1
      }
    }
    return slid(changes, table)
  }

  /// Moves each run that only comes or only goes down as far as it says the same, so that an added paragraph starts with
  /// its own first line, and runs that meet become one.
  private static func slid(_ changes: [Change], _ table: LineTable) -> [Change] {
    var result: [Change] = []
    result.reserveCapacity(changes.count)
    var pending: Change?
    for index in changes.indices {
      var change = changes[index]
      if let met = pending {
        change = Change(
          old: met.old.lowerBound..<change.old.upperBound,
          new: met.new.lowerBound..<change.new.upperBound
        )
        pending = nil
      }
      let next = index + 1 < changes.count ? changes[index + 1] : nil
      let oldEnd = next?.old.lowerBound ?? table.old.count
      while change.old.upperBound < oldEnd, let moved = change.oneLineDown(table) { change = moved }
      if next != nil, change.old.upperBound == oldEnd { pending = change } else { result.append(change) }
    }
    return result
  }
}

extension TextDiff.Change {
  /// The same change one line further down; `nil` when that would be another.
  fileprivate func oneLineDown(_ table: LineTable) -> Self? {
    let isSame =
      old.isEmpty
      ? table.new[new.lowerBound] == table.new[new.upperBound]
      : new.isEmpty && table.old[old.lowerBound] == table.old[old.upperBound]
    guard isSame else { return nil }
    return Self(
      old: old.lowerBound + 1..<old.upperBound + 1,
      new: new.lowerBound + 1..<new.upperBound + 1
    )
  }
}

extension TextDiff {
  /// Bytes at a content's start that are looked at to tell whether it is binary.
  public static let binaryProbeSize = 8_000

  /// Whether a content is no text: a NUL stands in its first 8,000 bytes. The rule of Git (`buffer_is_binary`).
  public static func isBinary(_ content: [UInt8]) -> Bool {
    content.prefix(binaryProbeSize).contains(0)
  }
}

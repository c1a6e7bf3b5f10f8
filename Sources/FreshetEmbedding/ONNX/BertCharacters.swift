/// What the BERT normaliser and pre-tokeniser do with a Unicode scalar, for every scalar, in two array reads.
///
/// Uncased BERT: controls dropped, white space made a space, ideographs set apart, canonical decomposition, marks
/// stripped, lower case; then punctuation separates. All but the order of marks is decided scalar by scalar, and the
/// data says so as Hugging Face `tokenizers` does it, which differs from any one Unicode version.
struct BertCharacters: Sendable {
  /// What happens to one scalar.
  struct Action: Equatable {
    /// The packed form: kind, flags, and a scalar, a combining class, or a place in `sequences`.
    fileprivate(set) var bits: UInt32

    enum Kind: UInt32 {
      case keep, drop, dropAndBlock, space, replace, replaceBySeveral, mark
    }

    fileprivate static let spacedFlag: UInt32 = 1 << 28
    fileprivate static let punctuationFlag: UInt32 = 1 << 29

    fileprivate init(_ kind: Kind, _ value: UInt32 = 0) {
      bits = kind.rawValue << 24 | value
    }

    fileprivate init(bits: UInt32) {
      self.bits = bits
    }

    var kind: Kind { Kind(rawValue: bits >> 24 & 0xF) ?? .keep }

    /// What `replace` puts in its place, the combining class of a `mark`, or the place in `sequences`.
    var value: UInt32 { bits & 0xFF_FFFF }

    /// Whether a space goes on either side.
    var isSpaced: Bool { bits & Action.spacedFlag != 0 }

    /// Whether the scalar is a word of its own.
    var isPunctuation: Bool { bits & Action.punctuationFlag != 0 }

    /// Whether nothing happens: a letter of a word.
    var isPlain: Bool { bits == 0 }
  }

  /// The table of uncased BERT; built once, in well under a millisecond.
  static let uncased = BertCharacters()

  /// Where the 256 actions of each block stand in `actions`; blocks without any share the first.
  private let blocks: [UInt16]
  private let actions: [UInt32]
  /// Replacements by several scalars: a count, then the scalars.
  private let sequences: [UInt32]

  private init() {
    var builder = Builder()
    builder.fill(BertCharacterData.removed, .init(.drop))
    builder.fill(BertCharacterData.blocking, .init(.dropAndBlock))
    builder.fill(BertCharacterData.spaces, .init(.space))
    builder.fillMarks(BertCharacterData.combining)
    builder.fillSuccessors(BertCharacterData.successors)
    builder.fillReplaced(BertCharacterData.replaced)
    builder.fillSequences(BertCharacterData.replacedBySeveral)
    builder.add(BertCharacterData.ideographs, Action.spacedFlag)
    builder.add(BertCharacterData.punctuation, Action.punctuationFlag)
    blocks = builder.blocks
    actions = builder.actions
    sequences = BertCharacterData.replacedBySeveral
  }

  /// What happens to `scalar`, which must be a Unicode scalar value.
  subscript(scalar: UInt32) -> Action {
    Action(bits: actions[Int(blocks[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)])
  }

  /// The scalars that a `replaceBySeveral` action puts in.
  func sequence(of action: Action) -> ArraySlice<UInt32> {
    let start = Int(action.value)
    return sequences[start + 1..<start + 1 + Int(sequences[start])]
  }

  /// The table while it is made.
  private struct Builder {
    var blocks = [UInt16](repeating: 0, count: 0x1100)
    var actions = [UInt32](repeating: 0, count: 256)

    private mutating func place(of scalar: UInt32) -> Int {
      let block = Int(scalar >> 8)
      if blocks[block] == 0 {
        blocks[block] = UInt16(actions.count >> 8)
        actions.append(contentsOf: repeatElement(0, count: 256))
      }
      return Int(blocks[block]) << 8 | Int(scalar & 0xFF)
    }

    private mutating func set(_ scalar: UInt32, _ action: Action) {
      actions[place(of: scalar)] = action.bits
    }

    mutating func fill(_ ranges: [UInt32], _ action: Action) {
      forEachRange(ranges, width: 2) { builder, first, last, _ in
        for scalar in first...last { builder.set(scalar, action) }
      }
    }

    mutating func add(_ ranges: [UInt32], _ flag: UInt32) {
      forEachRange(ranges, width: 2) { builder, first, last, _ in
        for scalar in first...last { builder.actions[builder.place(of: scalar)] |= flag }
      }
    }

    mutating func fillMarks(_ ranges: [UInt32]) {
      forEachRange(ranges, width: 3) { builder, first, last, combiningClass in
        for scalar in first...last { builder.set(scalar, .init(.mark, combiningClass)) }
      }
    }

    mutating func fillSuccessors(_ ranges: [UInt32]) {
      forEachRange(ranges, width: 2) { builder, first, last, _ in
        for scalar in stride(from: first, through: last, by: 2) { builder.set(scalar, .init(.replace, scalar + 1)) }
      }
    }

    mutating func fillReplaced(_ ranges: [UInt32]) {
      forEachRange(ranges, width: 3) { builder, first, last, target in
        for scalar in first...last { builder.set(scalar, .init(.replace, target + scalar - first)) }
      }
    }

    mutating func fillSequences(_ rows: [UInt32]) {
      var position = 0
      while position < rows.count {
        set(rows[position], .init(.replaceBySeveral, UInt32(position + 1)))
        position += 2 + Int(rows[position + 1])
      }
    }

    private mutating func forEachRange(
      _ rows: [UInt32],
      width: Int,
      _ body: (inout Builder, _ first: UInt32, _ last: UInt32, _ extra: UInt32) -> Void
    ) {
      for row in stride(from: 0, to: rows.count, by: width) {
        body(&self, rows[row], rows[row + 1], width > 2 ? rows[row + 2] : 0)
      }
    }
  }
}

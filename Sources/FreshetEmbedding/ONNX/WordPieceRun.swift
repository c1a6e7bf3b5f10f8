/// One pass of a `WordPieceTokenizer` over one text.
///
/// Bytes become actions (`BertCharacters`), actions build up a word in lower case, and a finished word is taken apart
/// into its longest pieces.
struct WordPieceRun {
  /// The ids so far.
  var ids: [Int32] = []
  /// How many ids there are so far, kept or not, without those around the text.
  private(set) var count = 0
  /// The places of the ids that begin a word, when they are kept.
  private(set) var wordStarts: [Int] = []

  private let tokenizer: WordPieceTokenizer
  private let limit: Int
  private let keepsIDs: Bool
  private let keepsWordStarts: Bool

  /// The word in the making, and how many scalars it has; above the maximum its bytes are no longer kept.
  private var word: [UInt8] = []
  private var wordLength = 0
  private var pieces: [Int32] = []
  /// Kept marks that wait for their canonical order.
  private var marks: [(scalar: UInt32, combiningClass: UInt32)] = []

  /// Marks in a row above which the order is no longer made canonical. It makes no difference: a word with so many is
  /// above every maximum, and unknown as a whole.
  private static let maximumMarks = 4096

  init(tokenizer: WordPieceTokenizer, limit: Int, keepsIDs: Bool, keepsWordStarts: Bool = false) {
    self.tokenizer = tokenizer
    self.limit = limit
    self.keepsIDs = keepsIDs
    self.keepsWordStarts = keepsWordStarts
    word.reserveCapacity(tokenizer.maximumWordLength * 4)
  }

  /// Reads a text up to its end or the limit.
  mutating func read(_ text: UnsafeBufferPointer<UInt8>) {
    var position = 0
    while position < text.count, count < limit {
      let byte = text[position]
      if byte < 0x80 {
        if byte == UInt8(ascii: "["), let token = addedToken(in: text, at: position) {
          finishWord()
          if keepsWordStarts { wordStarts.append(count) }
          append(token.id)
          position += token.bytes.count
          continue
        }
        position += 1
        readASCII(byte)
      } else {
        let (scalar, length) = Self.decode(text, at: position)
        position += length
        read(scalar)
      }
    }
    finishWord()
  }

  private func addedToken(in text: UnsafeBufferPointer<UInt8>, at position: Int) -> WordPieceTokenizer.AddedToken? {
    let rest = text[position...]
    return tokenizer.added.first { rest.starts(with: $0.bytes) }
  }

  private mutating func readASCII(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      appendASCII(byte)
    case UInt8(ascii: "A")...UInt8(ascii: "Z"):
      appendASCII(byte | 0x20)
    case UInt8(ascii: " "), 0x09, 0x0A, 0x0D:
      finishWord()
    case 0x21...0x7E:
      finishWord()
      appendASCII(byte)
      finishWord()
    default:
      break  // Controls vanish without ending the word.
    }
  }

  @inline(__always)
  private mutating func appendASCII(_ byte: UInt8) {
    if !marks.isEmpty { releaseMarks() }
    wordLength += 1
    if wordLength <= tokenizer.maximumWordLength { word.append(byte) }
  }

  /// One scalar of the text, not yet normalised.
  private mutating func read(_ scalar: UInt32) {
    // Precomposed Hangul comes apart by arithmetic (The Unicode Standard, 3.12).
    if scalar >= 0xAC00, scalar < 0xD7A4 {
      let index = scalar - 0xAC00
      put(0x1100 + index / 588)
      put(0x1161 + index % 588 / 28)
      if index % 28 != 0 { put(0x11A7 + index % 28) }
      return
    }
    let action = tokenizer.characters[scalar]
    if action.isPlain {
      appendPlain(scalar)
      return
    }
    if action.isSpaced { finishWord() }
    switch action.kind {
    case .keep: put(scalar, action)
    case .drop: break
    case .dropAndBlock: releaseMarks()
    case .space: finishWord()
    case .replace: put(action.value)
    case .replaceBySeveral: for part in tokenizer.characters.sequence(of: action) { put(part) }
    case .mark: put(scalar, action)
    }
    if action.isSpaced { finishWord() }
  }

  /// One scalar of the normalised text, apart from its order.
  private mutating func put(_ scalar: UInt32) {
    put(scalar, tokenizer.characters[scalar])
  }

  private mutating func put(_ scalar: UInt32, _ action: BertCharacters.Action) {
    if action.kind == .mark {
      if marks.count >= Self.maximumMarks { releaseMarks() }
      var place = marks.count
      while place > 0, marks[place - 1].combiningClass > action.value { place -= 1 }
      marks.insert((scalar, action.value), at: place)
    } else if action.isPunctuation {
      finishWord()
      appendPlain(scalar)
      finishWord()
    } else {
      appendPlain(scalar)
    }
  }

  private mutating func releaseMarks() {
    let waiting = marks
    marks.removeAll(keepingCapacity: true)
    for mark in waiting { appendPlain(mark.scalar) }
  }

  private mutating func appendPlain(_ scalar: UInt32) {
    if !marks.isEmpty { releaseMarks() }
    wordLength += 1
    guard wordLength <= tokenizer.maximumWordLength else { return }
    switch scalar {
    case ..<0x80:
      word.append(UInt8(truncatingIfNeeded: scalar))
    case ..<0x800:
      word.append(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
      word.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    case ..<0x1_0000:
      word.append(UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12))
      word.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
      word.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    default:
      word.append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
      word.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3F))
      word.append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
      word.append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    }
  }

  /// Takes the word apart; a word with a part that is no piece, or too long, is unknown as a whole.
  private mutating func finishWord() {
    if !marks.isEmpty { releaseMarks() }
    guard wordLength > 0 else { return }
    if keepsWordStarts { wordStarts.append(count) }
    defer {
      word.removeAll(keepingCapacity: true)
      wordLength = 0
    }
    guard wordLength <= tokenizer.maximumWordLength else {
      append(tokenizer.special.unknown)
      return
    }
    pieces.removeAll(keepingCapacity: true)
    var position = 0
    var root = WordPieceVocabulary.beginning
    while position < word.count {
      guard let match = tokenizer.vocabulary.longestMatch(in: word, from: position, at: root) else {
        append(tokenizer.special.unknown)
        return
      }
      pieces.append(match.id)
      position = match.end
      root = WordPieceVocabulary.continuation
    }
    for piece in pieces { append(piece) }
  }

  private mutating func append(_ id: Int32) {
    guard count < limit else { return }
    count += 1
    if keepsIDs { ids.append(id) }
  }

  /// The scalar at a place that begins one, and how many bytes it has. Bytes that are no UTF-8 read as U+FFFD.
  private static func decode(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> (scalar: UInt32, length: Int) {
    let first = UInt32(text[position])
    let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1
    guard length > 1, position + length <= text.count else { return (0xFFFD, 1) }
    var scalar = first & (0x7F >> UInt32(length))
    for index in position + 1..<position + length {
      guard text[index] & 0xC0 == 0x80 else { return (0xFFFD, 1) }
      scalar = scalar << 6 | UInt32(text[index] & 0x3F)
    }
    return scalar <= 0x10_FFFF ? (scalar, length) : (0xFFFD, 1)
  }
}

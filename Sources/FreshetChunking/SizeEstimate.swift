/// Estimates how many tokens a text has from its bytes and scripts alone, without a model's vocabulary.
///
/// Costs were fitted once to what a WordPiece tokenizer (30,522 English pieces) makes of technical documentation and of
/// program messages in 60 languages: a word of Latin letters costs by its length, a punctuation mark one token, another
/// script's character a constant. Changing a number makes other chunks: change the chunker's fingerprint with it.
struct SizeEstimate: Sendable {
  /// Parts of a token: sizes are whole numbers of 1/64.
  static let scale = 64

  let unit: ChunkingParameters.Unit

  /// The size of a range in parts of a unit. White space costs nothing.
  @inline(__always)
  func size(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Int {
    switch unit {
    case .tokens: Self.tokens(bytes, start, end)
    case .characters: Self.characters(bytes, start, end)
    }
  }

  private static func characters(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Int {
    var count = 0
    for index in start..<end where bytes[index] > 0x20 && bytes[index] & 0xC0 != 0x80 { count += 1 }
    return count * scale
  }

  private static func tokens(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Int {
    var total = 0
    var index = start
    ByteTables.kinds.withUnsafeBufferPointer { kinds in
      ByteTables.wordCosts.withUnsafeBufferPointer { costs in
        while index < end {
          switch kinds[Int(bytes[index])] {
          case ByteTables.space:
            index += 1
          case ByteTables.letter, ByteTables.digit, ByteTables.latinLead:
            total += word(bytes, &index, end, kinds, costs)
          case ByteTables.mark:
            total += scale
            index += 1
          default:
            total += scalar(bytes, &index, end)
          }
        }
      }
    }
    return total
  }

  /// The cost of a run of Latin letters and digits; moves the index behind it.
  @inline(__always)
  private static func word(
    _ bytes: UnsafeBufferPointer<UInt8>,
    _ index: inout Int,
    _ end: Int,
    _ kinds: UnsafeBufferPointer<UInt8>,
    _ costs: UnsafeBufferPointer<UInt16>
  ) -> Int {
    var letters = 0
    var digits = 0
    var accents = 0
    loop: while index < end {
      switch kinds[Int(bytes[index])] {
      case ByteTables.letter:
        letters += 1
        index += 1
      case ByteTables.digit:
        digits += 1
        index += 1
      case ByteTables.latinLead:
        accents += 1
        index += 2
      default: break loop
      }
    }
    let count = letters + digits + accents
    if accents > 0 { return max(scale, count * 29) }
    if digits == 0 {
      return count < costs.count ? Int(costs[count]) : Int(costs[costs.count - 1]) + (count - costs.count + 1) * 22
    }
    return letters == 0 ? max(scale, count * 30) : 13 + count * 42
  }

  /// The cost of a scalar of any other script; moves the index behind it.
  @inline(__always)
  private static func scalar(_ bytes: UnsafeBufferPointer<UInt8>, _ index: inout Int, _ end: Int) -> Int {
    let lead = bytes[index]
    let next = index + 1 < end ? bytes[index + 1] : 0
    switch lead {
    case 0xCC, 0xCD:
      // Combining marks to U+036F vanish in most tokenizers; Greek starts behind them.
      index += 2
      return lead == 0xCD && next >= 0xB0 ? 60 : 0
    case 0xC2:
      index += 2
      return next == 0xA0 ? 0 : scale
    case 0xC0..<0xD8:  // Greek, Cyrillic, Armenian, Hebrew
      index += 2
      return 58
    case 0xD8..<0xE0:  // Arabic
      index += 2
      return 60
    case 0xE0:  // Indic scripts to U+0DFF, then Thai and Lao; vowel signs count, so that a character costs less
      index += 3
      return next >= 0xB8 ? 27 : next < 0xA8 ? 48 : 40
    case 0xE1:
      index += 3
      return (0xB8...0xBB).contains(next) ? 29 : 40
    case 0xEA where next >= 0xB0, 0xEB, 0xEC, 0xED:  // Hangul syllables: two or three letters each
      index += 3
      return 115
    case 0xE2..<0xF0:
      index += 3
      return scale
    case 0xF0...:
      index += 4
      return scale
    default:  // a continuation byte: the range starts inside a scalar, which no caller asks for
      index += 1
      return 0
    }
  }
}

/// What a byte means for sizes and word boundaries.
enum ByteTables {
  static let space: UInt8 = 0
  static let letter: UInt8 = 1
  static let digit: UInt8 = 2
  static let mark: UInt8 = 3
  /// The first byte of a Latin letter from U+00C0 to U+024F.
  static let latinLead: UInt8 = 4
  static let other: UInt8 = 5

  static let kinds: [UInt8] = (0..<256).map { value in
    switch UInt8(value) {
    case 0...0x20, 0x7F: space
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): letter
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit
    case 0x21..<0x7F: mark
    case 0xC3...0xC9: latinLead
    default: other
    }
  }

  /// Mean tokens of a word of that many ASCII letters, in 1/64.
  static let wordCosts: [UInt16] = [
    0, 64, 66, 73, 72, 73, 77, 79, 87, 93, 106, 113, 150, 134, 177, 229, 287, 317, 350, 369, 376, 449, 470, 500, 520,
  ]
}

/// Finds where finer units start within a block, by bytes.
///
/// The rule for sentences is a simplification of UAX #29: a terminator, closing marks, white space, and no lower-case
/// letter after it; terminators of scripts without spaces (。！？) need no white space. A blank line always ends one.
enum Segmenter {
  /// What a text is divided into, from coarse to fine.
  enum Level: Int {
    case paragraphs
    case sentences
    case lines
    case words

    var strength: Boundary.Class {
      switch self {
      case .paragraphs: .paragraph
      case .sentences: .sentence
      case .lines: .line
      case .words: .word
      }
    }
  }

  /// Calls `start` with every unit's first byte after `from`, in order, until it answers `false`.
  ///
  /// `from` must not be white space. Units reach to the next one's start; white space between them is of no size.
  static func starts(
    _ bytes: UnsafeBufferPointer<UInt8>,
    from first: Int,
    to end: Int,
    level: Level,
    keepsIndentation: Bool,
    start: (Int) -> Bool
  ) {
    switch level {
    case .paragraphs, .lines:
      lines(bytes, first, end, onlyParagraphs: level == .paragraphs, keepsIndentation, start)
    case .sentences: sentences(bytes, first, end, start)
    case .words: words(bytes, first, end, start)
    }
  }

  private static func lines(
    _ bytes: UnsafeBufferPointer<UInt8>,
    _ first: Int,
    _ end: Int,
    onlyParagraphs: Bool,
    _ keepsIndentation: Bool,
    _ start: (Int) -> Bool
  ) {
    var index = first
    while index < end {
      if bytes[index] != newline {
        index += 1
        continue
      }
      var lineStart = index + 1
      var feeds = 1
      index += 1
      while index < end, bytes[index] <= 0x20 {
        if bytes[index] == newline {
          feeds += 1
          lineStart = index + 1
        }
        index += 1
      }
      guard index < end else { return }
      if onlyParagraphs, feeds < 2, keepsIndentation || !isListMarker(bytes, index, end) { continue }
      if !start(keepsIndentation ? lineStart : index) { return }
    }
  }

  /// `- `, `* `, `+ `, `1. `, `12) `.
  private static func isListMarker(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int, _ end: Int) -> Bool {
    var after = index
    switch bytes[index] {
    case UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "+"): after += 1
    default:
      while after < end, after - index < 9, isDigit(bytes[after]) { after += 1 }
      guard after > index, after < end, bytes[after] == UInt8(ascii: ".") || bytes[after] == UInt8(ascii: ")") else {
        return false
      }
      after += 1
    }
    return after < end && bytes[after] == 0x20
  }

  private static func sentences(
    _ bytes: UnsafeBufferPointer<UInt8>,
    _ first: Int,
    _ end: Int,
    _ start: (Int) -> Bool
  ) {
    var index = first
    while index < end {
      let byte = bytes[index]
      var needsSpace = true
      switch byte {
      case newline:
        var feeds = 0
        while index < end, bytes[index] <= 0x20 {
          if bytes[index] == newline { feeds += 1 }
          index += 1
        }
        if feeds > 1, index < end, !start(index) { return }
        continue
      case UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?"): index += 1
      case 0xD8...0xEF:
        let length = terminatorLength(bytes, index, end, &needsSpace)
        if length == 0 {
          index += byte < 0xE0 ? 2 : 3
          continue
        }
        index += length
      default:
        index += 1
        continue
      }
      while index < end, let length = closingLength(bytes, index, end) { index += length }
      let afterTerminator = index
      while index < end, bytes[index] <= 0x20 { index += 1 }
      guard index < end else { return }
      if needsSpace, index == afterTerminator || isLowerCase(bytes[index]) { continue }
      if !start(index) { return }
    }
  }

  /// The length of a sentence terminator beyond ASCII at the index, or 0.
  private static func terminatorLength(
    _ bytes: UnsafeBufferPointer<UInt8>,
    _ index: Int,
    _ end: Int,
    _ needsSpace: inout Bool
  ) -> Int {
    guard index + 1 < end else { return 0 }
    let second = bytes[index + 1]
    if bytes[index] < 0xE0 {
      return (bytes[index], second) == (0xD8, 0x9F) || (bytes[index], second) == (0xDB, 0x94) ? 2 : 0
    }
    guard index + 2 < end else { return 0 }
    switch (bytes[index], second, bytes[index + 2]) {
    case (0xE3, 0x80, 0x82), (0xEF, 0xBC, 0x81), (0xEF, 0xBC, 0x9F), (0xEF, 0xBD, 0xA1), (0xEF, 0xBC, 0x8E):
      needsSpace = false  // 。！？｡．
      return 3
    case (0xE0, 0xA5, 0xA4), (0xE0, 0xA5, 0xA5), (0xE1, 0x8D, 0xA2), (0xE1, 0x9F, 0x94), (0xE1, 0x81, 0x8B),
      (0xE2, 0x80, 0xA6):  // danda, Ethiopic, Khmer and Myanmar full stops, ellipsis
      return 3
    default: return 0
    }
  }

  /// The length of a further terminator, closing quote, bracket or emphasis mark at the index; `nil` for anything else.
  private static func closingLength(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int, _ end: Int) -> Int? {
    switch bytes[index] {
    case UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?"), UInt8(ascii: "\""), UInt8(ascii: "'"),
      UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "*"), UInt8(ascii: "_"), UInt8(ascii: "`"):
      return 1
    case 0xE2, 0xE3, 0xEF:
      guard index + 2 < end else { return nil }
      switch (bytes[index], bytes[index + 1], bytes[index + 2]) {
      case (0xE2, 0x80, 0x99), (0xE2, 0x80, 0x9D), (0xE3, 0x80, 0x8D), (0xE3, 0x80, 0x8F), (0xE3, 0x80, 0x82),
        (0xE3, 0x80, 0x91), (0xEF, 0xBC, 0x81), (0xEF, 0xBC, 0x89), (0xEF, 0xBC, 0x9F):
        return 3  // ’ ” 」 』 。 】 ！ ） ？
      default: return nil
      }
    default: return nil
    }
  }

  private static func words(
    _ bytes: UnsafeBufferPointer<UInt8>,
    _ first: Int,
    _ end: Int,
    _ start: (Int) -> Bool
  ) {
    var index = first
    var isAfterSpace = false
    while index < end {
      let byte = bytes[index]
      if byte <= 0x20 {
        isAfterSpace = true
        index += 1
        continue
      }
      if isAfterSpace || isIdeograph(bytes, index, end), index > first, !start(index) { return }
      isAfterSpace = false
      index += byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
    }
  }

  /// Kana and Han, which are written without spaces; punctuation (U+3000 to U+303F) stays with what is before it.
  @inline(__always)
  private static func isIdeograph(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int, _ end: Int) -> Bool {
    let lead = bytes[index]
    guard lead >= 0xE3, lead <= 0xE9, index + 1 < end else { return false }
    return lead != 0xE3 || bytes[index + 1] > 0x80
  }

  private static let newline = UInt8(ascii: "\n")

  @inline(__always)
  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  @inline(__always)
  private static func isLowerCase(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }
}

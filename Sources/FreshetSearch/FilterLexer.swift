import FreshetModel

/// A word, mark or text of the filter language with its place.
struct FilterToken {
  enum Kind: Equatable {
    case text(String, isQuoted: Bool)
    case comparison(Filter.Comparison)
    case open
    case close
    case comma
    case end
  }

  var kind: Kind
  /// Where it starts, a byte offset.
  var offset: Int

  /// Whether it is that word of the language, in either case.
  func isWord(_ word: String) -> Bool {
    if case .text(let text, isQuoted: false) = kind { text.lowercased() == word } else { false }
  }
}

/// Divides a filter into tokens.
struct FilterLexer {
  private let bytes: [UInt8]
  private var index = 0

  init(_ text: String) {
    bytes = Array(text.utf8)
  }

  /// An error that names the character, counted from 1, and what stands there.
  func error(at token: FilterToken, _ expected: String) -> FreshetError {
    let before = String(decoding: bytes[..<token.offset], as: UTF8.self)
    let place = "character \(before.unicodeScalars.count + 1)"
    guard token.offset < bytes.count else {
      return FreshetError(.invalidArgument, "filter, \(place) (its end): \(expected)")
    }
    let rest = String(decoding: bytes[token.offset...].prefix(64), as: UTF8.self).prefix(16)
    return FreshetError(.invalidArgument, "filter, \(place) ('\(rest)'): \(expected)")
  }

  mutating func next() throws(FreshetError) -> FilterToken {
    while index < bytes.count, bytes[index] <= 0x20 { index += 1 }
    let start = index
    guard index < bytes.count else { return FilterToken(kind: .end, offset: start) }
    func single(_ kind: FilterToken.Kind, _ length: Int = 1) -> FilterToken {
      index += length
      return FilterToken(kind: kind, offset: start)
    }
    let isEqualNext = index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "=")
    switch bytes[index] {
    case UInt8(ascii: "("): return single(.open)
    case UInt8(ascii: ")"): return single(.close)
    case UInt8(ascii: ","): return single(.comma)
    case UInt8(ascii: "~"): return single(.comparison(.matches))
    case UInt8(ascii: "="): return single(.comparison(.equal), isEqualNext ? 2 : 1)
    case UInt8(ascii: "<"): return single(.comparison(isEqualNext ? .lessOrEqual : .less), isEqualNext ? 2 : 1)
    case UInt8(ascii: ">"): return single(.comparison(isEqualNext ? .greaterOrEqual : .greater), isEqualNext ? 2 : 1)
    case UInt8(ascii: "!"):
      guard isEqualNext else { throw error(at: FilterToken(kind: .end, offset: start), "'!' only stands in '!='") }
      return single(.comparison(.notEqual), 2)
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return try quoted()
    default:
      while index < bytes.count, !Self.endsWord(bytes[index]) { index += 1 }
      let text = String(decoding: bytes[start..<index], as: UTF8.self)
      return FilterToken(kind: .text(text, isQuoted: false), offset: start)
    }
  }

  private mutating func quoted() throws(FreshetError) -> FilterToken {
    let start = index
    let quote = bytes[index]
    var text: [UInt8] = []
    index += 1
    while index < bytes.count, bytes[index] != quote {
      if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count { index += 1 }
      text.append(bytes[index])
      index += 1
    }
    guard index < bytes.count else {
      throw error(at: FilterToken(kind: .end, offset: start), "the quote that opens here is not closed")
    }
    index += 1
    return FilterToken(kind: .text(String(decoding: text, as: UTF8.self), isQuoted: true), offset: start)
  }

  /// Whether a byte cannot stand in an unquoted word.
  static func endsWord(_ byte: UInt8) -> Bool {
    switch byte {
    case 0...0x20, UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "'"),
      UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "~"):
      true
    default: false
    }
  }
}

import FreshetModel

/// Reads the filter language.
///
/// ```
/// team = ops and modified > 2026-01-01
/// type in (html, markdown) and not (origin ~ "drafts/*" or exists(obsolete))
/// ```
///
/// `not` binds closest, then `and`, then `or`; words of the language are read in either case. Comparisons are `=`
/// (also `==`), `!=`, `<`, `<=`, `>`, `>=` and `~` (a shell pattern). A value is a number, `true`, `false`, `null`, a
/// text in double or single quotes (`\` takes the next character as itself), or a word without spaces, commas and
/// parentheses. A field is a word or a quoted text. `field not in (…)` is `not field in (…)`; `true` and `false` alone
/// match everything and nothing.
public struct FilterParser {
  /// The longest filter, in bytes.
  public static let bytesMax = 16_384
  /// The deepest nesting.
  public static let depthMax = 64

  private var lexer: FilterLexer
  private var token: FilterToken
  private var depth = 0

  private init(_ text: String) throws(FreshetError) {
    guard text.utf8.count <= Self.bytesMax else {
      throw FreshetError(.invalidArgument, "the filter is longer than \(Self.bytesMax) bytes; shorten it")
    }
    lexer = FilterLexer(text)
    token = try lexer.next()
  }

  /// The filter that a text states.
  /// - Throws: `FreshetError` with `invalid_argument`; the sentence names the character and what was expected there.
  public static func parse(_ text: String) throws(FreshetError) -> Filter {
    var parser = try FilterParser(text)
    let filter = try parser.alternatives()
    guard parser.token.kind == .end else {
      throw parser.lexer.error(at: parser.token, "expected 'and', 'or' or the end")
    }
    return filter
  }

  private mutating func advance() throws(FreshetError) { token = try lexer.next() }

  private mutating func alternatives() throws(FreshetError) -> Filter {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthMax else {
      throw lexer.error(at: token, "nested more than \(Self.depthMax) deep; write it flatter")
    }
    var parts = [try conjunction()]
    while token.isWord("or") {
      try advance()
      parts.append(try conjunction())
    }
    return parts.count == 1 ? parts[0] : .any(parts)
  }

  private mutating func conjunction() throws(FreshetError) -> Filter {
    var parts = [try negation()]
    while token.isWord("and") {
      try advance()
      parts.append(try negation())
    }
    return parts.count == 1 ? parts[0] : .all(parts)
  }

  private mutating func negation() throws(FreshetError) -> Filter {
    if token.isWord("not") {
      try advance()
      depth += 1
      defer { depth -= 1 }
      guard depth <= Self.depthMax else {
        throw lexer.error(at: token, "nested more than \(Self.depthMax) deep; write it flatter")
      }
      return .not(try negation())
    }
    if token.kind == .open {
      try advance()
      let inner = try alternatives()
      try expect(.close, "expected ')'")
      return inner
    }
    return try predicate()
  }

  private mutating func predicate() throws(FreshetError) -> Filter {
    let start = token
    guard case .text(let field, let isQuoted) = token.kind,
      isQuoted || !["and", "or", "in"].contains(field.lowercased())
    else { throw lexer.error(at: token, "expected a field, 'not', 'exists(…)' or '('") }
    try advance()
    if !isQuoted, start.isWord("exists"), token.kind == .open {
      try advance()
      guard case .text(let name, _) = token.kind else { throw lexer.error(at: token, "expected a field") }
      try advance()
      try expect(.close, "expected ')' after the field")
      return .exists(name)
    }
    switch token.kind {
    case .comparison(let comparison):
      try advance()
      let place = token
      let value = try value("expected a value after '\(comparison.rawValue)'", isPattern: comparison == .matches)
      if comparison == .matches, case .string = value {
      } else if comparison == .matches {
        throw lexer.error(at: place, "expected a pattern after '~'")
      }
      return .field(field, comparison, value)
    case .text where token.isWord("in"):
      try advance()
      return .oneOf(field, try list())
    case .text where token.isWord("not"):
      try advance()
      guard token.isWord("in") else { throw lexer.error(at: token, "expected 'in' after 'not'") }
      try advance()
      return .not(.oneOf(field, try list()))
    default:
      if !isQuoted, field == "true" { return .all([]) }
      if !isQuoted, field == "false" { return .any([]) }
      throw lexer.error(at: token, "expected =, !=, <, <=, >, >=, ~ or 'in' after the field '\(field)'")
    }
  }

  private mutating func list() throws(FreshetError) -> [JSONValue] {
    try expect(.open, "expected '(' after 'in'")
    var values: [JSONValue] = []
    if token.kind == .close {
      try advance()
      return values
    }
    values.append(try value("expected a value"))
    while token.kind == .comma {
      try advance()
      values.append(try value("expected a value after ','"))
    }
    try expect(.close, "expected ',' or ')'")
    return values
  }

  private mutating func value(_ expected: String, isPattern: Bool = false) throws(FreshetError) -> JSONValue {
    guard case .text(let text, let isQuoted) = token.kind else { throw lexer.error(at: token, expected) }
    try advance()
    return isQuoted || isPattern ? .string(text) : FilterLiteral.value(of: text)
  }

  private mutating func expect(_ kind: FilterToken.Kind, _ expected: String) throws(FreshetError) {
    guard token.kind == kind else { throw lexer.error(at: token, expected) }
    try advance()
  }
}

/// What an unquoted word stands for.
enum FilterLiteral {
  /// A number as JSON writes it, `true`, `false`, `null`, else the text itself.
  static func value(of text: String) -> JSONValue {
    switch text {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case "null": return .null
    default: break
    }
    guard isNumber(Array(text.utf8)) else { return .string(text) }
    if let integer = Int64(text) { return .integer(integer) }
    return Double(text).flatMap { $0.isFinite ? .number($0) : nil } ?? .string(text)
  }

  /// The number grammar of RFC 8259 § 6.
  private static func isNumber(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    func digits() -> Int {
      let count = rest.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }.count
      rest = rest.dropFirst(count)
      return count
    }
    if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
    let leadsWithZero = rest.first == UInt8(ascii: "0")
    let whole = digits()
    guard whole == 1 || (whole > 1 && !leadsWithZero) else { return false }
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      guard digits() > 0 else { return false }
    }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest = rest.dropFirst()
      if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
      guard digits() > 0 else { return false }
    }
    return rest.isEmpty
  }
}

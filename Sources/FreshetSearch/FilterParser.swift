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
///
/// Values of `StandardField`s are what these hold, and anything else is refused: texts, a `size` with or without unit
/// (`10 kB`), and for `modified` a date, which stands for the whole of its day, month or year: `= 2026-11-21` is that
/// day, `> 2026-11-21` after it.
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
      return try condition(field, comparison)
    case .text where token.isWord("in"):
      try advance()
      return try membership(field)
    case .text where token.isWord("not"):
      try advance()
      guard token.isWord("in") else { throw lexer.error(at: token, "expected 'in' after 'not'") }
      try advance()
      return .not(try membership(field))
    default:
      if !isQuoted, field == "true" { return .all([]) }
      if !isQuoted, field == "false" { return .any([]) }
      throw lexer.error(at: token, "expected =, !=, <, <=, >, >=, ~ or 'in' after the field '\(field)'")
    }
  }

  private mutating func condition(_ field: String, _ comparison: Filter.Comparison) throws(FreshetError) -> Filter {
    let place = token
    let expected = "expected a value after '\(comparison.rawValue)'"
    if comparison == .matches {
      if field == StandardField.size.rawValue {
        throw lexer.error(at: place, "'~' compares texts, and the field 'size' is a number; use <, <=, =, >= or >")
      }
      guard case .text(let pattern, _) = token.kind else { throw lexer.error(at: place, expected) }
      try advance()
      return .field(field, .matches, .string(pattern))
    }
    if field == StandardField.modified.rawValue { return StandardField.filter(field, comparison, try span(expected)) }
    return .field(field, comparison, try value(of: field, expected))
  }

  /// The values in parentheses after `in`.
  private mutating func membership(_ field: String) throws(FreshetError) -> Filter {
    try expect(.open, "expected '(' after 'in'")
    var values: [JSONValue] = []
    var spans: [Filter] = []
    let isMoment = field == StandardField.modified.rawValue
    while token.kind != .close {
      let expected = values.isEmpty && spans.isEmpty ? "expected a value" : "expected a value after ','"
      if isMoment {
        spans.append(StandardField.filter(field, .equal, try span(expected)))
      } else {
        values.append(try value(of: field, expected))
      }
      guard token.kind == .comma else { break }
      try advance()
      if token.kind == .close { throw lexer.error(at: token, "expected a value after ','") }
    }
    try expect(.close, "expected ',' or ')'")
    guard isMoment else { return .oneOf(field, values) }
    return spans.count == 1 ? spans[0] : .any(spans)
  }

  /// A value, as the field takes it.
  private mutating func value(of field: String, _ expected: String) throws(FreshetError) -> JSONValue {
    guard case .text(let text, let isQuoted) = token.kind else { throw lexer.error(at: token, expected) }
    switch StandardField(rawValue: field)?.kind {
    case .text?:
      try advance()
      return !isQuoted && text == "null" ? .null : .string(text)
    case .size?: return try size(text, isQuoted: isQuoted)
    case .moment?, nil:
      try advance()
      return isQuoted ? .string(text) : FilterLiteral.value(of: text)
    }
  }

  /// A number of bytes, whose unit may stand apart.
  private mutating func size(_ text: String, isQuoted: Bool) throws(FreshetError) -> JSONValue {
    let start = token
    try advance()
    if !isQuoted, case .text(let unit, isQuoted: false) = token.kind, let bytes = Quantity.bytes(text + " " + unit) {
      try advance()
      return .integer(bytes)
    }
    if !isQuoted {
      switch FilterLiteral.value(of: text) {
      case .integer(let bytes): return .integer(bytes)
      case .number(let bytes): return .number(bytes)
      case .null: return .null
      default: break
      }
    }
    guard let bytes = Quantity.bytes(text) else {
      throw lexer.error(at: start, "expected a number of bytes, or a size such as 10kB, '1.5 MB' or 64KiB")
    }
    return .integer(bytes)
  }

  /// A date.
  private mutating func span(_ expected: String) throws(FreshetError) -> TimeSpan {
    guard case .text(let text, _) = token.kind else { throw lexer.error(at: token, expected) }
    guard let span = TimeSpan(text) else {
      throw lexer.error(at: token, "expected a date such as 2026-11-21, 2026-11 or 2026-11-21T10:30Z")
    }
    try advance()
    return span
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

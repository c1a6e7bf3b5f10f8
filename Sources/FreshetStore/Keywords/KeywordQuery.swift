/// What a person's query asks of the keyword index: any of its words, any of its "quoted phrases".
///
/// A word that is an identifier asks for the whole and for its parts. Nothing in a query is an operator.
struct KeywordQuery {
  /// Words and phrases beyond these are left out.
  static let termsMax = 64
  /// Bytes of a query that are looked at.
  static let bytesMax = 8_192

  enum Term: Hashable {
    /// One token.
    case word(String)
    /// One CJK character: the first of any pair.
    case prefix(String)
    /// Tokens that follow each other.
    case phrase([String])
  }

  private(set) var terms: [Term] = []

  init(_ text: String) {
    var seen: Set<Term> = []
    func add(_ term: Term, to terms: inout [Term]) {
      if terms.count < Self.termsMax, seen.insert(term).inserted { terms.append(term) }
    }
    let bytes = text.utf8.prefix(Self.bytesMax)
    var isQuoted = false
    let pieces = bytes.split(separator: UInt8(ascii: "\""), omittingEmptySubsequences: false)
    for (index, piece) in pieces.enumerated() {
      // An opening quote without a closing one is no phrase.
      isQuoted = index % 2 == 1 && index < pieces.count - 1
      let piece = String(decoding: piece, as: UTF8.self)
      if isQuoted {
        let tokens = KeywordTokenizer.tokens(of: piece, for: .query).map(\.text)
        if tokens.count > 1 {
          add(.phrase(tokens), to: &terms)
        } else if let token = tokens.first {
          add(Self.term(token), to: &terms)
        }
      } else {
        let tokens = KeywordTokenizer.tokens(of: piece, for: .document)
        for (index, token) in tokens.enumerated() {
          let isColocated = index > 0 && tokens[index - 1].position == token.position
          // The last character of a CJK run stands beside its pair; asking for the pair is enough.
          if isColocated, Self.isOneCJKCharacter(token.text) { continue }
          add(Self.term(token.text), to: &terms)
        }
      }
    }
  }

  private static func term(_ token: String) -> Term {
    isOneCJKCharacter(token) ? .prefix(token) : .word(token)
  }

  /// Whether a token is a single CJK character: those are the only tokens of one character from U+1100 on that the
  /// tokenizer makes of scripts written without spaces.
  private static func isOneCJKCharacter(_ token: String) -> Bool {
    guard let scalar = token.unicodeScalars.first, token.unicodeScalars.count == 1 else { return false }
    switch scalar.value {
    case 0x1100...0x11FF, 0x2E80...0x9FFF, 0xA960...0xA97F, 0xAC00...0xD7FF, 0xF900...0xFAFF, 0xFF66...0xFF9F,
      0x1B000...0x1B16F, 0x20000...0x323AF:
      return true
    default: return false
    }
  }

  /// Each term in FTS5's syntax, every token a quoted string; the query is any of them.
  var expressions: [UTF8Text] { terms.map { UTF8Text(Self.expression($0)) } }

  /// A term in FTS5's syntax.
  static func expression(_ term: Term) -> String {
    switch term {
    case .word(let token): quoted(token)
    case .prefix(let token): quoted(token) + " *"
    case .phrase(let tokens): tokens.map(quoted).joined(separator: " + ")
    }
  }

  /// Whether a passage matches an expression if and only if it has the expression's one token.
  static func isWord(_ expression: UTF8Text) -> Bool {
    let tokens = KeywordTokenizer.tokens(of: expression.string, for: .query)
    return tokens.count == 1 && UTF8Text(self.expression(.word(tokens[0].text))) == expression
  }

  /// Tokens hold letters, digits, marks, `_` and `.` only; a quote cannot occur, and would be doubled.
  private static func quoted(_ token: String) -> String {
    "\"" + token.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }
}

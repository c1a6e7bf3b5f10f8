import CSQLite

/// Cuts text into the tokens of the keyword index: what `freshet_tokenize` of the bridge does, for Swift.
enum KeywordTokenizer {
  enum Purpose {
    /// Words, CJK pairs, and the parts of identifiers.
    case document
    /// Words, CJK pairs, and identifiers whole.
    case query

    fileprivate var code: Int32 {
      switch self {
      case .document: Int32(FRESHET_TOKENIZE_DOCUMENT)
      case .query: Int32(FRESHET_TOKENIZE_QUERY)
      }
    }
  }

  struct Token: Hashable {
    /// The folded text.
    var text: String
    /// Its place: tokens of one place are alternatives of each other.
    var position: Int
  }

  static func tokens(of text: String, for purpose: Purpose) -> [Token] {
    final class Collected {
      var tokens: [Token] = []
      var position = -1
    }
    let collected = Collected()
    var text = text
    text.withUTF8 { bytes in
      guard let count = Int32(exactly: bytes.count) else { return }
      _ = bytes.withMemoryRebound(to: CChar.self) { characters in
        freshet_tokenize(
          characters.baseAddress,
          count,
          purpose.code,
          Unmanaged.passUnretained(collected).toOpaque()
        ) { context, isColocated, token, count, _, _ in
          guard let context, let token else { return 1 }
          let collected = Unmanaged<Collected>.fromOpaque(context).takeUnretainedValue()
          if isColocated == 0 { collected.position += 1 }
          let bytes = UnsafeRawBufferPointer(start: token, count: Int(count))
          collected.tokens.append(Token(text: String(decoding: bytes, as: UTF8.self), position: collected.position))
          return 0
        }
      }
    }
    return collected.tokens
  }
}

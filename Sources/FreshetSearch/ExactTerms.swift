import FreshetModel

/// What a query asks for word for word: quoted phrases, and words that only an identifier looks like.
struct ExactTerms {
  /// Terms beyond these are searched for as words only.
  static let countMax = 8

  /// The phrases and identifiers, in their order.
  let texts: [String]
  private let patterns: [[UInt8]]

  /// Finds them: text between double quotes; words with `_`, with a digit beside a letter, with `::`, `.`, `/`, `-` and
  /// a digit or capital, or with a capital behind a small letter (`maxDeleteRatio`, `HTTP/2`, `libcurl4`, `CVE-2024-1`).
  init(of query: String) {
    var texts: [String] = []
    let parts = query.split(separator: "\"", omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      if index % 2 == 1, index < parts.count - 1 {
        let phrase = Self.folded(part.utf8)
        if !phrase.isEmpty { texts.append(String(decoding: phrase, as: UTF8.self)) }
      } else {
        for word in part.split(whereSeparator: \.isWhitespace) {
          let bare = Self.trimmed(word)
          if Self.isIdentifier(bare) { texts.append(String(decoding: bare, as: UTF8.self)) }
        }
      }
    }
    var seen: Set<String> = []
    self.texts = Array(texts.filter { seen.insert($0).inserted }.prefix(Self.countMax))
    patterns = self.texts.map { Self.folded($0.utf8) }
  }

  /// How many of the terms the passage holds, in heading or body; case and the width of white space do not count.
  func matches(in passage: PassageRecord) -> Int {
    let text = Self.folded((passage.heading.joined(separator: "\n") + "\n" + passage.body).utf8)
    return patterns.count { Self.contains(text, $0) }
  }

  /// ASCII letters small, white space one space, none at the ends.
  private static func folded(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    for byte in bytes {
      if byte <= 0x20 {
        if let last = result.last, last != 0x20 { result.append(0x20) }
      } else {
        result.append(byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte)
      }
    }
    if result.last == 0x20 { result.removeLast() }
    return result
  }

  private static func trimmed(_ word: Substring) -> [UInt8] {
    let marks = Set("()[]{}<>.,;:!?'`*".utf8)
    var bytes = Array(word.utf8)[...]
    while let first = bytes.first, marks.contains(first) { bytes = bytes.dropFirst() }
    while let last = bytes.last, marks.contains(last) { bytes = bytes.dropLast() }
    return Array(bytes)
  }

  private static func isIdentifier(_ word: [UInt8]) -> Bool {
    guard word.count > 1 else { return false }
    var letters = 0
    var digits = 0
    var capitals = 0
    var joints = 0
    var hasUnderscore = false
    var hasHump = false
    for (index, byte) in word.enumerated() {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"): letters += 1
      case UInt8(ascii: "A")...UInt8(ascii: "Z"):
        letters += 1
        capitals += 1
        if index > 0, word[index - 1] >= UInt8(ascii: "a"), word[index - 1] <= UInt8(ascii: "z") { hasHump = true }
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digits += 1
      case UInt8(ascii: "_"): hasUnderscore = true
      case UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "-"): joints += 1
      default: break
      }
    }
    if hasUnderscore || hasHump { return letters + digits > 0 }
    if digits > 0 { return letters > 0 || joints > 0 }
    return joints > 0 && (capitals > 1 || word.contains(UInt8(ascii: ".")) || word.contains(UInt8(ascii: ":")))
      && letters > 1
  }

  /// Whether the text holds the pattern at word boundaries.
  private static func contains(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
    guard let first = pattern.first, let last = pattern.last, pattern.count <= text.count else { return false }
    func isWord(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
      default: false
      }
    }
    for start in 0...text.count - pattern.count where text[start] == first {
      guard text[start..<start + pattern.count].elementsEqual(pattern) else { continue }
      let end = start + pattern.count
      if isWord(first), start > 0, isWord(text[start - 1]) { continue }
      if isWord(last), end < text.count, isWord(text[end]) { continue }
      return true
    }
    return false
  }
}

extension String {
  /// The text without control characters: a document's name or title cannot move the cursor or change colours.
  ///
  /// Tabs and line breaks become spaces, all others U+FFFD; so do the marks that reorder text (Unicode bidirectional
  /// overrides and isolates).
  public var displayable: String {
    var text = ""
    for scalar in unicodeScalars {
      switch scalar.value {
      case 0x09, 0x0A, 0x0D, 0x2028, 0x2029: text.append(" ")
      case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: text.append("\u{FFFD}")
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// A text of many lines as `displayable`, with its line breaks and tabs.
  public var displayableLines: String {
    split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
      .map { line in
        line.split(separator: "\t", omittingEmptySubsequences: false).map { String($0).displayable }.joined(
          separator: "\t"
        )
      }
      .joined(separator: "\n")
  }

  /// Columns that a terminal gives the text: 2 for wide East Asian characters and most emoji, 0 for combining marks.
  public var displayWidth: Int {
    // A grapheme is as wide as its first scalar: the others are marks, selectors and joined parts.
    reduce(0) { $0 + ($1.unicodeScalars.first.map(Self.width) ?? 0) }
  }

  /// The text cut to that many columns, ended by `…` when something was cut.
  public func truncated(toWidth limit: Int) -> String {
    guard displayWidth > limit else { return self }
    var text = ""
    var width = 0
    for character in self {
      let next = character.unicodeScalars.first.map(Self.width) ?? 0
      if width + next > limit - 1 { break }
      text.append(character)
      width += next
    }
    return text + "…"
  }

  /// Wide ranges of Unicode's EastAsianWidth (W and F), joined to blocks.
  private static func width(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 0x00..<0x20, 0x7F..<0xA0, 0x0300...0x036F, 0x200B...0x200F, 0xFE00...0xFE0F: 0
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
      0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF,
      0x20000...0x3FFFD:
      2
    default: 1
    }
  }
}

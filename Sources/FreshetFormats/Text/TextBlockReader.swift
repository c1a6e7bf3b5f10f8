import FreshetModel

/// Finds paragraphs and titles in one pass over the lines.
struct TextBlockReader {
  let bytes: UnsafeRawBufferPointer
  let titles: PlainText.Titles
  private(set) var blocks: [Block] = []
  private(set) var title: String?

  private var paragraphStart = -1
  private var paragraphEnd = 0
  private var paragraphLines = 0
  private var previous = 0..<0
  private var adornments: [(mark: UInt8, isOverlined: Bool)] = []

  init(bytes: UnsafeRawBufferPointer, titles: PlainText.Titles) {
    self.bytes = bytes
    self.titles = titles
  }

  mutating func read() {
    var start = 0
    while start < bytes.count {
      let end = lineEnd(from: start)
      readLine(start..<end)
      start = end + 1
    }
    closeParagraph()
  }

  private func lineEnd(from start: Int) -> Int {
    var index = start
    while index + 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ 0x0A0A_0A0A_0A0A_0A0A
      let found = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
      if found != 0 { return index + UInt64(littleEndian: found).trailingZeroBitCount / 8 }
      index += 8
    }
    while index < bytes.count, bytes[index] != 0x0A { index += 1 }
    return index
  }

  private mutating func readLine(_ line: Range<Int>) {
    var last = line.upperBound
    while last > line.lowerBound, isBlank(bytes[last - 1]) { last -= 1 }
    if last == line.lowerBound {
      closeParagraph()
      return
    }
    switch titles {
    case .none: break
    case .unambiguous, .restructuredText, .asciidoc:
      if readTitle(line.lowerBound..<last) { return }
    }
    if paragraphStart < 0 {
      paragraphStart = line.lowerBound
      paragraphLines = 0
    }
    paragraphLines += 1
    paragraphEnd = last
    previous = line.lowerBound..<last
  }

  /// Whether the line ended a title: then the block is made.
  private mutating func readTitle(_ line: Range<Int>) -> Bool {
    let mark = bytes[line.lowerBound]
    if case .asciidoc = titles, mark == UInt8(ascii: "="), paragraphStart < 0 {
      return readPrefixedTitle(line)
    }
    guard paragraphLines >= 1, isAdornment(mark), isUniform(line) else { return false }
    let isOverlined = paragraphLines == 2 && isOverline(of: mark, length: line.count)
    guard paragraphLines == 1 || isOverlined, !isUniform(previous) || previous.count < 2 else { return false }
    guard accepts(previous, underline: line.count, isOverlined: isOverlined) else { return false }
    let level = level(mark: mark, isOverlined: isOverlined)
    append(heading: previous.lowerBound..<line.upperBound, text: previous, level: level)
    return true
  }

  private mutating func readPrefixedTitle(_ line: Range<Int>) -> Bool {
    var marks = 0
    while marks < line.count, bytes[line.lowerBound + marks] == UInt8(ascii: "=") { marks += 1 }
    let after = line.lowerBound + marks
    guard marks <= 6, after < line.upperBound, bytes[after] == 0x20 else { return false }
    // `== Title ==` closes what it opened.
    let close = line.upperBound - marks
    let isClosed =
      close > after + 1 && bytes[close - 1] == 0x20
      && bytes[close..<line.upperBound].allSatisfy { $0 == UInt8(ascii: "=") }
    append(heading: line, text: (after + 1)..<(isClosed ? close - 1 : line.upperBound), level: marks)
    return true
  }

  private func accepts(_ text: Range<Int>, underline: Int, isOverlined: Bool) -> Bool {
    var characters = 0
    for index in text where bytes[index] & 0xC0 != 0x80 { characters += 1 }
    switch titles {
    case .restructuredText:
      // The underline must be at least as long as the title; wide characters count twice, which bytes bound from above.
      guard isOverlined || bytes[text.lowerBound] != 0x20 else { return false }
      return underline >= characters && underline >= (isOverlined ? 1 : 2)
    case .unambiguous, .asciidoc:
      let mark = bytes[text.upperBound..<bytes.count].first { $0 != 0x0A && !isBlank($0) } ?? 0
      guard [UInt8(ascii: "="), UInt8(ascii: "-"), UInt8(ascii: "~"), UInt8(ascii: "^")].contains(mark),
        !isBlank(bytes[text.lowerBound]), characters >= 2, text.count <= 120
      else { return false }
      return isOverlined ? underline >= characters : abs(underline - characters) <= 2 && underline >= 3
    case .none: return false
    }
  }

  /// Levels follow the order in which the adornments first appear, as reStructuredText has it.
  private mutating func level(mark: UInt8, isOverlined: Bool) -> Int {
    if let index = adornments.firstIndex(where: { $0.mark == mark && $0.isOverlined == isOverlined }) {
      return index + 1
    }
    adornments.append((mark, isOverlined))
    return adornments.count
  }

  private mutating func append(heading: Range<Int>, text: Range<Int>, level: Int) {
    let level = min(6, level)
    if title == nil, level == 1, blocks.count < 16 {
      var first = text.lowerBound
      while first < text.upperBound, isBlank(bytes[first]) { first += 1 }
      title = String(decoding: bytes[first..<text.upperBound].prefix(FormatLimits.titleBytes), as: UTF8.self)
    }
    blocks.append(Block(kind: .heading, level: UInt8(level), start: heading.lowerBound, end: heading.upperBound))
    paragraphStart = -1
    paragraphLines = 0
  }

  private mutating func closeParagraph() {
    if paragraphStart >= 0 {
      blocks.append(Block(kind: .paragraph, start: paragraphStart, end: paragraphEnd))
    }
    paragraphStart = -1
    paragraphLines = 0
  }

  private func isOverline(of mark: UInt8, length: Int) -> Bool {
    var end = paragraphStart
    while end < previous.lowerBound, bytes[end] == mark { end += 1 }
    return end - paragraphStart >= 2 && end - paragraphStart == length && bytes[end] == 0x0A
  }

  private func isUniform(_ line: Range<Int>) -> Bool {
    guard let first = line.first else { return false }
    let mark = bytes[first]
    guard isAdornment(mark) else { return false }
    for index in line where bytes[index] != mark { return false }
    return true
  }

  private func isAdornment(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
    default: false
    }
  }

  private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0B || byte == 0x0C }
}

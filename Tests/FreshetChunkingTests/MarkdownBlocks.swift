import FreshetModel

/// A generator whose seed is printed by the test that uses it (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}

/// A rendition of text for tests: paragraphs by blank lines, `#` headings, fences, `|` tables.
///
/// Headings are also seen where a line of `=`, `-` or `~` underlines the one before it, as in reST.
func rendition(_ text: String) -> Rendition { rendition(Array(text.utf8)) }

func rendition(_ markdown: [UInt8]) -> Rendition {
  Rendition(markdown: markdown, blocks: blocks(of: markdown))
}

func blocks(of markdown: [UInt8]) -> [Block] {
  var blocks: [Block] = []
  var index = 0
  while index < markdown.count {
    var lines: [Range<Int>] = []
    var isFenced = false
    while index < markdown.count {
      let end = markdown[index...].firstIndex(of: 0x0A) ?? markdown.count
      let line = index..<end
      let isBlank = markdown[line].allSatisfy { $0 <= 0x20 }
      let isFence = markdown[line].starts(with: "```".utf8)
      if isBlank, !isFenced {
        index = end + 1
        if lines.isEmpty { continue }
        break
      }
      if headingLevel(markdown[line]) > 0, !isFenced, !lines.isEmpty { break }
      lines.append(line)
      index = end + 1
      if isFence {
        isFenced.toggle()
        if !isFenced { break }
      }
      if lines.count == 1, headingLevel(markdown[line]) > 0, !isFenced { break }
    }
    guard let first = lines.first, let last = lines.last else { break }
    let level = lines.count == 1 ? headingLevel(markdown[first]) : underlineLevel(lines, markdown)
    let kind: Block.Kind =
      if level > 0 { .heading } else if markdown[first].starts(with: "```".utf8) {
        .code
      } else if markdown[first]
        .starts(with: "|".utf8)
      { .table } else { .paragraph }
    blocks.append(Block(kind: kind, level: UInt8(level), start: first.lowerBound, end: last.upperBound))
  }
  return blocks
}

private func headingLevel(_ line: ArraySlice<UInt8>) -> Int {
  let level = line.prefix { $0 == UInt8(ascii: "#") }.count
  guard (1...6).contains(level), line.count > level, line[line.startIndex + level] == 0x20 else { return 0 }
  return level
}

private func underlineLevel(_ lines: [Range<Int>], _ markdown: [UInt8]) -> Int {
  guard lines.count == 2, let mark = markdown[lines[1]].first, lines[1].count >= 3,
    let level = [UInt8(ascii: "="), UInt8(ascii: "-"), UInt8(ascii: "~")].firstIndex(of: mark),
    markdown[lines[1]].allSatisfy({ $0 == mark })
  else { return 0 }
  return level + 1
}

extension Rendition {
  /// The bytes of a block.
  func text(of block: Block) -> [UInt8] { Array(markdown[block.start..<block.end]) }
}

import FreshetModel

/// Which headings each block stands under.
struct HeadingTree {
  // Of every block of a document that may have millions: 12 bytes each, not 24.
  private var parents: [Int32] = []
  private var depths: [Int32] = []
  private var pathSizes: [Int32] = []

  /// Places the blocks; `sizes` are those of the headings' words, which fit a path (`ChunkingLimits.path`).
  init(_ blocks: [Block], sizes: [Int32]) {
    parents.reserveCapacity(blocks.count)
    depths.reserveCapacity(blocks.count)
    pathSizes.reserveCapacity(blocks.count)
    var open: [Int] = []
    for (index, block) in blocks.enumerated() {
      if block.kind == .heading {
        while let last = open.last, blocks[last].level >= block.level { open.removeLast() }
      }
      parents.append(Int32(clamping: open.last ?? -1))
      depths.append(Int32(open.count))
      if block.kind == .heading {
        pathSizes.append((open.last.map { pathSizes[$0] } ?? 0) + sizes[index])
        open.append(index)
      } else {
        pathSizes.append(0)
      }
    }
  }

  /// The heading that encloses a block (for a heading: the one of a lower level above it), or -1.
  func parent(_ block: Int) -> Int { Int(parents[block]) }

  /// The size of a heading's words with those above it; 0 for other blocks.
  func pathSize(_ block: Int) -> Int { Int(pathSizes[block]) }

  /// The deepest heading that encloses both or is one of them; -1 for none.
  func common(_ left: Int, _ right: Int) -> Int {
    var left = left
    var right = right
    while left != right {
      if left < 0 || right < 0 { return -1 }
      if depths[left] >= depths[right] { left = parent(left) } else { right = parent(right) }
    }
    return left
  }

  /// Whether the heading is `path` or encloses it.
  func encloses(_ heading: Int, path: Int) -> Bool {
    var index = path
    while index > heading { index = parent(index) }
    return index == heading
  }
}

/// Reads the words of a heading: without the marks of Markdown (`#`), AsciiDoc (`=`) and reStructuredText (a line of any
/// punctuation below), and without line breaks.
enum HeadingText {
  static func of(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> String {
    let range = range(bytes, start, end)
    let text = bytes[range].map { $0 < 0x20 ? 0x20 : $0 }
    return String(decoding: text, as: UTF8.self)
  }

  /// Where the words of a heading are.
  static func range(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Range<Int> {
    var start = start
    var end = end
    let isATX = start < end && bytes[start] == UInt8(ascii: "#")
    if isATX {
      while start < end, bytes[start] == UInt8(ascii: "#") { start += 1 }
      var close = end
      while close > start, bytes[close - 1] == UInt8(ascii: "#") { close -= 1 }
      if close == start || bytes[close - 1] <= 0x20 { end = close }
    } else if let line = underline(bytes, start, end) {
      end = line
    } else if let words = afterPrefix(bytes, start, end) {
      (start, end) = (words.lowerBound, words.upperBound)
    }
    while start < end, bytes[start] <= 0x20 { start += 1 }
    while end > start, bytes[end - 1] <= 0x20 { end -= 1 }
    return start..<end
  }

  /// What stands after the `== ` of an AsciiDoc title, and before the same marks at its end; `nil` for anything else.
  private static func afterPrefix(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Range<Int>? {
    var marks = 0
    while start + marks < end, bytes[start + marks] == UInt8(ascii: "=") { marks += 1 }
    guard (1...6).contains(marks), start + marks < end, bytes[start + marks] == 0x20 else { return nil }
    let close = end - marks
    let isClosed =
      close > start + marks + 1 && bytes[close - 1] == 0x20
      && bytes[close..<end].allSatisfy { $0 == UInt8(ascii: "=") }
    return start + marks..<(isClosed ? close : end)
  }

  /// Where the last line starts when it is a run of one punctuation mark below other lines.
  private static func underline(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Int? {
    var index = end
    while index > start, bytes[index - 1] != UInt8(ascii: "\n") { index -= 1 }
    guard index > start, index < end else { return nil }
    let mark = bytes[index]
    switch mark {
    case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: break
    default: return nil
    }
    for place in index..<end where bytes[place] != mark && bytes[place] > 0x20 { return nil }
    return index
  }
}

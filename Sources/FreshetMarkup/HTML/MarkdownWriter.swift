import FreshetFormats
import FreshetModel

/// Writes Markdown and the map of its blocks: paragraphs from running text, everything else from explicit blocks.
///
/// Only the outermost blocks are recorded; inside a list item or quote the outer one covers all.
struct MarkdownWriter {
  private(set) var output: [UInt8] = []
  private(set) var blocks: [Block] = []

  /// What every line starts with (list indentation, quote marks).
  private var prefix: [UInt8] = []
  /// Depth of recorded containers.
  private var depth = 0
  private var blockStart = 0
  private var blockKind = Block.Kind.paragraph
  private var blockLevel: UInt8 = 0
  private var isOpen = false
  private var pendingSpace = false
  /// The next block goes on where the output ends: a list marker or a quote mark was just written.
  private var isAtMarker = false
  /// The next paragraph follows on a new line of the same block.
  private var joinsNext = false
  /// The next block follows without an empty line.
  private var isTight = false
  /// Opened emphasis and links; a mark is written before its first text only.
  private var marks: [(open: [UInt8], close: [UInt8], isWritten: Bool)] = []
  /// Breaks and blocks are spaces, pipes are escaped.
  private(set) var isInCell = false
  private var isInHeading = false
  private var cellStart = 0
  /// A line of the block starts here: no space goes before its first text.
  private var isLineStart = false

  init(capacity: Int) {
    output.reserveCapacity(capacity)
  }

  // MARK: Blocks

  /// Opens a block; running text opens a paragraph by itself.
  mutating func open(_ kind: Block.Kind, level: Int = 0) {
    if isInCell {
      pendingSpace = true
      return
    }
    let joins = joinsNext && kind == .paragraph
    joinsNext = false
    if joins, isOpen {
      trimTrailingSpace()
      newLine()
      isLineStart = true
      pendingSpace = false
      return
    }
    close()
    separate()
    if depth == 0 {
      blockStart = output.count
      blockKind = kind
      blockLevel = UInt8(level)
    }
    isOpen = true
    isInHeading = kind == .heading
    isLineStart = true
    pendingSpace = false
  }

  /// Ends the open block, if any.
  mutating func close() {
    if isInCell {
      pendingSpace = true
      return
    }
    guard isOpen else {
      pendingSpace = false
      return
    }
    closeMarks()
    trimTrailingSpace()
    isOpen = false
    isInHeading = false
    pendingSpace = false
    joinsNext = false
    if depth == 0 { record() }
  }

  /// Starts a heading, which stays on one line.
  mutating func beginHeading(level: Int) -> Container {
    close()
    var container = Container(
      kind: .heading,
      rollback: output.count,
      start: 0,
      content: 0,
      prefixCount: prefix.count,
      wasAtMarker: isAtMarker,
      wasTight: isTight
    )
    guard !isInCell else { return container }
    open(.heading, level: level)
    output.append(contentsOf: [UInt8](repeating: UInt8(ascii: "#"), count: level))
    output.append(0x20)
    container.content = output.count
    return container
  }

  /// Ends it; a heading without text leaves nothing behind.
  mutating func endHeading(_ heading: Container) {
    if !isInCell, output.count == heading.content {
      isOpen = false
      isInHeading = false
      output.removeSubrange(heading.rollback...)
      isAtMarker = heading.wasAtMarker
      isTight = heading.wasTight
    }
    close()
  }

  /// Lets the next paragraph go on in the block that is open.
  mutating func joinNextParagraph() {
    if isOpen { joinsNext = true }
  }

  private mutating func record() {
    while output.count > blockStart, output[output.count - 1] <= 0x20 { output.removeLast() }
    if output.count > blockStart {
      blocks.append(Block(kind: blockKind, level: blockLevel, start: blockStart, end: output.count))
    }
  }

  private mutating func separate() {
    if isAtMarker {
      isAtMarker = false
    } else if !output.isEmpty {
      if !isTight { emptyLine() }
      newLine()
    }
    isTight = false
  }

  private mutating func emptyLine() {
    output.append(0x0A)
    var end = prefix.count
    while end > 0, prefix[end - 1] == 0x20 { end -= 1 }
    output.append(contentsOf: prefix[..<end])
  }

  private mutating func newLine() {
    output.append(0x0A)
    output.append(contentsOf: prefix)
  }

  private mutating func trimTrailingSpace() {
    while let last = output.last, last == 0x20, output.count > blockStart { output.removeLast() }
  }

  // MARK: Containers

  /// What `endContainer` needs of the state before.
  struct Container {
    fileprivate var kind: Block.Kind
    fileprivate var rollback: Int
    fileprivate var start: Int
    fileprivate var content: Int
    fileprivate var prefixCount: Int
    fileprivate var wasAtMarker: Bool
    fileprivate var wasTight: Bool
  }

  /// Starts a list item or quote: writes the mark; the content is indented by `indent`.
  mutating func beginContainer(_ kind: Block.Kind, mark: [UInt8], indent: [UInt8], isTight tight: Bool) -> Container {
    close()
    var container = Container(
      kind: kind,
      rollback: output.count,
      start: 0,
      content: 0,
      prefixCount: prefix.count,
      wasAtMarker: isAtMarker,
      wasTight: isTight
    )
    guard !isInCell else { return container }
    isTight = tight
    separate()
    container.start = output.count
    if depth == 0 { blockStart = output.count }
    output.append(contentsOf: mark)
    container.content = output.count
    prefix.append(contentsOf: indent)
    depth += 1
    isAtMarker = true
    return container
  }

  /// Ends it; a container without content leaves nothing behind.
  mutating func endContainer(_ container: Container) {
    close()
    guard !isInCell else { return }
    depth -= 1
    prefix.removeSubrange(container.prefixCount...)
    isAtMarker = false
    isTight = false
    if output.count <= container.content {
      output.removeSubrange(container.rollback...)
      isAtMarker = container.wasAtMarker
      isTight = container.wasTight
    } else if depth == 0 {
      blockStart = container.start
      blockKind = container.kind
      blockLevel = 0
      record()
    }
  }

  /// Whether the next block is inside a list item.
  var isNestedInItem: Bool { depth > 0 && !isAtMarker }

  // MARK: Marks

  /// Opens emphasis or a link around the text that follows; without text nothing is written.
  mutating func openMark(_ open: [UInt8], close: [UInt8]) {
    marks.append((open, close, false))
  }

  /// Closes what was opened last.
  mutating func closeMark() {
    guard let mark = marks.popLast(), mark.isWritten else { return }
    output.append(contentsOf: mark.close)
  }

  /// Closes what is open at the end of a block; it opens again in the next one.
  private mutating func closeMarks() {
    for index in marks.indices.reversed() where marks[index].isWritten {
      output.append(contentsOf: marks[index].close)
      marks[index].isWritten = false
    }
  }

  // MARK: Lines and cells

  /// Appends a whole line to the open block: the first goes on where the block starts.
  mutating func line(_ bytes: some Collection<UInt8>, isFirst: Bool) {
    if !isFirst {
      if bytes.isEmpty {
        emptyLine()
        return
      }
      newLine()
    }
    output.append(contentsOf: bytes)
  }

  /// The state before a cell.
  struct Cell {
    fileprivate var wasInCell: Bool
    fileprivate var start: Int
    fileprivate var wasOpen: Bool
  }

  /// Starts a cell: what follows is written on one line, with pipes escaped.
  mutating func beginCell() -> Cell {
    let outer = Cell(wasInCell: isInCell, start: cellStart, wasOpen: isOpen)
    isInCell = true
    cellStart = output.count
    pendingSpace = false
    isLineStart = false
    return outer
  }

  /// Ends the cell and takes its text out of the output.
  mutating func endCell(_ outer: Cell) -> [UInt8] {
    closeMarks()
    let cell = Array(output[cellStart...])
    output.removeSubrange(cellStart...)
    isInCell = outer.wasInCell
    cellStart = outer.start
    isOpen = outer.wasOpen
    pendingSpace = false
    return cell
  }

  // MARK: Running text

  /// Appends text with its white space collapsed and Markdown's marks escaped.
  mutating func text(_ bytes: UnsafeBufferPointer<UInt8>) {
    var index = 0
    let count = bytes.count
    while index < count {
      let start = index
      while index < count, isPlain(bytes[index]) { index += 1 }
      if isOpen, !isLineStart, !joinsNext {
        // Words that single spaces separate are copied in one piece.
        while index + 1 < count, index > start, bytes[index] == 0x20, isPlain(bytes[index + 1]) {
          index += 1
          while index < count, isPlain(bytes[index]) { index += 1 }
        }
      }
      if index > start { run(UnsafeBufferPointer(rebasing: bytes[start..<index])) }
      guard index < count else { return }
      let byte = bytes[index]
      if byte <= 0x20 {
        pendingSpace = true
        index += 1
      } else if byte == 0xC2 {
        if index + 1 < count, bytes[index + 1] == 0xA0 {
          pendingSpace = true
        } else {
          run(UnsafeBufferPointer(rebasing: bytes[index..<min(count, index + 2)]))
        }
        index += 2
      } else {
        begin()
        if needsEscape(bytes, index) { output.append(UInt8(ascii: "\\")) }
        output.append(byte)
        index += 1
      }
    }
  }

  /// Appends text as it is (code with its fence, escaped by the caller).
  mutating func verbatim(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    begin()
    output.append(contentsOf: bytes)
  }

  /// Appends a line break within the block.
  mutating func lineBreak() {
    if isInCell || isInHeading || !isOpen {
      pendingSpace = true
    } else {
      trimTrailingSpace()
      newLine()
      pendingSpace = false
      isLineStart = true
    }
  }

  /// A space before the next text, if there is any.
  mutating func space() { pendingSpace = true }

  private mutating func run(_ bytes: UnsafeBufferPointer<UInt8>) {
    let isFirst = !isInCell && !isInHeading && (!isOpen || isLineStart || joinsNext)
    begin()
    if isFirst, appendLineStart(bytes) { return }
    output.append(contentsOf: bytes)
  }

  /// Opens a paragraph when none is open, writes the space and the marks that wait.
  private mutating func begin() {
    if isInCell {
      if pendingSpace, output.count > cellStart { output.append(0x20) }
      isOpen = true
    } else if !isOpen || joinsNext {
      open(.paragraph)
    } else if pendingSpace, !isLineStart {
      output.append(0x20)
    }
    pendingSpace = false
    isLineStart = false
    for index in marks.indices where !marks[index].isWritten {
      output.append(contentsOf: marks[index].open)
      marks[index].isWritten = true
    }
  }

  /// Keeps a line that starts like a block of Markdown from becoming one; `true` when it appended the word itself.
  private mutating func appendLineStart(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let first = word.first, let last = word.last else { return false }
    switch first {
    case UInt8(ascii: "#"), UInt8(ascii: ">"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "="):
      if word.allSatisfy({ $0 == first }) { output.append(UInt8(ascii: "\\")) }
      return false
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      guard word.count <= 10, last == UInt8(ascii: ".") || last == UInt8(ascii: ")"),
        word.dropLast().allSatisfy({ $0 >= 48 && $0 <= 57 })
      else { return false }
      output.append(contentsOf: word.dropLast())
      output.append(UInt8(ascii: "\\"))
      output.append(last)
      return true
    default: return false
    }
  }

  private func needsEscape(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
    let before = index > 0 ? bytes[index - 1] : 0x20
    let after = index + 1 < bytes.count ? bytes[index + 1] : 0x20
    switch bytes[index] {
    case UInt8(ascii: "|"): return isInCell
    case UInt8(ascii: "\\"): return after > 0x20 && !isWord(after)
    case UInt8(ascii: "*"): return after > 0x20 || before > 0x20
    case UInt8(ascii: "_"): return !(isWord(before) && isWord(after)) && (before > 0x20 || after > 0x20)
    case UInt8(ascii: "<"):
      return isWord(after) || after == UInt8(ascii: "/") || after == UInt8(ascii: "!") || after == UInt8(ascii: "?")
    default: return true
    }
  }

  /// Whether the byte never needs a look: no space, no mark, not the first byte of a no-break space.
  @inline(__always)
  private func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case 0...0x20, 0xC2, UInt8(ascii: "*"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "<"),
      UInt8(ascii: "|"), UInt8(ascii: "\\"):
      false
    default: true
    }
  }

  private func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x80...: true
    default: false
    }
  }
}

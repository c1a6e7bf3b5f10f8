import CCMark
import FreshetFormats
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// GitHub-flavoured Markdown: the text stays as it is, cmark-gfm finds its blocks.
public enum MarkdownDocument {
  /// Changes when the output for equal bytes does.
  public static let version = 1

  /// The source without its front matter, the top-level blocks, list items each for itself.
  /// - Throws: `FreshetError` with `no_text`, or `too_complex` for quotes nested beyond `FormatLimits.markdownDepth`.
  public static func rendition(of text: DecodedText) throws -> Rendition {
    let front = FrontMatter(text.bytes)
    let body = front.length == 0 ? text.bytes : Array(text.bytes[front.length...])
    var metadata = front.metadata
    let stated = metadata.removeValue(forKey: "title")
    text.describe(in: &metadata)
    var reader = MarkdownBlockReader(body)
    try reader.read()
    guard !reader.blocks.isEmpty else { throw FreshetError.noText }
    let title: String? = if case .string(let title)? = stated, !title.isEmpty { title } else { reader.title }
    return Rendition(markdown: body, blocks: reader.blocks, title: title, metadata: metadata)
  }
}

/// Turns cmark-gfm's source lines into blocks with byte offsets.
struct MarkdownBlockReader {
  private(set) var blocks: [Block] = []
  private(set) var title: String?
  private let bytes: [UInt8]
  /// The offset of each line's first byte, and one beyond the end.
  private var lines: [Int] = [0]
  /// The most columns that a line like `|---|---|` announces.
  private var widestDelimiter = 0
  /// The first line that no block covers yet, from 0.
  private var nextLine = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  mutating func read() throws {
    lines.reserveCapacity(bytes.count / 32 + 2)
    try scanLines()
    cmark_gfm_core_extensions_ensure_registered()
    guard let parser = cmark_parser_new(CMARK_OPT_DEFAULT) else { throw Self.failure }
    defer { cmark_parser_free(parser) }
    // cmark needs quadratic time for the columns of a table.
    if widestDelimiter <= FormatLimits.tableColumns, let table = cmark_find_syntax_extension("table") {
      cmark_parser_attach_syntax_extension(parser, table)
    }
    bytes.withUnsafeBytes { buffer in
      cmark_parser_feed(parser, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
    }
    guard let document = cmark_parser_finish(parser) else { throw Self.failure }
    defer { cmark_node_free(document) }
    var node = cmark_node_first_child(document)
    while let current = node {
      if cmark_node_get_type(current) == CMARK_NODE_LIST {
        var item = cmark_node_first_child(current)
        while let one = item {
          append(.listItem, one)
          item = cmark_node_next(one)
        }
      } else {
        append(node: current)
      }
      node = cmark_node_next(current)
    }
    fill(to: lines.count - 1)
  }

  private static let failure = FreshetError(.parserFailed, "cmark-gfm could not start; try again with more memory")

  private mutating func append(node: OpaquePointer) {
    switch cmark_node_get_type(node) {
    case CMARK_NODE_HEADING:
      let level = Int(cmark_node_get_heading_level(node))
      if append(.heading, node, level: level), level == 1, title == nil { title = Self.text(of: node) }
    case CMARK_NODE_CODE_BLOCK: append(.code, node)
    case CMARK_NODE_BLOCK_QUOTE: append(.quote, node)
    case CMARK_NODE_THEMATIC_BREAK: append(.rule, node)
    case CMARK_NODE_HTML_BLOCK:
      if isComment(node) { cover(node) } else { append(.paragraph, node) }
    case CMARK_NODE_PARAGRAPH: append(.paragraph, node)
    default:
      // The types of extensions are numbered as they are registered; the name is what they promise.
      let isTable = cmark_node_get_type_string(node).map { strcmp($0, "table") == 0 } ?? false
      append(isTable ? .table : .paragraph, node)
    }
  }

  /// Appends a block for the node's lines, as far as no block before it has them.
  @discardableResult
  private mutating func append(_ kind: Block.Kind, _ node: OpaquePointer, level: Int = 0) -> Bool {
    let first = max(Int(cmark_node_get_start_line(node)) - 1, nextLine)
    let last = min(max(lastLine(of: node), first), lines.count - 2)
    guard first <= last else { return false }
    fill(to: first)
    nextLine = last + 1
    return append(kind, level: level, lines: first...last)
  }

  /// The node's last line, from 0.
  private func lastLine(of node: OpaquePointer) -> Int {
    guard cmark_node_get_type(node) == CMARK_NODE_HTML_BLOCK, var text = cmark_node_get_literal(node) else {
      return Int(cmark_node_get_end_line(node)) - 1
    }
    // cmark leaves the line that ends a comment out of an HTML block's range, not out of its text.
    var line = Int(cmark_node_get_start_line(node)) - 1
    while text.pointee != 0 {
      if text.pointee == 0x0A, text[1] != 0 { line += 1 }
      text += 1
    }
    return line
  }

  private mutating func append(_ kind: Block.Kind, level: Int, lines range: ClosedRange<Int>) -> Bool {
    var start = lines[range.lowerBound]
    var end = lines[range.upperBound + 1]
    while end > start, bytes[end - 1] <= 0x20 { end -= 1 }
    // Empty lines before the text belong to nobody; its own indentation stays.
    while let line = bytes[start..<end].firstIndex(of: 0x0A), bytes[start..<line].allSatisfy({ $0 <= 0x20 }) {
      start = line + 1
    }
    guard start < end else { return false }
    blocks.append(Block(kind: kind, level: UInt8(level), start: start, end: end))
    return true
  }

  /// Marks the node's lines as read without making a block.
  private mutating func cover(_ node: OpaquePointer) {
    let first = max(Int(cmark_node_get_start_line(node)) - 1, nextLine)
    fill(to: min(first, lines.count - 1))
    nextLine = max(nextLine, min(lastLine(of: node) + 1, lines.count - 1))
  }

  /// Lines with text that cmark gave to no block (link reference definitions) are paragraphs.
  private mutating func fill(to line: Int) {
    guard nextLine < line else { return }
    _ = append(.paragraph, level: 0, lines: nextLine...(line - 1))
    nextLine = line
  }

  private func isComment(_ node: OpaquePointer) -> Bool {
    let first = max(0, Int(cmark_node_get_start_line(node)) - 1)
    let last = min(lastLine(of: node) + 1, lines.count - 1)
    guard first < last else { return false }
    let text = bytes[lines[first]..<lines[last]].drop { $0 <= 0x20 }
    guard text.starts(with: "<!--".utf8) else { return false }
    var end = text.endIndex
    while end > text.startIndex, text[end - 1] <= 0x20 { end -= 1 }
    return text[..<end].suffix(3).elementsEqual("-->".utf8)
  }

  /// Notes where lines start, and refuses quotes so deep that cmark would need quadratic time.
  private mutating func scanLines() throws {
    try bytes.withUnsafeBufferPointer { buffer in
      var start = 0
      while start < buffer.count {
        var depth = 0
        var index = start
        while index < buffer.count {
          let byte = buffer[index]
          if byte == UInt8(ascii: ">") {
            depth += 1
          } else if byte != 0x20, byte != 0x09, !Self.isMarker(byte) || !Self.isFollowedBySpace(buffer, index) {
            break
          } else if Self.isMarker(byte) {
            depth += 1
          }
          index += 1
        }
        if depth > FormatLimits.markdownDepth, !Self.isRule(buffer, from: start) {
          throw FreshetError.tooDeep("Markdown quotes or lists are", limit: FormatLimits.markdownDepth)
        }
        if index < buffer.count, Self.isDelimiter(buffer[index]) {
          widestDelimiter = max(widestDelimiter, Self.columns(buffer, from: start))
        }
        while index < buffer.count, buffer[index] != 0x0A { index += 1 }
        start = index + 1
        lines.append(min(start, buffer.count))
      }
    }
  }

  private static func isDelimiter(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "|") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ":")
  }

  /// The columns of a table's delimiter row; 0 for any other line.
  private static func columns(_ buffer: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var columns = 0
    for byte in buffer[start...] {
      if byte == 0x0A { break }
      if byte == UInt8(ascii: "|") { columns += 1 } else if byte > 0x20, !isDelimiter(byte) { return 0 }
    }
    return columns
  }

  private static func isMarker(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "-") || byte == UInt8(ascii: "*") || byte == UInt8(ascii: "+")
  }

  private static func isFollowedBySpace(_ buffer: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
    index + 1 < buffer.count && (buffer[index + 1] == 0x20 || buffer[index + 1] == 0x09)
  }

  /// Whether a line holds nothing but one mark and spaces.
  private static func isRule(_ buffer: UnsafeBufferPointer<UInt8>, from start: Int) -> Bool {
    var mark: UInt8 = 0
    for byte in buffer[start...] {
      if byte == 0x0A { break }
      if byte <= 0x20 { continue }
      if mark == 0 { mark = byte }
      if byte != mark || byte == UInt8(ascii: ">") || byte == UInt8(ascii: "+") { return false }
    }
    return true
  }

  /// A heading's text without its marks.
  private static func text(of heading: OpaquePointer) -> String? {
    guard let iterator = cmark_iter_new(heading) else { return nil }
    defer { cmark_iter_free(iterator) }
    var bytes: [UInt8] = []
    while bytes.count < FormatLimits.titleBytes {
      let event = cmark_iter_next(iterator)
      if event == CMARK_EVENT_DONE { break }
      guard event == CMARK_EVENT_ENTER, let node = cmark_iter_get_node(iterator) else { continue }
      switch cmark_node_get_type(node) {
      case CMARK_NODE_TEXT, CMARK_NODE_CODE:
        if var text = cmark_node_get_literal(node) {
          while text.pointee != 0 {
            bytes.append(UInt8(bitPattern: text.pointee))
            text += 1
          }
        }
      case CMARK_NODE_SOFTBREAK, CMARK_NODE_LINEBREAK: bytes.append(0x20)
      default: break
      }
    }
    let text = String(decoding: bytes.prefix(FormatLimits.titleBytes), as: UTF8.self)
    return text.isEmpty ? nil : text
  }
}

import FreshetFormats
import FreshetModel

/// Walks a page's tree and writes its Markdown.
///
/// Recursion is bounded by `FormatLimits.htmlDepth`, which the tree's builder has enforced.
struct HTMLConverter {
  let tree: HTMLTree
  var writer: MarkdownWriter
  /// Inside a heading, a term or strong text: `strong` is not written again.
  var isStrong = false
  private var isLink = false
  private var isEmphasis = false

  init(_ tree: HTMLTree) {
    self.tree = tree
    writer = MarkdownWriter(capacity: tree.text.count)
  }

  /// Ends the last block.
  mutating func finish() -> (markdown: [UInt8], blocks: [Block]) {
    writer.close()
    var markdown = writer.output
    if !markdown.isEmpty { markdown.append(0x0A) }
    return (markdown, writer.blocks)
  }

  /// Writes a node and everything below it.
  mutating func write(_ index: Int) {
    let node = tree.nodes[index]
    if node.isDropped { return }
    switch node.element {
    case .text:
      tree.text.withUnsafeBufferPointer { text in
        writer.text(UnsafeBufferPointer(rebasing: text[Int(node.start)..<Int(node.end)]))
      }
    case .dropped, .head, .title, .meta: break
    case .inline: writeChildren(index)
    case .br: writer.lineBreak()
    case .hr:
      // A rule holds no text, and separates nothing that blocks do not separate already.
      writer.close()
    case .h1, .h2, .h3, .h4, .h5, .h6: writeHeading(index)
    case .pre: writeCodeBlock(index)
    case .blockquote:
      let mark = Array("> ".utf8)
      let quote = writer.beginContainer(.quote, mark: mark, indent: mark, isTight: false)
      writeChildren(index)
      writer.endContainer(quote)
    case .ul, .ol: writeList(index)
    case .dl: writeDefinitions(index)
    case .table: writeTable(index)
    case .a: writeLink(index)
    case .img: writeImage(index)
    case .code: writeInlineCode(index)
    case .strong: writeMarked(index, mark: "**", flag: \.isStrong)
    case .emphasis: writeMarked(index, mark: "*", flag: \.isEmphasis)
    case .strike:
      writer.openMark(Array("~~".utf8), close: Array("~~".utf8))
      writeChildren(index)
      writer.closeMark()
    case .quotation:
      writer.openMark(Array("\"".utf8), close: Array("\"".utf8))
      writeChildren(index)
      writer.closeMark()
    case .document, .html, .body, .main, .article, .section, .header, .footer, .nav, .aside, .p, .block, .form,
      .summary, .li, .dt, .dd, .tr, .th, .td, .rowGroup, .thead, .caption:
      writer.close()
      writeChildren(index)
      writer.close()
    }
  }

  /// Writes the children of a node.
  mutating func writeChildren(_ index: Int) {
    var child = Int(tree.nodes[index].firstChild)
    while child >= 0 {
      write(child)
      child = Int(tree.nodes[child].next)
    }
  }

  private mutating func writeHeading(_ index: Int) {
    let level = tree.nodes[index].element.headingLevel
    let outer = isStrong
    isStrong = true
    defer { isStrong = outer }
    let heading = writer.beginHeading(level: level)
    writeChildren(index)
    writer.endHeading(heading)
  }

  private mutating func writeMarked(_ index: Int, mark: String, flag: WritableKeyPath<HTMLConverter, Bool>) {
    let outer = self[keyPath: flag]
    guard !outer else {
      writeChildren(index)
      return
    }
    self[keyPath: flag] = true
    writer.openMark(Array(mark.utf8), close: Array(mark.utf8))
    writeChildren(index)
    writer.closeMark()
    self[keyPath: flag] = outer
  }

  private mutating func writeLink(_ index: Int) {
    guard !isLink, let href = tree.attribute(.href, of: index), let target = linkTarget(href) else {
      writeChildren(index)
      return
    }
    isLink = true
    writer.openMark([UInt8(ascii: "[")], close: target)
    writeChildren(index)
    writer.closeMark()
    isLink = false
  }

  /// `](address)`, or `nil` for an address within the page, of a script or of data: only the text stays.
  private func linkTarget(_ href: Range<Int>) -> [UInt8]? {
    let trimmed = tree.text[href].drop { $0 <= 0x20 }
    guard let first = trimmed.first, first != UInt8(ascii: "#"), trimmed.count <= FormatLimits.metadataBytes else {
      return nil
    }
    let scheme = trimmed.prefix { $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "/") }.filter { $0 > 0x20 }
      .map { $0 | 0x20 }
    if scheme.elementsEqual("javascript".utf8) || scheme.elementsEqual("data".utf8)
      || scheme.elementsEqual("vbscript".utf8)
    {
      return nil
    }
    var target: [UInt8] = [UInt8(ascii: "]"), UInt8(ascii: "(")]
    for byte in trimmed {
      switch byte {
      case 0x20: target.append(contentsOf: "%20".utf8)
      case UInt8(ascii: "("): target.append(contentsOf: "%28".utf8)
      case UInt8(ascii: ")"): target.append(contentsOf: "%29".utf8)
      case UInt8(ascii: "<"): target.append(contentsOf: "%3C".utf8)
      case UInt8(ascii: ">"): target.append(contentsOf: "%3E".utf8)
      case UInt8(ascii: "|"): target.append(contentsOf: "%7C".utf8)
      case 0..<0x20: break
      default: target.append(byte)
      }
    }
    target.append(UInt8(ascii: ")"))
    return target
  }

  private mutating func writeImage(_ index: Int) {
    guard let alternative = tree.attribute(.alt, of: index) else { return }
    tree.text.withUnsafeBufferPointer { writer.text(UnsafeBufferPointer(rebasing: $0[alternative])) }
  }
}

import CXML
import FreshetFormats
import FreshetModel

/// Receives libxml2's parse events and builds the tree; what is never text is left out at once.
///
/// The parser calls it through a pointer, on the thread that parses and within `parse`: nothing else refers to it then.
struct HTMLTreeBuilder {
  private(set) var tree = HTMLTree()
  private(set) var isTooComplex = false
  private var isStopped = false
  private var context: htmlParserCtxtPtr?
  private var current: Int32 = 0
  private var depth = 0
  /// Depth below an element whose content nobody reads; 0 outside of one.
  private var skipping = 0

  /// Parses a page of valid UTF-8.
  /// - Throws: `FreshetError` with `too_complex` beyond the limits, `parser_failed` when libxml2 has no memory.
  static func parse(_ bytes: [UInt8]) throws -> HTMLTree {
    var builder = HTMLTreeBuilder()
    builder.tree.text.reserveCapacity(bytes.count)
    builder.tree.nodes.reserveCapacity(bytes.count / 24)
    try withUnsafeMutablePointer(to: &builder) { try run($0, bytes) }
    if builder.isTooComplex { throw FreshetError.tooDeep("HTML elements are", limit: FormatLimits.htmlDepth) }
    if builder.tree.nodes.count > FormatLimits.htmlNodes {
      throw FreshetError(
        .tooComplex,
        "the page has more than \(FormatLimits.htmlNodes) elements; split it or exclude it"
      )
    }
    return builder.tree
  }

  private static func run(_ builder: UnsafeMutablePointer<HTMLTreeBuilder>, _ bytes: [UInt8]) throws {
    guard bytes.count < Int(Int32.max) / 2 else {
      throw FreshetError(.tooComplex, "the page is above 1 GiB; split it or exclude it")
    }
    try bytes.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress, !buffer.isEmpty else { return }
      let context = start.withMemoryRebound(to: CChar.self, capacity: buffer.count) {
        htmlCreateMemoryParserCtxt($0, Int32(buffer.count))
      }
      guard let context else {
        throw FreshetError(.parserFailed, "libxml2 needs more memory than it may have; split the page or exclude it")
      }
      defer { htmlFreeParserCtxt(context) }
      builder.pointee.context = context
      defer { builder.pointee.context = nil }
      let options =
        HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue | HTML_PARSE_NOWARNING.rawValue
        | HTML_PARSE_NONET.rawValue | HTML_PARSE_IGNORE_ENC.rawValue | HTML_PARSE_NODEFDTD.rawValue
      htmlCtxtUseOptions(context, Int32(bitPattern: options))
      xmlSwitchEncoding(context, XML_CHAR_ENCODING_UTF8)
      context.pointee.sax.pointee = handler
      context.pointee.userData = UnsafeMutableRawPointer(builder)
      htmlParseDocument(context)
      // It stops by itself only when it has no memory; a part of a page must not pass for the page.
      if context.pointee.disableSAX != 0, !builder.pointee.isStopped {
        throw FreshetError(.parserFailed, "libxml2 needs more memory than it may have; split the page or exclude it")
      }
    }
  }

  private static var handler: htmlSAXHandler {
    var handler = htmlSAXHandler()
    handler.startElement = { data, name, attributes in
      guard let data, let name else { return }
      data.assumingMemoryBound(to: HTMLTreeBuilder.self).pointee.start(name, attributes)
    }
    handler.endElement = { data, name in
      guard let data else { return }
      data.assumingMemoryBound(to: HTMLTreeBuilder.self).pointee.end()
    }
    handler.characters = { data, text, length in
      guard let data, let text else { return }
      data.assumingMemoryBound(to: HTMLTreeBuilder.self).pointee.append(text, Int(length))
    }
    handler.ignorableWhitespace = handler.characters
    handler.cdataBlock = handler.characters
    return handler
  }

  private mutating func start(_ name: UnsafePointer<UInt8>, _ list: UnsafeMutablePointer<UnsafePointer<UInt8>?>?) {
    depth += 1
    if depth > FormatLimits.htmlDepth || tree.nodes.count > FormatLimits.htmlNodes {
      isTooComplex = isTooComplex || depth > FormatLimits.htmlDepth
      isStopped = true
      if let context { xmlStopParser(context) }
      return
    }
    if skipping > 0 {
      skipping += 1
      return
    }
    let element = HTMLElement.named(name)
    let first = Int32(tree.attributes.count)
    if element == .dropped || !read(list) {
      tree.attributes.removeSubrange(Int(first)...)
      skipping = 1
      return
    }
    add(HTMLTree.Node(element: element, parent: current, start: first, end: Int32(tree.attributes.count)))
    current = Int32(tree.nodes.count - 1)
  }

  private mutating func end() {
    depth -= 1
    if skipping > 0 {
      skipping -= 1
      return
    }
    if current > 0 { current = tree.nodes[Int(current)].parent }
  }

  private mutating func append(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    guard skipping == 0, count > 0 else { return }
    let start = Int32(tree.text.count)
    tree.text.append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
    let last = Int(tree.nodes[Int(current)].lastChild)
    if last >= 0, tree.nodes[last].element == .text, tree.nodes[last].end == start {
      tree.nodes[last].end = Int32(tree.text.count)
    } else if tree.nodes.count <= FormatLimits.htmlNodes {
      add(HTMLTree.Node(element: .text, parent: current, start: start, end: Int32(tree.text.count)))
    }
  }

  private mutating func add(_ node: HTMLTree.Node) {
    let index = Int32(tree.nodes.count)
    tree.nodes.append(node)
    let last = Int(tree.nodes[Int(current)].lastChild)
    if last >= 0 {
      tree.nodes[last].next = index
    } else {
      tree.nodes[Int(current)].firstChild = index
    }
    tree.nodes[Int(current)].lastChild = index
  }

  /// Keeps the attributes that are read later; `false` when they say that the element is hidden.
  private mutating func read(_ list: UnsafeMutablePointer<UnsafePointer<UInt8>?>?) -> Bool {
    guard var list else { return true }
    while let name = list[0] {
      let value = list[1]
      list += 2
      if HTMLAttribute.matches(name, "hidden") { return false }
      guard let value else { continue }
      if HTMLAttribute.matches(name, "aria-hidden"), HTMLAttribute.matches(value, "true") { return false }
      if HTMLAttribute.matches(name, "style"), Self.hides(value) { return false }
      guard let attribute = HTMLAttribute.named(name) else { continue }
      var length = 0
      while value[length] != 0 { length += 1 }
      let start = Int32(tree.text.count)
      tree.text.append(contentsOf: UnsafeBufferPointer(start: value, count: length))
      tree.attributes.append(HTMLTree.Attribute(name: attribute, start: start, end: Int32(tree.text.count)))
    }
    return true
  }

  /// Whether a style says `display: none` or `visibility: hidden`.
  private static func hides(_ style: UnsafePointer<UInt8>) -> Bool {
    var compact: [UInt8] = []
    var index = 0
    while style[index] != 0, index < 1024 {
      if style[index] > 0x20 { compact.append(style[index] | 0x20) }
      index += 1
    }
    return contains(compact, "display:none") || contains(compact, "visibility:hidden")
  }

  private static func contains(_ bytes: [UInt8], _ other: StaticString) -> Bool {
    let length = other.utf8CodeUnitCount
    guard bytes.count >= length else { return false }
    for start in 0...(bytes.count - length)
    where (0..<length).allSatisfy({ bytes[start + $0] == other.utf8Start[$0] }) { return true }
    return false
  }
}

import FreshetFormats
import FreshetModel

/// HTML to Markdown.
public enum HTMLDocument {
  /// Changes when the output for equal bytes does.
  public static let version = 1

  /// The page's main content as Markdown, with title, description, author, keywords and language as it states them.
  /// - Throws: `FreshetError` with `no_text`, or `too_complex` beyond the limits of `FormatLimits`.
  public static func rendition(of text: DecodedText) throws -> Rendition {
    let structure = PageStructure(try HTMLTreeBuilder.parse(text.bytes))
    var converter = HTMLConverter(structure.tree)
    for root in structure.roots { converter.write(root) }
    let (markdown, blocks) = converter.finish()
    guard !blocks.isEmpty else { throw FreshetError.noText }
    var head = PageHead(structure.tree)
    let heading = structure.roots.lazy.compactMap { structure.firstHeading(below: $0) }.first
    head.chooseTitle(heading: heading.map { PageHead.text(below: $0, in: structure.tree) })
    text.describe(in: &head.metadata)
    return Rendition(markdown: markdown, blocks: blocks, title: head.title, metadata: head.metadata)
  }
}

/// What the page states of itself.
struct PageHead {
  private(set) var title: String?
  var metadata: Metadata = [:]

  init(_ tree: HTMLTree) {
    for index in tree.nodes.indices {
      switch tree.nodes[index].element {
      case .title where title == nil:
        let text = Self.text(below: index, in: tree)
        if !text.isEmpty { title = text }
      case .meta: read(meta: index, in: tree)
      case .html:
        if let language = tree.string(.language, of: index), !language.isEmpty, language.utf8.count <= 35 {
          metadata["language"] = .string(language)
        }
      default: break
      }
    }
  }

  private mutating func read(meta index: Int, in tree: HTMLTree) {
    guard let name = tree.string(.name, of: index)?.lowercased(), let content = tree.attribute(.content, of: index),
      ["description", "author", "keywords"].contains(name), metadata[name] == nil
    else { return }
    let text = Self.collapse(tree.text[content])
    if !text.isEmpty { metadata[name] = .string(text) }
  }

  /// Prefers the first heading where `<title>` only adds the site's name to it.
  mutating func chooseTitle(heading: String?) {
    guard let heading, !heading.isEmpty else { return }
    guard let title else {
      self.title = heading
      return
    }
    let plain = title.utf8.count > heading.utf8.count ? heading : title
    if title.utf8.count > heading.utf8.count, Self.contains(Array(title.utf8), Array(heading.utf8)) {
      self.title = plain
    }
  }

  /// The text below a node, white space collapsed, at most `FormatLimits.titleBytes`.
  static func text(below root: Int, in tree: HTMLTree) -> String {
    var bytes: [UInt8] = []
    var stack = [root]
    while let node = stack.popLast(), bytes.count < FormatLimits.titleBytes * 2 {
      if tree.nodes[node].isDropped, node != root { continue }
      if tree.nodes[node].element == .text { bytes.append(contentsOf: tree.text[tree.range(of: node)]) }
      if tree.nodes[node].element == .br { bytes.append(0x20) }
      stack.append(contentsOf: tree.children(of: node).reversed())
    }
    return collapse(bytes[...], limit: FormatLimits.titleBytes)
  }

  private static func collapse(_ bytes: ArraySlice<UInt8>, limit: Int = FormatLimits.metadataBytes) -> String {
    var result: [UInt8] = []
    var isSpaced = false
    for byte in bytes {
      if byte <= 0x20 {
        isSpaced = true
        continue
      }
      if byte & 0xC0 != 0x80, result.count >= limit { break }
      if isSpaced, !result.isEmpty { result.append(0x20) }
      isSpaced = false
      result.append(byte)
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func contains(_ bytes: [UInt8], _ other: [UInt8]) -> Bool {
    guard !other.isEmpty, bytes.count >= other.count else { return false }
    return (0...(bytes.count - other.count)).contains { bytes[$0..<$0 + other.count].elementsEqual(other) }
  }
}

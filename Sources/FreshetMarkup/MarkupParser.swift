import FreshetFormats
import FreshetModel

/// Everything that the helper parses, as one function from bytes to a rendition.
public final class MarkupParser {
  private let charsets = CharsetDecoder()

  /// Makes a parser for one thread.
  public init() {}

  /// Loads what would need files later on.
  public func prepare() {
    charsets.prepare()
    // The first use of each library fills its tables.
    _ = try? rendition(of: Array("<p>&amp;".utf8), format: .html)
    _ = try? rendition(of: Array("# a\n".utf8), format: .markdown)
  }

  /// The document's text with its blocks.
  /// - Parameters:
  ///   - format: Markdown or HTML; any other format is only turned into UTF-8, without blocks.
  ///   - declared: the encoding that the source declares.
  /// - Throws: `FreshetError`.
  public func rendition(of bytes: [UInt8], format: Format, declared: String? = nil) throws -> Rendition {
    let page = format == .html ? HTMLCharset.declared(in: bytes) : nil
    let text = try charsets.decode(bytes, declared: declared ?? page)
    switch format {
    case .html: return try HTMLDocument.rendition(of: text)
    case .markdown: return try MarkdownDocument.rendition(of: text)
    default:
      // Everything else is read by the client itself, once it is UTF-8.
      var metadata: Metadata = [:]
      text.describe(in: &metadata)
      return Rendition(markdown: text.bytes, blocks: [], metadata: metadata)
    }
  }
}

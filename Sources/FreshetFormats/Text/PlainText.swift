import FreshetModel

/// Text as it stands: its paragraphs are the blocks.
public enum PlainText {
  /// Which lines are headings.
  public enum Titles: Sendable {
    /// None.
    case none
    /// Underlined lines where nothing else can be meant (plain text).
    case unambiguous
    /// reStructuredText: any punctuation under, or over and under, a line.
    case restructuredText
    /// AsciiDoc: `== Title`, and underlined lines.
    case asciidoc
  }

  /// The text with its paragraphs and headings as blocks.
  /// - Throws: `FreshetError` with `no_text` when there is nothing but white space.
  public static func rendition(of text: DecodedText, titles: Titles) throws -> Rendition {
    var blocks: [Block] = []
    blocks.reserveCapacity(text.bytes.count / 400 + 1)
    var title: String?
    text.bytes.withUnsafeBytes { bytes in
      var reader = TextBlockReader(bytes: bytes, titles: titles)
      reader.read()
      blocks = reader.blocks
      title = reader.title
    }
    guard !blocks.isEmpty else { throw FreshetError.noText }
    var metadata: Metadata = [:]
    text.describe(in: &metadata)
    return Rendition(markdown: text.bytes, blocks: blocks, title: title, metadata: metadata)
  }
}

extension FreshetError {
  /// The document has no text.
  public static var noText: FreshetError {
    FreshetError(.noText, "the document holds no text; nothing of it can be found by a search")
  }

  /// The document is nested more deeply than a limit allows.
  public static func tooDeep(_ what: String, limit: Int) -> FreshetError {
    FreshetError(.tooComplex, "\(what) nested more than \(limit) levels deep; flatten the document or exclude it")
  }
}

extension DecodedText {
  /// Notes an encoding that is not UTF-8, and what could not be decoded.
  public func describe(in metadata: inout Metadata) {
    if encoding != "UTF-8" { metadata["encoding"] = .string(encoding) }
    if replaced > 0 { metadata["replaced_bytes"] = .integer(Int64(replaced)) }
  }
}

extension PlainText.Titles {
  /// Which titles a text format has.
  public init(_ format: Format) {
    switch format {
    case .restructuredText: self = .restructuredText
    case .asciidoc: self = .asciidoc
    case .text: self = .unambiguous
    default: self = .none
    }
  }
}

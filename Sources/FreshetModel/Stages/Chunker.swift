/// A piece of a rendition as it will be embedded and searched.
public struct ChunkDraft: Hashable, Sendable {
  /// The headings that it stands under, outermost first.
  public var heading: [String]
  /// The text: usually the Markdown of its range; a later piece of a table starts with the table's header rows again.
  public var body: String
  /// Where it starts in the Markdown, a byte offset.
  public var start: Int
  /// The offset after its last byte.
  public var end: Int
  /// The page, slide or sheet that it starts on, from 1.
  public var page: Int?
  /// The estimated number of tokens, independent of any model.
  public var tokens: Int

  /// Describes a draft.
  public init(heading: [String], body: String, start: Int, end: Int, page: Int? = nil, tokens: Int) {
    self.heading = heading
    self.body = body
    self.start = start
    self.end = end
    self.page = page
    self.tokens = tokens
  }
}

/// Cuts renditions into chunks: pure, deterministic, stable under edits.
public protocol Chunker: Sendable {
  /// Names the algorithm and its parameters; a new value makes editions stale.
  var fingerprint: String { get }

  /// The chunks in order; none for a rendition without text.
  func chunks(of rendition: Rendition) -> [ChunkDraft]
}

/// The exact text that is embedded for a passage.
public enum PassageText {
  /// Names how heading and body are joined; it is part of every passage's key.
  public static let template = "freshet-passage/1"

  /// Separates the parts of a heading path where it is stored or shown as one text.
  public static let headingSeparator = "\n"

  /// The heading path, one heading a line, an empty line, and the body.
  public static func embedded(heading: [String], body: String) -> String {
    heading.isEmpty ? body : heading.joined(separator: headingSeparator) + "\n\n" + body
  }

  /// The bytes whose SHA-256 is the passage's key.
  public static func keyBytes(heading: [String], body: String) -> [UInt8] {
    var bytes = Array(template.utf8)
    bytes.append(0)
    for part in heading {
      bytes.append(contentsOf: part.utf8)
      bytes.append(0x1F)
    }
    bytes.append(0)
    bytes.append(contentsOf: body.utf8)
    return bytes
  }
}

/// A piece of a rendition as it will be embedded and searched.
public struct ChunkDraft: Hashable, Sendable {
  /// The headings that it stands under, outermost first.
  public var heading: [String]
  /// The text in UTF-8: usually the Markdown of its range, sharing its memory; a later piece of a table starts with the
  /// table's header rows again.
  public var text: ArraySlice<UInt8>
  /// Where it starts in the Markdown, a byte offset.
  public var start: Int
  /// The offset after its last byte.
  public var end: Int
  /// The page, slide or sheet that it starts on, from 1.
  public var page: Int?
  /// The estimated number of tokens, independent of any model.
  public var tokens: Int

  /// The text, made anew at each call.
  public var body: String { String(decoding: text, as: UTF8.self) }

  /// Describes a draft by bytes, which must be valid UTF-8; a slice of the Markdown shares its memory.
  public init(heading: [String], text: ArraySlice<UInt8>, start: Int, end: Int, page: Int? = nil, tokens: Int) {
    self.heading = heading
    self.text = text
    self.start = start
    self.end = end
    self.page = page
    self.tokens = tokens
  }

  /// Describes a draft.
  public init(heading: [String], body: String, start: Int, end: Int, page: Int? = nil, tokens: Int) {
    self.init(heading: heading, text: Array(body.utf8)[...], start: start, end: end, page: page, tokens: tokens)
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
    keyBytes(heading: heading, text: body.utf8)
  }

  /// The bytes whose SHA-256 is the key of the passage with a text in UTF-8.
  public static func keyBytes(heading: [String], text: some Collection<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(template.utf8.count + heading.reduce(0) { $0 + $1.utf8.count + 1 } + text.count + 2)
    bytes.append(contentsOf: template.utf8)
    bytes.append(0)
    for part in heading {
      bytes.append(contentsOf: part.utf8)
      bytes.append(0x1F)
    }
    bytes.append(0)
    bytes.append(contentsOf: text)
    return bytes
  }
}

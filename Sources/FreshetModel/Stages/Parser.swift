/// A part of a rendition that a chunk boundary may fall before or after.
public struct Block: Hashable, Sendable {
  /// What the block is; the raw values are stored, never change them.
  public enum Kind: UInt8, Sendable, CaseIterable {
    case paragraph = 0
    case heading = 1
    /// One item of a list of the outermost level, with everything nested in it.
    case listItem = 2
    /// Indented or fenced code, fences included.
    case code = 3
    /// A GFM table: header row, delimiter row, rows.
    case table = 4
    case quote = 5
    case rule = 6
    /// A record of structured data (a JSON object, a message).
    case record = 7
  }

  /// What the block is.
  public var kind: Kind
  /// The level of a heading, 1 to 6; 0 for every other kind.
  public var level: UInt8
  // Here between the small ones, a block takes 24 bytes; a document may have millions.
  private var pageNumber: UInt32
  /// Where it starts in the Markdown, a byte offset at a UTF-8 boundary.
  public var start: Int
  /// The offset after its last byte; its line end is not included.
  public var end: Int
  /// The page, slide or sheet that it starts on, from 1, when the format has such.
  public var page: Int? {
    get { pageNumber == 0 ? nil : Int(pageNumber) }
    set { pageNumber = newValue.map { UInt32(clamping: $0) } ?? 0 }
  }

  /// Describes a block.
  public init(kind: Kind, level: UInt8 = 0, start: Int, end: Int, page: Int? = nil) {
    self.kind = kind
    self.level = level
    self.start = start
    self.end = end
    pageNumber = page.map { UInt32(clamping: $0) } ?? 0
  }
}

/// A content's text as Markdown, with the map of its blocks.
public struct Rendition: Hashable, Sendable {
  /// Valid UTF-8 with `\n` line ends; positions of chunks are byte offsets in it.
  public var markdown: [UInt8]
  /// The blocks in order, not overlapping, on UTF-8 boundaries.
  public var blocks: [Block]
  /// The title that the content states itself (front matter, `<title>`, first heading of level 1).
  public var title: String?
  /// What the content states of itself (front matter, `<meta>`, other fields of a JSON object).
  public var metadata: Metadata

  /// Describes a rendition.
  public init(markdown: [UInt8], blocks: [Block], title: String? = nil, metadata: Metadata = [:]) {
    self.markdown = markdown
    self.blocks = blocks
    self.title = title
    self.metadata = metadata
  }
}

/// What a parser is given.
public struct ParserInput: Sendable {
  /// The item's bytes.
  public var bytes: [UInt8]
  /// The item's path relative to its source, to choose by suffix and to say in errors.
  public var path: String
  /// The media type that the source declared, when it did.
  public var mediaType: String?

  /// Describes an input.
  public init(bytes: [UInt8], path: String, mediaType: String? = nil) {
    self.bytes = bytes
    self.path = path
    self.mediaType = mediaType
  }
}

/// A document that a parser found in an item.
public struct ParsedDocument: Sendable {
  /// The name within the item of a member (an id field, else a content hash); `nil` when the item is the document.
  public var member: String?
  /// The member's own bytes, which its version is made of; `nil` when the item is the document.
  public var content: [UInt8]?
  /// The text, or why this member has none.
  public var rendition: Result<Rendition, FreshetError>

  /// Describes a document.
  public init(member: String? = nil, content: [UInt8]? = nil, rendition: Result<Rendition, FreshetError>) {
    self.member = member
    self.content = content
    self.rendition = rendition
  }
}

/// Turns an item's bytes into documents.
public protocol Parser: Sendable {
  /// Names the parser and everything that its output depends on beside the bytes; a new value makes what it made stale.
  var fingerprint: String { get }

  /// The format's name for people and metadata: `markdown`, `html`, `json`.
  var format: String { get }

  /// Whether one item may hold several documents (JSON Lines, arrays, mailboxes).
  var isContainer: Bool { get }

  /// Hands each document to `receive`, in order; returns once the item was parsed completely.
  ///
  /// Memory stays bounded by the item's size and one document.
  /// - Throws: `FreshetError` when the item as a whole cannot be parsed: then nothing in it counts as deleted; whatever
  ///   `receive` throws; `CancellationError`.
  func parse(_ input: ParserInput, receive: @Sendable (ParsedDocument) async throws -> Void) async throws
}

/// Chooses the parser of an item.
public protocol ParserRegistry: Sendable {
  /// The parser for the input's path, media type and first bytes; `nil` when no parser takes it.
  ///
  /// `bytes` may hold only the item's beginning.
  func parser(for input: ParserInput) -> (any Parser)?

  /// Changes whenever any parser or the choice among them does.
  var fingerprint: String { get }
}

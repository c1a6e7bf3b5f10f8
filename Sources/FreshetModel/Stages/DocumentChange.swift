/// A passage that is to be found or inserted.
public struct PassageDraft: Hashable, Sendable {
  /// SHA-256 of `PassageText.keyBytes`.
  public var key: ContentHash
  /// The heading path, outermost first.
  public var heading: [String]
  /// The text in UTF-8; it may share the memory of the Markdown that it is of.
  public var text: ArraySlice<UInt8>
  /// Estimated tokens.
  public var tokens: Int

  /// The text, made anew at each call.
  public var body: String { String(decoding: text, as: UTF8.self) }

  /// Describes a passage by bytes, which must be valid UTF-8.
  public init(key: ContentHash, heading: [String], text: ArraySlice<UInt8>, tokens: Int) {
    self.key = key
    self.heading = heading
    self.text = text
    self.tokens = tokens
  }

  /// Describes a passage.
  public init(key: ContentHash, heading: [String], body: String, tokens: Int) {
    self.init(key: key, heading: heading, text: Array(body.utf8)[...], tokens: tokens)
  }
}

/// Bytes as a store keeps them.
public struct StoredBytes: Hashable, Sendable {
  /// How the bytes are coded; the raw values are stored.
  public enum Codec: UInt8, Sendable {
    case plain = 0
    case zstd = 1
  }

  /// How the bytes are coded.
  public var codec: Codec
  /// The coded bytes.
  public var data: [UInt8]

  /// Describes coded bytes.
  public init(codec: Codec, data: [UInt8]) {
    self.codec = codec
    self.data = data
  }
}

/// One document's change, decided and complete, as the planner and the stages made it.
public struct DocumentChange: Sendable {
  /// The content of a new version.
  public struct Version: Sendable {
    /// The content's hash.
    public var contentHash: ContentHash
    /// Bytes.
    public var size: Int64
    /// The content; `nil` keeps the hash only (or what the store has already).
    public var content: StoredBytes?
    /// When the content was last changed, as its source says.
    public var fileModified: Timestamp
    /// Who makes the version.
    public var actor: String
    /// Who owns the file.
    public var owner: String?

    /// Describes a version.
    public init(
      contentHash: ContentHash,
      size: Int64,
      content: StoredBytes?,
      fileModified: Timestamp,
      actor: String,
      owner: String?
    ) {
      self.contentHash = contentHash
      self.size = size
      self.content = content
      self.fileModified = fileModified
      self.actor = actor
      self.owner = owner
    }
  }

  /// What is indexed of the document from now on.
  public struct Edition: Sendable {
    /// The parser that made the rendition.
    public var parser: String
    /// The rendition's Markdown; `nil` when the store has the rendition of this content and parser already.
    public var markdown: StoredBytes?
    /// Whether the Markdown equals the content byte for byte, so that the store may keep one of the two.
    public var markdownIsContent: Bool
    /// The rendition's block map, encoded; `nil` when the store has the rendition already.
    public var map: [UInt8]?
    /// The title and metadata that the content states, kept with the rendition.
    public var statedTitle: String?
    /// See `statedTitle`.
    public var statedMetadata: Metadata
    /// The title shown.
    public var title: String
    /// The metadata searched.
    public var metadata: Metadata
    /// The pipeline that made the edition.
    public var pipeline: String
    /// The chunks in their order; their passages exist.
    public var chunks: [ChunkRecord]
    /// Whether the vectors are there.
    public var state: EditionState

    /// Describes an edition.
    public init(
      parser: String,
      markdown: StoredBytes?,
      markdownIsContent: Bool,
      map: [UInt8]?,
      statedTitle: String?,
      statedMetadata: Metadata,
      title: String,
      metadata: Metadata,
      pipeline: String,
      chunks: [ChunkRecord],
      state: EditionState = .complete
    ) {
      self.parser = parser
      self.markdown = markdown
      self.markdownIsContent = markdownIsContent
      self.map = map
      self.statedTitle = statedTitle
      self.statedMetadata = statedMetadata
      self.title = title
      self.metadata = metadata
      self.pipeline = pipeline
      self.chunks = chunks
      self.state = state
    }
  }

  /// What happened.
  public var kind: ChangeKind
  /// The document; a new identity for `created`.
  public var document: DocumentID
  /// Its source.
  public var source: SourceID
  /// The item that holds it after the change.
  public var itemPath: [UInt8]
  /// Its origin after the change.
  public var origin: String
  /// The run that makes the change.
  public var run: RunID
  /// The new version; given exactly for kinds that make one. A deletion's repeats the last content.
  public var version: Version?
  /// The new edition; `nil` exactly for a deletion.
  public var edition: Edition?
  /// Why; given exactly for a deletion.
  public var reason: DeletionReason?

  /// Describes a change.
  public init(
    kind: ChangeKind,
    document: DocumentID,
    source: SourceID,
    itemPath: [UInt8],
    origin: String,
    run: RunID,
    version: Version?,
    edition: Edition?,
    reason: DeletionReason? = nil
  ) {
    self.kind = kind
    self.document = document
    self.source = source
    self.itemPath = itemPath
    self.origin = origin
    self.run = run
    self.version = version
    self.edition = edition
    self.reason = reason
  }
}

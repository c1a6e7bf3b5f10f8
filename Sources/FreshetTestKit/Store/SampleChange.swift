import FreshetModel
import FreshetSystem

/// A small document as a test writes it down, and the changes that bring it into a store.
public struct SampleDocument: Sendable {
  /// The document's identity.
  public var id: DocumentID
  /// Its name within its source; its item has the same path.
  public var origin: String
  /// The paragraphs: each is a chunk.
  public var paragraphs: [String]
  /// The headings that every chunk stands under.
  public var heading: [String]
  /// The edition's metadata.
  public var metadata: Metadata
  /// The edition's title.
  public var title: String
  /// The pipeline that made the edition.
  public var pipeline = "pipeline/1"
  /// The parser that made the rendition.
  public var parser = "sample/1"
  /// Whether the vectors are there.
  public var state = EditionState.complete
  /// Whether the store gets the content, or its hash alone.
  public var keepsContent = true
  /// When the content was last changed.
  public var modified = Timestamp(seconds: 1_700_000_000)

  /// Describes a document.
  public init(
    id: DocumentID = .random(),
    origin: String,
    paragraphs: [String],
    heading: [String] = ["Sample"],
    metadata: Metadata = [:],
    title: String = "Sample"
  ) {
    self.id = id
    self.origin = origin
    self.paragraphs = paragraphs
    self.heading = heading
    self.metadata = metadata
    self.title = title
  }

  /// The content: the paragraphs with empty lines between them.
  public var content: [UInt8] { Array(paragraphs.joined(separator: "\n\n").utf8) }

  /// The hash of the content.
  public var contentHash: ContentHash { SHA256.digest(of: content) }

  /// The passages of the chunks.
  public var passages: [PassageDraft] {
    paragraphs.map { text in
      PassageDraft(
        key: SHA256.digest(of: PassageText.keyBytes(heading: heading, body: text)),
        heading: heading,
        body: text,
        tokens: text.utf8.count / 4 + 1
      )
    }
  }

  /// The chunks, when the passages have these numbers: identities follow from document, passage and occurrence.
  public func chunks(passages numbers: [PassageID]) -> [ChunkRecord] {
    var occurrences: [ContentHash: UInt8] = [:]
    var start = 0
    return zip(passages, numbers).map { draft, number in
      let occurrence = occurrences[draft.key, default: 0]
      occurrences[draft.key] = occurrence + 1
      let identity = SHA256.digest(of: id.bytes + draft.key.bytes + [occurrence])
      defer { start += draft.body.utf8.count + 2 }
      return ChunkRecord(
        id: ChunkID(digest: identity),
        passage: number,
        start: start,
        end: start + draft.body.utf8.count
      )
    }
  }

  /// The change of that kind; the passages must have been saved under these numbers.
  public func change(
    _ kind: ChangeKind,
    source: SourceID,
    run: RunID,
    passages numbers: [PassageID],
    reason: DeletionReason? = nil
  ) throws -> DocumentChange {
    let content = content
    return DocumentChange(
      kind: kind,
      document: id,
      source: source,
      itemPath: Array(origin.utf8),
      origin: origin,
      run: run,
      version: kind.makesVersion
        ? DocumentChange.Version(
          contentHash: contentHash,
          size: Int64(content.count),
          content: keepsContent && kind != .deleted ? try .compressed(content) : nil,
          fileModified: modified,
          actor: "tester@host",
          owner: "owner"
        ) : nil,
      edition: kind == .deleted
        ? nil
        : DocumentChange.Edition(
          parser: parser,
          markdown: keepsContent ? nil : try .compressed(content),
          markdownIsContent: true,
          map: [Block(kind: .paragraph, start: 0, end: content.count)].encoded,
          statedTitle: title,
          statedMetadata: metadata,
          title: title,
          metadata: metadata,
          pipeline: pipeline,
          chunks: chunks(passages: numbers),
          state: state
        ),
      reason: kind == .deleted ? reason ?? .vanished : nil
    )
  }

  /// Saves the passages and applies the change.
  @discardableResult
  public func apply(
    _ kind: ChangeKind,
    to transaction: any StoreTransaction,
    source: SourceID,
    run: RunID = SampleDocument.run,
    reason: DeletionReason? = nil
  ) throws -> ChangeRecord {
    let numbers = try transaction.savePassages(passages)
    return try transaction.apply(change(kind, source: source, run: run, passages: numbers, reason: reason))
  }

  /// The run of changes that name no other.
  public static let run = RunID(high: 0x0123_4567_89AB_4CDE, low: 0x8123_4567_89AB_CDEF)
}

import FreshetModel
import FreshetSystem

/// A chunk whose passage has no number yet.
struct PreparedChunk: Sendable {
  var draft: ChunkDraft
  var key: ContentHash
}

/// A document on its way from the parser to the store.
struct PreparedDocument: Sendable {
  /// Where the chunks come from.
  enum Chunks: Sendable {
    /// Cut anew; their passages may have to be embedded.
    case cut([PreparedChunk])
    /// Those of the live edition, for a change that leaves the text alone.
    case kept([ChunkRecord])
  }

  var kind: ChangeKind
  var document: DocumentID
  var source: SourceID
  var sourceName: String
  var uri: String
  var itemPath: [UInt8]
  /// The file system that the item is on.
  var device: UInt64
  var origin: String
  /// The live or deleted document that it was; `nil` for one that is created.
  var previous: DocumentRecord?
  var version: DocumentChange.Version?
  /// The edition without its chunks.
  var edition: DocumentChange.Edition
  var chunks: Chunks
  /// About how many bytes it holds in memory.
  var cost: Int
  /// The document's annotation after the change; `nil` when it stays as it is.
  var annotation: Metadata?
  /// What it takes of the memory for large documents, until it is committed or dropped.
  var lease: ByteBudget.Lease?

  /// The hash of the item's content that a failure would be recorded under.
  var contentHash: ContentHash? { version?.contentHash ?? previous?.contentHash }

  /// About how many bytes a document with so much Markdown holds until it is committed.
  static func cost(
    text: Int,
    chunks: Int,
    _ version: DocumentChange.Version?,
    _ edition: DocumentChange.Edition
  ) -> Int {
    1024 + text + chunks * chunkCost + (version?.content?.data.count ?? 0) + (edition.markdown?.data.count ?? 0)
      + (edition.map?.count ?? 0)
  }

  /// Bytes of a chunk beside its text: the draft, the key, its places in the tables of the embedding stage and the store.
  private static let chunkCost = 400
}

/// What flows from the readers through the embedding stage to the committer, in order for each item.
enum PipelineElement: Sendable {
  /// A document to embed and commit.
  case document(PreparedDocument)
  /// A document that could not be prepared.
  case failure(FailureRecord)
  /// A document to delete.
  case deletion(DocumentRecord, DeletionReason)
  /// The deletions of a source that follow were allowed whatever their number.
  case deletionsAccepted(sourceName: String)
  /// Everything of an item came before: its row can be saved.
  case itemFinished(FinishedItem)
  /// The item is gone; its row goes too unless it still has documents.
  case itemRemoved(source: SourceID, sourceName: String, path: [UInt8])
  /// Time has passed: what came before is not to wait for more.
  case flush

  /// About how many bytes the element holds in memory.
  var cost: Int {
    if case .document(let document) = self { document.cost } else { 256 }
  }
}

/// An item whose documents are all on their way.
struct FinishedItem: Sendable {
  var source: SourceID
  var sourceName: String
  /// The row to save; `nil` while something of the item is not settled.
  var record: ItemRecord?
  var path: [UInt8]
  /// Documents whose content did not change.
  var unchanged: Int
  /// Documents of which something is noted without a change.
  var touched: [TouchedDocument]
}

/// A document that stays as it is.
struct TouchedDocument: Sendable {
  var document: DocumentID
  /// The present pipeline, which makes the edition that the document has.
  var pipeline: String?
  /// When the file was changed, though its content was not.
  var fileModified: Timestamp?
}

extension ChunkDraft {
  /// The draft with the key of its passage.
  var prepared: PreparedChunk {
    PreparedChunk(draft: self, key: SHA256.digest(of: PassageText.keyBytes(heading: heading, text: text)))
  }
}

/// Gives each chunk its identity: a function of the document, the passage, and which of the equal passages it is.
struct ChunkIdentities {
  private let document: DocumentID
  private var occurrences: [ContentHash: UInt64] = [:]

  init(document: DocumentID) {
    self.document = document
  }

  mutating func next(_ key: ContentHash) -> ChunkID {
    let occurrence = occurrences[key, default: 0]
    occurrences[key] = occurrence + 1
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: document.bytes)
    encoder.append(bytes: key.bytes)
    encoder.append(occurrence)
    return ChunkID(digest: SHA256.digest(of: encoder.bytes))
  }
}

/// A source as the store remembers it.
public struct SourceRecord: Hashable, Sendable {
  /// The source's number.
  public var id: SourceID
  /// The unique name.
  public var name: String
  /// Where it is: an absolute path or an address.
  public var location: String
  /// The rules by which it chose items when it was last listed whole.
  public var configuration: String
  /// The root's identity when it was last listed whole; empty before.
  public var rootIdentity: String
  /// The pipeline that every live edition of it was made by, or at least judged by; empty while some may be stale.
  public var pipeline: String

  /// Describes a source.
  public init(
    id: SourceID,
    name: String,
    location: String,
    configuration: String = "",
    rootIdentity: String = "",
    pipeline: String = ""
  ) {
    self.id = id
    self.name = name
    self.location = location
    self.configuration = configuration
    self.rootIdentity = rootIdentity
    self.pipeline = pipeline
  }
}

/// An item as it was when its documents were last brought in step.
public struct ItemRecord: Hashable, Sendable {
  /// The path relative to the source's root.
  public var path: [UInt8]
  /// What the listing saw then.
  public var fingerprint: ItemFingerprint
  /// Whether the fingerprint cannot be trusted, so that the item is read again.
  public var isRacy: Bool
  /// The hash of the item's bytes.
  public var hash: ContentHash
  /// Live documents that it held then: none for one that failed or that no parser takes, many for a container.
  public var documents: Int

  /// Describes an item.
  public init(path: [UInt8], fingerprint: ItemFingerprint, isRacy: Bool, hash: ContentHash, documents: Int = 1) {
    self.path = path
    self.documents = documents
    self.fingerprint = fingerprint
    self.isRacy = isRacy
    self.hash = hash
  }
}

/// Whether a document is in the index; the raw values are stored and appear in JSON.
public enum DocumentState: String, Sendable, CaseIterable {
  /// It is in its source.
  case live
  /// It was deleted; its history is kept.
  case deleted
}

/// Whether an edition's vectors are there; the raw values are stored.
public enum EditionState: String, Sendable, CaseIterable {
  /// Every chunk has its vector (or the collection has no embedder).
  case complete
  /// The text is searchable by keyword; the vectors follow when the embedder is back.
  case awaitingVectors = "awaiting_vectors"
}

/// A document with its current version and edition.
public struct DocumentRecord: Hashable, Sendable {
  /// The document.
  public var id: DocumentID
  /// Its source.
  public var source: SourceID
  /// Its source's name.
  public var sourceName: String
  /// The item that holds it.
  public var itemPath: [UInt8]
  /// Its name within the source.
  public var origin: String
  /// Whether it is in the index.
  public var state: DocumentState
  /// The number of the current version, which is also how many there are.
  public var version: Int
  /// The current version's content.
  public var contentHash: ContentHash
  /// Bytes of the current version's content.
  public var size: Int64
  /// The title, from the content or the file's stem.
  public var title: String
  /// The edition's metadata.
  public var metadata: Metadata
  /// The edition's pipeline.
  public var pipeline: String
  /// The parser of the edition's rendition; empty for a deleted document.
  public var parser: String
  /// Whether the edition's vectors are there.
  public var editionState: EditionState
  /// The edition's open chunks.
  public var chunkCount: Int
  /// When the current version's content was last changed, as its source says.
  public var fileModified: Timestamp
  /// When the first version was committed.
  public var createdAt: Timestamp
  /// When the current version was committed.
  public var updatedAt: Timestamp

  /// Describes a document.
  public init(
    id: DocumentID,
    source: SourceID,
    sourceName: String,
    itemPath: [UInt8],
    origin: String,
    state: DocumentState,
    version: Int,
    contentHash: ContentHash,
    size: Int64,
    title: String,
    metadata: Metadata,
    pipeline: String,
    parser: String,
    editionState: EditionState,
    chunkCount: Int,
    fileModified: Timestamp,
    createdAt: Timestamp,
    updatedAt: Timestamp
  ) {
    self.id = id
    self.source = source
    self.sourceName = sourceName
    self.itemPath = itemPath
    self.origin = origin
    self.state = state
    self.version = version
    self.contentHash = contentHash
    self.size = size
    self.title = title
    self.metadata = metadata
    self.pipeline = pipeline
    self.parser = parser
    self.editionState = editionState
    self.chunkCount = chunkCount
    self.fileModified = fileModified
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }
}

/// An immutable numbered state of a document's content.
public struct VersionRecord: Hashable, Sendable {
  /// The number, from 1 without gaps.
  public var number: Int
  /// What happened.
  public var kind: ChangeKind
  /// The content's hash.
  public var contentHash: ContentHash
  /// Bytes.
  public var size: Int64
  /// When it was committed.
  public var at: Timestamp
  /// The change that committed it.
  public var sequence: SequenceNumber
  /// The run that made it.
  public var run: RunID
  /// Who made it: `--actor`, else the run's user and host.
  public var actor: String
  /// Who owned the file, when the source knew.
  public var owner: String?
  /// When the content was last changed, as its source says.
  public var fileModified: Timestamp
  /// The origin after the change.
  public var origin: String
  /// The origin before, for a rename.
  public var previousOrigin: String?
  /// The older version with the same content, for a return to it.
  public var sameAs: Int?
  /// Why, for a deletion.
  public var reason: DeletionReason?
  /// SHA-256 of the document's previous link and `canonicalBytes`.
  public var chain: ContentHash

  /// Describes a version.
  public init(
    number: Int,
    kind: ChangeKind,
    contentHash: ContentHash,
    size: Int64,
    at: Timestamp,
    sequence: SequenceNumber,
    run: RunID,
    actor: String,
    owner: String?,
    fileModified: Timestamp,
    origin: String,
    previousOrigin: String?,
    sameAs: Int?,
    reason: DeletionReason?,
    chain: ContentHash
  ) {
    self.number = number
    self.kind = kind
    self.contentHash = contentHash
    self.size = size
    self.at = at
    self.sequence = sequence
    self.run = run
    self.actor = actor
    self.owner = owner
    self.fileModified = fileModified
    self.origin = origin
    self.previousOrigin = previousOrigin
    self.sameAs = sameAs
    self.reason = reason
    self.chain = chain
  }

  /// Everything but `chain` in one unambiguous form, the same on every store.
  public var canonicalBytes: [UInt8] {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: "freshet-version/1".utf8)
    encoder.append(signed: Int64(number))
    encoder.append(bytes: kind.rawValue.utf8)
    encoder.append(bytes: contentHash.bytes)
    encoder.append(signed: size)
    encoder.append(signed: at.nanoseconds)
    encoder.append(signed: sequence)
    encoder.append(bytes: run.bytes)
    encoder.append(bytes: actor.utf8)
    encoder.append(bytes: (owner.map { "=" + $0 } ?? "").utf8)
    encoder.append(signed: fileModified.nanoseconds)
    encoder.append(bytes: origin.utf8)
    encoder.append(bytes: (previousOrigin.map { "=" + $0 } ?? "").utf8)
    encoder.append(signed: Int64(sameAs ?? 0))
    encoder.append(bytes: (reason?.rawValue ?? "").utf8)
    return encoder.bytes
  }
}

/// A distinct text that is embedded.
public struct PassageRecord: Hashable, Sendable {
  /// The passage.
  public var id: PassageID
  /// SHA-256 of `PassageText.keyBytes`.
  public var key: ContentHash
  /// The heading path, outermost first.
  public var heading: [String]
  /// The text.
  public var body: String
  /// Estimated tokens.
  public var tokens: Int

  /// Describes a passage.
  public init(id: PassageID, key: ContentHash, heading: [String], body: String, tokens: Int) {
    self.id = id
    self.key = key
    self.heading = heading
    self.body = body
    self.tokens = tokens
  }
}

/// A chunk: where a passage stands in a document's edition.
public struct ChunkRecord: Hashable, Sendable {
  /// The chunk.
  public var id: ChunkID
  /// Its text.
  public var passage: PassageID
  /// Where it starts in the rendition's Markdown, a byte offset.
  public var start: Int
  /// The offset after its last byte.
  public var end: Int
  /// The page, slide or sheet that it starts on, from 1.
  public var page: Int?

  /// Describes a chunk.
  public init(id: ChunkID, passage: PassageID, start: Int, end: Int, page: Int? = nil) {
    self.id = id
    self.passage = passage
    self.start = start
    self.end = end
    self.page = page
  }
}

/// A live chunk with the document that it stands in.
public struct Occurrence: Hashable, Sendable {
  /// The document.
  public var document: DocumentID
  /// The chunk.
  public var chunk: ChunkRecord

  /// Pairs a document with a chunk of it.
  public init(document: DocumentID, chunk: ChunkRecord) {
    self.document = document
    self.chunk = chunk
  }
}

/// The state of a model in a collection; the raw values are stored.
public enum ModelState: String, Sendable, CaseIterable {
  /// Searches use it.
  case serving
  /// Its vectors are being made beside those of the serving model.
  case building
  /// It served before; its vectors are kept until they are collected.
  case retired
}

/// An embedding model as a collection knows it.
public struct ModelRecord: Hashable, Sendable {
  /// The model's number.
  public var id: ModelID
  /// What it is.
  public var description: ModelDescription
  /// Whether searches use it.
  public var state: ModelState

  /// Describes a model.
  public init(id: ModelID, description: ModelDescription, state: ModelState) {
    self.id = id
    self.description = description
    self.state = state
  }
}

/// A document in quarantine: what failed, how often, and when it is tried again.
public struct FailureRecord: Hashable, Sendable {
  /// The source's name.
  public var source: String
  /// The item.
  public var itemPath: [UInt8]
  /// The document's origin (the item's, when the item as a whole failed).
  public var origin: String
  /// What failed.
  public var error: FreshetErrorRecord
  /// Attempts so far.
  public var attempts: Int
  /// When it failed first.
  public var firstAt: Timestamp
  /// When it failed last.
  public var lastAt: Timestamp
  /// The content that failed; `nil` when it could not be read.
  public var contentHash: ContentHash?
  /// The pipeline that it failed in: another one tries again.
  public var pipeline: String

  /// Describes a failure.
  public init(
    source: String,
    itemPath: [UInt8],
    origin: String,
    error: FreshetErrorRecord,
    attempts: Int,
    firstAt: Timestamp,
    lastAt: Timestamp,
    contentHash: ContentHash?,
    pipeline: String
  ) {
    self.source = source
    self.itemPath = itemPath
    self.origin = origin
    self.error = error
    self.attempts = attempts
    self.firstAt = firstAt
    self.lastAt = lastAt
    self.contentHash = contentHash
    self.pipeline = pipeline
  }
}

/// The parts of a `FreshetError` that are stored.
public struct FreshetErrorRecord: Hashable, Sendable {
  /// The stable name.
  public var code: FreshetError.Code
  /// The sentence.
  public var message: String
  /// Whether a retry without a change may help.
  public var isTransient: Bool

  /// Keeps the parts of an error.
  public init(_ error: FreshetError) {
    self.init(code: error.code, message: error.message, isTransient: error.isTransient)
  }

  /// Describes a stored error.
  public init(code: FreshetError.Code, message: String, isTransient: Bool) {
    self.code = code
    self.message = message
    self.isTransient = isTransient
  }
}

/// One sync as the store remembers it.
public struct RunRecord: Hashable, Sendable {
  /// The run.
  public var id: RunID
  /// When it started.
  public var startedAt: Timestamp
  /// When it ended; `nil` while it runs, and for one that was killed.
  public var finishedAt: Timestamp?
  /// Who ran it.
  public var actor: String
  /// The head when it started.
  public var firstSequence: SequenceNumber
  /// The head when it ended.
  public var lastSequence: SequenceNumber?
  /// The summary line of `sync --json`; `nil` while it runs. As a store has it, what an empty report has as well may be
  /// left out (`withWholeReport`).
  public var report: JSONValue?

  /// Describes a run.
  public init(
    id: RunID,
    startedAt: Timestamp,
    finishedAt: Timestamp? = nil,
    actor: String,
    firstSequence: SequenceNumber,
    lastSequence: SequenceNumber? = nil,
    report: JSONValue? = nil
  ) {
    self.id = id
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    self.actor = actor
    self.firstSequence = firstSequence
    self.lastSequence = lastSequence
    self.report = report
  }
}

/// How much a collection holds.
public struct CollectionCounts: Hashable, Sendable {
  /// Live documents.
  public var documents = 0
  /// Deleted documents whose history is kept.
  public var deletedDocuments = 0
  /// Versions of all documents.
  public var versions = 0
  /// Open chunks.
  public var chunks = 0
  /// Distinct passages of open chunks.
  public var passages = 0
  /// Vectors of the serving model whose passages are live.
  public var vectors = 0
  /// Rows of the keyword index.
  public var keywordRows = 0
  /// Live editions that wait for vectors.
  public var awaitingVectors = 0
  /// Documents in quarantine.
  public var failures = 0

  /// Starts with nothing.
  public init() {}
}

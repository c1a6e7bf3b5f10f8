import FreshetModel
import Synchronization

/// The concrete stages that a sync works with, chosen by whoever composes a collection.
public struct SyncStages: Sendable {
  /// Where the collection lives.
  public var store: any Store
  /// The sources that are configured now.
  public var sources: [any Source]
  /// Chooses parsers.
  public var parsers: any ParserRegistry
  /// Cuts renditions.
  public var chunker: any Chunker
  /// Makes vectors; `nil` keeps versions and keywords only.
  public var embedder: (any Embedder)?

  /// Takes the stages.
  public init(
    store: any Store,
    sources: [any Source],
    parsers: any ParserRegistry,
    chunker: any Chunker,
    embedder: (any Embedder)?
  ) {
    self.store = store
    self.sources = sources
    self.parsers = parsers
    self.chunker = chunker
    self.embedder = embedder
  }
}

/// What becomes of a document's text while the embedder cannot be reached.
public enum EmbedderDownPolicy: String, Sendable, CaseIterable {
  /// The last edition stays whole until the new one is.
  case keepOld = "keep_old"
  /// The new text is searchable by keyword at once; its vectors follow.
  case keywordFirst = "keyword_first"
}

/// How a sync is run.
public struct SyncOptions: Sendable {
  /// Who makes the versions.
  public var actor = "unknown"
  /// Threads that read, parse and chunk.
  public var workers = 2
  /// Documents of one commit at most (`checkpoint.documents`).
  public var checkpointDocuments = 50
  /// Bytes of one commit at most.
  public var checkpointBytes = 8 << 20
  /// The longest that a finished document waits for its commit.
  public var checkpointInterval: Duration = .seconds(2)
  /// Texts handed to the embedder at once (`embedder.batch`).
  public var embedderBatch = 32
  /// Texts collected, over documents, before they are ordered by length and embedded.
  public var embedderWindow = 512
  /// How long an embedder whose calls fail in a row is left alone before one call tries it again.
  public var embedderPause: Duration = .seconds(30)
  /// What is known of the embedder from runs before; `nil` for a run that stands alone.
  public var embedderHealth: EmbedderHealth?
  /// Bytes of documents between the stages.
  public var bytesInFlight = 64 << 20
  /// Restricts the run to these paths of each source named; empty means everything.
  public var paths: [String: [[UInt8]]] = [:]
  /// Items of each source named that are still being written: they stay as they are known.
  public var unsettled: [String: Set<[UInt8]>] = [:]
  /// Reads, parses and chunks everything anew.
  public var force = false
  /// Embeds passages again though they have a vector.
  public var ignoresEmbeddingCache = false
  /// Reads every file, whatever its fingerprint.
  public var checksum = false
  /// Tries documents again that failed for good.
  public var retriesFailures = false
  /// Ends the run with the first document that fails; what is done is committed.
  public var stopsAtFailure = false
  /// The run that this one goes on with: the same identity, and its counts add up; `nil` begins one.
  public var continuing: SyncReport?
  /// Guards mass deletions.
  public var deletionGuard = DeletionGuard()
  /// The run is one of many that nobody called for: also over a whole source its deletions count with the recent ones.
  public var isContinual = false
  /// Whether a content of a source and size is stored, or only its hash.
  public var storesContent: @Sendable (_ source: String, _ size: Int64) -> Bool = { _, _ in true }
  /// How contents and texts are stored.
  public var codec = StoredBytes.Codec.zstd
  /// What becomes of new text while the embedder is down.
  public var onEmbedderDown = EmbedderDownPolicy.keepOld

  /// Calls no embedder though the collection has one: what is new waits for the vectors that the next run makes. The
  /// stages then have no embedder.
  public var leavesVectors = false
  /// What is said of every document that the run names; those are read whatever their fingerprint.
  public var annotation: AnnotationChange?

  /// Starts with the defaults.
  public init() {}

  /// Takes as little memory as a run can: one document at a time, small commits and windows, little between the stages.
  /// A document larger than all that still passes, alone.
  public mutating func saveMemory() {
    workers = 1
    checkpointDocuments = min(checkpointDocuments, 8)
    checkpointBytes = min(checkpointBytes, 1 << 20)
    embedderWindow = min(embedderWindow, 64)
    bytesInFlight = min(bytesInFlight, 4 << 20)
  }

  /// Whether the run is of the whole collection, or of nothing but the vectors that documents wait for.
  var seesEverything: Bool { paths.isEmpty || paths == Self.noPaths }

  /// Items of no source: the run sees to what is in the collection already.
  public static let noPaths: [String: [[UInt8]]] = ["": []]

  /// The texts of one call: never so many that the calls under way could lose more than 256.
  func batchSize(parallelism: Int) -> Int {
    max(1, min(embedderBatch, Self.embeddingsAtRisk / max(1, parallelism)))
  }

  /// Texts that may be computed and not yet stored.
  static let embeddingsAtRisk = 256
}

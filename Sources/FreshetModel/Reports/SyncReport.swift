/// What a sync did, in numbers that add up.
public struct SyncReport: Sendable, Hashable {
  /// Documents by what happened to them.
  public struct Documents: Sendable, Hashable {
    /// New origins, copies included.
    public var created = 0
    /// Known origins with other content.
    public var modified = 0
    /// Known content under another origin.
    public var renamed = 0
    /// Deleted origins that came back.
    public var restored = 0
    /// Documents that left the index.
    public var deleted = 0
    /// Documents that are as they were.
    public var unchanged = 0
    /// Same content with other metadata, or made again by another parser, chunker or model.
    public var refreshed = 0
    /// Items that a rule left out (size, type).
    public var skipped = 0
    /// Documents that failed in this run; what was indexed of them before stays.
    public var failed = 0
    /// Documents whose deletion was held back.
    public var held = 0

    /// Starts with nothing.
    public init() {}

    /// Documents with a new version: other content, another name, or gone.
    public var changed: Int { created + modified + renamed + restored + deleted }

    /// Documents that were looked at: every one but those held.
    public var processed: Int { changed + unchanged + refreshed + failed }
  }

  /// Chunks of the documents that changed.
  public struct Chunks: Sendable, Hashable {
    /// Live chunks after the run.
    public var total = 0
    /// Chunks that were opened.
    public var added = 0
    /// Chunks that were closed.
    public var removed = 0
    /// Opened chunks whose passage had its vector already.
    public var reused = 0
    /// Passages that were embedded.
    public var embedded = 0
    /// Chunks of changed documents that stayed as they were, those of renamed documents left out.
    public var kept = 0
    /// Chunks of renamed documents, which moved with them.
    public var moved = 0

    /// Starts with nothing.
    public init() {}
  }

  /// Wall-clock seconds; stages run side by side, so their sum may exceed the total.
  public struct Seconds: Sendable, Hashable {
    /// The whole run.
    public var total = 0.0
    /// Listing the sources and comparing with the catalogue.
    public var list = 0.0
    /// Reading, parsing and chunking, summed over the workers.
    public var parse = 0.0
    /// Reading alone; a part of `parse`.
    public var read = 0.0
    /// Chunking alone; a part of `parse`.
    public var chunk = 0.0
    /// What is left of `parse` without reading and chunking.
    public var parseAlone: Double { max(0, parse - read - chunk) }
    /// Waiting for the embedder, summed over the workers.
    public var embed = 0.0
    /// Waiting for the store's transactions.
    public var commit = 0.0
    /// Bringing the vector index up to date.
    public var index = 0.0

    /// Starts with nothing.
    public init() {}
  }

  /// The run's identity.
  public var run: RunID
  /// The collection's head after the run.
  public var sequence: SequenceNumber
  /// Documents by outcome.
  public var documents = Documents()
  /// Chunks by outcome.
  public var chunks = Chunks()
  /// Transactions that committed documents.
  public var checkpoints = 0
  /// Calls of the embedder.
  public var embedderCalls = 0
  /// Tokens that were embedded.
  public var embedderTokens = 0
  /// Bytes of the items that were read.
  public var bytesRead = 0
  /// Where the time went.
  public var seconds = Seconds()
  /// The most memory that the process had resident, in bytes.
  public var peakMemoryBytes: Int64 = 0
  /// Deletions that were held back, by source and reason, each with a sentence.
  public var held: [HeldDeletions] = []
  /// Sources that could not be listed, or only in part.
  public var unavailable: [SourceProblem] = []
  /// Whether the run was stopped before its end; everything that it counted is committed.
  public var interrupted = false

  /// What the callbacks of the process did with the run's changes.
  public var callbacks = CallbackReport()
  /// What webhooks and mail were handed over after the run.
  public var deliveries: [ChannelDelivery] = []

  /// Starts an empty report.
  public init(run: RunID, sequence: SequenceNumber = 0) {
    self.run = run
    self.sequence = sequence
  }

  /// The report as a further part of the run begins with it: its counts, without what is only of the part before.
  public var continued: SyncReport {
    var report = self
    report.held = []
    report.unavailable = []
    report.interrupted = false
    report.documents.held = 0
    return report
  }

  /// The share of processed documents that did not fail; 1 when none was processed.
  public var successRate: Double {
    let processed = documents.processed
    return processed == 0 ? 1 : Double(processed - documents.failed) / Double(processed)
  }
}

/// Deletions of one source that were held back.
public struct HeldDeletions: Sendable, Hashable {
  /// The source's name.
  public var source: String
  /// How many documents.
  public var count: Int
  /// Why, and what to do.
  public var sentence: String

  /// Describes held deletions.
  public init(source: String, count: Int, sentence: String) {
    self.source = source
    self.count = count
    self.sentence = sentence
  }
}

/// A part of a source that could not be seen.
public struct SourceProblem: Sendable, Hashable {
  /// The source's name.
  public var source: String
  /// The part, relative to the root; empty when the source as a whole could not be listed.
  public var path: String
  /// The cause and the remedy.
  public var error: FreshetErrorRecord

  /// Describes a problem.
  public init(source: String, path: String, error: FreshetErrorRecord) {
    self.source = source
    self.path = path
    self.error = error
  }
}

/// What happened to one document in a sync.
public struct DocumentOutcome: Sendable, Hashable {
  /// The source's name.
  public var source: String
  /// The document's origin after the change.
  public var origin: String
  /// The address that reopens it.
  public var uri: String
  /// The document.
  public var document: DocumentID
  /// What happened.
  public var change: ChangeKind
  /// The origin before a rename.
  public var previousOrigin: String?
  /// Why it was deleted.
  public var reason: DeletionReason?
  /// The current version.
  public var version: Int
  /// Chunks opened.
  public var chunksAdded: Int
  /// Chunks closed.
  public var chunksRemoved: Int
  /// Passages embedded for it.
  public var chunksEmbedded: Int

  /// Describes an outcome.
  public init(
    source: String,
    origin: String,
    uri: String,
    document: DocumentID,
    change: ChangeKind,
    previousOrigin: String? = nil,
    reason: DeletionReason? = nil,
    version: Int,
    chunksAdded: Int = 0,
    chunksRemoved: Int = 0,
    chunksEmbedded: Int = 0
  ) {
    self.source = source
    self.origin = origin
    self.uri = uri
    self.document = document
    self.change = change
    self.previousOrigin = previousOrigin
    self.reason = reason
    self.version = version
    self.chunksAdded = chunksAdded
    self.chunksRemoved = chunksRemoved
    self.chunksEmbedded = chunksEmbedded
  }
}

/// How far a sync is.
public struct SyncProgress: Sendable, Hashable {
  /// Items listed so far.
  public var itemsListed = 0
  /// Whether all sources have been listed.
  public var listingFinished = false
  /// Items that have to be read, so far.
  public var itemsToRead = 0
  /// Items read, parsed and chunked.
  public var itemsRead = 0
  /// Bytes of the items that have to be read, and of those that were.
  public var bytesToRead: Int64 = 0
  /// See `bytesToRead`.
  public var bytesRead: Int64 = 0
  /// Chunks of the items read.
  public var chunksFound = 0
  /// Chunks whose vectors are there, embedded or found.
  public var chunksDone = 0
  /// Chunks that the embedder made vectors for.
  public var chunksEmbedded = 0
  /// Documents committed.
  public var documentsCommitted = 0

  /// Starts with nothing.
  public init() {}
}

/// What a sync tells while it runs.
public enum SyncEvent: Sendable {
  /// The counts moved; sent often, show what is worth showing.
  case progress(SyncProgress)
  /// A document's change is committed.
  case changed(DocumentOutcome)
  /// A document failed; what was indexed of it stays.
  case failed(FailureRecord)
  /// An item was left out by a rule.
  case skipped(source: String, origin: String, reason: FreshetError)
  /// A part of a source cannot be seen; nothing in it is deleted.
  case unavailable(SourceProblem)
  /// Deletions were held back.
  case held(HeldDeletions)
  /// The file of a document that failed for good was moved to the folder for such, or could not be.
  case setAside(SetAsideFile)
}

/// What became of a file whose document failed for good, where there is a folder for such files.
public struct SetAsideFile: Hashable, Sendable {
  /// The source's name.
  public var source: String
  /// The document's origin.
  public var origin: String
  /// Where the file is now, relative to the source's root; `nil` when it could not be moved.
  public var place: String?
  /// Why it could not be moved.
  public var error: FreshetErrorRecord?

  /// Describes a file.
  public init(source: String, origin: String, place: String? = nil, error: FreshetErrorRecord? = nil) {
    self.source = source
    self.origin = origin
    self.place = place
    self.error = error
  }

  /// What happened, as a sentence that begins with the origin.
  public var sentence: String {
    if let place { return "\(origin): moved to \(place), since it failed for good" }
    return "\(origin): it failed for good and could not be moved away: \(error?.message ?? "")"
  }
}

/// What a sync would do and what it would cost.
public struct SyncForecast: Sendable, Hashable {
  /// Documents by what would happen.
  public var documents = SyncReport.Documents()
  /// Changes in the order in which they would be made, without those of chunks.
  public var changes: [DocumentOutcome] = []
  /// Chunks that would be opened.
  public var chunksAdded = 0
  /// Passages that would be embedded.
  public var passagesToEmbed = 0
  /// Tokens that the embedder would read, as the model counts.
  public var tokens = 0
  /// How long the run would take; `nil` when nothing is known of the embedder's speed.
  public var seconds: Double?
  /// Deletions that would be held back.
  public var held: [HeldDeletions] = []
  /// Sources that could not be listed, or only in part.
  public var unavailable: [SourceProblem] = []
  /// Documents that would fail, with why.
  public var failures: [FailureRecord] = []

  /// Starts with nothing.
  public init() {}
}

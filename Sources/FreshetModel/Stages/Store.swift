/// Where a collection lives: the only truth.
///
/// Reading and writing are scoped. A body runs on a thread of the store, never on the cooperative pool, so it may use
/// the blocking calls of what it is given, and must not keep that beyond its return.
///
/// A store **must**:
/// - run each `write` whole or not at all, also when the process dies at any instruction; it is durable on return;
/// - show each `read` one committed state for its whole length, however many writes commit meanwhile, and never make a
///   read wait for a write;
/// - let a body's error through after it rolled back;
/// - number changes without gaps and chain them (`ChangeRecord.canonicalBytes`), `at` never decreasing;
/// - derive nothing from the clock or from randomness but `at`, which comes from the transaction's `now`.
public protocol Store: Sendable {
  /// Reads at one committed state.
  /// - Throws: what `body` throws; `FreshetError` with `store_failed` or `store_damaged`; `CancellationError` before
  ///   `body` started.
  func read<Result: Sendable>(
    _ scope: Scope,
    _ body: @Sendable (any StoreSnapshot) throws -> Result
  ) async throws -> Result

  /// Writes in one transaction; writes are run one after the other.
  /// - Throws: what `body` throws, after rolling back; `FreshetError` with `store_failed`, `store_damaged`, `disk_full`
  ///   or `locked`.
  func write<Result: Sendable>(_ body: @Sendable (any StoreTransaction) throws -> Result) async throws -> Result

  /// Finishes what is under way and releases the store; every later call throws `store_failed`.
  func close() async

  // MARK: Memory

  /// Gives up caches that are not in use; what comes next reads from the disk again.
  func releaseMemory() async

  // MARK: Space

  /// What the collection takes on the disk; `nil` for a store without files.
  func space() async throws -> StoreSpace?

  /// Returns free space to the file system, beside readers. Each call is whole or not at all, also when the process dies.
  /// - Returns: whether the call did what it was asked for: `false` when no free page was left for a step, or readers kept
  ///   the log from being emptied.
  /// - Throws: `FreshetError` with `disk_full`, `locked` or `store_failed`.
  func returnSpace(_ way: SpaceReturn) async throws -> Bool
}

extension Store {
  /// A store without caches has none to give up.
  public func releaseMemory() async {}

  /// A store without files takes no space.
  public func space() async throws -> StoreSpace? { nil }

  /// A store without files has nothing to return.
  public func returnSpace(_ way: SpaceReturn) async throws -> Bool { false }
}

/// A page of a listing of documents, for people and programs.
public struct DocumentQuery: Sendable {
  /// What a listing is ordered by.
  public enum Order: String, Sendable, CaseIterable {
    case origin, name, type, size, modified, created, updated, versions
  }

  /// Only this source.
  public var source: String?
  /// Only this format (`markdown`, `html`, …), as in the metadata's `type`.
  public var type: String?
  /// Only this state; `nil` for both.
  public var state: DocumentState? = .live
  /// Only documents that the filter matches.
  public var filter: Filter?
  /// The order; ties by source and origin.
  public var order: Order = .origin
  /// Whether the order is reversed.
  public var descending = false
  /// At most so many.
  public var limit = Int.max
  /// Leaves out the first ones.
  public var offset = 0

  /// Lists all live documents by origin.
  public init() {}
}

/// A consistent view of a collection at `head.sequence`. Every call may block.
///
/// Lookups of several things answer in the order of what was asked.
public protocol StoreSnapshot {
  /// The state that everything else is read at.
  var head: Head { get }

  // MARK: Sources and items

  /// Every source, also those that are no longer configured, by name.
  func sources() throws -> [SourceRecord]

  /// Items of a source in the order of their paths' bytes, after the given path, at most `limit`.
  func items(of source: SourceID, after path: [UInt8]?, limit: Int) throws -> [ItemRecord]

  /// The item at a path.
  func item(of source: SourceID, at path: [UInt8]) throws -> ItemRecord?

  // MARK: Documents

  /// The document of that identity, live or deleted.
  func document(_ id: DocumentID) throws -> DocumentRecord?

  /// The live document at an origin.
  func liveDocument(source: SourceID, origin: String) throws -> DocumentRecord?

  /// The document that was deleted last at an origin, when none is live there.
  func deletedDocument(source: SourceID, origin: String) throws -> DocumentRecord?

  /// The live documents that an item holds, by origin.
  func liveDocuments(source: SourceID, itemPath: [UInt8]) throws -> [DocumentRecord]

  /// The live documents of any source with that content, by source and origin.
  func liveDocuments(contentHash: ContentHash) throws -> [DocumentRecord]

  /// The paths of items of a source that hold a live document of another pipeline than this, in their order.
  func itemPaths(of source: SourceID, pipelineOtherThan pipeline: String) throws -> [[UInt8]]

  /// Items whose live documents wait for vectors, with their source.
  func itemsAwaitingVectors() throws -> [(source: SourceID, path: [UInt8])]

  /// How many documents are live, of one source when its name is given.
  func liveDocumentCount(source: String?) throws -> Int

  /// Live documents in the order of their identities, after one of them, at most `limit`: each page costs what it holds.
  func liveDocumentIDs(after document: DocumentID?, limit: Int) throws -> [DocumentID]

  /// Documents as a query asks.
  func documents(_ query: DocumentQuery) throws -> [DocumentRecord]

  /// Documents whose identity's text form starts with the prefix, at most `limit`.
  func documents(idPrefix: String, limit: Int) throws -> [DocumentRecord]

  /// A document's versions, oldest first.
  func versions(of document: DocumentID) throws -> [VersionRecord]

  /// The newest version of the document with that content, if any.
  func version(of document: DocumentID, contentHash: ContentHash) throws -> Int?

  // MARK: Content

  /// The bytes of a content; `nil` when only its hash is kept.
  func content(_ hash: ContentHash) throws -> [UInt8]?

  /// The rendition of a content by a parser, if one is kept: as long as the content is, or a live document is indexed by
  /// it. Its title and metadata are those the content states.
  func rendition(of content: ContentHash, parser: String) throws -> Rendition?

  /// The chunks of a document's live edition in their order; empty for a deleted document.
  func chunks(of document: DocumentID) throws -> [ChunkRecord]

  /// The passages that exist among these keys.
  func passages(keys: [ContentHash]) throws -> [ContentHash: PassageID]

  /// Which of the passages have a vector of the model.
  func passagesWithVector(_ passages: [PassageID], model: ModelID) throws -> Set<PassageID>

  /// The passages of these numbers; those that do not exist are left out.
  func passages(_ ids: [PassageID]) throws -> [PassageRecord]

  // MARK: Editions of older versions

  /// The newest edition of a document's version with its chunks; `nil` for a deletion, and when no edition of it is kept.
  func edition(of document: DocumentID, version: Int) throws -> VersionEdition?

  /// Documents of which a version stood at an origin, the one that stood there last first, at most `limit`.
  func documents(formerlyAt origin: String, limit: Int) throws -> [DocumentRecord]

  /// Which of the contents are kept, and not their hashes alone.
  func keptContents(among hashes: [ContentHash]) throws -> Set<ContentHash>

  // MARK: Annotations

  /// What somebody said of a document beside its content (`freshet track --metadata`); empty when nobody did. It has no
  /// history of its own: what it made of the document's metadata at a time is in the editions.
  func annotation(of document: DocumentID) throws -> Metadata

  // MARK: Vectors

  /// Every model, oldest first.
  func models() throws -> [ModelRecord]

  /// Stored vectors of live passages in ascending order after a passage, at most `limit`.
  func liveVectors(model: ModelID, after passage: PassageID, limit: Int) throws -> VectorPage

  /// Stored vectors of these passages in ascending order; those without one are left out.
  func vectors(of passages: [PassageID], model: ModelID) throws -> VectorPage

  /// Live passages without a vector of the model, in ascending order after a passage, at most `limit`.
  func livePassagesWithoutVector(model: ModelID, after passage: PassageID, limit: Int) throws -> [PassageID]

  /// Passages whose chunks opened or closed, or whose vectors were awaited, after the sequence, told apart by whether they are live now: applying the
  /// two lists to an index that holds the state of that sequence gives the state of `head`. Idempotent.
  func passagesChanged(after sequence: SequenceNumber) throws -> (live: [PassageID], gone: [PassageID])

  // MARK: Search

  /// The live passages that match keywords, best first by BM25, at most `limit`.
  ///
  /// The query is a person's: words, "quoted phrases"; nothing in it is an operator that could fail.
  func keywordMatches(_ query: String, limit: Int, members: PassageSet?) throws -> [ScoredPassage]

  /// The live passages that stand in a document that the filter matches.
  func passages(matching filter: Filter) throws -> PassageSet

  /// Where the passages stand in live documents (that the filter matches), by passage, then source and origin.
  func occurrences(of passages: [PassageID], filter: Filter?) throws -> [PassageID: [Occurrence]]

  // MARK: Log and care

  /// Rows of the log after a sequence, oldest first, at most `limit`.
  func changes(after sequence: SequenceNumber, limit: Int) throws -> [ChangeRecord]

  /// The chain's value after a change; `nil` when the log has no such row.
  func chain(at sequence: SequenceNumber) throws -> ContentHash?

  /// How many documents of a source were deleted since a time, after the last change of a run, and are gone still.
  ///
  /// - Parameter run: `nil` for no such bound, as for a run that changed nothing.
  func recentDeletions(of source: String, since: Timestamp, after run: RunID?) throws -> Int

  /// Documents in quarantine, by source and origin; of one item when its source and path are given.
  func failures(source: String?, itemPath: [UInt8]?) throws -> [FailureRecord]

  /// The last runs, newest first.
  func runs(limit: Int) throws -> [RunRecord]

  /// A named value that belongs to the collection (last rebuild, trusted configuration, …).
  func setting(_ name: String) throws -> String?

  // MARK: Consumers

  /// Every consumer, by name.
  func consumers() throws -> [ConsumerRecord]

  /// The consumer of that name.
  func consumer(_ name: String) throws -> ConsumerRecord?

  /// The metadata of the edition that a change made, or of the one that a deletion ended; `nil` when it is not kept.
  func metadata(of change: ChangeRecord) throws -> Metadata?

  /// How much the collection holds, counted: that takes time.
  func counts() throws -> CollectionCounts

  /// The chunks of live documents, as in `counts`.
  func chunkCount() throws -> Int

  // MARK: The past

  /// The collection as it was after a change: every call answers as a collection would that was brought in step at that
  /// moment, for documents, versions, chunks, keywords, filters, occurrences and the log.
  ///
  /// Vectors are those that are stored now. What has no history is as it is now (settings, models, the paths of items) or
  /// empty (items, failures). What a transaction answers here holds until it writes again.
  ///
  /// - Parameter sequence: the last change of that state; 0 for the collection before its first one.
  /// - Throws: `FreshetError` with `invalid_argument` for a change that has not come yet, `history_pruned` below
  ///   `head.historyFloor`.
  func asOf(_ sequence: SequenceNumber) throws -> any StoreSnapshot

  /// Checks the store's own integrity: the database's structure, the keyword index against the passages, every digest
  /// and chain that can be recomputed from rows. Each problem is a sentence with its code and place.
  ///
  /// - Parameter contents: whether each stored content is read and hashed too.
  func problems(checkingContents contents: Bool) throws -> [IntegrityProblem]

  // MARK: Audit

  /// Checks one document alone, deleted or live: its versions with their chain and contents, their places in the log, its
  /// editions, chunks, passages, renditions and vectors. What stands in the log between its changes is not read.
  /// - Returns: what does not hold, in the order of the document's versions, and how much was checked.
  /// - Throws: `FreshetError` with `not_found` when there is no such document.
  func verification(of document: DocumentID) throws -> DocumentVerification

  /// How many changes of a part of the log there are, by kind and by actor.
  func totals(of selection: AuditSelection) throws -> AuditTotals

  /// The documents that changed in a part of the log, in an order of the store's that never changes (SQLite: of their
  /// creation), after a document of the page before, at most `limit`.
  func audited(
    _ selection: AuditSelection,
    after document: AuditedDocument?,
    limit: Int
  ) throws -> [AuditedDocument]

  /// A document's changes in a part of the log after a sequence, oldest first, at most `limit`, with their actors.
  func changes(
    of document: DocumentID,
    _ selection: AuditSelection,
    after sequence: SequenceNumber,
    limit: Int
  ) throws -> [AuditedChange]

  /// Runs that were under way at or after the first time and before the last one, in the order in which they were first
  /// recorded, after a run, at most `limit`.
  func runs(from first: Timestamp, to last: Timestamp, after run: RunID?, limit: Int) throws -> [RunRecord]

  // MARK: Retention

  /// The versions of a document whose content was collected: their rows are all that is kept of them. Their content may
  /// be there again when another version has the same.
  func collectedVersions(of document: DocumentID) throws -> Set<Int>

  /// Documents that are deleted or have more than one version, in the order of their identities, after one of them, at
  /// most `limit`.
  func documentsWithHistory(after document: DocumentID?, limit: Int) throws -> [DocumentHistory]

  /// Passages that no chunk has, in an order of the store's, at most `limit`: texts that were embedded for documents which
  /// never came to be committed.
  func passagesWithoutChunks(limit: Int) throws -> [PassageID]

  /// Whether there is garbage of the kind `supersededTexts`.
  func hasSupersededTexts() throws -> Bool

  /// What would be removed if these versions were collected, with everything that is garbage already, and the history
  /// floor after it. Nothing is written.
  func reclaimable(
    collecting versions: [(document: DocumentID, versions: [Int])],
    withoutChunks passages: Bool
  ) throws -> (amounts: ReclaimedAmounts, historyFloor: SequenceNumber)

  // MARK: Log pruning

  /// How many runs would go with the log's rows up to a change: those that ended before its time and have no change after
  /// it, but never one of the newest `RunRecord.keptMin`.
  func runsPruned(withLogThrough sequence: SequenceNumber) throws -> Int
}

/// Something that does not hold in a collection.
public struct IntegrityProblem: Hashable, Sendable {
  /// A stable name: `chain_broken`, `content_altered`, `keyword_index`, …
  public var code: String
  /// The document, when it is about one.
  public var document: DocumentID?
  /// The version, when it is about one.
  public var version: Int?
  /// The change, when it is about one.
  public var sequence: SequenceNumber?
  /// One sentence with the place and what was expected.
  public var message: String

  /// Describes a problem.
  public init(
    code: String,
    document: DocumentID? = nil,
    version: Int? = nil,
    sequence: SequenceNumber? = nil,
    message: String
  ) {
    self.code = code
    self.document = document
    self.version = version
    self.sequence = sequence
    self.message = message
  }
}

/// A transaction: reads see its own writes.
public protocol StoreTransaction: StoreSnapshot {
  /// The time of everything that this transaction writes, never before the last change's.
  var now: Timestamp { get }

  // MARK: Sources and items

  /// Adds a source, or brings its stored location up to date; answers its record.
  func registerSource(name: String, location: String) throws -> SourceRecord

  /// Overwrites what is remembered of a source.
  func update(_ source: SourceRecord) throws

  /// Forgets a source; it must have no live documents and no items.
  func removeSource(_ source: SourceID) throws

  /// Inserts items or overwrites those of the same path.
  func save(_ items: [ItemRecord], source: SourceID) throws

  /// Forgets items.
  func removeItems(_ paths: [[UInt8]], source: SourceID) throws

  // MARK: Documents

  /// Finds each passage by its key or inserts it; answers their numbers in order.
  func savePassages(_ passages: [PassageDraft]) throws -> [PassageID]

  /// Applies one document's change: version, content, rendition, edition, chunks, keyword rows and log row.
  /// - Throws: `FreshetError` with `store_failed` when the change does not fit the stored state (another document is
  ///   live at the origin, the document is not live, a passage does not exist).
  func apply(_ change: DocumentChange) throws -> ChangeRecord

  /// Overwrites the annotation of a document, live or deleted; an empty one removes it.
  /// - Throws: `FreshetError` with `store_failed` when there is no such document.
  func annotate(_ document: DocumentID, with metadata: Metadata) throws

  /// Puts a document's edition under another pipeline without a change, when what it would make is the same.
  func touch(document: DocumentID, pipeline: String) throws

  /// Notes, without a change, when the file of a live document whose content stayed was last changed: `fileModified` and
  /// `modified` in the metadata say it from now on, until a version or other metadata replace it. Versions, editions and
  /// the log keep what was true when they were made.
  func touch(document: DocumentID, fileModified: Timestamp) throws

  // MARK: Vectors

  /// Finds a model by its fingerprint, or adds it as `building`, and makes room for its vectors.
  func registerModel(_ description: ModelDescription) throws -> ModelRecord

  /// Lets searches use this model; the one that served before is retired.
  func serve(model: ModelID) throws

  /// Stores vectors (half precision); a passage that has one already gets the new one.
  func saveVectors(_ page: VectorPage, model: ModelID) throws

  /// Removes all vectors of a model, and the model unless it is serving.
  func removeModel(_ model: ModelID) throws

  // MARK: Log and care

  /// Inserts a failure or overwrites the one of the same source, item and origin.
  func save(_ failure: FailureRecord) throws

  /// Takes an item's failures out of quarantine; of one origin when it is given.
  func removeFailures(source: String, itemPath: [UInt8], origin: String?) throws

  /// Inserts a run or overwrites the one of the same identity.
  func save(_ run: RunRecord) throws

  /// Sets a named value, or removes it.
  func set(_ name: String, to value: String?) throws

  // MARK: Keyword index

  /// Builds the keyword index anew from the live passages when it is not what they make; embeds nothing.
  /// - Returns: what did not hold; empty when the index was whole and nothing was written.
  /// - Throws: `FreshetError` with `store_damaged` when the passages themselves cannot be read.
  func mendKeywordIndex() throws -> [IntegrityProblem]

  // MARK: Consumers

  /// Finds a consumer by its name, or adds it at a position that the log has.
  /// - Throws: `FreshetError` with `invalid_argument` when another kind has the name, or the log does not have the
  ///   position.
  func registerConsumer(_ name: String, kind: ConsumerKind, at position: LogPosition) throws -> ConsumerRecord

  /// Moves a consumer on to a position that the log has, and forgets its failures; one that is at or behind its own
  /// position changes nothing. A position within a listing of the present is moved by `save`.
  /// - Throws: `FreshetError` with `not_found`; `consumer_lapsed` when the log does not have the position, or the consumer's
  ///   own is of another log.
  func advanceConsumer(_ name: String, to position: LogPosition) throws -> ConsumerRecord

  /// Overwrites what is remembered of a consumer, its position included.
  /// - Throws: `FreshetError` with `not_found`.
  func save(_ consumer: ConsumerRecord) throws

  /// Forgets a consumer; whether there was one.
  func removeConsumer(_ name: String) throws -> Bool

  // MARK: Retention

  /// Marks versions as collected, and raises the head's history floor to the first sequence from which on every state is
  /// still whole. What only they needed is removed by `sweep(.collectedVersions)`; versions marked already are left out.
  /// - Returns: how many were marked.
  /// - Throws: `FreshetError` with `store_failed` for the current version of a live document, and for one that does not
  ///   exist.
  func collect(versions: [Int], of document: DocumentID) throws -> Int

  /// Removes some of the garbage of a kind: about `limit` rows, so that a step is short however much there is. A live
  /// document and a version that is kept lose nothing.
  ///
  /// Of the log (`Garbage.log`) whole rows go from its beginning, and never the newest; `head.anchor` and the history floor
  /// move with them. What they vouched for of versions and editions that are kept stays vouched for.
  /// - Throws: `FreshetError` with `store_damaged` when a row of the log that is to go is not what was written.
  func sweep(_ garbage: Garbage, limit: Int) throws -> SweptGarbage
}

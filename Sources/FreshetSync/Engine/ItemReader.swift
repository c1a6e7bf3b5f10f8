import FreshetModel
import FreshetSystem
import Synchronization

/// An item that the listing says must be read.
struct WorkItem: Sendable {
  var pass: SourcePass
  var item: ListedItem
  var known: ItemRecord?
  /// Set when the item is read a second time, to settle what was held of it.
  var settles: Settlement?

  /// What a second reading settles.
  struct Settlement: Sendable {
    /// The origins that were held; everything else of the item was settled by the first reading.
    var origins: Set<String>
    /// The item's content then; another one now is left to the next run.
    var hash: ContentHash
  }
}

/// What is left of a fetched item once its bytes are released.
struct FetchedAttributes: Sendable {
  var record: ItemRecord
  var modified: Timestamp
  var owner: String?
}

/// Reads one item: identifies it, decides, parses, chunks; sends what it finds down the pipeline.
struct ItemReader: Sendable {
  let run: SyncRun
  /// Whether the end of all listings has been reached.
  let listingFinished: Bool
  /// What has to wait for the end of all listings.
  let pending: EndOfListing
  /// Documents that are known to come from elsewhere, by source and new origin; only after the end of all listings.
  var renames: [OriginKey: DocumentRecord] = [:]
  /// What the item that is read takes of the memory for large ones; `nil` for a small one.
  var lease: ByteBudget.Lease?
  let send: @Sendable (PipelineElement) async throws -> Void

  /// Bytes from which an item is large: it waits until the memory that it will take is free.
  static let largeItemBytes = 2 << 20
  /// What a byte of a large item counts for: its content, its Markdown, and what is made of them.
  static let largeItemWeight = 3

  /// Reads the item; failures of the item become elements, only failures of the store and the pipeline are thrown.
  func read(_ work: WorkItem) async throws {
    let size = Int(clamping: work.item.fingerprint.size)
    guard size >= Self.largeItemBytes else { return try await readNow(work) }
    var reader = self
    reader.lease = try await run.memory.take(min(size, Int.max / Self.largeItemWeight) * Self.largeItemWeight)
    try await reader.readNow(work)
  }

  private func readNow(_ work: WorkItem) async throws {
    let path = work.pass.source.origin(of: work.item.path)
    let fetched: FetchedContent
    do {
      fetched = try await fetch(work, path: path)
    } catch let error as FreshetError {
      if work.settles != nil { pending.abandon(work.key) }
      switch error.code {
      // It vanished since it was listed; the next listing judges it.
      case .notFound: return
      case .fileTooLarge: return tellSkipped(work, reason: error)
      default: return try await sendFailure(work, origin: path, error, content: nil)
      }
    }
    if let settles = work.settles, settles.hash != fetched.attributes.record.hash {
      return pending.abandon(work.key)
    }
    guard let parser = run.stages.parsers.parser(for: fetched.input) else {
      return try await leaveOut(work, fetched.attributes.record, path: path)
    }
    if parser.isContainer {
      try await ContainerReader(reader: self, work: work, fetched: fetched, parser: parser).read()
    } else {
      try await readSingle(work, fetched, parser)
    }
  }

  private func fetch(_ work: WorkItem, path: String) async throws -> FetchedContent {
    let fetched = try await run.timed(\.read) { try await work.pass.source.fetch(work.item) }
    run.count { $0.bytesRead += fetched.bytes.count }
    return FetchedContent(
      content: HeldContent(fetched.bytes),
      path: path,
      mediaType: fetched.mediaType,
      attributes: FetchedAttributes(
        record: ItemRecord(
          path: work.item.path,
          fingerprint: fetched.fingerprint,
          isRacy: fetched.isRacy,
          hash: SHA256.digest(of: fetched.bytes)
        ),
        modified: fetched.modified,
        owner: fetched.owner
      )
    )
  }

  // MARK: One document an item

  private func readSingle(_ work: WorkItem, _ fetched: FetchedContent, _ parser: any Parser) async throws {
    let origin = fetched.path
    let record = fetched.attributes.record
    let size = Int64(fetched.content.count)
    // What else the item held, when it was a container before.
    let gone = try await liveDocuments(of: work).filter { $0.origin != origin }
    switch try await decide(work, origin: origin, contentHash: record.hash, size: size) {
    case .awaitEndOfListing:
      pending.hold(
        HeldAppearance(
          work: work,
          origin: origin,
          isMember: false,
          contentHash: record.hash,
          size: size,
          fetched: fetched.attributes,
          parser: parser.fingerprint,
          format: parser.format
        )
      )
      try await end(work, record, gone: gone, isOpen: true)
    case .keep(let live, refresh: false):
      try await end(work, record, unchanged: 1, touched: fileTouch(of: live, work, fetched.attributes), gone: gone)
    case let decision:
      do {
        let same = try await prepare(
          decision,
          work: work,
          origin: origin,
          member: nil,
          parser: parser,
          rendition: try await parseSingle(parser, fetched),
          content: fetched.content,
          contentHash: record.hash,
          attributes: fetched.attributes
        )
        var touched = same
        if case .keep(let live, _) = decision { touched += fileTouch(of: live, work, fetched.attributes) }
        try await end(work, record, unchanged: same.count, touched: touched, gone: gone)
      } catch let error as FreshetError where !error.isOfTheStore {
        try await sendFailure(work, origin: origin, error, content: record.hash)
        // What failed for good is not read again until it changes.
        if !error.isTransient { try await end(work, record) }
      }
    }
  }

  /// What is to be noted of a file that was changed while its content stayed (`touch`, a checkout): no change of the
  /// document, but what `modified` says. A document in a file of many keeps the time at which it came to be what it is,
  /// and so does one whose source says another `modified`.
  private func fileTouch(
    of live: DocumentRecord,
    _ work: WorkItem,
    _ attributes: FetchedAttributes
  ) -> [TouchedDocument] {
    guard live.fileModified != attributes.modified, work.pass.source.metadata["modified"] == nil else { return [] }
    return [TouchedDocument(document: live.id, fileModified: attributes.modified)]
  }

  private func parseSingle(_ parser: any Parser, _ fetched: FetchedContent) async throws -> Rendition {
    let box = ResultBox<Rendition>()
    try await parser.parse(fetched.input) { document in
      box.set(try document.rendition.get())
    }
    guard let rendition = box.value else {
      throw FreshetError(
        .noText,
        "the file holds no document; remove it or exclude it by a pattern",
        path: fetched.path
      )
    }
    return rendition
  }

  // MARK: Decisions

  func decide(
    _ work: WorkItem,
    origin: String,
    contentHash: ContentHash,
    size: Int64
  ) async throws -> Planner.Decision {
    let source = work.pass.record.id
    let annotation = run.options.annotation
    let (known, isAnnotated) = try await run.stages.store.read(.everything) { snapshot in
      if let live = try snapshot.liveDocument(source: source, origin: origin) {
        let said = try annotation == nil ? [:] : snapshot.annotation(of: live.id)
        return (
          Planner.Knowledge(live: live, deleted: nil, contentIsLiveElsewhere: false),
          annotation.map { $0.applied(to: said) != said } ?? false
        )
      }
      let known = Planner.Knowledge(
        live: nil,
        deleted: try snapshot.deletedDocument(source: source, origin: origin),
        contentIsLiveElsewhere: try !snapshot.liveDocuments(contentHash: contentHash).isEmpty
      )
      return (known, false)
    }
    return Planner.decide(
      Planner.Observation(contentHash: contentHash, size: size, pipeline: work.pass.pipeline),
      knowing: known,
      listingFinished: listingFinished,
      force: run.options.force || isAnnotated
    )
  }

  // MARK: Documents

  /// Sends a document on its way, or answers that only its pipeline has to be noted. Gives the content free as soon as
  /// its stored form is made.
  func prepare(
    _ decision: Planner.Decision,
    work: WorkItem,
    origin: String,
    member: String?,
    parser: any Parser,
    rendition: Rendition,
    content: HeldContent,
    contentHash: ContentHash,
    attributes: FetchedAttributes
  ) async throws -> [TouchedDocument] {
    let pass = work.pass
    let path = pass.source.origin(of: work.item.path)
    let size = Int64(content.count)
    var kind = ChangeKind.created
    var previous: DocumentRecord?
    switch decision {
    case .create, .awaitEndOfListing: kind = .created
    case .modify(let live): (kind, previous) = (.modified, live)
    case .restore(let deleted): (kind, previous) = (.restored, deleted)
    case .keep(let live, _): (kind, previous) = (.reprocessed, live)
    }
    if let moved = renames[OriginKey(source: pass.record.id, origin: origin)] { (kind, previous) = (.renamed, moved) }
    let (said, annotation) = try await self.annotation(of: previous)
    // A refresh states what is known of the file: that it was touched is noted beside (`fileTouch`).
    let modified = kind.makesVersion ? attributes.modified : previous?.fileModified ?? attributes.modified
    let document = previous?.id ?? DocumentID.random()
    let storesContent = run.options.storesContent(pass.source.name, size)
    let markdownIsContent = rendition.markdown == content.bytes
    let stored: StoredBytes? =
      kind.makesVersion && storesContent ? try .coded(content.bytes, by: run.options.codec) : nil
    content.release()
    let chunks = await run.timed(\.chunk) { run.stages.chunker.chunks(of: rendition).map(\.prepared) }
    guard !chunks.isEmpty else {
      throw FreshetError(.noText, "the document holds no text that could be searched", path: origin)
    }
    var edition = DocumentChange.Edition(
      parser: parser.fingerprint,
      markdown: nil,
      markdownIsContent: markdownIsContent && storesContent,
      map: rendition.blocks.encoded,
      statedTitle: rendition.title,
      statedMetadata: rendition.metadata,
      title: EditionMetadata.title(stated: rendition.title, path: path, member: member, annotation: annotation),
      metadata: EditionMetadata.compose(
        stated: rendition.metadata,
        configured: pass.source.metadata,
        path: path,
        member: member,
        format: parser.format,
        size: size,
        modified: modified,
        annotation: annotation
      ),
      pipeline: pass.pipeline,
      chunks: []
    )
    if kind == .reprocessed, let live = previous, live.editionState == .complete,
      live.parser == parser.fingerprint
    {
      switch try await comparison(of: chunks, with: live, edition) {
      case .equal where annotation != said: kind = .metadata
      case .equal where !run.options.ignoresEmbeddingCache:
        return [TouchedDocument(document: live.id, pipeline: pass.pipeline)]
      case .equal: kind = .embedded
      case .otherMetadata: kind = .metadata
      case .otherText: break
      }
    } else if kind == .reprocessed, previous?.editionState == .awaitingVectors {
      kind = .embedded
    }
    // A content that is to be kept from now on is stored with the next version, not with a new edition of this one.
    if !edition.markdownIsContent || stored == nil {
      edition.markdown = try .coded(rendition.markdown, by: run.options.codec)
    }
    var version: DocumentChange.Version?
    if kind.makesVersion {
      version = DocumentChange.Version(
        contentHash: contentHash,
        size: size,
        content: stored,
        fileModified: modified,
        actor: run.options.actor,
        owner: attributes.owner
      )
    }
    run.advance { $0.chunksFound += chunks.count }
    var prepared = PreparedDocument(
      kind: kind,
      document: document,
      source: pass.record.id,
      sourceName: pass.source.name,
      uri: pass.source.uri(of: origin),
      itemPath: work.item.path,
      device: work.item.fingerprint.device,
      origin: origin,
      previous: previous,
      version: version,
      edition: edition,
      chunks: .cut(chunks),
      cost: PreparedDocument.cost(text: rendition.markdown.count, chunks: chunks.count, version, edition)
    )
    if annotation != said { prepared.annotation = annotation }
    // A document that fills a commit by itself never waits in a window for others, which may wait for its memory.
    if prepared.cost >= run.options.checkpointBytes { prepared.lease = lease }
    try await send(.document(prepared))
    return []
  }

  /// What is said of a document before the run and after it.
  func annotation(of document: DocumentRecord?) async throws -> (before: Metadata, after: Metadata) {
    var before: Metadata = [:]
    if let document { before = try await run.stages.store.read(.everything) { try $0.annotation(of: document.id) } }
    return (before, run.options.annotation?.applied(to: before) ?? before)
  }

  private enum Comparison {
    case equal
    case otherMetadata
    case otherText
  }

  /// How what a document would be made into now stands against its live edition.
  private func comparison(
    of chunks: [PreparedChunk],
    with live: DocumentRecord,
    _ edition: DocumentChange.Edition
  ) async throws -> Comparison {
    var identities = ChunkIdentities(document: live.id)
    let wanted = chunks.map { (identities.next($0.key), $0.draft.start, $0.draft.end) }
    let stored = try await run.stages.store.read(.everything) { try $0.chunks(of: live.id) }
    guard wanted.count == stored.count, zip(wanted, stored).allSatisfy({ $0 == ($1.id, $1.start, $1.end) }) else {
      return .otherText
    }
    return live.title == edition.title && live.metadata == edition.metadata ? .equal : .otherMetadata
  }

  /// The documents that the item holds as the store knows it.
  func liveDocuments(of work: WorkItem) async throws -> [DocumentRecord] {
    let source = work.pass.record.id
    return try await run.stages.store.read(.everything) {
      try $0.liveDocuments(source: source, itemPath: work.item.path)
    }
  }

  // MARK: Ends

  /// Everything of the item was sent: it ends at once, or at the end of all listings when something of it waits for that.
  func end(
    _ work: WorkItem,
    _ record: ItemRecord,
    unchanged: Int = 0,
    touched: [TouchedDocument] = [],
    gone: [DocumentRecord] = [],
    reason: DeletionReason = .memberRemoved,
    isOpen: Bool = false
  ) async throws {
    // A second reading leaves the end to whoever asked for it.
    let isSettledElsewhere = work.settles != nil
    let isOpen = isOpen || !gone.isEmpty
    if isOpen, !isSettledElsewhere {
      pending.hold(OpenItem(work: work, record: record, gone: gone.map(\.withoutMetadata), reason: reason))
    }
    if isOpen || isSettledElsewhere, unchanged == 0, touched.isEmpty { return }
    try await send(
      .itemFinished(
        FinishedItem(
          source: work.pass.record.id,
          sourceName: work.pass.source.name,
          record: isOpen || isSettledElsewhere ? nil : record,
          path: work.item.path,
          unchanged: unchanged,
          touched: touched
        )
      )
    )
  }

  func sendFailure(_ work: WorkItem, origin: String, _ error: FreshetError, content: ContentHash?) async throws {
    if run.options.stopsAtFailure { run.stop.give() }
    try await send(
      .failure(
        FailureRecord(
          source: work.pass.source.name,
          itemPath: work.item.path,
          origin: origin,
          error: FreshetErrorRecord(error),
          attempts: 1,
          firstAt: .epoch,
          lastAt: .epoch,
          contentHash: content,
          pipeline: work.pass.pipeline
        )
      )
    )
  }

  /// No parser takes the item: what it held as another type is out of scope.
  private func leaveOut(_ work: WorkItem, _ record: ItemRecord, path: String) async throws {
    let reason = FreshetError(
      .unsupportedType,
      "no parser knows this type of file; exclude it by a pattern, or name a parser for it in the configuration",
      path: path
    )
    tellSkipped(work, reason: reason)
    try await end(work, record, gone: try await liveDocuments(of: work), reason: .outOfScope)
  }

  private func tellSkipped(_ work: WorkItem, reason: FreshetError) {
    run.count { $0.documents.skipped += 1 }
    run.handler(
      .skipped(
        source: work.pass.source.name,
        origin: work.pass.source.origin(of: work.item.path),
        reason: reason
      )
    )
  }
}

extension WorkItem {
  var key: ItemKey { ItemKey(source: pass.record.id, path: item.path) }
}

extension DocumentRecord {
  /// The document as the end of all listings keeps it: many may wait there.
  var withoutMetadata: DocumentRecord {
    var record = self
    record.metadata = [:]
    return record
  }
}

extension FreshetError {
  /// Whether the collection failed, and not the document.
  var isOfTheStore: Bool { [.storeFailed, .storeDamaged, .diskFull, .locked].contains(code) }
}

/// Carries one value out of a `@Sendable` closure that is called in order.
final class ResultBox<Value: Sendable>: Sendable {
  private let storage = Mutex<Value?>(nil)

  var value: Value? { storage.withLock { $0 } }

  func set(_ value: Value) { storage.withLock { $0 = value } }
}

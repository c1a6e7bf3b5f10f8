import FreshetModel
import FreshetSystem
import Synchronization

/// Gives every passage of the documents that pass its number and its vector.
///
/// Documents are collected into a window; the keys of the window are looked up in one query; what is missing is ordered
/// by length and embedded in batches by as many tasks as the embedder can use; each finished batch is stored at once,
/// before any of its documents commits. So an interruption costs at most the batches under way.
///
/// One window is open at a time and it alone looks keys up, so a passage that several documents have is embedded once.
struct EmbeddingStage: Sendable {
  let run: SyncRun
  /// The embedder and the model's number; `nil` when the collection keeps no vectors.
  let embedding: (embedder: any Embedder, model: ModelID)?
  /// Whether the embedder is asked, from window to window.
  let health: EmbedderHealth

  init(run: SyncRun, embedding: (embedder: any Embedder, model: ModelID)?) {
    self.run = run
    self.embedding = embedding
    health = run.options.embedderHealth ?? EmbedderHealth(pause: run.options.embedderPause)
  }

  /// What became of the passages of a window.
  struct Outcome: Sendable {
    var ids: [ContentHash: PassageID] = [:]
    var failures: [ContentHash: FreshetError] = [:]
    var embedded: Set<ContentHash> = []
    /// Passages whose vectors are left to a later run.
    var awaited: Set<ContentHash> = []
  }

  /// A document, its passages numbered and embedded, or an element that needed neither.
  struct Ready: Sendable {
    /// The element; of a document only what is still to be stored, its text is not.
    var element: PipelineElement
    /// A document's chunks; empty for anything else.
    var chunks: [ChunkRecord] = []
    /// Passages that were embedded on its account.
    var embedded = 0
    /// Whether some passages have no vector yet (`keyword_first`).
    var awaitsVectors = false
  }

  /// Embeds a window and answers its elements in their order.
  ///
  /// - Parameter unfinished: items of which a document was dropped because the run is ending, in this window or one
  ///   before: their rows must not be saved.
  func process(_ window: [PipelineElement], _ unfinished: inout Set<ItemKey>) async throws -> [Ready] {
    var texts: [ContentHash: PassageDraft] = [:]
    for case .document(let document) in window {
      guard case .cut(let chunks) = document.chunks else { continue }
      for chunk in chunks where texts[chunk.key] == nil {
        texts[chunk.key] = PassageDraft(
          key: chunk.key,
          heading: chunk.draft.heading,
          text: chunk.draft.text,
          tokens: chunk.draft.tokens
        )
      }
    }
    let outcome = try await resolve(texts)
    var claimed = Set<ContentHash>()
    var readied: [Ready] = []
    readied.reserveCapacity(window.count)
    for element in window {
      if case .itemFinished(let item) = element,
        unfinished.contains(ItemKey(source: item.source, path: item.path))
      {
        continue
      }
      if let ready = ready(element, outcome, &claimed) {
        readied.append(ready)
      } else if case .document(let document) = element {
        unfinished.insert(ItemKey(source: document.source, path: document.itemPath))
      }
    }
    return readied
  }

  /// `nil` for a document whose passages were not all embedded because the run is ending.
  private func ready(_ element: PipelineElement, _ outcome: Outcome, _ claimed: inout Set<ContentHash>) -> Ready? {
    guard case .document(var document) = element else { return Ready(element: element) }
    let chunks: [PreparedChunk]
    switch document.chunks {
    case .kept(let records): return Ready(element: element, chunks: records)
    case .cut(let prepared): chunks = prepared
    }
    run.advance { $0.chunksDone += chunks.count - Set(chunks.map(\.key)).count }
    let failure = chunks.lazy.compactMap { outcome.failures[$0.key] }.first
    if let failure, !(run.options.onEmbedderDown == .keywordFirst && failure.isTransient) {
      if run.options.stopsAtFailure { run.stop.give() }
      return Ready(
        element: .failure(
          FailureRecord(
            source: document.sourceName,
            itemPath: document.itemPath,
            origin: document.origin,
            error: FreshetErrorRecord(failure),
            attempts: 1,
            firstAt: .epoch,
            lastAt: .epoch,
            contentHash: document.contentHash,
            pipeline: document.edition.pipeline
          )
        )
      )
    }
    let awaitsVectors = failure != nil || chunks.contains { outcome.awaited.contains($0.key) }
    if awaitsVectors, document.kind == .embedded, document.previous?.editionState == .awaitingVectors,
      document.annotation != nil
    {
      document.kind = .metadata
    }
    if awaitsVectors, document.kind == .embedded, document.previous?.editionState == .awaitingVectors {
      // It waited for its vectors and goes on waiting: nothing happened that the log could tell.
      return Ready(
        element: .itemFinished(
          FinishedItem(
            source: document.source,
            sourceName: document.sourceName,
            record: nil,
            path: document.itemPath,
            unchanged: 1,
            touched: []
          )
        )
      )
    }
    var embedded = 0
    for chunk in chunks where outcome.embedded.contains(chunk.key) && claimed.insert(chunk.key).inserted {
      embedded += 1
    }
    guard let records = records(of: document.document, chunks, outcome) else { return nil }
    document.chunks = .kept([])
    return Ready(
      element: .document(document),
      chunks: records,
      embedded: embedded,
      awaitsVectors: awaitsVectors
    )
  }

  /// The chunks with their identities and passages; `nil` when a passage has no number.
  private func records(
    of document: DocumentID,
    _ chunks: [PreparedChunk],
    _ outcome: Outcome
  ) -> [ChunkRecord]? {
    var identities = ChunkIdentities(document: document)
    var records: [ChunkRecord] = []
    records.reserveCapacity(chunks.count)
    for chunk in chunks {
      guard let passage = outcome.ids[chunk.key] else { return nil }
      records.append(
        ChunkRecord(
          id: identities.next(chunk.key),
          passage: passage,
          start: chunk.draft.start,
          end: chunk.draft.end,
          page: chunk.draft.page
        )
      )
    }
    return records
  }

  /// Numbers the passages and embeds those without a vector.
  func resolve(_ texts: [ContentHash: PassageDraft]) async throws -> Outcome {
    guard !texts.isEmpty else { return Outcome() }
    let keys = Array(texts.keys)
    let known = try await run.stages.store.read(.everything) { try $0.passages(keys: keys) }
    guard let embedding else {
      var outcome = Outcome(ids: try await save(keys.filter { known[$0] == nil }.compactMap { texts[$0] }, known))
      if run.options.leavesVectors { outcome.awaited = try await keysWithoutVector(outcome.ids) }
      return outcome
    }
    let withVector =
      run.options.ignoresEmbeddingCache
      ? []
      : try await run.stages.store.read(.everything) {
        try $0.passagesWithVector(Array(known.values), model: embedding.model)
      }
    let missing = keys.filter { key in known[key].map { !withVector.contains($0) } ?? true }
      .compactMap { texts[$0] }
      .sorted { ($1.text.count, $0.key) < ($0.text.count, $1.key) }
    run.advance { $0.chunksDone += keys.count - missing.count }
    var outcome = Outcome(ids: known)
    guard !missing.isEmpty else { return outcome }
    for draft in missing { outcome.ids[draft.key] = nil }
    let made = try await BatchEmbedding(
      run: run,
      embedder: embedding.embedder,
      model: embedding.model,
      health: health
    ).embed(missing)
    outcome.ids.merge(made.ids) { $1 }
    outcome.failures = made.failures
    outcome.embedded = made.embedded
    if run.options.onEmbedderDown == .keywordFirst {
      outcome.ids = try await save(made.failures.keys.compactMap { texts[$0] }, outcome.ids)
    }
    return outcome
  }

  /// Passages that searches could not find by their vectors now.
  private func keysWithoutVector(_ ids: [ContentHash: PassageID]) async throws -> Set<ContentHash> {
    let found = try await run.stages.store.read(.everything) { snapshot -> Set<PassageID> in
      guard let model = try snapshot.models().first(where: { $0.state == .serving }) else { return [] }
      return try snapshot.passagesWithVector(Array(ids.values), model: model.id)
    }
    return Set(ids.filter { !found.contains($0.value) }.keys)
  }

  private func save(
    _ drafts: [PassageDraft],
    _ known: [ContentHash: PassageID]
  ) async throws -> [ContentHash: PassageID] {
    guard !drafts.isEmpty else { return known }
    let ids = try await run.stages.store.write { try $0.savePassages(drafts) }
    return known.merging(zip(drafts.map(\.key), ids)) { $1 }
  }
}

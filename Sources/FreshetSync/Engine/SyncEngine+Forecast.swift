import FreshetModel
import FreshetSystem
import Synchronization

extension SyncEngine {
  /// Texts embedded at most to measure the embedder's speed.
  static let forecastSample = 16

  /// What a run would do and what it would cost: lists, reads, parses, chunks and counts tokens as the run would, and
  /// writes nothing.
  ///
  /// The time is that of the embedding, from the speed of a small sample, beside the time that the rest took here. A model
  /// that does not serve yet costs the passages that the collection has already, too.
  public func forecast() async throws -> SyncForecast {
    let start = ContinuousClock.now
    let run = SyncRun(
      stages: stages,
      options: options,
      id: .random(),
      startedAt: clock.now(),
      stop: StopSignal(),
      handler: { _ in }
    )
    let passes = try await SourceRegistration(run: run).existingPasses()
    let hasEmbedder = stages.embedder != nil
    let (failures, awaiting) = try await stages.store.read(.everything) { snapshot in
      (try snapshot.failures(source: nil, itemPath: nil), try hasEmbedder ? snapshot.itemsAwaitingVectors() : [])
    }
    let attention = Attention(failures: failures, awaiting: awaiting, options: options)
    var filling: (model: ModelID?, passages: [PassageID]) = (nil, [])
    if let embedder = stages.embedder { filling = try await fill(embedder.model) }
    let model = options.ignoresEmbeddingCache ? nil : filling.model
    let gathered = Mutex(Gathered())
    let (_, _) = try await produce(run, passes, attention) { element in
      let new = gathered.withLock { $0.add(element) }
      guard let embedder = stages.embedder else { return }
      for page in pages(of: new) {
        let missing = try await without(page, vectorsOf: model)
        let texts = missing.map { PassageText.embedded(heading: $0.draft.heading, body: $0.draft.body) }
        let tokens = try await embedder.countTokens(of: texts)
        gathered.withLock { $0.count(keys: missing.map(\.key), texts, tokens) }
      }
    }
    for ids in pages(of: filling.passages) {
      guard let embedder = stages.embedder else { break }
      let passages = try await stages.store.read(.everything) { try $0.passages(Array(ids)) }
      let new = gathered.withLock { gathered in passages.filter { gathered.isNew($0.key) } }
      let texts = new.map { PassageText.embedded(heading: $0.heading, body: $0.body) }
      let tokens = try await embedder.countTokens(of: texts)
      gathered.withLock { $0.count(keys: new.map(\.key), texts, tokens) }
    }
    let result = gathered.withLock { $0 }
    let report = run.report
    var forecast = result.forecast
    forecast.documents.unchanged += report.documents.unchanged
    forecast.documents.skipped = report.documents.skipped
    forecast.documents.held = report.documents.held
    forecast.held = report.held
    forecast.unavailable = report.unavailable
    let elapsed = (ContinuousClock.now - start).inSeconds
    forecast.seconds = elapsed
    if let embedder = stages.embedder, !result.sample.isEmpty {
      let rate = try await tokensPerSecond(of: embedder, result.sample)
      // Reading and parsing run beside the embedding: the longer of the two is the time.
      forecast.seconds = max(elapsed, Double(forecast.tokens) / rate)
    }
    return forecast
  }

  private func pages<Element>(of elements: [Element]) -> [ArraySlice<Element>] {
    stride(from: 0, to: elements.count, by: ModelMigration.pageSize).map {
      elements[$0..<min($0 + ModelMigration.pageSize, elements.count)]
    }
  }

  /// Those of the chunks that the model has no vector of.
  private func without(_ chunks: ArraySlice<PreparedChunk>, vectorsOf model: ModelID?) async throws -> [PreparedChunk] {
    guard let model else { return Array(chunks) }
    let keys = chunks.map(\.key)
    let embedded = try await stages.store.read(.everything) { snapshot in
      let known = try snapshot.passages(keys: keys)
      let present = try snapshot.passagesWithVector(Array(known.values), model: model)
      return Set(known.filter { present.contains($0.value) }.keys)
    }
    return chunks.filter { !embedded.contains($0.key) }
  }

  /// The model as the store knows it, and the live passages that it would be filled with before it serves.
  private func fill(_ wanted: ModelDescription) async throws -> (model: ModelID?, passages: [PassageID]) {
    let triesRefused = options.retriesFailures
    return try await stages.store.read(.everything) { snapshot in
      let model = try snapshot.models().first { $0.description.fingerprint == wanted.fingerprint }
      let isIncomplete = try snapshot.setting(ModelMigration.incompleteSetting) != nil
      if let model, model.state == .serving, !isIncomplete, !triesRefused { return (model.id, []) }
      var passages: [PassageID] = []
      if let model {
        while true {
          let page = try snapshot.livePassagesWithoutVector(
            model: model.id,
            after: passages.last ?? 0,
            limit: ModelMigration.pageSize
          )
          passages += page
          if page.count < ModelMigration.pageSize { return (model.id, passages) }
        }
      }
      var live: Set<PassageID> = []
      var last: DocumentID?
      while true {
        let ids = try snapshot.liveDocumentIDs(after: last, limit: ModelMigration.pageSize)
        for id in ids { live.formUnion(try snapshot.chunks(of: id).map(\.passage)) }
        guard ids.count == ModelMigration.pageSize else { return (nil, live.sorted()) }
        last = ids.last
      }
    }
  }

  /// How fast the embedder is with these texts.
  private func tokensPerSecond(of embedder: any Embedder, _ sample: [Sampled]) async throws -> Double {
    if let first = sample.first { _ = try await embedder.embed([first.text], for: .document) }
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      let share = max(1, (sample.count + embedder.parallelism - 1) / max(1, embedder.parallelism))
      for first in stride(from: 0, to: sample.count, by: share) {
        let part = sample[first..<min(first + share, sample.count)].map(\.text)
        group.addTask { _ = try await embedder.embed(part, for: .document) }
      }
      try await group.waitForAll()
    }
    let tokens = sample.reduce(0) { $0 + $1.tokens }
    return Double(max(1, tokens)) / max((ContinuousClock.now - start).inSeconds, 1e-6)
  }

  /// A text to measure the embedder with.
  private struct Sampled {
    var key: ContentHash
    var text: String
    var tokens: Int
  }

  /// What flowed out of the readers.
  private struct Gathered {
    var forecast = SyncForecast()
    /// The texts with the smallest keys: a fair choice, since keys are hashes, and the same at each run.
    var sample: [Sampled] = []
    private var seen: Set<ContentHash> = []

    /// Whether the text was not met before.
    mutating func isNew(_ key: ContentHash) -> Bool { seen.insert(key).inserted }

    /// Counts texts that are to be embedded.
    mutating func count(keys: [ContentHash], _ texts: [String], _ tokens: [Int]) {
      forecast.passagesToEmbed += keys.count
      forecast.tokens += tokens.reduce(0, +)
      for ((key, text), tokens) in zip(zip(keys, texts), tokens) {
        if sample.count == SyncEngine.forecastSample, let last = sample.last {
          guard key < last.key else { continue }
          sample.removeLast()
        }
        let place = sample.firstIndex { key < $0.key } ?? sample.count
        sample.insert(Sampled(key: key, text: text, tokens: tokens), at: place)
      }
    }

    /// Takes note of what flowed by; answers the chunks whose texts were not met before.
    mutating func add(_ element: PipelineElement) -> [PreparedChunk] {
      var new: [PreparedChunk] = []
      switch element {
      case .document(let document):
        count(document.kind)
        if case .cut(let chunks) = document.chunks {
          forecast.chunksAdded += chunks.count
          new = chunks.filter { isNew($0.key) }
        }
        forecast.changes.append(
          DocumentOutcome(
            source: document.sourceName,
            origin: document.origin,
            uri: document.uri,
            document: document.document,
            change: document.kind,
            previousOrigin: document.kind == .renamed ? document.previous?.origin : nil,
            version: (document.previous?.version ?? 0) + (document.kind.makesVersion ? 1 : 0)
          )
        )
      case .deletion(let document, let reason):
        count(.deleted)
        forecast.changes.append(
          DocumentOutcome(
            source: document.sourceName,
            origin: document.origin,
            uri: document.origin,
            document: document.id,
            change: .deleted,
            reason: reason,
            version: document.version + 1
          )
        )
      case .failure(let failure):
        forecast.documents.failed += 1
        forecast.failures.append(failure)
      case .itemFinished(let item): forecast.documents.unchanged += item.unchanged
      case .itemRemoved, .deletionsAccepted, .flush: break
      }
      return new
    }

    private mutating func count(_ kind: ChangeKind) {
      switch kind {
      case .created: forecast.documents.created += 1
      case .modified: forecast.documents.modified += 1
      case .renamed: forecast.documents.renamed += 1
      case .restored: forecast.documents.restored += 1
      case .deleted: forecast.documents.deleted += 1
      case .metadata, .reprocessed, .embedded: forecast.documents.refreshed += 1
      }
    }
  }
}

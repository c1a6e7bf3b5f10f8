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
    let run = SyncRun(stages: stages, options: options, id: .random(), stop: StopSignal(), handler: { _ in })
    let passes = try await SourceRegistration(run: run).existingPasses()
    let failures = try await stages.store.read(.everything) { try $0.failures(source: nil, itemPath: nil) }
    let attention = Attention(failures: failures, awaiting: [], options: options)
    let gathered = Mutex(Gathered())
    let (_, _) = try await produce(run, passes, attention) { element in
      gathered.withLock { $0.add(element, run) }
    }
    var result = gathered.withLock { $0 }
    let report = run.report
    var forecast = result.forecast
    forecast.documents.unchanged += report.documents.unchanged
    forecast.documents.skipped = report.documents.skipped
    forecast.documents.held = report.documents.held
    forecast.held = report.held
    forecast.unavailable = report.unavailable
    if let embedder = stages.embedder {
      let filling = try await fill(embedder.model)
      if let model = filling.model, !options.ignoresEmbeddingCache {
        let keys = Array(result.texts.keys)
        let embedded = try await stages.store.read(.everything) { snapshot in
          let known = try snapshot.passages(keys: keys)
          let present = try snapshot.passagesWithVector(Array(known.values), model: model)
          return Set(known.filter { present.contains($0.value) }.keys)
        }
        result.texts = result.texts.filter { !embedded.contains($0.key) }
      }
      let listed = (ContinuousClock.now - start).inSeconds
      try await price(result.texts, filling.passages, embedder, listed, &forecast)
    } else {
      forecast.seconds = (ContinuousClock.now - start).inSeconds
    }
    return forecast
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
      var query = DocumentQuery()
      query.limit = ModelMigration.pageSize
      while true {
        let documents = try snapshot.documents(query)
        for document in documents { live.formUnion(try snapshot.chunks(of: document.id).map(\.passage)) }
        query.offset += documents.count
        if documents.count < query.limit { return (nil, live.sorted()) }
      }
    }
  }

  /// Counts passages and tokens, and measures the embedder on a sample of them.
  ///
  /// - Parameters:
  ///   - texts: what changed documents bring, by key.
  ///   - filling: passages in the store that a new model has to be filled with; their texts are read in pages.
  private func price(
    _ texts: [ContentHash: String],
    _ filling: [PassageID],
    _ embedder: any Embedder,
    _ elapsed: Double,
    _ forecast: inout SyncForecast
  ) async throws {
    var sample = Sample(of: texts.count + filling.count)
    let ordered = texts.sorted { $0.key < $1.key }.map(\.value)
    for start in stride(from: 0, to: ordered.count, by: ModelMigration.pageSize) {
      let page = Array(ordered[start..<min(start + ModelMigration.pageSize, ordered.count)])
      sample.add(page, try await embedder.countTokens(of: page))
    }
    for start in stride(from: 0, to: filling.count, by: ModelMigration.pageSize) {
      let ids = Array(filling[start..<min(start + ModelMigration.pageSize, filling.count)])
      let passages = try await stages.store.read(.everything) { try $0.passages(ids) }
      let page = passages.filter { texts[$0.key] == nil }.map {
        PassageText.embedded(heading: $0.heading, body: $0.body)
      }
      sample.add(page, try await embedder.countTokens(of: page))
    }
    forecast.passagesToEmbed = sample.count
    forecast.tokens = sample.tokens
    guard let first = sample.texts.first else { return forecast.seconds = elapsed }
    _ = try await embedder.embed([first.text], for: .document)
    let start = ContinuousClock.now
    let chosen = sample.texts.map(\.text)
    try await withThrowingTaskGroup(of: Void.self) { group in
      let share = max(1, (chosen.count + embedder.parallelism - 1) / max(1, embedder.parallelism))
      for first in stride(from: 0, to: chosen.count, by: share) {
        let part = Array(chosen[first..<min(first + share, chosen.count)])
        group.addTask { _ = try await embedder.embed(part, for: .document) }
      }
      try await group.waitForAll()
    }
    let sampleTokens = sample.texts.reduce(0) { $0 + $1.tokens }
    let rate = Double(sampleTokens) / max((ContinuousClock.now - start).inSeconds, 1e-6)
    // Reading and parsing run beside the embedding: the longer of the two is the time.
    forecast.seconds = max(elapsed, Double(forecast.tokens) / rate)
  }

  /// Texts counted one after the other, and some of them at even distances.
  private struct Sample {
    private let step: Int
    private(set) var count = 0
    private(set) var tokens = 0
    private(set) var texts: [(text: String, tokens: Int)] = []

    init(of expected: Int) {
      step = max(1, expected / SyncEngine.forecastSample)
    }

    mutating func add(_ page: [String], _ counts: [Int]) {
      for (text, tokens) in zip(page, counts) {
        if count % step == 0, texts.count < SyncEngine.forecastSample { texts.append((text, tokens)) }
        count += 1
        self.tokens += tokens
      }
    }
  }

  /// What flowed out of the readers.
  private struct Gathered {
    var forecast = SyncForecast()
    var texts: [ContentHash: String] = [:]

    mutating func add(_ element: PipelineElement, _ run: SyncRun) {
      switch element {
      case .document(let document):
        count(document.kind)
        if case .cut(let chunks) = document.chunks {
          forecast.chunksAdded += chunks.count
          for chunk in chunks {
            texts[chunk.key] = PassageText.embedded(heading: chunk.draft.heading, body: chunk.draft.body)
          }
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
      case .itemRemoved, .flush: break
      }
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

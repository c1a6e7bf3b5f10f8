import FreshetModel
import FreshetSystem
import Synchronization

extension SyncEngine {
  /// Texts embedded at most to measure the embedder's speed.
  static let forecastSample = 16

  /// What a run would do and what it would cost: lists, reads, parses, chunks and counts tokens as the run would, and
  /// writes nothing.
  ///
  /// The time is that of the embedding, from the speed of a small sample, beside the time that the rest took here.
  public func forecast() async throws -> SyncForecast {
    let start = ContinuousClock.now
    let run = SyncRun(stages: stages, options: options, id: .random(), stop: StopSignal(), handler: { _ in })
    let passes = try await SourceRegistration(run: run).existingPasses()
    let failures = try await stages.store.read(.everything) { try $0.failures(source: nil, itemPath: nil) }
    let attention = Attention(failures: failures, awaiting: [], options: options)
    let models = try await stages.store.read(.everything) { try $0.models() }
    let model = models.first { $0.description.fingerprint == stages.embedder?.model.fingerprint }
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
    if let model {
      let keys = Array(result.texts.keys)
      let embedded = try await stages.store.read(.everything) { snapshot in
        let known = try snapshot.passages(keys: keys)
        let present = try snapshot.passagesWithVector(Array(known.values), model: model.id)
        return Set(known.filter { present.contains($0.value) }.keys)
      }
      if !options.ignoresEmbeddingCache { result.texts = result.texts.filter { !embedded.contains($0.key) } }
    }
    forecast.passagesToEmbed = stages.embedder == nil ? 0 : result.texts.count
    let elapsed = (ContinuousClock.now - start).inSeconds
    if let embedder = stages.embedder {
      let texts = result.texts.sorted { $0.key < $1.key }.map(\.value)
      try await price(texts, embedder, elapsed, &forecast)
    } else {
      forecast.seconds = elapsed
    }
    return forecast
  }

  /// Counts the tokens and measures the embedder on a sample.
  private func price(
    _ texts: [String],
    _ embedder: any Embedder,
    _ elapsed: Double,
    _ forecast: inout SyncForecast
  ) async throws {
    var counts: [Int] = []
    for start in stride(from: 0, to: texts.count, by: 256) {
      counts += try await embedder.countTokens(of: Array(texts[start..<min(start + 256, texts.count)]))
    }
    forecast.tokens = counts.reduce(0, +)
    guard !texts.isEmpty else { return forecast.seconds = elapsed }
    let step = max(1, texts.count / Self.forecastSample)
    let sample = stride(from: 0, to: texts.count, by: step).prefix(Self.forecastSample).map { $0 }
    _ = try await embedder.embed([texts[0]], for: .document)
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      let share = (sample.count + embedder.parallelism - 1) / max(1, embedder.parallelism)
      for first in stride(from: 0, to: sample.count, by: max(1, share)) {
        let part = sample.dropFirst(first).prefix(max(1, share)).map { texts[$0] }
        group.addTask { _ = try await embedder.embed(part, for: .document) }
      }
      try await group.waitForAll()
    }
    let sampleTokens = sample.reduce(0) { $0 + counts[$1] }
    let rate = Double(sampleTokens) / max((ContinuousClock.now - start).inSeconds, 1e-6)
    // Reading and parsing run beside the embedding: the longer of the two is the time.
    forecast.seconds = max(elapsed, Double(forecast.tokens) / rate)
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

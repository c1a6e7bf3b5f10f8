import FreshetModel
import Synchronization

/// Embeds texts in batches, as many at a time as the embedder can use, and stores each batch as soon as it is there.
struct BatchEmbedding: Sendable {
  let run: SyncRun
  let embedder: any Embedder
  let model: ModelID
  /// Whether the embedder is asked at all.
  let health: EmbedderHealth

  /// - Parameter health: shared by all that asks the embedder in the run; one of its own by default.
  init(run: SyncRun, embedder: any Embedder, model: ModelID, health: EmbedderHealth? = nil) {
    self.run = run
    self.embedder = embedder
    self.model = model
    self.health = health ?? EmbedderHealth(pause: run.options.embedderPause)
  }

  private final class Work: Sendable {
    struct State {
      var queue: ArraySlice<PassageDraft>
      var outcome = EmbeddingStage.Outcome()
    }

    let state: Mutex<State>

    init(_ texts: [PassageDraft]) { state = Mutex(State(queue: texts[...])) }
  }

  /// The numbers of the passages whose vectors are stored now, and why others have none.
  ///
  /// Texts that were not tried because the run was asked to stop are in neither.
  /// - Throws: errors of the store; `CancellationError`.
  func embed(_ texts: [PassageDraft]) async throws -> EmbeddingStage.Outcome {
    let work = Work(texts)
    let parallelism = max(1, embedder.parallelism)
    let batchSize = run.options.batchSize(parallelism: parallelism)
    // While it is down, one text shows whether it is back before others follow.
    if health.isDown, let batch = nextBatch(work, 1, parallelism) { try await embed(batch, work) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<min(parallelism, (texts.count + batchSize - 1) / batchSize) {
        group.addTask {
          while let batch = nextBatch(work, batchSize, parallelism) { try await embed(batch, work) }
        }
      }
      try await group.waitForAll()
    }
    return work.state.withLock { $0.outcome }
  }

  /// The next texts, fewer towards the end so that all tasks end together; `nil` when nothing is left.
  private func nextBatch(_ work: Work, _ size: Int, _ parallelism: Int) -> [PassageDraft]? {
    if run.stop.isGiven { return nil }
    return work.state.withLock { state in
      guard !state.queue.isEmpty else { return nil }
      if let refusal = health.refusal() {
        for text in state.queue { state.outcome.failures[text.key] = refusal }
        state.queue = []
        return nil
      }
      let share = (state.queue.count + parallelism - 1) / parallelism
      let batch = Array(state.queue.prefix(min(size, share)))
      state.queue = state.queue.dropFirst(batch.count)
      return batch
    }
  }

  private func embed(_ batch: [PassageDraft], _ work: Work) async throws {
    do {
      let texts = batch.map { PassageText.embedded(heading: $0.heading, body: $0.body) }
      let start = ContinuousClock.now
      let vectors = try await run.timed(\.embed) { try await answer(to: texts) }
      health.answered(texts.count, after: ContinuousClock.now - start)
      guard vectors.count == batch.count, vectors.dimension == embedder.model.dimension else {
        throw FreshetError(
          .modelMismatch,
          "the embedder answered \(vectors.count) vectors of \(vectors.dimension) components for \(batch.count) texts, "
            + "expected \(embedder.model.dimension) components; check the model's name and dimension"
        )
      }
      let ids = try await store(batch, vectors)
      run.count { report in
        report.embedderCalls += 1
        report.embedderTokens += vectors.tokens
        report.chunks.embedded += batch.count
      }
      run.advance { progress in
        progress.chunksDone += batch.count
        progress.chunksEmbedded += batch.count
      }
      work.state.withLock { state in
        for (draft, id) in zip(batch, ids) {
          state.outcome.ids[draft.key] = id
          state.outcome.embedded.insert(draft.key)
        }
      }
    } catch is CancellationError where run.stop.isAbandoned {
      // As if it had not been tried.
      health.abandoned()
    } catch let error as FreshetError where Self.isOfTheEmbedder(error) {
      if error.isTransient { health.failed(error) } else { health.answered() }
      if !error.isTransient, batch.count > 1 {
        // One text may be what the embedder refuses: the others must not suffer for it.
        try await embed(Array(batch[..<(batch.count / 2)]), work)
        try await embed(Array(batch[(batch.count / 2)...]), work)
        return
      }
      work.state.withLock { state in
        for draft in batch { state.outcome.failures[draft.key] = error }
      }
    } catch {
      // Not the embedder's doing: what a call on trial would have shown is still to be found out.
      health.abandoned()
      throw error
    }
  }

  private func answer(to texts: [String]) async throws -> EmbeddingBatch {
    do {
      return try await run.stop.unlessAbandoned(texts: texts.count) { [embedder] in
        try await embedder.embed(texts, for: .document)
      }
    } catch let left as StopSignal.CallLeft {
      health.left()
      throw FreshetError(
        .embedderFailed,
        "the embedder had not answered after \(Quantity.text(left.duration)), and other changes could not wait for it",
        permanence: .transient(retryAfter: nil)
      )
    }
  }

  private static func isOfTheEmbedder(_ error: FreshetError) -> Bool {
    [.embedderFailed, .network, .modelUnavailable, .modelMismatch].contains(error.code)
  }

  private func store(_ batch: [PassageDraft], _ vectors: EmbeddingBatch) async throws -> [PassageID] {
    let halves = vectors.values.map { Float16($0).bitPattern }
    let model = model
    return try await run.timed(\.commit) {
      try await run.stages.store.write { transaction in
        let ids = try transaction.savePassages(batch)
        try transaction.saveVectors(
          VectorPage(passages: ids, dimension: vectors.dimension, halves: halves),
          model: model
        )
        return ids
      }
    }
  }
}

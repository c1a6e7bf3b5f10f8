import FreshetModel

/// Lets the collection use the configured model: at once when it is new, else after every live passage has its vector,
/// so that searches find everything at every moment.
struct ModelMigration: Sendable {
  let run: SyncRun

  /// Passages whose texts are held at a time.
  static let pageSize = 512

  /// Says that live passages may lack a vector of the serving model: documents were committed without an embedder, or the
  /// model refused a text. The next run with the embedder tries them.
  static let incompleteSetting = "vectors_incomplete"

  /// Finds or adds the embedder's model; `nil` when the collection keeps no vectors.
  func prepare() async throws -> (embedder: any Embedder, model: ModelID)? {
    let (models, isIncomplete) = try await run.stages.store.read(.everything) { snapshot in
      (try snapshot.models(), try snapshot.setting(Self.incompleteSetting) != nil)
    }
    guard let embedder = run.stages.embedder else {
      if !models.isEmpty, !isIncomplete {
        try await run.stages.store.write { try $0.set(Self.incompleteSetting, to: "1") }
      }
      return nil
    }
    let wanted = embedder.model
    let serving = models.first { $0.description.fingerprint == wanted.fingerprint && $0.state == .serving }
    if let serving, !isIncomplete { return (embedder, serving.id) }
    let model = try await run.stages.store.write { try $0.registerModel(wanted) }
    let isComplete = try await fill(model, embedder)
    if !run.stop.isGiven {
      try await run.stages.store.write { transaction in
        if serving == nil { try transaction.serve(model: model.id) }
        if isIncomplete == isComplete { try transaction.set(Self.incompleteSetting, to: isComplete ? nil : "1") }
      }
    }
    return (embedder, model.id)
  }

  /// Embeds the live passages that the model has no vector of; answers whether it took every one. One text that the model
  /// refuses does not keep the others from their model.
  private func fill(_ model: ModelRecord, _ embedder: any Embedder) async throws -> Bool {
    var isComplete = true
    let embedding = BatchEmbedding(run: run, embedder: embedder, model: model.id)
    var last: PassageID = 0
    while !run.stop.isGiven {
      let after = last
      let passages = try await run.stages.store.read(.everything) { snapshot in
        try snapshot.passages(
          try snapshot.livePassagesWithoutVector(model: model.id, after: after, limit: Self.pageSize)
        )
      }
      guard let end = passages.map(\.id).max() else { break }
      run.advance { $0.chunksFound += passages.count }
      let outcome = try await embedding.embed(
        passages.map { PassageDraft(key: $0.key, heading: $0.heading, body: $0.body, tokens: $0.tokens) }
      )
      if let error = outcome.failures.values.first(where: \.isTransient) { throw error }
      if !outcome.failures.isEmpty { isComplete = false }
      last = end
    }
    return isComplete
  }
}

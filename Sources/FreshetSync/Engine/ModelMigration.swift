import FreshetModel

/// Lets the collection use the configured model: at once when it is new, else after every live passage has its vector,
/// so that searches find everything at every moment.
///
/// The log tells of it: the transaction that lets another model serve has a change of kind `embedded` for each live
/// document, whole or not at all. Passages that only lacked their vectors of the serving model (documents of a time
/// without an embedder) are told of page by page; the page under way is written down before it is embedded, so that a
/// process that dies in it leaves nothing untold.
struct ModelMigration: Sendable {
  let run: SyncRun
  let startedAt: Timestamp
  let firstSequence: SequenceNumber

  /// Passages whose texts are held at a time.
  static let pageSize = 512

  /// Says that live passages lack a vector of the serving model, because documents were committed without an embedder.
  /// The next run with the embedder fills them. A text that the model refused is not among them: its documents are in
  /// quarantine.
  static let incompleteSetting = "vectors_incomplete"

  /// The documents of the page that is being filled, as long as the log does not tell of their vectors.
  static let untoldSetting = "vectors_untold"

  /// What the run's report needs to know.
  struct Outcome: Sendable {
    /// Documents that the log has a change of kind `embedded` for.
    var told = 0
    /// Documents with a text that the model refuses.
    var refused = 0

    /// Counts them: documents that the rest of the run found unchanged are not as they were.
    func settle(_ documents: inout SyncReport.Documents) {
      let refreshed = max(0, min(documents.unchanged - refused, told))
      documents.refreshed += refreshed
      documents.failed += refused
      documents.unchanged -= min(documents.unchanged, refreshed + refused)
    }
  }

  /// Finds or adds the embedder's model; no embedding when the collection keeps no vectors.
  func prepare() async throws -> (embedding: (embedder: any Embedder, model: ModelID)?, outcome: Outcome) {
    let state = try await run.stages.store.read(.everything) { snapshot in
      (
        models: try snapshot.models(), isIncomplete: try snapshot.setting(Self.incompleteSetting) != nil,
        untold: try snapshot.setting(Self.untoldSetting),
        triesRefused: try (run.options.retriesFailures || run.options.force)
          && snapshot.failures(source: nil, itemPath: nil).contains { $0.error.code == .embedderFailed }
      )
    }
    guard let embedder = run.stages.embedder else {
      // What comes without its vectors says so itself.
      if run.options.leavesVectors { return (nil, Outcome()) }
      if !state.models.isEmpty, !state.isIncomplete {
        try await run.stages.store.write { try $0.set(Self.incompleteSetting, to: "1") }
      }
      return (nil, Outcome())
    }
    let wanted = embedder.model
    let serving = state.models.first { $0.description.fingerprint == wanted.fingerprint && $0.state == .serving }
    var outcome = Outcome()
    if let serving, !state.isIncomplete, state.untold == nil, !state.triesRefused {
      if run.options.seesEverything, try await awaitsVectors() {
        outcome.refused = try await fill(serving, embedder, isServing: true, isLenient: true, &outcome).count
      }
      return ((embedder, serving.id), outcome)
    }
    let model = try await run.stages.store.write { try $0.registerModel(wanted) }
    if serving != nil, let untold = state.untold {
      outcome.told += try await tell(documents: untold.split(separator: ",").compactMap { DocumentID(String($0)) })
    }
    let refused = try await fill(model, embedder, isServing: serving != nil, &outcome)
    outcome.refused = refused.count
    if !run.stop.isGiven {
      if serving == nil {
        outcome.told += try await serve(model, refused)
      } else if state.isIncomplete {
        try await run.stages.store.write { try $0.set(Self.incompleteSetting, to: nil) }
      }
    }
    return ((embedder, model.id), outcome)
  }

  /// Whether documents were committed before their vectors.
  private func awaitsVectors() async throws -> Bool {
    try await run.stages.store.read(.everything) { try !$0.itemsAwaitingVectors().isEmpty }
  }

  /// The documents of which the model is known to refuse a text.
  private func knownRefused() async throws -> Set<DocumentID> {
    try await run.stages.store.read(.everything) { snapshot in
      var refused: Set<DocumentID> = []
      let failures = try snapshot.failures(source: nil, itemPath: nil)
      for failure in failures where failure.error.code == .embedderFailed && !failure.error.isTransient {
        guard let source = try snapshot.sources().first(where: { $0.name == failure.source }) else { continue }
        for document in try snapshot.liveDocuments(source: source.id, itemPath: failure.itemPath)
        where document.origin == failure.origin && document.contentHash == failure.contentHash {
          refused.insert(document.id)
        }
      }
      return refused
    }
  }

  /// Embeds the live passages that the model has no vector of; answers the documents with a text that it refuses. One
  /// such text does not keep the others from their model.
  ///
  /// - Parameter isLenient: whether documents may go on waiting when the embedder does not answer; those of which it is
  ///   known to refuse a text are left out.
  private func fill(
    _ model: ModelRecord,
    _ embedder: any Embedder,
    isServing: Bool,
    isLenient: Bool = false,
    _ outcome: inout Outcome
  ) async throws -> Set<DocumentID> {
    let embedding = BatchEmbedding(
      run: run,
      embedder: embedder,
      model: model.id,
      health: isLenient ? run.options.embedderHealth : nil
    )
    let leftOut = isLenient ? try await knownRefused() : []
    var refused: Set<DocumentID> = []
    var last: PassageID = 0
    while !run.stop.isGiven {
      let after = last
      let (passages, documents) = try await run.stages.store.read(.everything) { snapshot in
        let ids = try snapshot.livePassagesWithoutVector(model: model.id, after: after, limit: Self.pageSize)
        let documents = try snapshot.occurrences(of: ids, filter: nil).mapValues { Set($0.map(\.document)) }
        return (try snapshot.passages(ids), documents)
      }
      guard let end = passages.map(\.id).max() else { break }
      let wanted = passages.filter { passage in
        leftOut.isEmpty || !(documents[passage.id] ?? []).isSubset(of: leftOut)
      }
      guard !wanted.isEmpty else {
        last = end
        continue
      }
      if isServing {
        let untold = documents.values.reduce(into: Set<DocumentID>()) { $0.formUnion($1) }
        let text = untold.map(\.description).sorted().joined(separator: ",")
        try await run.stages.store.write { try $0.set(Self.untoldSetting, to: text) }
      }
      run.advance { $0.chunksFound += wanted.count }
      let made = try await embedding.embed(
        wanted.map { PassageDraft(key: $0.key, heading: $0.heading, body: $0.body, tokens: $0.tokens) }
      )
      let isDown = made.failures.values.contains(where: \.isTransient)
      if let error = made.failures.values.first(where: \.isTransient), !isLenient { throw error }
      var failures: [DocumentID: FreshetError] = [:]
      var filled: Set<DocumentID> = []
      for passage in wanted {
        let holders = documents[passage.id] ?? []
        if let error = made.failures[passage.key] {
          if error.isTransient { continue }
          for document in holders where failures[document] == nil { failures[document] = error }
        } else if made.embedded.contains(passage.key) {
          filled.formUnion(holders)
        }
      }
      try await quarantine(failures.filter { !refused.contains($0.key) })
      refused.formUnion(failures.keys)
      if isServing { outcome.told += try await tell(documents: Array(filled), onlyWhole: isLenient) }
      if isDown { break }
      last = end
    }
    return refused
  }

  /// Puts the documents on record as failed, as `CommitStage` does.
  private func quarantine(_ errors: [DocumentID: FreshetError]) async throws {
    guard !errors.isEmpty else { return }
    let saved = try await run.stages.store.write { transaction in
      var saved: [FailureRecord] = []
      for (id, error) in errors.sorted(by: { $0.key.description < $1.key.description }) {
        guard let document = try transaction.document(id), document.state == .live else { continue }
        let before = try transaction.failures(source: document.sourceName, itemPath: document.itemPath)
          .first { $0.origin == document.origin }
        let failure = FailureRecord(
          source: document.sourceName,
          itemPath: document.itemPath,
          origin: document.origin,
          error: FreshetErrorRecord(error),
          attempts: (before?.attempts ?? 0) + 1,
          firstAt: before?.firstAt ?? transaction.now,
          lastAt: transaction.now,
          contentHash: document.contentHash,
          pipeline: document.pipeline
        )
        try transaction.save(failure)
        saved.append(failure)
      }
      return saved
    }
    for failure in saved { run.handler(.failed(failure)) }
  }

  // MARK: Telling

  /// Lets the model serve, and tells of every live document in the same transaction.
  private func serve(_ model: ModelRecord, _ refused: Set<DocumentID>) async throws -> Int {
    try await telling { transaction in
      try transaction.serve(model: model.id)
      try transaction.set(Self.incompleteSetting, to: nil)
      try transaction.set(Self.untoldSetting, to: nil)
      var last: DocumentID?
      while true {
        let ids = try transaction.liveDocumentIDs(after: last, limit: Self.pageSize)
        for id in ids where !refused.contains(id) {
          guard let document = try transaction.document(id) else { continue }
          try tell(document, transaction)
        }
        guard ids.count == Self.pageSize else { break }
        last = ids.last
      }
    }
  }

  /// Tells that vectors of these documents came.
  ///
  /// - Parameter onlyWhole: whether of a document that goes on waiting for some nothing is told.
  private func tell(documents: [DocumentID], onlyWhole: Bool = false) async throws -> Int {
    try await telling { transaction in
      try transaction.set(Self.untoldSetting, to: nil)
      for id in documents.sorted(by: { $0.description < $1.description }) {
        guard let document = try transaction.document(id), document.state == .live else { continue }
        if onlyWhole, try Self.lacksVector(document, transaction) { continue }
        try tell(document, transaction)
      }
    }
  }

  /// One commit of changes; answers how many there were, once they are committed and told.
  private func telling(_ body: @Sendable (any StoreTransaction) throws -> Void) async throws -> Int {
    let (first, last) = try await run.timed(\.commit) {
      try await run.stages.store.write { transaction in
        let first = transaction.head.sequence
        try body(transaction)
        if transaction.head.sequence > first {
          try transaction.save(
            RunRecord(id: run.id, startedAt: startedAt, actor: run.options.actor, firstSequence: firstSequence)
          )
        }
        return (first, transaction.head.sequence)
      }
    }
    guard last > first else { return 0 }
    run.count { report in
      report.sequence = last
      report.checkpoints += 1
    }
    // From the log, a page at a time: a collection's documents need not fit into memory.
    var after = first
    while after < last {
      let start = after
      let changes = try await run.stages.store.read(.everything) {
        try $0.changes(after: start, limit: Self.pageSize)
      }
      guard let end = changes.last?.sequence else { break }
      for change in changes where change.sequence <= last {
        let source = run.stages.sources.first { $0.name == change.source }
        run.handler(
          .changed(
            DocumentOutcome(
              source: change.source,
              origin: change.origin,
              uri: source?.uri(of: change.origin) ?? change.origin,
              document: change.document,
              change: change.kind,
              version: change.version
            )
          )
        )
      }
      after = end
    }
    return Int(last - first)
  }

  /// Tells of one document's vectors, and forgets that a model refused a text of it.
  private func tell(_ document: DocumentRecord, _ transaction: any StoreTransaction) throws {
    let failure = try transaction.failures(source: document.sourceName, itemPath: document.itemPath)
      .first { $0.origin == document.origin }
    if let failure, failure.error.code == .embedderFailed, failure.contentHash == document.contentHash,
      try !Self.lacksVector(document, transaction)
    {
      try transaction.removeFailures(
        source: document.sourceName,
        itemPath: document.itemPath,
        origin: document.origin
      )
    }
    let awaits = try document.editionState == .awaitingVectors && Self.lacksVector(document, transaction)
    let edition = DocumentChange.Edition(
      parser: document.parser,
      markdown: nil,
      markdownIsContent: false,
      map: nil,
      statedTitle: nil,
      statedMetadata: [:],
      title: document.title,
      metadata: document.metadata,
      pipeline: document.pipeline,
      chunks: try transaction.chunks(of: document.id),
      state: awaits ? .awaitingVectors : .complete
    )
    _ = try transaction.apply(
      DocumentChange(
        kind: .embedded,
        document: document.id,
        source: document.source,
        itemPath: document.itemPath,
        origin: document.origin,
        run: run.id,
        version: nil,
        edition: edition
      )
    )
  }

  /// Whether a passage of the document's edition has no vector of the serving model.
  static func lacksVector(_ document: DocumentRecord, _ snapshot: any StoreSnapshot) throws -> Bool {
    guard let serving = try snapshot.models().first(where: { $0.state == .serving }) else { return false }
    let passages = Set(try snapshot.chunks(of: document.id).map(\.passage))
    return try snapshot.passagesWithVector(Array(passages), model: serving.id).count < passages.count
  }

  /// Whether a failure stays on record though its document was seen unchanged: the model refuses a text of the edition.
  static func isStillRefused(_ failure: FailureRecord, _ snapshot: any StoreSnapshot) throws -> Bool {
    guard failure.error.code == .embedderFailed, !failure.error.isTransient,
      let document = try snapshot.liveDocuments(source: try sourceID(of: failure, snapshot), itemPath: failure.itemPath)
        .first(where: { $0.origin == failure.origin })
    else { return false }
    return try document.contentHash == failure.contentHash && lacksVector(document, snapshot)
  }

  private static func sourceID(of failure: FailureRecord, _ snapshot: any StoreSnapshot) throws -> SourceID {
    try snapshot.sources().first { $0.name == failure.source }?.id ?? -1
  }
}

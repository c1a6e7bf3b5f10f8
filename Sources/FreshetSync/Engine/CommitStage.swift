import FreshetModel
import FreshetSystem

/// Commits what comes out of the embedding stage: documents, items, failures, deletions, whole or not at all.
struct CommitStage: Sendable {
  let run: SyncRun
  let startedAt: Timestamp
  let firstSequence: SequenceNumber
  /// Items that had failures when the run started: only these have rows to remove.
  let failedBefore: Set<FailedItem>

  /// An item by its source's name, as failures know it.
  struct FailedItem: Hashable, Sendable {
    var source: String
    var path: [UInt8]
  }

  /// What has to be remembered from commit to commit.
  struct Memory: Sendable {
    /// Items with failures in this run, and the origins that failed.
    var failed: [FailedItem: Set<String>] = [:]
    /// Items whose failure a retry may mend: their rows are not saved, so that they are read again.
    var failedTransiently: Set<FailedItem> = []
    /// Whether the run's row is in the store.
    var runIsRecorded = false
  }

  private enum Told: Sendable {
    case changed(DocumentOutcome, reused: Int, kept: Int)
    case failed(FailureRecord)
    case unchanged(Int)
  }

  /// Commits the elements in transactions of bounded size.
  func commit(_ elements: [EmbeddingStage.Ready], _ memory: inout Memory) async throws {
    var rest = elements[...]
    while !rest.isEmpty {
      var documents = 0
      var bytes = 0
      let batch = rest.prefix { ready in
        if documents >= run.options.checkpointDocuments || bytes >= run.options.checkpointBytes { return false }
        switch ready.element {
        case .document, .deletion: documents += 1
        default: break
        }
        bytes += ready.element.cost
        return true
      }
      rest = rest.dropFirst(batch.count)
      try await commitOnce(Array(batch), &memory)
    }
  }

  private func commitOnce(_ batch: [EmbeddingStage.Ready], _ memory: inout Memory) async throws {
    CrashPoint.reached("before-commit")
    let before = memory
    let (told, after, changed) = try await run.timed(\.commit) {
      try await run.stages.store.write { transaction in
        var memory = before
        if !memory.runIsRecorded {
          try transaction.save(
            RunRecord(
              id: run.id,
              startedAt: startedAt,
              actor: run.options.actor,
              firstSequence: firstSequence
            )
          )
          memory.runIsRecorded = true
        }
        var told: [Told] = []
        for ready in batch { try apply(ready, transaction, &memory, &told) }
        CrashPoint.reached("in-commit")
        return (told, memory, transaction.head.sequence)
      }
    }
    CrashPoint.reached("after-commit")
    memory = after
    run.count { report in
      report.sequence = changed
      report.checkpoints += 1
      for item in told { Self.count(item, &report) }
    }
    var committed = 0
    for item in told {
      switch item {
      case .changed(let outcome, _, _):
        committed += 1
        run.handler(.changed(outcome))
      case .failed(let failure): run.handler(.failed(failure))
      case .unchanged: break
      }
    }
    run.advance { $0.documentsCommitted += committed }
  }

  private static func count(_ told: Told, _ report: inout SyncReport) {
    switch told {
    case .unchanged(let count): report.documents.unchanged += count
    case .failed: report.documents.failed += 1
    case .changed(let outcome, let reused, let kept):
      switch outcome.change {
      case .created: report.documents.created += 1
      case .modified: report.documents.modified += 1
      case .renamed: report.documents.renamed += 1
      case .restored: report.documents.restored += 1
      case .deleted: report.documents.deleted += 1
      case .metadata, .reprocessed, .embedded: report.documents.refreshed += 1
      }
      report.chunks.added += outcome.chunksAdded
      report.chunks.removed += outcome.chunksRemoved
      report.chunks.reused += reused
      if outcome.change == .renamed { report.chunks.moved += kept } else { report.chunks.kept += kept }
    }
  }

  // MARK: One element

  private func apply(
    _ ready: EmbeddingStage.Ready,
    _ transaction: any StoreTransaction,
    _ memory: inout Memory,
    _ told: inout [Told]
  ) throws {
    switch ready.element {
    case .document(let document): told.append(try apply(document, ready, transaction))
    case .deletion(let document, let reason): told.append(try delete(document, reason, transaction))
    case .deletionsAccepted(let source):
      try transaction.set(RemainingItems.setting(source), to: run.id.description)
    case .failure(let failure):
      let key = FailedItem(source: failure.source, path: failure.itemPath)
      memory.failed[key, default: []].insert(failure.origin)
      if failure.error.isTransient { memory.failedTransiently.insert(key) }
      told.append(.failed(try record(failure, transaction)))
    case .itemFinished(let item):
      let key = FailedItem(source: item.sourceName, path: item.path)
      for touched in item.touched {
        if let pipeline = touched.pipeline { try transaction.touch(document: touched.document, pipeline: pipeline) }
        if let time = touched.fileModified { try transaction.touch(document: touched.document, fileModified: time) }
      }
      if var record = item.record {
        if !memory.failedTransiently.contains(key) {
          record.documents = try transaction.liveDocuments(source: item.source, itemPath: item.path).count
          try transaction.save([record], source: item.source)
        }
        if failedBefore.contains(key) { try mend(key, stillFailing: memory.failed[key] ?? [], transaction) }
      }
      if item.unchanged > 0 { told.append(.unchanged(item.unchanged)) }
    case .itemRemoved(let source, let sourceName, let path):
      // A document that was to move away, and could not, keeps its item: the next run judges it again.
      guard try transaction.liveDocuments(source: source, itemPath: path).isEmpty else { break }
      try transaction.removeItems([path], source: source)
      if failedBefore.contains(FailedItem(source: sourceName, path: path)) {
        try transaction.removeFailures(source: sourceName, itemPath: path, origin: nil)
      }
    case .flush: break
    }
  }

  /// Takes what did not fail this time out of quarantine.
  private func mend(
    _ item: FailedItem,
    stillFailing: Set<String>,
    _ transaction: any StoreTransaction
  ) throws {
    for failure in try transaction.failures(source: item.source, itemPath: item.path)
    where !stillFailing.contains(failure.origin) {
      if try ModelMigration.isStillRefused(failure, transaction) { continue }
      try transaction.removeFailures(source: item.source, itemPath: item.path, origin: failure.origin)
    }
  }

  private func apply(
    _ document: PreparedDocument,
    _ ready: EmbeddingStage.Ready,
    _ transaction: any StoreTransaction
  ) throws -> Told {
    var edition = document.edition
    edition.chunks = ready.chunks
    if ready.awaitsVectors { edition.state = .awaitingVectors }
    let before = Set(
      document.previous?.state == .live ? try transaction.chunks(of: document.document).map(\.id) : []
    )
    let record = try transaction.apply(
      DocumentChange(
        kind: document.kind,
        document: document.document,
        source: document.source,
        itemPath: document.itemPath,
        origin: document.origin,
        run: run.id,
        version: document.version,
        edition: edition
      )
    )
    // The item itself is committed once all its documents are. Should the run end before and the file go, its documents
    // must be missed.
    if try transaction.item(of: document.source, at: document.itemPath) == nil {
      let fingerprint = ItemFingerprint.unseen(device: document.device)
      let item = ItemRecord(path: document.itemPath, fingerprint: fingerprint, isRacy: true, hash: .zero)
      try transaction.save([item], source: document.source)
    }
    if let annotation = document.annotation { try transaction.annotate(document.document, with: annotation) }
    let now = Set(edition.chunks.map(\.id))
    let added = now.subtracting(before).count
    return .changed(
      DocumentOutcome(
        source: document.sourceName,
        origin: document.origin,
        uri: document.uri,
        document: document.document,
        change: document.kind,
        previousOrigin: record.previousOrigin,
        version: record.version,
        chunksAdded: added,
        chunksRemoved: before.subtracting(now).count,
        chunksEmbedded: ready.embedded
      ),
      reused: max(0, added - ready.embedded),
      kept: now.count - added
    )
  }

  private func delete(
    _ document: DocumentRecord,
    _ reason: DeletionReason,
    _ transaction: any StoreTransaction
  ) throws -> Told {
    let removed = try transaction.chunks(of: document.id).count
    let record = try transaction.apply(
      DocumentChange(
        kind: .deleted,
        document: document.id,
        source: document.source,
        itemPath: document.itemPath,
        origin: document.origin,
        run: run.id,
        version: DocumentChange.Version(
          contentHash: document.contentHash,
          size: document.size,
          content: nil,
          fileModified: document.fileModified,
          actor: run.options.actor,
          owner: nil
        ),
        edition: nil,
        reason: reason
      )
    )
    let uri = run.stages.sources.first { $0.name == document.sourceName }?.uri(of: document.origin) ?? document.origin
    return .changed(
      DocumentOutcome(
        source: document.sourceName,
        origin: document.origin,
        uri: uri,
        document: document.id,
        change: .deleted,
        reason: reason,
        version: record.version,
        chunksRemoved: removed
      ),
      reused: 0,
      kept: 0
    )
  }

  private func record(_ failure: FailureRecord, _ transaction: any StoreTransaction) throws -> FailureRecord {
    var failure = failure
    let before = try transaction.failures(source: failure.source, itemPath: failure.itemPath)
      .first { $0.origin == failure.origin }
    failure.attempts = (before?.attempts ?? 0) + 1
    failure.firstAt = before?.firstAt ?? transaction.now
    failure.lastAt = transaction.now
    try transaction.save(failure)
    return failure
  }
}

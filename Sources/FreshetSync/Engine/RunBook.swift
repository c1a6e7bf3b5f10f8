import FreshetModel
import FreshetSystem

/// Writes the run's row at its end: one small transaction, also when nothing changed.
struct RunBook: Sendable {
  let run: SyncRun
  let startedAt: Timestamp
  let firstSequence: SequenceNumber
  /// The head before this part of the run.
  let head: SequenceNumber

  /// Completes the report and stores it.
  func close() async throws -> SyncReport {
    let total = try await totalChunks()
    run.count { $0.chunks.total = total }
    let report = run.report
    let (id, startedAt, firstSequence, actor) = (run.id, startedAt, firstSequence, run.options.actor)
    try await run.stages.store.write { transaction in
      try transaction.save(
        RunRecord(
          id: id,
          startedAt: startedAt,
          finishedAt: transaction.now,
          actor: actor,
          firstSequence: firstSequence,
          lastSequence: report.sequence,
          report: report.stored
        )
      )
    }
    return report
  }

  /// The last run's total and what this one changed, so that a run without changes counts no rows.
  private func totalChunks() async throws -> Int {
    let chunks = run.report.chunks
    let before = run.options.continuing?.chunks ?? SyncReport.Chunks()
    let change = chunks.added - before.added - (chunks.removed - before.removed)
    let (from, to) = (head, run.report.sequence)
    return try await run.stages.store.read(.everything) { snapshot in
      if let last = try snapshot.runs(limit: 2).first(where: { $0.finishedAt != nil }), last.lastSequence == from,
        to - from < 1000, case .integer(let total)? = last.report?["chunks"]?["total"]
      {
        return Int(total) + change
      }
      return try snapshot.chunkCount()
    }
  }
}

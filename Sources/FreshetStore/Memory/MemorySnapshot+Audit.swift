import FreshetModel
import FreshetSystem

extension MemorySnapshot {
  private func changes(in selection: AuditSelection) -> [ChangeRecord] {
    state.changes.filter { change in
      change.sequence >= selection.first && change.sequence <= selection.last
        && selection.source.map { UTF8Text($0) == UTF8Text(change.source) } ?? true
        && selection.document ?? change.document == change.document
    }
  }

  private func actor(of change: ChangeRecord) -> String? {
    let version = state.documents[change.document]?.versions.first { $0.sequence == change.sequence }
    return version?.actor ?? state.runs.first { $0.id == change.run }?.actor
  }

  func totals(of selection: AuditSelection) -> AuditTotals {
    var totals = AuditTotals()
    let changes = changes(in: selection)
    totals.changes = changes.count
    totals.documents = Set(changes.map(\.document)).count
    for change in changes {
      totals.byKind[change.kind, default: 0] += 1
      totals.byActor[actor(of: change) ?? "", default: 0] += 1
    }
    return totals
  }

  func audited(_ selection: AuditSelection, after document: AuditedDocument?, limit: Int) -> [AuditedDocument] {
    // A document stands at the sequence of its creation.
    let places = state.documents.compactMapValues { $0.versions.first?.sequence }
    let groups = Dictionary(grouping: changes(in: selection), by: \.document)
    let found = groups.compactMap { id, changes -> AuditedDocument? in
      guard let newest = changes.last, let place = places[id], place > document?.place ?? .min else { return nil }
      return AuditedDocument(
        id: id,
        source: newest.source,
        origin: newest.origin,
        state: state.documents[id]?.record.state ?? .deleted,
        changes: changes.count,
        place: place
      )
    }
    return Array(found.sorted { $0.place < $1.place }.prefix(max(0, limit)))
  }

  func changes(
    of document: DocumentID,
    _ selection: AuditSelection,
    after sequence: SequenceNumber,
    limit: Int
  ) -> [AuditedChange] {
    changes(in: selection).filter { $0.document == document && $0.sequence > sequence }
      .prefix(max(0, limit))
      .map { AuditedChange(change: $0, actor: actor(of: $0)) }
  }

  func runs(from first: Timestamp, to last: Timestamp, after run: RunID?, limit: Int) -> [RunRecord] {
    let start = run.flatMap { id in state.runs.firstIndex { $0.id == id } }.map { $0 + 1 } ?? 0
    return state.runs[start...].filter { $0.startedAt < last && ($0.finishedAt ?? $0.startedAt) >= first }
      .prefix(max(0, limit)).map { $0 }
  }

  func verification(of document: DocumentID) throws -> DocumentVerification {
    guard let stored = state.documents[document] else {
      throw FreshetError(.notFound, "The collection has no document \(document).")
    }
    var found = ProblemCollector()
    var report = DocumentVerification(
      id: document,
      source: stored.record.sourceName,
      origin: stored.record.origin,
      versions: stored.versions.count
    )
    var walk = ContentHash.zero
    for version in stored.versions {
      func problem(_ code: String, _ message: String) {
        found.add(
          code,
          document: document,
          version: version.number,
          sequence: version.sequence,
          "'\(stored.record.origin)': \(message)"
        )
      }
      walk = SHA256.link(walk, version.canonicalBytes)
      if walk != version.chain { problem("chain_broken", "version \(version.number) is not what was written.") }
      let logged = changes(after: version.sequence - 1, limit: 1).first
      let isLogged =
        logged?.document == document && logged?.version == version.number && logged?.versionChain == version.chain
      if version.sequence > head.anchor.sequence, !isLogged {
        problem("version_unlogged", "the log does not have version \(version.number).")
      }
      guard let content = state.contents[version.contentHash] else { continue }
      report.contents += 1
      if try SHA256.digest(of: content.decompressed()) != version.contentHash {
        problem("content_altered", "the content of version \(version.number) is not what was written.")
      }
    }
    report.problems = found.problems
    return report
  }
}

import FreshetModel

extension MemorySnapshot {
  func collectedVersions(of document: DocumentID) -> Set<Int> {
    Set(state.documents[document]?.stored.collected.keys ?? [:].keys)
  }

  func documentsWithHistory(after document: DocumentID?, limit: Int) -> [DocumentHistory] {
    let found = state.documents.values.filter { stored in
      (document.map { $0 < stored.record.id } ?? true) && (stored.record.state == .deleted || stored.versions.count > 1)
    }
    return found.sorted { $0.record.id < $1.record.id }.prefix(max(0, limit)).map { stored in
      DocumentHistory(
        id: stored.record.id,
        source: stored.record.sourceName,
        isLive: stored.record.state == .live,
        versions: stored.versions.map { version in
          RetainedVersion(
            number: version.number,
            at: version.at,
            isDeletion: version.kind == .deleted,
            isCollected: stored.stored.collected[version.number] != nil
          )
        }
      )
    }
  }

  func passagesWithoutChunks(limit: Int) -> [PassageID] {
    let used = state.passagesOfChunks
    return Array(
      state.passages.lazy.filter { !$0.isCollected && !used.contains($0.record.id) }.map(\.record.id).prefix(
        max(0, limit)
      )
    )
  }

  /// Removes everything from a copy of the state, and tells what that was.
  func reclaimable(
    collecting versions: [(document: DocumentID, versions: [Int])],
    withoutChunks passages: Bool
  ) throws -> (amounts: ReclaimedAmounts, historyFloor: SequenceNumber) {
    let trial = MemoryTransaction(state, clock: state.head.at)
    for (document, numbers) in versions { _ = try trial.collect(versions: numbers, of: document) }
    var amounts = trial.sweep(.collectedVersions, limit: .max).amounts
    if passages { amounts += trial.sweep(.passages(trial.passagesWithoutChunks(limit: .max)), limit: .max).amounts }
    amounts += trial.sweep(.retiredModels, limit: .max).amounts
    amounts += trial.sweep(.supersededTexts, limit: .max).amounts
    return (amounts, trial.head.historyFloor)
  }

  func addRetentionProblems(_ found: inout ProblemCollector) {
    for (id, document) in state.documents {
      let editions = Set(document.stored.editions.map(\.version))
      for (version, isPending) in document.stored.collected {
        let isCurrent = document.record.state == .live && version == document.record.version
        if isCurrent || version < 1 || version > document.versions.count {
          found.add(
            "collection_altered",
            document: id,
            version: version,
            "Version \(version) is marked as collected, and cannot have been."
          )
        }
        if !isPending, editions.contains(version) {
          found.add(
            "collection_altered",
            document: id,
            version: version,
            "Version \(version) is marked as collected, and has an edition."
          )
        }
      }
    }
  }
}

extension MemoryState {
  /// The passages of every chunk, open or closed, that is kept.
  var passagesOfChunks: Set<PassageID> {
    documents.values.reduce(into: []) { $0.formUnion($1.stored.chunks.map(\.passage)) }
  }
}

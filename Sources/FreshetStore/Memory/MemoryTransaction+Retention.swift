import FreshetModel

extension MemoryTransaction {
  func collect(versions: [Int], of document: DocumentID) throws -> Int {
    guard var stored = state.documents[document] else {
      throw FreshetError(.storeFailed, "There is no document \(document).")
    }
    for version in versions {
      guard version >= 1, version <= stored.versions.count else {
        throw FreshetError(.storeFailed, "The document \(document) has no version \(version).")
      }
      guard stored.record.state == .deleted || version < stored.versions.count else {
        throw FreshetError(
          .storeFailed,
          "Version \(version) of the document \(document) is live and cannot be collected."
        )
      }
    }
    var marked = 0
    for version in versions where stored.stored.collected[version] == nil {
      stored.stored.collected[version] = true
      marked += 1
    }
    for edition in stored.stored.editions where stored.stored.collected[edition.version] == true {
      state.head.historyFloor = max(state.head.historyFloor, edition.to ?? 0)
    }
    state.documents[document] = stored
    return marked
  }

  func sweep(_ garbage: Garbage, limit: Int) -> SweptGarbage {
    var amounts = ReclaimedAmounts()
    switch garbage {
    case .collectedVersions:
      let pending = state.documents.values.flatMap { document in
        document.stored.collected.filter(\.value).map { (document: document.record.id, version: $0.key) }
      }
      for (document, version) in pending.sorted(by: { ($0.document, $0.version) < ($1.document, $1.version) }) {
        guard amounts.rows < limit else { return SweptGarbage(amounts: amounts, isDone: false) }
        remove(version, of: document, &amounts)
      }
    case .passages(let passages):
      let used = state.passagesOfChunks
      for passage in passages where !used.contains(passage) { remove(passage, &amounts) }
    case .retiredModels:
      for model in state.models where model.record.state == .retired {
        amounts.models += 1
        amounts.vectors += model.vectors.count
        amounts.bytes += Int64(model.vectors.count * model.record.description.dimension * 2)
      }
      state.models.removeAll { $0.record.state == .retired }
    case .supersededTexts: return sweepSupersededTexts(limit: limit)
    case .log(let sequence): return pruneLog(through: sequence, limit: limit)
    }
    return SweptGarbage(amounts: amounts, isDone: true)
  }

  private func remove(_ version: Int, of document: DocumentID, _ amounts: inout ReclaimedAmounts) {
    guard var stored = state.documents[document] else { return }
    let lastEdition = stored.stored.editions.last?.from
    let gone = stored.stored.remove(versions: [version])
    stored.stored.collected[version] = false
    // The last edition of a deleted document names it in listings.
    if let lastEdition, gone.editions.contains(where: { $0.from == lastEdition }) {
      stored.record.title = ""
      stored.record.metadata = [:]
      stored.record.editionState = .complete
      for index in stored.past.indices where stored.past[index].sequence > lastEdition {
        stored.past[index].record.title = ""
        stored.past[index].record.metadata = [:]
        stored.past[index].record.editionState = .complete
      }
    }
    stored.past.removeAll { $0.record.version == version && $0.record.state == .live }
    for edition in gone.editions {
      state.changedMetadata[edition.from] = nil
      state.vouched[edition.from] = nil
      let isDeleted = stored.versions.contains { $0.sequence == edition.to && $0.kind == .deleted }
      if let end = edition.to, isDeleted { state.changedMetadata[end] = nil }
    }
    state.documents[document] = stored
    amounts.versions += 1
    amounts.editions += gone.editions.count
    amounts.chunks += gone.chunks.count
    let used = gone.chunks.isEmpty ? [] : state.passagesOfChunks
    for passage in Set(gone.chunks.map(\.passage)) where !used.contains(passage) { remove(passage, &amounts) }
    for rendition in Set(gone.editions.map(\.rendition)) {
      let isUsed = state.documents.values.contains { $0.stored.editions.contains { $0.rendition == rendition } }
      guard !isUsed, let removed = state.renditions.removeValue(forKey: rendition) else { continue }
      amounts.renditions += 1
      amounts.bytes += Int64(removed.map.count + (removed.markdown?.data.count ?? 0))
    }
    let stub = stored.versions[version - 1]
    guard stub.kind != .deleted else { return }
    let isNeeded = state.documents.values.contains { other in
      other.versions.contains { candidate in
        candidate.contentHash == stub.contentHash && candidate.kind != .deleted
          && other.stored.collected[candidate.number] != false
      }
    }
    guard !isNeeded, let content = state.contents.removeValue(forKey: stub.contentHash) else { return }
    amounts.contents += 1
    amounts.bytes += Int64(content.data.count)
  }

  private func remove(_ passage: PassageID, _ amounts: inout ReclaimedAmounts) {
    guard let record = state.passage(passage)?.record else { return }
    amounts.passages += 1
    amounts.bytes += Int64(record.body.utf8.count)
    for index in state.models.indices {
      guard state.models[index].vectors.removeValue(forKey: passage) != nil else { continue }
      amounts.vectors += 1
      amounts.bytes += Int64(state.models[index].record.description.dimension * 2)
    }
    state.passageByKey[record.key] = nil
    state.passages[Int(passage - 1)].isCollected = true
    state.passages[Int(passage - 1)].record.heading = []
    state.passages[Int(passage - 1)].record.body = ""
  }
}

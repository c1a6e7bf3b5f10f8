import FreshetModel

extension MemoryTransaction {
  func pruneLog(through sequence: SequenceNumber, limit: Int) -> SweptGarbage {
    var amounts = ReclaimedAmounts()
    let anchor = head.anchor
    let last = min(sequence, head.sequence - 1)
    if last > anchor.sequence {
      let step = SequenceNumber(max(1, min(limit, ReclaimedAmounts.changesPerStep)))
      let next = min(last, anchor.sequence + step)
      let gone = Array(state.changes.prefix(Int(next - anchor.sequence)))
      for change in gone { vouch(for: change, through: next) }
      state.changes.removeFirst(gone.count)
      if let change = gone.last {
        state.head.anchor = LogAnchor(sequence: change.sequence, chain: change.chain, at: change.at)
      }
      state.head.historyFloor = max(state.head.historyFloor, next)
      amounts.changes = gone.count
      guard next == last else { return SweptGarbage(amounts: amounts, isDone: false) }
    }
    amounts.runs = min(prunedRuns(at: head.anchor), max(1, limit))
    state.runs.removeFirst(amounts.runs)
    return SweptGarbage(amounts: amounts, isDone: amounts.runs < max(1, limit))
  }

  /// Keeps what is needed of a row that goes, and forgets what it replaces.
  private func vouch(for change: ChangeRecord, through last: SequenceNumber) {
    guard let document = state.documents[change.document] else { return }
    func isFollowed(_ version: Int) -> Bool {
      document.versions.contains { $0.number == version + 1 && $0.sequence <= last }
    }
    for (sequence, kept) in state.vouched
    where kept.document == change.document && kept.isDeletion && isFollowed(kept.version) {
      state.vouched[sequence] = nil
    }
    let isDeletion = change.kind == .deleted
    let isNeeded =
      isDeletion ? !isFollowed(change.version) : document.stored.editions.contains { $0.from == change.sequence }
    guard isNeeded else { return }
    state.vouched[change.sequence] = MemoryState.Vouched(
      document: change.document,
      version: change.version,
      source: change.source,
      isDeletion: isDeletion
    )
  }
}

extension MemorySnapshot {
  func runsPruned(withLogThrough sequence: SequenceNumber) -> Int {
    var anchor = head.anchor
    let last = min(sequence, head.sequence - 1)
    if last > anchor.sequence, let change = changes(after: last - 1, limit: 1).first {
      anchor = LogAnchor(sequence: change.sequence, chain: change.chain, at: change.at)
    }
    return prunedRuns(at: anchor)
  }

  /// How many of the oldest runs have no change left.
  func prunedRuns(at anchor: LogAnchor) -> Int {
    guard anchor.sequence > 0 else { return 0 }
    let candidates = state.runs.dropLast(RunRecord.keptMin)
    let stays = candidates.indices.first { index in
      let run = state.runs[index]
      let end = run.lastSequence ?? state.runs[index + 1].firstSequence
      return (run.finishedAt ?? run.startedAt) >= anchor.at || end > anchor.sequence
    }
    return stays ?? candidates.count
  }
}

import FreshetModel

extension MemorySnapshot {
  func asOf(_ sequence: SequenceNumber) throws -> any StoreSnapshot {
    try PastRules.check(sequence, head: head)
    return sequence == head.sequence ? self : MemorySnapshot(state.past(at: sequence))
  }
}

extension MemoryState {
  /// The whole state as it was after a change, made again from what is remembered of each document.
  func past(at sequence: SequenceNumber) -> MemoryState {
    var past = self
    past.changes = changes.filter { $0.sequence <= sequence }
    past.head.sequence = sequence
    past.head.chain = past.changes.last?.chain ?? head.anchor.chain
    past.head.at = past.changes.last?.at ?? head.anchor.at
    past.runs = runs.filter { $0.firstSequence <= sequence }
    past.items = [:]
    past.failures = [:]
    let names = Set((past.changes.map(\.source) + vouched.values.map(\.source)).map { UTF8Text($0) })
    past.sources = (sources + removedSources).filter { names.contains(UTF8Text($0.name)) }
    past.removedSources = []
    past.documents = [:]
    past.live = [:]
    for index in past.passages.indices {
      past.passages[index].uses = 0
      past.passages[index].changedAt = 0
    }
    for (id, document) in documents {
      let states = document.past.filter { $0.sequence <= sequence }
      guard let last = states.last else { continue }
      var record = last.record
      record.itemPath = document.record.itemPath
      let versions = document.versions.filter { $0.sequence <= sequence }
      if states.count == document.past.count {
        // What was noted without a change is of the present.
        record.fileModified = document.record.fileModified
        record.metadata = document.record.metadata
      }
      past.documents[id] = Document(
        record: record,
        versions: versions,
        chunks: last.chunks,
        stored: document.stored.marks(upTo: versions.count),
        past: states
      )
      if record.state == .live { past.live[record.source, default: [:]][UTF8Text(record.origin)] = id }
      for chunk in last.chunks { past.passages[Int(chunk.passage - 1)].uses += 1 }
      var open: [ChunkID: PassageID] = [:]
      for state in states {
        let chunks = Dictionary(state.chunks.map { ($0.id, $0.passage) }, uniquingKeysWith: { first, _ in first })
        let moved =
          chunks.filter { open[$0.key] == nil }.map(\.value) + open.filter { chunks[$0.key] == nil }.map(\.value)
        for passage in moved {
          let changedAt = past.passages[Int(passage - 1)].changedAt
          past.passages[Int(passage - 1)].changedAt = max(changedAt, state.sequence)
        }
        open = chunks
      }
    }
    return past
  }
}

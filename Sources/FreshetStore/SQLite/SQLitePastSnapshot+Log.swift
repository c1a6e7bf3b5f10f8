import FreshetModel

extension SQLitePastSnapshot {
  func asOf(_ sequence: SequenceNumber) throws -> any StoreSnapshot {
    try PastRules.check(sequence, head: head)
    return sequence == head.sequence ? self : try SQLitePastSnapshot(present, at: sequence)
  }

  func changes(after sequence: SequenceNumber, limit: Int) throws -> [ChangeRecord] {
    let rest = head.sequence - max(0, sequence)
    guard rest > 0 else { return [] }
    return try present.changes(after: sequence, limit: min(limit, Int(clamping: rest)))
  }

  func chain(at sequence: SequenceNumber) throws -> ContentHash? {
    sequence <= head.sequence ? try present.chain(at: sequence) : nil
  }

  /// The last runs that began at this state or before it.
  func runs(limit: Int) throws -> [RunRecord] {
    Array(try present.runs(limit: .max).filter { $0.firstSequence <= head.sequence }.prefix(max(0, limit)))
  }

  func setting(_ name: String) throws -> String? { try present.setting(name) }

  // MARK: What has no history

  func items(of source: SourceID, after path: [UInt8]?, limit: Int) throws -> [ItemRecord] { [] }

  func item(of source: SourceID, at path: [UInt8]) throws -> ItemRecord? { nil }

  func recentDeletions(of source: String, since: Timestamp, after run: RunID?) throws -> Int { 0 }

  func failures(source: String?, itemPath: [UInt8]?) throws -> [FailureRecord] { [] }

  // MARK: Care

  func chunkCount() throws -> Int { try counts().chunks }

  func counts() throws -> CollectionCounts {
    var counts = CollectionCounts()
    let documents = try connection.rows(
      composed: """
        SELECT sum(v.kind <> 'deleted'), sum(v.kind = 'deleted'),
          sum(v.kind <> 'deleted' AND e.state = 'awaiting_vectors') \(Self.documentTables)
        """,
      [sequence]
    ) { (live: $0.int(0), deleted: $0.int(1), awaiting: $0.int(2)) }.first
    counts.documents = documents?.live ?? 0
    counts.deletedDocuments = documents?.deleted ?? 0
    counts.awaitingVectors = documents?.awaiting ?? 0
    counts.versions = try connection.count("SELECT count(*) FROM version WHERE sequence <= ?1", sequence)
    let differences = try differences()
    counts.chunks =
      try connection.count(
        "SELECT count(*) FROM chunk WHERE id < ?1 AND +to_sequence IS NULL",
        .integer(differences.firstLaterChunk)
      ) + differences.closed.count
    counts.passages = try members().count
    counts.keywordRows = counts.passages
    if let serving = try models().first(where: { $0.state == .serving }) {
      counts.vectors =
        try counts.passages
        - livePassagesWithoutVector(model: serving.id, after: -1, limit: .max).count
    }
    return counts
  }

  /// Those of the whole collection: the past is kept in the same rows.
  func problems(checkingContents contents: Bool) throws -> [IntegrityProblem] {
    try present.problems(checkingContents: contents)
  }
}

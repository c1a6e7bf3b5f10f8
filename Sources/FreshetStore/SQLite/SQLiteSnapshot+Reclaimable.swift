import FreshetModel

extension SQLiteSnapshot {
  func reclaimable(
    collecting versions: [(document: DocumentID, versions: [Int])],
    withoutChunks passages: Bool
  ) throws -> (amounts: ReclaimedAmounts, historyFloor: SequenceNumber) {
    var forecast = ReclaimForecast(snapshot: self)
    var going: [Int64: Set<Int>] = [:]
    for (id, numbers) in versions {
      guard let row = try row(of: id) else { continue }
      let collected = try collectedVersions(row: row)
      going[row, default: []].formUnion(numbers.filter { collected[$0] == nil })
    }
    let pending = try connection.rows("SELECT document, version FROM collected WHERE is_pending = 1") {
      (document: $0.integer(0), version: $0.int(1))
    }
    for (document, version) in pending { going[document, default: []].insert(version) }
    for (document, numbers) in going.sorted(by: { $0.key < $1.key }) where !numbers.isEmpty {
      try forecast.remove(numbers, of: document)
    }
    try forecast.finish(withoutChunks: passages)
    return (forecast.amounts, max(head.historyFloor, forecast.floor))
  }
}

/// Adds up what a removal of versions would take with it, by the same rules as the removal itself.
private struct ReclaimForecast {
  let snapshot: SQLiteSnapshot
  var amounts = ReclaimedAmounts()
  var floor: SequenceNumber = 0
  /// Chunks that go, by their passage.
  private var chunks: [PassageID: Int] = [:]
  /// Editions that go, by their rendition.
  private var editions: [Int64: Int] = [:]
  /// Versions that go, by their content.
  private var versions: [ContentHash: Int] = [:]

  init(snapshot: SQLiteSnapshot) {
    self.snapshot = snapshot
  }

  private var connection: Connection { snapshot.connection }

  mutating func remove(_ numbers: Set<Int>, of document: Int64) throws {
    let stubs = try connection.rows(
      "SELECT number, content_hash FROM version WHERE document = ?1 AND kind <> 'deleted'",
      .integer(document)
    ) { (number: $0.int(0), hash: try $0.hash(1)) }
    for stub in stubs where numbers.contains(stub.number) { versions[stub.hash, default: 0] += 1 }
    amounts.versions += numbers.count
    let all = try connection.rows(
      "SELECT from_sequence, version FROM edition WHERE document = ?1 ORDER BY from_sequence",
      .integer(document)
    ) { (from: $0.integer(0), version: $0.int(1)) }
    let kept = all.filter { !numbers.contains($0.version) }.map(\.from)
    var seen: Set<Int64> = []
    for number in numbers.sorted() {
      for edition in try snapshot.editions(ofVersion: number, document: document) {
        amounts.editions += 1
        amounts.bytes += edition.bytes
        editions[edition.rendition, default: 0] += 1
        floor = max(floor, edition.to ?? 0)
        for row in edition.chunkRows() where seen.insert(row).inserted {
          let chunk = try connection.row(
            """
            SELECT passage, from_sequence, to_sequence FROM chunk
            WHERE id = ?1 AND document = ?2 AND from_sequence <= ?3 AND to_sequence > ?3
            """,
            .integer(row),
            .integer(document),
            .integer(edition.from)
          ) { (passage: $0.integer(0), from: $0.integer(1), to: $0.integer(2)) }
          guard let chunk, !Self.holds(kept, from: chunk.from, to: chunk.to) else { continue }
          amounts.chunks += 1
          chunks[chunk.passage, default: 0] += 1
        }
      }
    }
  }

  /// Whether an ascending list has a number from `from` to before `to`.
  private static func holds(_ numbers: [SequenceNumber], from: SequenceNumber, to: SequenceNumber) -> Bool {
    var low = 0
    var high = numbers.count
    while low < high {
      let middle = (low + high) / 2
      if numbers[middle] < from { low = middle + 1 } else { high = middle }
    }
    return low < numbers.count && numbers[low] < to
  }

  mutating func finish(withoutChunks includesUnused: Bool) throws {
    let models = try snapshot.models()
    var passages = try chunks.filter { passage, going in
      try connection.count(
        """
        SELECT (SELECT count(*) FROM chunk WHERE passage = ?1 AND to_sequence IS NULL)
          + (SELECT count(*) FROM chunk WHERE passage = ?1 AND to_sequence IS NOT NULL)
        """,
        .integer(passage)
      ) == going
    }.map(\.key)
    if includesUnused { passages += try snapshot.passagesWithoutChunks(limit: .max) }
    for passage in passages {
      amounts.passages += 1
      amounts.bytes += try snapshot.passageBytes(passage) ?? 0
      for model in models where model.state != .retired {
        guard let bytes = try snapshot.vectorBytes(passage, model: model.id) else { continue }
        amounts.vectors += 1
        amounts.bytes += bytes
      }
    }
    for model in models where model.state == .retired {
      let table = SQLiteSnapshot.vectorTable(model.id)
      let all = try connection.rows(composed: "SELECT count(*), sum(length(value)) FROM \(table)", []) {
        (count: $0.int(0), bytes: $0.integer(1))
      }.first
      amounts.models += 1
      amounts.vectors += all?.count ?? 0
      amounts.bytes += all?.bytes ?? 0
    }
    var renditions: Set<Int64> = []
    for (rendition, going) in editions
    where try connection.count("SELECT count(*) FROM edition WHERE rendition = ?1", .integer(rendition)) == going {
      renditions.insert(rendition)
      amounts.renditions += 1
      amounts.bytes += try snapshot.renditionBytes(rendition) ?? 0
    }
    for rendition in try snapshot.supersededTexts(limit: .max) where !renditions.contains(rendition) {
      amounts.texts += 1
      amounts.bytes += try snapshot.renditionBytes(rendition) ?? 0
    }
    for (hash, going) in versions {
      let needed = try connection.count(
        """
        SELECT count(*) FROM version v WHERE v.content_hash = ?1 AND v.kind <> 'deleted'
          AND NOT EXISTS(SELECT 1 FROM collected c WHERE c.document = v.document AND c.version = v.number
            AND c.is_pending = 0)
        """,
        .hash(hash)
      )
      guard needed == going, let bytes = try snapshot.contentBytes(hash) else { continue }
      amounts.contents += 1
      amounts.bytes += bytes
    }
  }
}

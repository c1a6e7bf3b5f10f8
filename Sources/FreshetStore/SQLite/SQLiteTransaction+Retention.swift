import CSQLite
import FreshetModel

/// Removal of what no kept version needs, in steps of bounded size.
///
/// Order, so that every state between two steps holds together: a version is marked (and the history floor raised) in one
/// step; in later ones its editions go one by one, each after the chunks that no other edition has, with their passages
/// and vectors; then its rendition and content, when nothing else has them; last the mark says that nothing is pending.
/// What a mark stands for is never read again, so it may be there in part.
extension SQLiteTransaction {
  func collect(versions: [Int], of document: DocumentID) throws -> Int {
    let found = try connection.row(
      "SELECT id, version, is_live FROM document WHERE uuid = ?1",
      .id(document)
    ) { (row: $0.integer(0), versions: $0.int(1), isLive: $0.integer(2) != 0) }
    guard let found else { throw refusal("There is no document \(document).") }
    for version in versions {
      guard version >= 1, version <= found.versions else {
        throw refusal("The document \(document) has no version \(version).")
      }
      guard !found.isLive || version < found.versions else {
        throw refusal("Version \(version) of the document \(document) is live and cannot be collected.")
      }
    }
    return try writing {
      var marked = 0
      for version in versions {
        try connection.run(
          "INSERT INTO collected(document, version, at, is_pending) VALUES(?1, ?2, ?3, 1) ON CONFLICT DO NOTHING",
          .integer(found.row),
          .int(version),
          .integer(now.nanoseconds)
        )
        guard connection.changedRows == 1 else { continue }
        marked += 1
        try noteSealed(.collected, where: "document = ?1 AND version = ?2", .integer(found.row), .int(version))
      }
      let floor = try connection.count(
        """
        SELECT max(e.to_sequence) FROM edition e
          JOIN collected c ON c.document = e.document AND c.version = e.version
        WHERE e.document = ?1 AND c.is_pending = 1
        """,
        .integer(found.row)
      )
      if SequenceNumber(floor) > head.historyFloor {
        head.historyFloor = SequenceNumber(floor)
        try connection.run("UPDATE head SET history_floor = ?1 WHERE id = 1", .integer(head.historyFloor))
      }
      return marked
    }
  }

  func sweep(_ garbage: Garbage, limit: Int) throws -> SweptGarbage {
    try writing {
      // A passage's row is referred to by chunks, for which SQLite would look through all of them; each is looked up here.
      _ = freshet_sqlite_configure(connection.handle, SQLITE_DBCONFIG_ENABLE_FKEY, 0)
      defer { _ = freshet_sqlite_configure(connection.handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1) }
      switch garbage {
      case .collectedVersions:
        var sweep = VersionSweep(transaction: self, models: try models().map(\.id), limit: limit)
        let isDone = try sweep.run()
        return SweptGarbage(amounts: sweep.amounts, isDone: isDone)
      case .passages(let passages):
        var sweep = VersionSweep(transaction: self, models: try models().map(\.id), limit: limit)
        for passage in passages where try !hasChunk(passage) { try sweep.remove(passage: passage) }
        return SweptGarbage(amounts: sweep.amounts, isDone: true)
      case .retiredModels: return try sweepRetiredModels(limit: limit)
      case .supersededTexts: return try sweepSupersededTexts(limit: limit)
      case .log(let sequence): return try pruneLog(through: sequence, limit: limit)
      }
    }
  }

  private func sweepRetiredModels(limit: Int) throws -> SweptGarbage {
    var amounts = ReclaimedAmounts()
    for model in try models() where model.state == .retired {
      let table = Self.vectorTable(model.id)
      let rest = max(1, limit - amounts.rows)
      let last = try connection.rows(
        composed: "SELECT max(passage), count(*), sum(size) FROM (SELECT passage, length(value) AS size FROM \(table) "
          + "ORDER BY passage LIMIT ?1)",
        [.int(rest)]
      ) { (passage: $0.integer(0), count: $0.int(1), bytes: $0.integer(2)) }.first
      guard let last else { continue }
      amounts.vectors += last.count
      amounts.bytes += last.bytes
      if last.count == rest {
        try noteUnsealed(.vectors(model.id), where: "passage <= ?1", .integer(last.passage))
        _ = try connection.rows(composed: "DELETE FROM \(table) WHERE passage <= ?1", [.integer(last.passage)]) { _ in }
        return SweptGarbage(amounts: amounts, isDone: false)
      }
      try removeModel(model.id)
      amounts.models += 1
    }
    return SweptGarbage(amounts: amounts, isDone: true)
  }
}

/// One step over what marked versions needed.
private struct VersionSweep {
  /// So many chunks that are looked at count for a row: each costs a fraction of a removal.
  private static let looksPerRow = 8

  let transaction: SQLiteTransaction
  let models: [ModelID]
  let limit: Int
  var amounts = ReclaimedAmounts()
  private var looks = 0

  init(transaction: SQLiteTransaction, models: [ModelID], limit: Int) {
    self.transaction = transaction
    self.models = models
    self.limit = limit
  }

  private var connection: Connection { transaction.connection }
  private var isFull: Bool { amounts.rows + looks / Self.looksPerRow >= limit }

  /// Goes through pending versions until the limit; whether none is left.
  mutating func run() throws -> Bool {
    while true {
      let next = try connection.row(
        """
        SELECT c.document, c.version, v.content_hash, v.kind = 'deleted' FROM collected c
          JOIN version v ON v.document = c.document AND v.number = c.version
        WHERE c.is_pending = 1 ORDER BY c.document, c.version LIMIT 1
        """
      ) { (document: $0.integer(0), version: $0.int(1), content: try $0.hash(2), isDeletion: $0.integer(3) != 0) }
      guard let next else { return true }
      guard !isFull else { return false }
      for edition in try transaction.editions(ofVersion: next.version, document: next.document) {
        guard try remove(edition, of: next.document) else { return false }
      }
      if !next.isDeletion { try removeContent(next.content, of: next.document, version: next.version) }
      let mark = "document = ?1 AND version = ?2"
      try transaction.noteUnsealed(.collected, where: mark, .integer(next.document), .int(next.version))
      try connection.run(
        "UPDATE collected SET is_pending = 0 WHERE document = ?1 AND version = ?2",
        .integer(next.document),
        .int(next.version)
      )
      try transaction.noteSealed(.collected, where: mark, .integer(next.document), .int(next.version))
      amounts.versions += 1
    }
  }

  /// Removes an edition after the chunks that are its alone; whether the limit allowed it to be done.
  private mutating func remove(_ edition: SQLiteSnapshot.StoredEdition, of document: Int64) throws -> Bool {
    guard let placed = Layout.decode(edition.layout) else {
      throw connection.damage("the layout of an edition is malformed")
    }
    for chunk in placed {
      // Only removals end a step within an edition, or the next one would begin where this one did.
      guard amounts.rows < limit else { return false }
      looks += 1
      try removeChunk(chunk.row, after: edition, of: document)
    }
    // Rows get numbers again that were free.
    try connection.run(
      "UPDATE document SET edition = NULL WHERE id = ?1 AND edition = ?2",
      .integer(document),
      .integer(edition.row)
    )
    try connection.run("DELETE FROM edition WHERE id = ?1", .integer(edition.row))
    try transaction.forgetVouched(edition.from)
    amounts.editions += 1
    amounts.bytes += edition.bytes
    let isUsed = try connection.count(
      "SELECT EXISTS(SELECT 1 FROM edition WHERE rendition = ?1)",
      .integer(edition.rendition)
    )
    if isUsed == 0, let bytes = try transaction.renditionBytes(edition.rendition) {
      try transaction.noteUnsealed(.renditions, where: "id = ?1", .integer(edition.rendition))
      try connection.run("DELETE FROM rendition WHERE id = ?1", .integer(edition.rendition))
      amounts.renditions += 1
      amounts.bytes += bytes
    }
    return true
  }

  /// A chunk spans the editions from the one that opened it to the one that closed it: it goes with the last of them.
  private mutating func removeChunk(
    _ row: Int64,
    after edition: SQLiteSnapshot.StoredEdition,
    of document: Int64
  ) throws {
    // A row that was removed before may have its number taken by another chunk.
    let chunk = try connection.row(
      """
      SELECT passage, from_sequence, to_sequence FROM chunk
      WHERE id = ?1 AND document = ?2 AND from_sequence <= ?3 AND to_sequence > ?3
      """,
      .integer(row),
      .integer(document),
      .integer(edition.from)
    ) { (passage: $0.integer(0), from: $0.integer(1), to: $0.integer(2)) }
    guard let chunk else { return }
    let others = try connection.count(
      """
      SELECT EXISTS(SELECT 1 FROM edition WHERE document = ?1 AND from_sequence >= ?2 AND from_sequence < ?3
        AND from_sequence <> ?4)
      """,
      .integer(document),
      .integer(chunk.from),
      .integer(chunk.to),
      .integer(edition.from)
    )
    guard others == 0 else { return }
    try connection.run("DELETE FROM chunk WHERE id = ?1", .integer(row))
    amounts.chunks += 1
    if try !transaction.hasChunk(chunk.passage) { try remove(passage: chunk.passage) }
  }

  /// Removes a passage with its vectors.
  mutating func remove(passage: PassageID) throws {
    guard let bytes = try transaction.passageBytes(passage) else { return }
    for model in models {
      guard let size = try transaction.vectorBytes(passage, model: model) else { continue }
      let table = SQLiteSnapshot.vectorTable(model)
      try transaction.noteUnsealed(.vectors(model), where: "passage = ?1", .integer(passage))
      _ = try connection.rows(composed: "DELETE FROM \(table) WHERE passage = ?1", [.integer(passage)]) { _ in }
      amounts.vectors += 1
      amounts.bytes += size
    }
    try transaction.noteUnsealed(.passages, where: "id = ?1", .integer(passage))
    try connection.run("DELETE FROM passage WHERE id = ?1", .integer(passage))
    amounts.passages += 1
    amounts.bytes += bytes
  }

  /// Removes a content that no other version has which is kept or still pending.
  private mutating func removeContent(_ hash: ContentHash, of document: Int64, version: Int) throws {
    // Pending versions are dealt with in ascending order, so the newest tell at once.
    let isUsed = try connection.row(
      """
      SELECT 1 FROM version v WHERE v.content_hash = ?1 AND v.kind <> 'deleted'
        AND NOT (v.document = ?2 AND v.number = ?3)
        AND NOT EXISTS(SELECT 1 FROM collected c WHERE c.document = v.document AND c.version = v.number
          AND c.is_pending = 0)
      ORDER BY v.document DESC, v.number DESC LIMIT 1
      """,
      .hash(hash),
      .integer(document),
      .int(version)
    ) { _ in true }
    guard isUsed == nil, let bytes = try transaction.contentBytes(hash) else { return }
    transaction.noteUnsealed(.contents, hash.seal)
    try connection.run("DELETE FROM content WHERE hash = ?1", .hash(hash))
    amounts.contents += 1
    amounts.bytes += bytes
  }
}

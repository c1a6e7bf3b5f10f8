import FreshetModel
import FreshetSystem

/// One committed state of a database, inside a transaction of its connection.
class SQLiteSnapshot: StoreSnapshot {
  let connection: Connection
  var head: Head
  /// What earlier searches kept; none for what is not committed yet.
  let caches: SearchCaches?
  /// The documents of the filter that was evaluated last.
  var lastFilter: (filter: Filter, documents: PassageSet)?

  /// Reads the head, which fixes the state that everything else is read at.
  init(_ connection: Connection, caches: SearchCaches? = nil) throws {
    self.connection = connection
    self.caches = caches
    let head = try connection.row(
      """
      SELECT h.collection, h.epoch, h.sequence, h.chain, h.at, h.history_floor, a.sequence, a.chain, a.at
      FROM head h LEFT JOIN anchor a ON a.id = h.id WHERE h.id = 1
      """
    ) { row -> Head? in
      guard let collection = try? row.identifier(0, as: CollectionID.self),
        let epoch = try? row.identifier(1, as: CollectionID.self), let chain = try? row.hash(3)
      else { return nil }
      // An anchor that cannot be read is no reason to refuse everything: the check of the log names it.
      let anchor = row.isNull(6) ? nil : (try? row.hash(7)) ?? .zero
      return Head(
        collection: collection,
        epoch: epoch,
        sequence: row.integer(2),
        chain: chain,
        at: row.timestamp(4),
        historyFloor: row.integer(5),
        anchor: anchor.map { LogAnchor(sequence: row.integer(6), chain: $0, at: row.timestamp(8)) } ?? .beginning
      )
    }
    guard let head = head ?? nil else {
      throw connection.damage(head == nil ? "the head is missing" : "the head is not what was written")
    }
    self.head = head
  }

  /// Called before the keyword index is read; a transaction brings it in step with its own changes first.
  func prepareKeywordSearch() throws {}

  /// Called before everything is checked; a transaction writes down first what it keeps until its end.
  func prepareChecks() throws {}

  // MARK: Sources and items

  func sources() throws -> [SourceRecord] {
    try connection.rows(
      """
      SELECT id, name, location, configuration, root_identity, pipeline FROM source WHERE is_removed = 0 ORDER BY name
      """
    ) { row in
      SourceRecord(
        id: row.integer(0),
        name: row.text(1),
        location: row.text(2),
        configuration: row.text(3),
        rootIdentity: row.text(4),
        pipeline: row.text(5)
      )
    }
  }

  func items(of source: SourceID, after path: [UInt8]?, limit: Int) throws -> [ItemRecord] {
    let statement = try connection.statement(
      """
      SELECT path, device, inode, size, modified, changed, is_racy, hash, documents FROM item
      WHERE source = ?1 AND path > ?2 ORDER BY path LIMIT ?3
      """
    )
    let first = try connection.statement(
      """
      SELECT path, device, inode, size, modified, changed, is_racy, hash, documents FROM item
      WHERE source = ?1 ORDER BY path LIMIT ?3
      """
    )
    let chosen = path == nil ? first : statement
    defer { chosen.reset() }
    chosen.bind(1, source)
    if let path { chosen.bind(2, path) }
    chosen.bind(3, Int64(max(0, limit)))
    var items: [ItemRecord] = []
    while try chosen.step() { items.append(try Self.item(chosen)) }
    return items
  }

  func item(of source: SourceID, at path: [UInt8]) throws -> ItemRecord? {
    try connection.row(
      """
      SELECT path, device, inode, size, modified, changed, is_racy, hash, documents FROM item WHERE source = ?1 AND path = ?2
      """,
      .integer(source),
      .blob(path),
      row: Self.item
    )
  }

  private static func item(_ row: Statement) throws -> ItemRecord {
    ItemRecord(
      path: row.bytes(0),
      fingerprint: ItemFingerprint(
        device: UInt64(bitPattern: row.integer(1)),
        inode: UInt64(bitPattern: row.integer(2)),
        size: row.integer(3),
        modified: row.integer(4),
        changed: row.integer(5)
      ),
      isRacy: row.integer(6) != 0,
      hash: try row.hash(7),
      documents: row.int(8)
    )
  }

  /// A document's row number.
  func row(of document: DocumentID) throws -> Int64? {
    try connection.row("SELECT id FROM document WHERE uuid = ?1", .id(document)) { $0.integer(0) }
  }
}

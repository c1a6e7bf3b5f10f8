import FreshetModel
import FreshetSystem

extension SQLiteSnapshot {
  func content(_ hash: ContentHash) throws -> [UInt8]? {
    try connection.row("SELECT codec, data FROM content WHERE hash = ?1", .hash(hash)) { row in
      try storedBytes(row, codec: 0, data: 1).decompressed()
    }
  }

  func storedBytes(_ row: Statement, codec: Int32, data: Int32) throws -> StoredBytes {
    guard let known = UInt8(exactly: row.integer(codec)).flatMap({ StoredBytes.Codec(rawValue: $0) }) else {
      throw connection.damage("bytes are coded in an unknown way")
    }
    return StoredBytes(codec: known, data: row.bytes(data))
  }

  func rendition(of content: ContentHash, parser: String) throws -> Rendition? {
    struct Row {
      var title: String?
      var metadata: Metadata
      var map: [UInt8]
      var markdown: StoredBytes?
    }
    let found = try connection.row(
      """
      SELECT title, metadata, map, codec, markdown FROM rendition
      WHERE content_hash = ?1 AND parser = ?2 AND is_withdrawn = 0
      """,
      .hash(content),
      .text(parser)
    ) { row in
      Row(
        title: row.optionalText(0),
        metadata: try metadata(row, 1),
        map: row.bytes(2),
        markdown: row.isNull(3) ? nil : try storedBytes(row, codec: 3, data: 4)
      )
    }
    guard let found else { return nil }
    guard let blocks = [Block](encoded: found.map) else { throw connection.damage("a block map is malformed") }
    // Markdown that equals its content is kept once, as the content.
    guard let markdown = try found.markdown?.decompressed() ?? self.content(content) else {
      throw connection.damage("the text of a rendition is missing")
    }
    return Rendition(markdown: markdown, blocks: blocks, title: found.title, metadata: found.metadata)
  }

  // MARK: Chunks

  /// The open edition's layout; empty when there is none.
  func openLayout(of document: Int64) throws -> [PlacedChunk] {
    let bytes = try connection.row(
      "SELECT layout FROM edition WHERE document = ?1 AND to_sequence IS NULL",
      .integer(document)
    ) { $0.bytes(0) }
    guard let bytes else { return [] }
    guard let chunks = Layout.decode(bytes) else { throw connection.damage("the layout of an edition is malformed") }
    return chunks
  }

  func chunks(of document: DocumentID) throws -> [ChunkRecord] {
    guard let row = try row(of: document) else { return [] }
    return try openLayout(of: row).map { placed in try chunk(placed) }
  }

  func chunk(_ placed: PlacedChunk) throws -> ChunkRecord {
    let statement = try connection.statement("SELECT uuid, passage FROM chunk WHERE id = ?1")
    defer { statement.reset() }
    statement.bind(1, placed.row)
    guard try statement.step() else { throw connection.damage("a chunk of a layout is missing") }
    return ChunkRecord(
      id: try statement.identifier(0),
      passage: statement.integer(1),
      start: placed.start,
      end: placed.end,
      page: placed.page
    )
  }

  // MARK: Passages

  func passages(keys: [ContentHash]) throws -> [ContentHash: PassageID] {
    let statement = try connection.statement("SELECT id FROM passage WHERE key = ?1")
    var found: [ContentHash: PassageID] = [:]
    for key in keys {
      defer { statement.reset() }
      statement.bind(1, key)
      if try statement.step() { found[key] = statement.integer(0) }
    }
    return found
  }

  func passages(_ ids: [PassageID]) throws -> [PassageRecord] {
    let statement = try connection.statement("SELECT id, key, heading, body, tokens FROM passage WHERE id = ?1")
    var records: [PassageRecord] = []
    records.reserveCapacity(ids.count)
    for id in ids {
      defer { statement.reset() }
      statement.bind(1, id)
      guard try statement.step() else { continue }
      records.append(
        PassageRecord(
          id: statement.integer(0),
          key: try statement.hash(1),
          heading: HeadingText.decode(statement.text(2)),
          body: statement.text(3),
          tokens: statement.int(4)
        )
      )
    }
    return records
  }

  /// The row number from which on chunks were opened after a change: chunks are appended as their changes are, so that the
  /// row number orders them by the sequence that opened them.
  func firstChunk(after sequence: SequenceNumber) throws -> Int64 {
    var low: Int64 = 1
    var high = Int64(try connection.count("SELECT max(id) FROM chunk")) + 1
    let probe = try connection.statement(
      "SELECT id, from_sequence FROM chunk WHERE id >= ?1 ORDER BY id LIMIT 1"
    )
    while low < high {
      let middle = low + (high - low) / 2
      defer { probe.reset() }
      probe.bind(1, middle)
      if try probe.step(), probe.integer(1) <= sequence { low = probe.integer(0) + 1 } else { high = middle }
    }
    return low
  }

  func passagesChanged(after sequence: SequenceNumber) throws -> (live: [PassageID], gone: [PassageID]) {
    guard sequence < head.sequence else { return ([], []) }
    let low = try firstChunk(after: sequence)
    let rows = try connection.rows(
      """
      SELECT passage, EXISTS(SELECT 1 FROM chunk c WHERE c.passage = changed.passage AND c.to_sequence IS NULL) FROM (
        SELECT passage FROM chunk WHERE id >= ?1
        UNION SELECT passage FROM chunk WHERE to_sequence > ?2
        -- Vectors that were awaited came without a chunk opening or closing.
        UNION SELECT chunk.passage FROM change JOIN chunk ON chunk.document = change.document
          WHERE change.sequence > ?2 AND change.kind = 'embedded' AND chunk.to_sequence IS NULL) AS changed
      ORDER BY passage
      """,
      .integer(low),
      .integer(sequence)
    ) { (passage: $0.integer(0), isLive: $0.integer(1) != 0) }
    return (rows.filter(\.isLive).map(\.passage), rows.filter { !$0.isLive }.map(\.passage))
  }
}

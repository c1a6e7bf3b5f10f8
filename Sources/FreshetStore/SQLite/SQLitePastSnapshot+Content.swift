import FreshetModel

/// Contents, renditions and passages never change; what stood where does.
extension SQLitePastSnapshot {
  func content(_ hash: ContentHash) throws -> [UInt8]? { try present.content(hash) }

  func rendition(of content: ContentHash, parser: String) throws -> Rendition? {
    try present.rendition(of: content, parser: parser)
  }

  func passages(keys: [ContentHash]) throws -> [ContentHash: PassageID] { try present.passages(keys: keys) }

  func passages(_ ids: [PassageID]) throws -> [PassageRecord] { try present.passages(ids) }

  // MARK: Chunks

  /// The layout of the edition that was open; empty when there was none.
  private func layout(of document: Int64) throws -> [PlacedChunk] {
    let bytes = try connection.row(
      """
      SELECT layout FROM edition WHERE document = ?1 AND from_sequence <= ?2 AND (to_sequence IS NULL OR to_sequence > ?2)
      ORDER BY from_sequence DESC LIMIT 1
      """,
      .integer(document),
      sequence
    ) { $0.bytes(0) }
    guard let bytes else { return [] }
    guard let chunks = Layout.decode(bytes) else { throw connection.damage("the layout of an edition is malformed") }
    return chunks
  }

  func chunks(of document: DocumentID) throws -> [ChunkRecord] {
    guard let row = try present.row(of: document) else { return [] }
    return try layout(of: row).map { try present.chunk($0) }
  }

  func occurrences(of passages: [PassageID], filter: Filter?) throws -> [PassageID: [Occurrence]] {
    let allowed = try filter.map { try liveDocuments(matching: $0) }
    let differences = try differences()
    return try present.gatherOccurrences(of: passages, allowed: allowed) { passage in
      try openChunks(of: passage, before: differences.firstLaterChunk) + differences.closed(of: passage)
    } places: {
      try places(of: $0)
    }
  }

  private func openChunks(of passage: PassageID, before limit: Int64) throws -> [PassageChunk] {
    let statement = try connection.statement(
      "SELECT id, document FROM chunk WHERE passage = ?1 AND to_sequence IS NULL AND +id < ?2"
    )
    defer { statement.reset() }
    statement.bind(1, passage)
    statement.bind(2, limit)
    var rows: [PassageChunk] = []
    while try statement.step() {
      rows.append(PassageChunk(passage: passage, chunk: statement.integer(0), document: statement.integer(1)))
    }
    return rows
  }

  private func places(of document: Int64) throws -> DocumentPlaces {
    let layout = try layout(of: document)
    let found = try connection.row(
      """
      SELECT d.uuid, coalesce(c.source, w.source), v.origin FROM document d JOIN version v ON v.document = d.id
        LEFT JOIN change c ON c.sequence = v.sequence LEFT JOIN vouched w ON w.sequence = v.sequence
      WHERE d.id = ?1 AND v.sequence <= ?2 ORDER BY v.number DESC LIMIT 1
      """,
      .integer(document),
      sequence
    ) { row in
      DocumentPlaces(
        id: try row.identifier(0),
        source: row.text(1),
        origin: row.text(2),
        chunks: Dictionary(layout.map { ($0.row, $0) }, uniquingKeysWith: { first, _ in first })
      )
    }
    guard let found else { throw connection.damage("the document of a chunk is missing") }
    return found
  }

  // MARK: Passages of documents

  /// Up to this share of the live documents (one in …), each is looked up; above it, one pass over the chunks is cheaper.
  private static let documentsProbedShare = 4

  func passages(matching filter: Filter) throws -> PassageSet {
    let documents = try liveDocuments(matching: filter)
    guard documents.count > 0 else { return PassageSet() }
    let cache = present.caches?.past
    if let kept = cache?.filter(at: head, present: present.head), kept.filter.isIdentical(to: filter),
      let passages = kept.passages
    {
      return passages
    }
    let differences = try differences()
    var passages = PassageSet()
    let live = try connection.count("SELECT count(*) FROM document WHERE is_live = 1")
    if documents.count > live / Self.documentsProbedShare {
      let all = try connection.statement(
        "SELECT document, passage FROM chunk WHERE id < ?1 AND +to_sequence IS NULL"
      )
      defer { all.reset() }
      all.bind(1, differences.firstLaterChunk)
      while try all.step() { if documents.contains(all.integer(0)) { passages.insert(all.integer(1)) } }
    } else {
      let own = try connection.statement(
        "SELECT passage FROM chunk WHERE document = ?1 AND to_sequence IS NULL AND +id < ?2"
      )
      for document in documents.members {
        defer { own.reset() }
        own.bind(1, document)
        own.bind(2, differences.firstLaterChunk)
        while try own.step() { passages.insert(own.integer(0)) }
      }
    }
    for chunk in differences.closed where documents.contains(chunk.document) { passages.insert(chunk.passage) }
    cache?.keep(
      PastCache.PastFilter(filter: filter, documents: documents, passages: passages),
      at: head,
      present: present.head
    )
    return passages
  }

  func passagesChanged(after sequence: SequenceNumber) throws -> (live: [PassageID], gone: [PassageID]) {
    guard sequence < head.sequence else { return ([], []) }
    let opened = try connection.rows(
      "SELECT passage FROM chunk WHERE id >= ?1 AND id < ?2",
      .integer(present.firstChunk(after: sequence)),
      .integer(differences().firstLaterChunk)
    ) { $0.integer(0) }
    let closed = try connection.rows(
      "SELECT passage FROM chunk WHERE to_sequence > ?1 AND to_sequence <= ?2",
      .integer(sequence),
      self.sequence
    ) { $0.integer(0) }
    // Vectors that were awaited came without a chunk opening or closing.
    let embedded = try connection.rows(
      "SELECT DISTINCT document FROM change WHERE sequence > ?1 AND sequence <= ?2 AND kind = 'embedded'",
      .integer(sequence),
      self.sequence
    ) { $0.integer(0) }
    let awaited = try embedded.flatMap { try layout(of: $0).map { try present.chunk($0).passage } }
    let changed = PassageSet(opened + closed + awaited)
    var live = changed
    live.formIntersection(try members())
    return (live.members, changed.subtracting(live).members)
  }

  // MARK: Vectors

  func models() throws -> [ModelRecord] { try present.models() }

  func passagesWithVector(_ passages: [PassageID], model: ModelID) throws -> Set<PassageID> {
    try present.passagesWithVector(passages, model: model)
  }

  func vectors(of passages: [PassageID], model: ModelID) throws -> VectorPage {
    try present.vectors(of: passages, model: model)
  }

  func liveVectors(model: ModelID, after passage: PassageID, limit: Int) throws -> VectorPage {
    var page = VectorPage(passages: [], dimension: try present.dimension(of: model), halves: [])
    guard limit > 0 else { return page }
    let members = try members()
    page.halves.reserveCapacity(min(limit, members.count) * page.dimension)
    let statement = try connection.statement(
      composed: "SELECT passage, value FROM \(SQLiteSnapshot.vectorTable(model)) WHERE passage > ?1 ORDER BY passage"
    )
    defer { statement.reset() }
    statement.bind(1, passage)
    while page.count < limit, try statement.step() {
      if members.contains(statement.integer(0)) { try present.append(statement, to: &page) }
    }
    return page
  }

  func livePassagesWithoutVector(model: ModelID, after passage: PassageID, limit: Int) throws -> [PassageID] {
    _ = try present.dimension(of: model)
    guard limit > 0 else { return [] }
    let statement = try connection.statement(
      composed: "SELECT passage FROM \(SQLiteSnapshot.vectorTable(model)) WHERE passage > ?1 ORDER BY passage"
    )
    defer { statement.reset() }
    statement.bind(1, passage)
    var missing: [PassageID] = []
    var next = try statement.step() ? statement.integer(0) : PassageID.max
    for member in try members().members where member > passage {
      while next < member { next = try statement.step() ? statement.integer(0) : PassageID.max }
      if next == member { continue }
      missing.append(member)
      if missing.count == limit { break }
    }
    return missing
  }
}

import FreshetModel
import FreshetSystem

extension SQLiteSnapshot {
  private struct DocumentRow {
    var row: Int64
    var id: DocumentID
    var origin: String
    var isLive: Bool
    var version: Int
    var contentHash: ContentHash
    var edition: Int64?
    var createdAt: Timestamp
    var source: String
    /// When the file was changed, where that is noted beside the version.
    var fileModified: Timestamp?
  }

  private struct EditionRow {
    var row: Int64
    var version: Int
    var from: SequenceNumber
    var to: SequenceNumber?
    var origin: String
    var title: String
    var metadata: Metadata
    var pipeline: String
    var parser: String
    var contentHash: ContentHash
    var state: EditionState
    var chunkCount: Int
    var layout: [UInt8]
    var scope: String
  }

  func checkDocuments(_ found: inout ProblemCollector) throws {
    let documents = try connection.rows(
      """
      SELECT d.id, d.uuid, d.origin, d.is_live, d.version, d.content_hash, d.edition, d.created_at, s.name,
        d.file_modified
      FROM document d JOIN source s ON s.id = d.source ORDER BY d.id
      """
    ) { row in
      DocumentRow(
        row: row.integer(0),
        id: try row.identifier(1),
        origin: row.text(2),
        isLive: row.integer(3) != 0,
        version: row.int(4),
        contentHash: try row.hash(5),
        edition: row.isNull(6) ? nil : row.integer(6),
        createdAt: row.timestamp(7),
        source: row.text(8),
        fileModified: row.isNull(9) ? nil : row.timestamp(9)
      )
    }
    var fieldCount = 0
    for document in documents {
      try found.check { found in
        let versions = try checkVersions(of: document, &found)
        let editions = try editions(of: document.row)
        try checkEditions(editions, of: document, deletions: versions.filter { $0.kind == .deleted }, &found)
        try checkChunks(of: document, in: editions, &found)
        if let last = versions.last { fieldCount += try checkFields(of: document, editions.last, last, &found) }
      }
    }
    let stored = try connection.count("SELECT count(*) FROM field")
    if stored != fieldCount {
      found.add("field_index", "The index of fields has \(stored) rows; the live documents make \(fieldCount).")
    }
  }

  // MARK: Versions

  private func checkVersions(
    of document: DocumentRow,
    _ found: inout ProblemCollector
  ) throws -> [VersionRecord] {
    func problem(_ code: String, _ version: Int?, _ message: String) {
      found.add(code, document: document.id, version: version, "'\(document.origin)': \(message)")
    }
    let versions = try versions(of: document.id)
    var chain = ContentHash.zero
    for (index, version) in versions.enumerated() {
      if version.number != index + 1 {
        problem("version_gap", version.number, "version \(version.number) stands where \(index + 1) is expected.")
      }
      chain = SHA256.link(chain, version.canonicalBytes)
      if chain != version.chain {
        problem("chain_broken", version.number, "version \(version.number) is not what was written.")
        chain = version.chain
      }
      let logged = try changes(after: version.sequence - 1, limit: 1).first
      let fits =
        logged?.sequence == version.sequence && logged?.document == document.id && logged?.version == version.number
        && logged?.kind == version.kind && logged?.contentHash == version.contentHash && logged?.at == version.at
      if !fits {
        problem("version_unlogged", version.number, "the log does not have version \(version.number).")
      }
    }
    guard let first = versions.first, let last = versions.last else {
      problem("version_gap", nil, "the document has no version.")
      return []
    }
    let agrees =
      last.number == document.version && last.contentHash == document.contentHash
      && document.isLive == (last.kind != .deleted) && last.origin.utf8.elementsEqual(document.origin.utf8)
      && first.at == document.createdAt && (document.isLive || document.fileModified == nil)
    if !agrees {
      problem("document_altered", last.number, "the document does not agree with its versions.")
    }
    let logged = try changes(after: last.sequence - 1, limit: 1).first
    if let logged, logged.source != document.source {
      problem("document_altered", last.number, "the document stands in another source than the log says.")
    }
    return versions
  }

  // MARK: Editions

  private func editions(of document: Int64) throws -> [EditionRow] {
    try connection.rows(
      """
      SELECT e.id, e.version, e.from_sequence, e.to_sequence, e.origin, e.title, e.metadata, e.pipeline, r.parser,
        r.content_hash, e.state, e.chunk_count, e.layout, e.scope
      FROM edition e JOIN rendition r ON r.id = e.rendition WHERE e.document = ?1 ORDER BY e.from_sequence
      """,
      .integer(document)
    ) { row in
      EditionRow(
        row: row.integer(0),
        version: row.int(1),
        from: row.integer(2),
        to: row.isNull(3) ? nil : row.integer(3),
        origin: row.text(4),
        title: row.text(5),
        metadata: try metadata(row, 6),
        pipeline: row.text(7),
        parser: row.text(8),
        contentHash: try row.hash(9),
        state: try row.choice(10),
        chunkCount: row.int(11),
        layout: row.bytes(12),
        scope: row.text(13)
      )
    }
  }

  private func checkEditions(
    _ editions: [EditionRow],
    of document: DocumentRow,
    deletions: [VersionRecord],
    _ found: inout ProblemCollector
  ) throws {
    func problem(_ code: String, _ version: Int?, _ message: String) {
      found.add(code, document: document.id, version: version, "'\(document.origin)': \(message)")
    }
    for (index, edition) in editions.enumerated() {
      guard let logged = try changes(after: edition.from - 1, limit: 1).first, logged.sequence == edition.from,
        logged.document == document.id
      else {
        problem("edition_unlogged", edition.version, "the log does not have the edition of change \(edition.from).")
        continue
      }
      let digest = try digest(of: edition)
      let fits =
        logged.edition == digest && logged.version == edition.version && logged.contentHash == edition.contentHash
        && edition.scope == Scope.everything.name
      if !fits {
        problem("edition_altered", edition.version, "the edition of change \(edition.from) is not what was written.")
      }
      let next = index + 1 < editions.count ? editions[index + 1].from : nil
      let deletion = deletions.first { $0.sequence > edition.from && $0.sequence <= next ?? .max }
      if edition.to != deletion?.sequence ?? next {
        problem("edition_altered", edition.version, "the edition of change \(edition.from) ends at another change.")
      }
    }
    if document.isLive != (editions.last.map { $0.to == nil } ?? false) || document.edition != editions.last?.row {
      problem("document_altered", document.version, "the document does not agree with its editions.")
    }
  }

  private func digest(of edition: EditionRow) throws -> ContentHash? {
    guard let layout = Layout.decode(edition.layout), layout.count == edition.chunkCount else { return nil }
    let find = try connection.statement(
      "SELECT c.uuid, c.passage, p.key FROM chunk c JOIN passage p ON p.id = c.passage WHERE c.id = ?1"
    )
    var chunks: [(chunk: ChunkRecord, key: ContentHash)] = []
    for placed in layout {
      find.bind(1, placed.row)
      defer { find.reset() }
      guard try find.step() else { return nil }
      let chunk = ChunkRecord(
        id: try find.identifier(0),
        passage: find.integer(1),
        start: placed.start,
        end: placed.end,
        page: placed.page
      )
      chunks.append((chunk, try find.hash(2)))
    }
    return SHA256.digest(
      of: EditionDigest.canonicalBytes(
        origin: edition.origin,
        title: edition.title,
        metadata: edition.metadata,
        pipeline: edition.pipeline,
        parser: edition.parser,
        state: edition.state,
        chunks: chunks
      )
    )
  }

  // MARK: Chunks

  /// A chunk is open exactly as long as the editions whose layouts have it.
  private func checkChunks(
    of document: DocumentRow,
    in editions: [EditionRow],
    _ found: inout ProblemCollector
  ) throws {
    var expected: [Int64: (from: SequenceNumber, to: SequenceNumber?)] = [:]
    for edition in editions {
      for placed in Layout.decode(edition.layout) ?? [] {
        expected[placed.row] = (expected[placed.row]?.from ?? edition.from, edition.to)
      }
    }
    for (row, interval) in expected.sorted(by: { $0.key < $1.key }) {
      let fits = try connection.row(
        "SELECT document, from_sequence, to_sequence FROM chunk WHERE id = ?1",
        .integer(row)
      ) { chunk in
        chunk.integer(0) == document.row && chunk.integer(1) == interval.from
          && (chunk.isNull(2) ? nil : chunk.integer(2)) == interval.to
      }
      if fits != true {
        found.add(
          "chunk_altered",
          document: document.id,
          "'\(document.origin)': chunk row \(row) does not agree with the layouts that have it."
        )
      }
    }
    let open = try connection.count(
      "SELECT count(*) FROM chunk WHERE document = ?1 AND to_sequence IS NULL",
      .integer(document.row)
    )
    let placed = expected.values.filter { $0.to == nil }.count
    if open != placed {
      found.add(
        "chunk_altered",
        document: document.id,
        "'\(document.origin)': \(open) chunks are open, the layout has \(placed)."
      )
    }
  }

  // MARK: Fields

  /// Checks that each field of a live document is in the index; answers how many there are.
  private func checkFields(
    of document: DocumentRow,
    _ edition: EditionRow?,
    _ version: VersionRecord,
    _ found: inout ProblemCollector
  ) throws -> Int {
    guard document.isLive, let edition else { return 0 }
    let fields = FieldRow.rows(
      of: StandardFields.fields(
        of: TouchedFile.metadata(edition.metadata, modified: document.fileModified),
        source: document.source,
        origin: document.origin,
        title: edition.title,
        size: version.size,
        modified: version.fileModified
      )
    )
    let find = try connection.statement(
      "SELECT 1 FROM field WHERE name = ?1 AND value = ?2 AND document = ?3"
    )
    for field in fields {
      find.bind([.text(field.name.string), field.value.sql, .integer(document.row)])
      defer { find.reset() }
      if try !find.step() {
        found.add(
          "field_index",
          document: document.id,
          "'\(document.origin)': the index of fields lacks a value of '\(field.name.string)'."
        )
      }
    }
    return fields.count
  }
}

import FreshetModel
import FreshetSystem

extension SQLiteSnapshot {
  /// A document's row as it is checked.
  struct DocumentRow {
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

  func checkDocuments(_ found: inout ProblemCollector) throws {
    var fieldCount = 0
    var chunkCount = 0
    for row in try connection.rows("SELECT id FROM document ORDER BY id", row: { $0.integer(0) }) {
      let document = try found.row(
        "document_altered",
        document: try documentName(row)?.id,
        "'\((try? documentName(row)?.origin) ?? "")': the document of row \(row) is not what was written"
      ) { try documentRow(row) }
      guard let document = document ?? nil else { continue }
      try found.check { found in
        let checked = try check(document, &found)
        chunkCount += checked.chunks
        if let last = checked.versions.last {
          fieldCount += try checkFields(of: document, checked.editions.last, last, &found)
        }
      }
    }
    let stored = try connection.count("SELECT count(*) FROM field")
    if stored != fieldCount {
      found.add("field_index", "The index of fields has \(stored) rows; the live documents make \(fieldCount).")
    }
    if try connection.count("SELECT count(*) FROM chunk") != chunkCount { try nameStrayChunks(&found) }
  }

  /// What a document is named by, when the rest of its row cannot be read.
  func documentName(_ row: Int64) throws -> (id: DocumentID?, origin: String)? {
    try connection.row("SELECT uuid, origin FROM document WHERE id = ?1", .integer(row)) { row in
      (id: try? row.identifier(0, as: DocumentID.self), origin: row.text(1))
    }
  }

  func documentRow(_ row: Int64) throws -> DocumentRow? {
    try connection.row(
      """
      SELECT d.id, d.uuid, d.origin, d.is_live, d.version, d.content_hash, d.edition, d.created_at, s.name,
        d.file_modified
      FROM document d LEFT JOIN source s ON s.id = d.source WHERE d.id = ?1
      """,
      .integer(row)
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
  }

  /// Checks a document's versions, editions and chunks; answers them, and how many rows of chunks they account for.
  func check(
    _ document: DocumentRow,
    _ found: inout ProblemCollector
  ) throws -> (versions: [VersionRecord], editions: [EditionRow], chunks: Int) {
    let history = try collectedHistory(row: document.row)
    let versions = try checkVersions(of: document, history: history, &found)
    let editions = try editions(of: document, &found)
    try checkEditions(editions, of: document, versions: versions, history: history, &found)
    return (versions, editions, try checkChunks(of: document, in: editions, history: history, &found))
  }

  /// The change at a place of the log; `nil` when there is none, or when it cannot be read: the check of the log names it.
  func loggedChange(_ sequence: SequenceNumber) throws -> ChangeRecord? {
    do {
      let change = try changes(after: sequence - 1, limit: 1).first
      return change?.sequence == sequence ? change : nil
    } catch let error as FreshetError where error.code == .storeDamaged {
      return nil
    }
  }

  // MARK: Versions

  private func checkVersions(
    of document: DocumentRow,
    history: CollectedHistory?,
    _ found: inout ProblemCollector
  ) throws -> [VersionRecord] {
    func problem(_ code: String, _ version: VersionRecord?, _ message: String) {
      found.add(
        code,
        document: document.id,
        version: version?.number,
        sequence: version?.sequence,
        "'\(document.origin)': \(message)"
      )
    }
    let versions = try readVersions(of: document, &found)
    var walk = ChainWalk()
    for (index, version) in versions.enumerated() {
      if version.number != index + 1 {
        problem("version_gap", version, "version \(version.number) stands where \(index + 1) is expected.")
        walk.jump()
      }
      if !walk.holds(version.canonicalBytes, chain: version.chain) {
        problem("chain_broken", version, "version \(version.number) is not what was written.")
      } else if version.sequence <= head.anchor.sequence {
        let next = index + 1 < versions.count ? versions[index + 1].sequence : .max
        let vouched = try vouchedProblem(
          of: version,
          isLast: next > head.anchor.sequence,
          isCollected: history?.isCollected(version.number) ?? false,
          document: document
        )
        if let vouched { problem(vouched.code, version, vouched.message) }
      } else if let logged = try loggedChange(version.sequence), logged.document == document.id,
        logged.version == version.number
      {
        if !Self.agree(version, logged) {
          problem("version_altered", version, "version \(version.number) is not what the log says.")
        }
      } else {
        problem("version_unlogged", version, "the log does not have version \(version.number).")
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
      problem("document_altered", last, "the document does not agree with its versions.")
    }
    let source = try loggedChange(last.sequence)?.source ?? vouched(last.sequence)?.source
    if let source, !source.utf8.elementsEqual(document.source.utf8) {
      problem("document_altered", last, "the document stands in another source than the log says.")
    }
    return versions
  }

  private func readVersions(
    of document: DocumentRow,
    _ found: inout ProblemCollector
  ) throws -> [VersionRecord] {
    let statement = try connection.statement(
      """
      SELECT number, kind, content_hash, size, at, sequence, run, actor, owner, file_modified, origin,
        previous_origin, same_as, reason, chain
      FROM version WHERE document = ?1 ORDER BY number
      """
    )
    defer { statement.reset() }
    statement.bind(1, document.row)
    var versions: [VersionRecord] = []
    while try statement.step() {
      let number = statement.int(0)
      let version: VersionRecord? = try found.row(
        "chain_broken",
        document: document.id,
        version: number,
        sequence: statement.integer(5),
        "'\(document.origin)': version \(number) is not what was written"
      ) { try Self.version(statement) }
      if let version { versions.append(version) }
    }
    return versions
  }

  /// Whether a version is the one that a row of the log was made with; rows from before the log had the version's chain
  /// vouch for what they repeat of it alone.
  private static func agree(_ version: VersionRecord, _ logged: ChangeRecord) -> Bool {
    logged.kind == version.kind && logged.contentHash == version.contentHash && logged.at == version.at
      && logged.run == version.run && logged.origin.utf8.elementsEqual(version.origin.utf8)
      && logged.reason == version.reason && logged.versionChain ?? version.chain == version.chain
      && Array((logged.previousOrigin ?? "").utf8) == Array((version.previousOrigin ?? "").utf8)
  }

  /// Chunks that no edition has: written by nobody.
  private func nameStrayChunks(_ found: inout ProblemCollector) throws {
    var placed: Set<Int64> = []
    let layouts = try connection.statement("SELECT layout FROM edition")
    defer { layouts.reset() }
    while try layouts.step() { placed.formUnion((Layout.decode(layouts.bytes(0)) ?? []).map(\.row)) }
    let chunks = try connection.statement(
      """
      SELECT c.id, c.from_sequence, d.uuid, d.origin FROM chunk c LEFT JOIN document d ON d.id = c.document
      ORDER BY c.id
      """
    )
    defer { chunks.reset() }
    while try chunks.step() {
      guard !placed.contains(chunks.integer(0)) else { continue }
      found.add(
        "chunk_altered",
        document: try? chunks.identifier(2, as: DocumentID.self),
        sequence: chunks.integer(1),
        "'\(chunks.text(3))': chunk row \(chunks.integer(0)) is that of no edition."
      )
    }
  }

  // MARK: Fields

  /// Checks that each field of a live document is in the index; answers how many there are.
  func checkFields(
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
          version: version.number,
          sequence: edition.from,
          "'\(document.origin)': the index of fields lacks a value of '\(field.name.string)'."
        )
      }
    }
    return fields.count
  }
}

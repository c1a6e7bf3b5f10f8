import FreshetModel
import FreshetSystem

extension SQLiteTransaction {
  /// A document's row with what its change needs of it.
  struct StoredDocument {
    var row: Int64
    var before: DocumentBefore
    var pipeline: String
    var createdAt: Timestamp
    var chain: ContentHash
    var fields: Set<FieldRow>
    /// When the file was changed, where that is noted beside the version.
    var fileModified: Timestamp?
  }

  /// An edition that fits: every passage exists, every chunk is known to be kept or new.
  struct CheckedEdition {
    var edition: DocumentChange.Edition
    /// The rows of the chunks that stay open; 0 for new ones.
    var keptRows: [Int64]
    /// Chunks that close: rows and passages.
    var closed: [(row: Int64, passage: PassageID)]
    var rendition: Int64?
    /// The checksum of the rendition, kept or new.
    var renditionChecksum: ContentHash
    /// What a withdrawn rendition, which gets its text again, was told by until now.
    var withdrawnChecksum: ContentHash?
    var digest: ContentHash
  }

  func apply(_ change: DocumentChange) throws -> ChangeRecord {
    guard let source = try sourceName(change.source) else {
      throw refusal("There is no source number \(change.source).")
    }
    let stored = try storedDocument(change.document)
    let taken = try connection.row(
      "SELECT id FROM document WHERE source = ?1 AND origin = ?2 AND is_live = 1",
      .integer(change.source),
      .text(change.origin)
    ) { $0.integer(0) }
    if let message = ChangeRules.refusal(
      of: change,
      before: stored?.before,
      isOriginTaken: taken != nil && taken != stored?.row
    ) {
      throw refusal(message)
    }
    let contentHash = change.version?.contentHash ?? stored?.before.contentHash ?? .zero
    let edition = try change.edition.map { try check($0, of: change, document: stored?.row, contentHash: contentHash) }
    return try writing {
      try write(change, source: source, stored: stored, contentHash: contentHash, edition: edition)
    }
  }

  private func sourceName(_ source: SourceID) throws -> String? {
    try connection.row("SELECT name FROM source WHERE id = ?1 AND is_removed = 0", .integer(source)) { $0.text(0) }
  }

  private func storedDocument(_ id: DocumentID) throws -> StoredDocument? {
    try connection.row(
      """
      SELECT d.id, d.source, d.origin, d.is_live, d.version, d.content_hash, d.pipeline, d.created_at, v.chain,
        s.name, e.title, e.metadata, v.size, v.file_modified, d.file_modified
      FROM document d JOIN version v ON v.document = d.id AND v.number = d.version
        JOIN source s ON s.id = d.source LEFT JOIN edition e ON e.id = d.edition WHERE d.uuid = ?1
      """,
      .id(id)
    ) { row in
      let isLive = row.integer(3) != 0
      let touched = row.isNull(14) ? nil : row.timestamp(14)
      return StoredDocument(
        row: row.integer(0),
        before: DocumentBefore(
          source: row.integer(1),
          origin: row.text(2),
          isLive: isLive,
          version: row.int(4),
          contentHash: try row.hash(5)
        ),
        pipeline: row.text(6),
        createdAt: row.timestamp(7),
        chain: try row.hash(8),
        fields: isLive
          ? FieldRow.rows(
            of: StandardFields.fields(
              of: TouchedFile.metadata(try metadata(row, 11), modified: touched),
              source: row.text(9),
              origin: row.text(2),
              title: row.text(10),
              size: row.integer(12),
              modified: row.timestamp(13)
            )
          ) : [],
        fileModified: touched
      )
    }
  }

  // MARK: Checking, before anything is written

  private func check(
    _ edition: DocumentChange.Edition,
    of change: DocumentChange,
    document: Int64?,
    contentHash: ContentHash
  ) throws -> CheckedEdition {
    if let message = ChangeRules.refusal(of: edition, origin: change.origin) { throw refusal(message) }
    let open = try openChunks(of: document)
    var kept: Set<ChunkID> = []
    var keptRows: [Int64] = []
    var digested: [EditionDigest.Chunk] = []
    keptRows.reserveCapacity(edition.chunks.count)
    digested.reserveCapacity(edition.chunks.count)
    let find = try connection.statement("SELECT key, tokens FROM passage WHERE id = ?1")
    for chunk in edition.chunks {
      find.bind(1, chunk.passage)
      defer { find.reset() }
      guard try find.step() else {
        throw refusal("Passage \(chunk.passage) of '\(change.origin)' does not exist; save it first.")
      }
      digested.append(EditionDigest.Chunk(chunk: chunk, key: try find.hash(0), tokens: find.int(1)))
      if let known = open[chunk.id] {
        guard known.passage == chunk.passage else {
          throw refusal("Chunk \(chunk.id) of '\(change.origin)' is another passage than it was.")
        }
        kept.insert(chunk.id)
        keptRows.append(known.row)
      } else {
        keptRows.append(0)
      }
    }
    let rendition = try connection.row(
      "SELECT id, checksum, is_withdrawn FROM rendition WHERE content_hash = ?1 AND parser = ?2",
      .hash(contentHash),
      .text(edition.parser)
    ) { (row: $0.integer(0), checksum: try $0.hash(1), isWithdrawn: $0.integer(2) != 0) }
    let whole = rendition.flatMap { $0.isWithdrawn ? nil : $0 }
    let hasContent = try whole == nil && (change.version?.content != nil || isStored(contentHash))
    if whole == nil {
      guard edition.map != nil, edition.markdown != nil || edition.markdownIsContent && hasContent else {
        throw refusal("The edition of '\(change.origin)' brings no rendition, and the store has none.")
      }
    }
    let checksum =
      whole?.checksum
      ?? RenditionChecksum.of(edition, contentHash: contentHash, isShared: edition.markdownIsContent && hasContent)
    let digest = EditionDigest.canonicalBytes(
      origin: change.origin,
      title: edition.title,
      metadata: edition.metadata,
      pipeline: edition.pipeline,
      parser: edition.parser,
      state: edition.state,
      rendition: checksum,
      chunks: digested
    )
    return CheckedEdition(
      edition: edition,
      keptRows: keptRows,
      closed: open.filter { !kept.contains($0.key) }.map { ($0.value.row, $0.value.passage) }.sorted { $0.0 < $1.0 },
      rendition: rendition?.row,
      renditionChecksum: checksum,
      withdrawnChecksum: whole == nil ? rendition?.checksum : nil,
      digest: SHA256.digest(of: digest)
    )
  }

  /// The chunks of a document's open edition by their identity.
  func openChunks(of document: Int64?) throws -> [ChunkID: (row: Int64, passage: PassageID)] {
    guard let document else { return [:] }
    var open: [ChunkID: (row: Int64, passage: PassageID)] = [:]
    for placed in try openLayout(of: document) {
      let chunk = try chunk(placed)
      open[chunk.id] = (placed.row, chunk.passage)
    }
    return open
  }

  // MARK: Writing

  private func write(
    _ change: DocumentChange,
    source: String,
    stored: StoredDocument?,
    contentHash: ContentHash,
    edition: CheckedEdition?
  ) throws -> ChangeRecord {
    let sequence = head.sequence + 1
    let number = (stored?.before.version ?? 0) + (change.version == nil ? 0 : 1)
    let document = try stored?.row ?? insertDocument(change, contentHash: contentHash)
    if let content = change.version?.content { try insert(content, hash: contentHash) }
    let version = try change.version.map {
      try insert($0, number: number, of: change, stored: stored, row: document, sequence: sequence)
    }
    let editionRow: Int64?
    if let edition {
      editionRow = try open(edition, of: change, row: document, version: number, contentHash: contentHash, at: sequence)
    } else {
      try closeEdition(of: document, at: sequence)
      editionRow = nil
    }
    try connection.run(
      """
      UPDATE document SET source = ?2, item_path = ?3, origin = ?4, is_live = ?5, version = ?6, content_hash = ?7,
        edition = coalesce(?8, edition), pipeline = ?9, file_modified = ?10 WHERE id = ?1
      """,
      .integer(document),
      .integer(change.source),
      .blob(change.itemPath),
      .text(change.origin),
      .integer(change.kind == .deleted ? 0 : 1),
      .int(number),
      .hash(contentHash),
      editionRow.map { .integer($0) } ?? .null,
      .text(edition?.edition.pipeline ?? stored?.pipeline ?? ""),
      TouchedFile.remaining(stored?.fileModified, after: change).map { .integer($0.nanoseconds) } ?? .null
    )
    try updateFields(of: document, from: stored?.fields ?? [], to: fields(change, source: source, row: document))
    return try appendToLog(
      change,
      source: source,
      row: document,
      version: number,
      contentHash: contentHash,
      version,
      versionChain: version?.chain ?? stored?.chain ?? .zero,
      edition: edition?.digest ?? .zero
    )
  }

  private func insertDocument(_ change: DocumentChange, contentHash: ContentHash) throws -> Int64 {
    try connection.run(
      """
      INSERT INTO document(uuid, source, item_path, origin, is_live, version, content_hash, edition, pipeline, created_at)
      VALUES(?1, ?2, ?3, ?4, 1, 1, ?5, NULL, '', ?6)
      """,
      .id(change.document),
      .integer(change.source),
      .blob(change.itemPath),
      .text(change.origin),
      .hash(contentHash),
      .integer(now.nanoseconds)
    )
    return connection.lastInsertedRow
  }

  private func insert(_ content: StoredBytes, hash: ContentHash) throws {
    let statement = try connection.statement(
      "INSERT INTO content(hash, codec, data) VALUES(?1, ?2, ?3) ON CONFLICT(hash) DO NOTHING"
    )
    try content.data.withUnsafeBytes { data in
      statement.bind(1, hash)
      statement.bind(2, Int64(content.codec.rawValue))
      statement.bindUncopied(3, data)
      try statement.run()
    }
    if connection.changedRows == 1 { noteSealed(.contents, hash.seal) }
  }

  private func insert(
    _ version: DocumentChange.Version,
    number: Int,
    of change: DocumentChange,
    stored: StoredDocument?,
    row: Int64,
    sequence: SequenceNumber
  ) throws -> VersionRecord {
    // A rename and a deletion keep the content; only the others can return to an older one.
    let returns = change.kind == .modified || change.kind == .restored
    var record = VersionRecord(
      number: number,
      kind: change.kind,
      contentHash: version.contentHash,
      size: version.size,
      at: now,
      sequence: sequence,
      run: change.run,
      actor: version.actor,
      owner: version.owner,
      fileModified: version.fileModified,
      origin: change.origin,
      previousOrigin: change.kind == .renamed ? stored?.before.origin : nil,
      sameAs: returns ? try newestVersion(of: row, contentHash: version.contentHash) : nil,
      reason: change.reason,
      chain: .zero
    )
    record.chain = SHA256.link(stored?.chain ?? .zero, record.canonicalBytes)
    try connection.run(
      "INSERT INTO version VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
      .integer(row),
      .int(number),
      .text(record.kind.rawValue),
      .hash(record.contentHash),
      .integer(record.size),
      .integer(record.at.nanoseconds),
      .integer(record.sequence),
      .id(record.run),
      .text(record.actor),
      .text(orNull: record.owner),
      .integer(record.fileModified.nanoseconds),
      .text(record.origin),
      .text(orNull: record.previousOrigin),
      record.sameAs.map { .int($0) } ?? .null,
      .text(orNull: record.reason?.rawValue),
      .hash(record.chain)
    )
    return record
  }

  private func appendToLog(
    _ change: DocumentChange,
    source: String,
    row: Int64,
    version: Int,
    contentHash: ContentHash,
    _ made: VersionRecord?,
    versionChain: ContentHash,
    edition: ContentHash
  ) throws -> ChangeRecord {
    var record = ChangeRecord(
      sequence: head.sequence + 1,
      at: now,
      run: change.run,
      kind: change.kind,
      document: change.document,
      source: source,
      origin: change.origin,
      previousOrigin: made?.previousOrigin,
      version: version,
      contentHash: contentHash,
      reason: change.reason,
      edition: edition,
      versionChain: versionChain,
      chain: .zero
    )
    record.chain = SHA256.link(head.chain, record.canonicalBytes)
    try connection.run(
      "INSERT INTO change VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
      .integer(record.sequence),
      .integer(record.at.nanoseconds),
      .id(record.run),
      .text(record.kind.rawValue),
      .integer(row),
      .text(record.source),
      .text(record.origin),
      .text(orNull: record.previousOrigin),
      .int(record.version),
      .hash(record.contentHash),
      .text(orNull: record.reason?.rawValue),
      .hash(record.edition),
      .hash(record.chain),
      .hash(versionChain)
    )
    advance(to: record)
    return record
  }
}

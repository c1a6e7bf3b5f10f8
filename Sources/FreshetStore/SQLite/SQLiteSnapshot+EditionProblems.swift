import FreshetModel
import FreshetSystem

extension SQLiteSnapshot {
  /// An edition's row as it is checked.
  struct EditionRow {
    var row: Int64
    var version: Int
    var from: SequenceNumber
    var to: SequenceNumber?
    var origin: String
    var title: String
    var metadata: Metadata
    /// Whether the stored text of the metadata is the one that they are written as.
    var isMetadataCanonical: Bool
    var pipeline: String
    var parser: String
    var contentHash: ContentHash
    var rendition: Int64
    var renditionChecksum: ContentHash
    var state: EditionState
    var chunkCount: Int
    var layout: [UInt8]
    var scope: String
  }

  func editions(of document: DocumentRow, _ found: inout ProblemCollector) throws -> [EditionRow] {
    let statement = try connection.statement(
      """
      SELECT e.id, e.version, e.from_sequence, e.to_sequence, e.origin, e.title, e.metadata, e.pipeline, r.parser,
        r.content_hash, e.state, e.chunk_count, e.layout, e.scope, e.rendition,
        coalesce(e.rendition_checksum, r.checksum)
      FROM edition e LEFT JOIN rendition r ON r.id = e.rendition WHERE e.document = ?1 ORDER BY e.from_sequence, e.id
      """
    )
    defer { statement.reset() }
    statement.bind(1, document.row)
    var editions: [EditionRow] = []
    while try statement.step() {
      let from = statement.integer(2)
      let edition = try found.row(
        "edition_altered",
        document: document.id,
        version: statement.int(1),
        sequence: from,
        "'\(document.origin)': the edition of change \(from) is not what was written"
      ) { try self.edition(statement) }
      if let edition { editions.append(edition) }
    }
    return editions
  }

  private func edition(_ row: Statement) throws -> EditionRow {
    let metadata = try metadata(row, 6)
    return EditionRow(
      row: row.integer(0),
      version: row.int(1),
      from: row.integer(2),
      to: row.isNull(3) ? nil : row.integer(3),
      origin: row.text(4),
      title: row.text(5),
      metadata: metadata,
      isMetadataCanonical: row.bytes(6) == MetadataText.encode(metadata),
      pipeline: row.text(7),
      parser: row.text(8),
      contentHash: try row.hash(9),
      rendition: row.integer(14),
      renditionChecksum: try row.hash(15),
      state: try row.choice(10),
      chunkCount: row.int(11),
      layout: row.bytes(12),
      scope: row.text(13)
    )
  }

  func checkEditions(
    _ editions: [EditionRow],
    of document: DocumentRow,
    versions: [VersionRecord],
    history: CollectedHistory?,
    _ found: inout ProblemCollector
  ) throws {
    func problem(_ code: String, _ edition: EditionRow?, _ message: String) {
      found.add(
        code,
        document: document.id,
        version: edition?.version ?? document.version,
        sequence: edition?.from,
        "'\(document.origin)': \(message)"
      )
    }
    let deletions = versions.filter { $0.kind == .deleted }
    for (index, edition) in editions.enumerated() {
      let next = index + 1 < editions.count ? editions[index + 1].from : nil
      let deletion = deletions.first { $0.sequence > edition.from && $0.sequence <= next ?? .max }
      let end = history.map { $0.end(ofEditionFrom: edition.from) } ?? deletion?.sequence ?? next
      if edition.to != end || edition.from == next {
        problem("edition_altered", edition, "the edition of change \(edition.from) ends at another change.")
      }
      let version = versions.first { $0.number == edition.version }
      guard let logged = try loggedEdition(edition.from, of: document, version) else {
        problem("edition_unlogged", edition, "the log does not have the edition of change \(edition.from).")
        continue
      }
      // What is left of a collected version is not whole any more.
      let isCollected = history?.isCollected(edition.version) ?? false
      let fits =
        try (isCollected || holds(edition, logged.digest)) && logged.version == edition.version
        && logged.contentHash == edition.contentHash && edition.scope == Scope.everything.name
        && edition.isMetadataCanonical
      if !fits {
        problem(
          "edition_altered",
          edition,
          "the edition of change \(edition.from) (version \(edition.version)), or a chunk, passage or rendition of it, is "
            + "not what was written."
        )
      } else if !logged.makesVersion, let version, logged.versionChain ?? version.chain != version.chain {
        problem("version_altered", edition, "version \(edition.version) is not what change \(edition.from) says.")
      }
    }
    // The last edition of a deleted document may be gone with its version.
    let last = history?.logged.last?.from ?? editions.last?.from
    let edition = editions.last.flatMap { $0.from == last ? $0.row : nil }
    if document.isLive != (editions.last.map { $0.to == nil } ?? false) || document.edition != edition {
      problem("document_altered", editions.last, "the document does not agree with its editions.")
    }
  }

  /// What the log has of an edition, or what is kept of a row of it that was pruned.
  private struct LoggedEdition {
    var version: Int
    var contentHash: ContentHash
    var digest: ContentHash
    var versionChain: ContentHash?
    var makesVersion: Bool
  }

  private func loggedEdition(
    _ sequence: SequenceNumber,
    of document: DocumentRow,
    _ version: VersionRecord?
  ) throws -> LoggedEdition? {
    guard sequence <= head.anchor.sequence else {
      guard let logged = try loggedChange(sequence), logged.document == document.id else { return nil }
      return LoggedEdition(
        version: logged.version,
        contentHash: logged.contentHash,
        digest: logged.edition,
        versionChain: logged.versionChain,
        makesVersion: logged.kind.makesVersion
      )
    }
    guard let vouched = try vouched(sequence), vouched.document == document.row else { return nil }
    return LoggedEdition(
      version: vouched.version,
      contentHash: version?.contentHash ?? .zero,
      digest: vouched.edition,
      versionChain: vouched.versionChain,
      makesVersion: version?.sequence == sequence
    )
  }

  /// Whether an edition is the one of a digest, in today's form or in that from before renditions were in it.
  private func holds(_ edition: EditionRow, _ digest: ContentHash) throws -> Bool {
    guard let layout = Layout.decode(edition.layout), layout.count == edition.chunkCount,
      Layout.encode(layout) == edition.layout
    else { return false }
    let find = try connection.statement(
      "SELECT c.uuid, c.passage, p.key, p.tokens FROM chunk c JOIN passage p ON p.id = c.passage WHERE c.id = ?1"
    )
    var chunks: [EditionDigest.Chunk] = []
    chunks.reserveCapacity(layout.count)
    for placed in layout {
      find.bind(1, placed.row)
      defer { find.reset() }
      guard try find.step(), let id = try? find.identifier(0, as: ChunkID.self), let key = try? find.hash(2) else {
        return false
      }
      let chunk = ChunkRecord(
        id: id,
        passage: find.integer(1),
        start: placed.start,
        end: placed.end,
        page: placed.page
      )
      chunks.append(EditionDigest.Chunk(chunk: chunk, key: key, tokens: find.int(3)))
    }
    return [edition.renditionChecksum, nil].contains { rendition in
      digest
        == SHA256.digest(
          of: EditionDigest.canonicalBytes(
            origin: edition.origin,
            title: edition.title,
            metadata: edition.metadata,
            pipeline: edition.pipeline,
            parser: edition.parser,
            state: edition.state,
            rendition: rendition,
            chunks: chunks
          )
        )
    }
  }

  // MARK: Chunks

  /// Checks that the chunks of a document are open exactly as long as the editions that have them; answers how many rows
  /// the editions account for.
  func checkChunks(
    of document: DocumentRow,
    in editions: [EditionRow],
    history: CollectedHistory?,
    _ found: inout ProblemCollector
  ) throws -> Int {
    struct Interval {
      var from: SequenceNumber
      var to: SequenceNumber?
      var version: Int
    }
    var expected: [Int64: Interval] = [:]
    for edition in editions where !(history?.isCollected(edition.version) ?? false) {
      for placed in Layout.decode(edition.layout) ?? [] {
        let first = expected[placed.row]
        expected[placed.row] = Interval(
          from: first?.from ?? edition.from,
          to: edition.to,
          version: first?.version ?? edition.version
        )
      }
    }
    let find = try connection.statement("SELECT document, from_sequence, to_sequence FROM chunk WHERE id = ?1")
    var exist = 0
    for (row, interval) in expected.sorted(by: { $0.key < $1.key }) {
      find.bind(1, row)
      defer { find.reset() }
      let isThere = try find.step()
      if isThere, find.integer(0) == document.row { exist += 1 }
      let (from, to) = (find.integer(1), find.isNull(2) ? nil : find.integer(2))
      let fits =
        isThere && find.integer(0) == document.row
        && (from == interval.from && to == interval.to
          || history?.isWhole(from: interval.from, to: interval.to, inChunkFrom: from, to: to) ?? false)
      if !fits {
        found.add(
          "chunk_altered",
          document: document.id,
          version: interval.version,
          sequence: interval.from,
          isThere
            ? "'\(document.origin)': chunk row \(row) does not agree with the editions that have it."
            : "'\(document.origin)': chunk row \(row) is missing."
        )
      }
    }
    let open = try connection.count(
      "SELECT count(*) FROM chunk WHERE document = ?1 AND to_sequence IS NULL",
      .integer(document.row)
    )
    let placed = expected.values.count { $0.to == nil }
    if open != placed {
      found.add(
        "chunk_altered",
        document: document.id,
        version: document.version,
        sequence: editions.last?.from,
        "'\(document.origin)': \(open) chunks are open, the layout has \(placed)."
      )
    }
    guard let history else { return exist }
    // What is still there of chunks that only collected versions had.
    var left: Set<Int64> = []
    for edition in editions where history.isCollected(edition.version) {
      for placed in Layout.decode(edition.layout) ?? [] where expected[placed.row] == nil {
        find.bind(1, placed.row)
        defer { find.reset() }
        // A row that was removed may have its number taken by another chunk.
        guard try find.step(), find.integer(0) == document.row, find.integer(1) <= edition.from, !find.isNull(2),
          find.integer(2) > edition.from
        else { continue }
        left.insert(placed.row)
      }
    }
    return exist + left.count
  }
}

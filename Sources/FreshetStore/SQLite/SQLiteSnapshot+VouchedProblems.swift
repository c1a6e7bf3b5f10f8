import FreshetModel

/// Checks of what stands before the log's beginning: the anchor, and what the rows that were pruned vouched for.
extension SQLiteSnapshot {
  /// What is kept of a pruned row of the log.
  struct VouchedRow {
    /// What stands in the place of an edition's digest in the row of a deletion.
    static let deletion = ContentHash.zero

    var sequence: SequenceNumber
    var document: Int64
    var version: Int
    var source: String
    var edition: ContentHash
    /// The last link of the document's chain then; `nil` in rows from before the log had it.
    var versionChain: ContentHash?
  }

  /// What is kept of the row of a change that was pruned; `nil` when nothing is, or when it cannot be read: its seal or its
  /// types name it.
  func vouched(_ sequence: SequenceNumber) throws -> VouchedRow? {
    do {
      return try connection.row(
        "SELECT sequence, document, version, source, edition, version_chain FROM vouched WHERE sequence = ?1",
        .integer(sequence)
      ) { row in
        VouchedRow(
          sequence: row.integer(0),
          document: row.integer(1),
          version: row.int(2),
          source: row.text(3),
          edition: try row.hash(4),
          versionChain: row.isNull(5) ? nil : try row.hash(5)
        )
      }
    } catch let error as FreshetError where error.code == .storeDamaged {
      return nil
    }
  }

  /// A version from before the log's beginning against what is kept of the log: why it does not hold.
  ///
  /// Only the last of them needs a row of its own: its chain has those before it, and the log's next row of the document
  /// has its chain.
  func vouchedProblem(
    of version: VersionRecord,
    isLast: Bool,
    isCollected: Bool,
    document: DocumentRow
  ) throws -> (code: String, message: String)? {
    guard let vouched = try vouched(version.sequence) else {
      guard isLast, version.kind == .deleted || !isCollected else { return nil }
      return ("version_unlogged", "nothing vouches for version \(version.number), from before the log's beginning.")
    }
    let agrees =
      vouched.document == document.row && vouched.version == version.number
      && vouched.versionChain ?? version.chain == version.chain
      && (vouched.edition == VouchedRow.deletion) == (version.kind == .deleted)
    return agrees ? nil : ("version_altered", "version \(version.number) is not what the log said of it.")
  }

  /// The anchor itself, and that nothing which it stands for is missing.
  func checkAnchor(_ found: inout ProblemCollector) throws {
    let anchor = head.anchor
    if try connection.count("SELECT count(*) FROM anchor") > 0 {
      if anchor.sequence < 1 || anchor.sequence >= head.sequence {
        found.add("anchor_altered", "The log's anchor, change \(anchor.sequence), is not before its last one.")
      }
      if anchor.sequence > head.historyFloor {
        found.add(
          "anchor_altered",
          "The log begins after change \(anchor.sequence), and the head says that states from \(head.historyFloor) on are kept."
        )
      }
    }
    let late = try connection.rows(
      "SELECT sequence FROM vouched WHERE sequence > ?1 ORDER BY sequence LIMIT 100",
      .integer(anchor.sequence)
    ) { $0.integer(0) }
    for sequence in late {
      found.add(
        "anchor_altered",
        sequence: sequence,
        "Change \(sequence) is kept apart, and is not from before the log."
      )
    }
  }

  /// Every edition that is vouched for is there, or its version was collected; of one document, or of all.
  func checkThatVouchedEditionsAreThere(of document: Int64? = nil, _ found: inout ProblemCollector) throws {
    let lacking = try connection.rows(
      composed: """
        SELECT w.sequence, w.version, d.origin, d.uuid FROM vouched w LEFT JOIN document d ON d.id = w.document
        WHERE w.edition <> ?2 \(document == nil ? "" : "AND w.document = ?3")
          AND NOT EXISTS(SELECT 1 FROM edition e WHERE e.document = w.document AND e.from_sequence = w.sequence)
        ORDER BY w.sequence LIMIT ?1
        """,
      [.int(ProblemCollector.problemsMax), .hash(VouchedRow.deletion)] + (document.map { [.integer($0)] } ?? [])
    ) { LoggedVersion($0) }
    for change in lacking { found.addMissingEdition(of: change) }
    let versionless = try connection.rows(
      composed: """
        SELECT w.sequence, w.version, d.origin, d.uuid FROM vouched w LEFT JOIN document d ON d.id = w.document
        WHERE NOT EXISTS(SELECT 1 FROM version v WHERE v.document = w.document AND v.number = w.version)
          \(document == nil ? "" : "AND w.document = ?2")
        ORDER BY w.sequence LIMIT ?1
        """,
      [.int(ProblemCollector.problemsMax)] + (document.map { [.integer($0)] } ?? [])
    ) { LoggedVersion($0) }
    for change in versionless { found.addMissingVersion(of: change) }
  }
}

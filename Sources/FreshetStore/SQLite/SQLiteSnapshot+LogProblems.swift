import FreshetModel
import FreshetSystem

/// Follows a chain of hashes row by row and tells which row is not what was written.
///
/// A row that was altered breaks its own link; the next row holds again, from the chain that the altered one has or from
/// the one that it should have. So one altered row is one finding.
struct ChainWalk {
  /// What the next row's link may start from; none after a gap, where nothing can be said of the next row.
  private var links: [ContentHash]

  /// - Parameter start: the chain's value before the first row.
  init(from start: ContentHash = .zero) {
    links = [start]
  }

  /// Whether the row is what was written, as far as its chain says.
  mutating func holds(_ bytes: [UInt8], chain: ContentHash) -> Bool {
    if links.isEmpty || links.contains(where: { SHA256.link($0, bytes) == chain }) {
      links = [chain]
      return true
    }
    links = [chain] + links.prefix(2).map { SHA256.link($0, bytes) }
    return false
  }

  /// The next row does not follow the last one.
  mutating func jump(to chain: ContentHash? = nil) {
    links = chain.map { [$0] } ?? []
  }
}

/// A version by what a problem names it: columns sequence, version, origin and the document's identity, in this order.
struct LoggedVersion {
  let sequence: SequenceNumber
  let version: Int
  let origin: String
  let document: DocumentID?

  init(_ row: Statement) {
    sequence = row.integer(0)
    version = row.int(1)
    origin = row.text(2)
    document = try? row.identifier(3, as: DocumentID.self)
  }
}

extension ProblemCollector {
  mutating func addMissingEdition(of change: LoggedVersion) {
    add(
      "edition_missing",
      document: change.document,
      version: change.version,
      sequence: change.sequence,
      "'\(change.origin)': the edition of change \(change.sequence) is missing."
    )
  }

  mutating func addMissingVersion(of change: LoggedVersion) {
    add(
      "version_missing",
      document: change.document,
      version: change.version,
      sequence: change.sequence,
      "'\(change.origin)': version \(change.version), of change \(change.sequence), is missing."
    )
  }
}

extension SQLiteSnapshot {
  func checkLog(_ found: inout ProblemCollector) throws {
    let statement = try connection.statement(
      """
      SELECT c.sequence, c.at, c.run, c.kind, d.uuid, c.source, c.origin, c.previous_origin, c.version,
        c.content_hash, c.reason, c.edition, c.chain, c.version_chain
      FROM change c LEFT JOIN document d ON d.id = c.document ORDER BY c.sequence
      """
    )
    defer { statement.reset() }
    // From the anchor on, which stands for what was pruned.
    let anchor = head.anchor
    var walk = ChainWalk(from: anchor.chain)
    var last = anchor.sequence
    var lastTime = anchor.sequence > 0 ? anchor.at : nil
    var lastChain: ContentHash? = anchor.chain
    while try statement.step() {
      let sequence = statement.integer(0)
      if sequence <= anchor.sequence {
        found.add("log_gap", sequence: sequence, "Change \(sequence) stands before the log's beginning.")
        continue
      }
      if sequence != last + 1 {
        let missing = sequence == last + 2 ? "change \(last + 1)" : "changes \(last + 1) to \(sequence - 1)"
        found.add("log_gap", sequence: last + 1, "The log lacks \(missing).")
        walk.jump()
      }
      last = sequence
      lastChain = try? statement.hash(12)
      let read = try found.row("chain_broken", sequence: sequence, "Change \(sequence) is not what was written") {
        try Self.change(statement)
      }
      guard let change = read else {
        walk.jump(to: lastChain)
        continue
      }
      if let time = lastTime, change.at < time {
        found.add("log_time", sequence: sequence, "Change \(sequence) is before the change that it follows.")
      }
      if !walk.holds(change.canonicalBytes, chain: change.chain) {
        found.add(
          "chain_broken",
          document: change.document,
          version: change.version,
          sequence: sequence,
          "Change \(sequence) (\(change.kind.rawValue) '\(change.origin)', version \(change.version)) is not what was "
            + "written: the log's chain breaks there."
        )
      }
      lastTime = change.at
    }
    if last != head.sequence || lastChain != head.chain || lastTime.map({ $0 != head.at }) ?? false {
      found.add(
        "head_altered",
        sequence: last + 1,
        last == head.sequence
          ? "The head's chain or time is not that of change \(last), the last one."
          : "The head says change \(head.sequence), the log ends with \(last)."
      )
    }
    try checkHead(&found)
    try checkAnchor(&found)
    try checkThatEditionsAreThere(&found)
    try checkThatVouchedEditionsAreThere(&found)
    try checkThatChangesHaveTheirRows(&found)
    try checkThatChangesHaveTheirRuns(&found)
  }

  private func checkHead(_ found: inout ProblemCollector) throws {
    let highest = Int64(try connection.count("SELECT max(id) FROM passage"))
    let recorded = Int64(try connection.count("SELECT last_passage FROM head"))
    if highest > recorded {
      found.add("head_altered", "Passage \(highest) is above the highest number recorded, \(recorded).")
    }
    if head.historyFloor < 0 || head.historyFloor > head.sequence {
      found.add("head_altered", "The head's floor of history, change \(head.historyFloor), is not in the log.")
    }
  }

  /// Every change, or every one of a document, opened an edition or deleted the document; editions of collected versions
  /// may be gone.
  func checkThatEditionsAreThere(of document: Int64? = nil, _ found: inout ProblemCollector) throws {
    let lacking = try connection.rows(
      composed: """
        SELECT c.sequence, c.version, c.origin, d.uuid FROM change c LEFT JOIN document d ON d.id = c.document
        WHERE c.kind <> 'deleted' \(document == nil ? "" : "AND c.document = ?2")
          AND NOT EXISTS(SELECT 1 FROM edition e WHERE e.document = c.document AND e.from_sequence = c.sequence)
          AND NOT EXISTS(SELECT 1 FROM collected k WHERE k.document = c.document AND k.version = c.version)
        ORDER BY c.sequence LIMIT ?1
        """,
      [.int(ProblemCollector.problemsMax)] + (document.map { [.integer($0)] } ?? [])
    ) { LoggedVersion($0) }
    for change in lacking { found.addMissingEdition(of: change) }
  }

  /// Every change has its version, and nothing else is there.
  private func checkThatChangesHaveTheirRows(_ found: inout ProblemCollector) throws {
    let versionless = try connection.rows(
      """
      SELECT c.sequence, c.version, c.origin, d.uuid FROM change c LEFT JOIN document d ON d.id = c.document
      WHERE NOT EXISTS(SELECT 1 FROM version v WHERE v.document = c.document AND v.number = c.version)
      ORDER BY c.sequence LIMIT ?1
      """,
      .int(ProblemCollector.problemsMax)
    ) { LoggedVersion($0) }
    for change in versionless { found.addMissingVersion(of: change) }
    let changes = try connection.count("SELECT count(*) FROM change")
    let expected = try connection.count(
      """
      SELECT (SELECT count(*) FROM edition WHERE from_sequence > ?1)
        + (SELECT count(*) FROM version WHERE kind = 'deleted' AND sequence > ?1)
        + (SELECT count(*) FROM change c JOIN collected k ON k.document = c.document AND k.version = c.version
          WHERE c.kind <> 'deleted' AND NOT EXISTS(
            SELECT 1 FROM edition e WHERE e.document = c.document AND e.from_sequence = c.sequence))
      """,
      .integer(head.anchor.sequence)
    )
    if changes != expected {
      found.add("log_incomplete", "The log has \(changes) changes; editions and deletions make \(expected).")
    }
  }

  /// A run that was recorded at its end is who made its versions, and its changes lie between its first and last.
  private func checkThatChangesHaveTheirRuns(_ found: inout ProblemCollector) throws {
    let strangers = try connection.rows(
      """
      SELECT v.sequence, v.number, v.origin, d.uuid FROM version v JOIN run r ON r.uuid = v.run
        LEFT JOIN document d ON d.id = v.document
      WHERE v.actor <> r.actor OR v.sequence <= r.first_sequence OR v.sequence > r.last_sequence
      ORDER BY v.sequence LIMIT ?1
      """,
      .int(ProblemCollector.problemsMax)
    ) { LoggedVersion($0) }
    for version in strangers {
      found.add(
        "run_altered",
        document: version.document,
        version: version.version,
        sequence: version.sequence,
        "'\(version.origin)': the run of version \(version.version) says another actor, or did not make change "
          + "\(version.sequence)."
      )
    }
    for row in try connection.rows("SELECT id FROM run ORDER BY id", row: { $0.integer(0) }) {
      let run = try found.row("run_altered", "Row \(row) of table run is not what was written") {
        try Self.runRows(connection, row: row).first
      }
      guard let run = run ?? nil, RunChecksum.of(run.record, report: run.report) != run.checksum else { continue }
      found.add(
        "run_altered",
        "Row \(row) of table run, \(run.record.id) of \(run.record.startedAt), is not what was written."
      )
    }
  }
}

import FreshetModel
import FreshetSystem

/// Collects what does not hold, up to a limit: a damaged database may have a problem in every row.
struct ProblemCollector {
  /// Problems beyond these are left out.
  static let problemsMax = 1_000

  private(set) var problems: [IntegrityProblem] = []

  mutating func add(_ code: String, document: DocumentID? = nil, version: Int? = nil, _ message: String) {
    guard problems.count < Self.problemsMax else { return }
    problems.append(IntegrityProblem(code: code, document: document, version: version, message: message))
  }

  /// Runs a part of the check: an error on the way is a problem too, and the other parts go on.
  mutating func check(_ part: (inout ProblemCollector) throws -> Void) throws {
    do {
      try part(&self)
    } catch let error as FreshetError where error.code == .storeDamaged {
      add("database_damaged", error.message)
    }
  }
}

extension SQLiteSnapshot {
  func problems(checkingContents contents: Bool) throws -> [IntegrityProblem] {
    try prepareKeywordSearch()
    refreshes = nil
    var found = ProblemCollector()
    try found.check { try checkStructure(thoroughly: contents, &$0) }
    try found.check { try checkLog(&$0) }
    try found.check { try checkDocuments(&$0) }
    try found.check { try checkMarks(&$0) }
    try found.check { try checkPassages(&$0) }
    try found.check { try checkKeywordIndex(&$0) }
    try found.check { try checkRenditions(&$0) }
    try found.check { try checkVectors(&$0) }
    if contents { try found.check { try checkContents(&$0) } }
    return found.problems
  }

  // MARK: Structure

  private func checkStructure(thoroughly: Bool, _ found: inout ProblemCollector) throws {
    let lines = try connection.rows(composed: thoroughly ? "PRAGMA integrity_check" : "PRAGMA quick_check", []) {
      $0.text(0)
    }
    for line in lines where line != "ok" { found.add("database_damaged", line) }
    let dangling = try connection.rows(composed: "PRAGMA foreign_key_check", []) { row in
      (table: row.text(0), row: row.isNull(1) ? "?" : String(row.integer(1)), parent: row.text(2))
    }
    for row in dangling {
      found.add(
        "reference_broken",
        "Row \(row.row) of table \(row.table) refers to a row of \(row.parent) that is missing."
      )
    }
  }

  // MARK: Log

  private func checkLog(_ found: inout ProblemCollector) throws {
    var chain = ContentHash.zero
    var last: ChangeRecord?
    let pageLength = 1_000
    while true {
      let page = try changes(after: last?.sequence ?? 0, limit: pageLength)
      for change in page {
        let expected = (last?.sequence ?? 0) + 1
        if change.sequence != expected {
          found.add("log_gap", "The log has change \(change.sequence) where \(expected) is expected.")
        }
        if let last, change.at < last.at {
          found.add("log_time", "Change \(change.sequence) is before the change that it follows.")
        }
        chain = SHA256.link(chain, change.canonicalBytes)
        if chain != change.chain {
          found.add(
            "chain_broken",
            document: change.document,
            version: change.version,
            "Change \(change.sequence), or one before it, is not what was written: the log's chain breaks there."
          )
          // One altered row is one problem.
          chain = change.chain
        }
        last = change
      }
      if page.count < pageLength { break }
    }
    if last?.sequence ?? 0 != head.sequence || chain != head.chain || last.map({ $0.at != head.at }) ?? false {
      found.add("head_altered", "The head says change \(head.sequence), the log ends with \(last?.sequence ?? 0).")
    }
    let highest = Int64(try connection.count("SELECT max(id) FROM passage"))
    let recorded = Int64(try connection.count("SELECT last_passage FROM head"))
    if highest > recorded {
      found.add("head_altered", "Passage \(highest) is above the highest number recorded, \(recorded).")
    }
    // Every change of a document opened an edition or deleted the document; editions of collected versions may be gone.
    let changes = try connection.count("SELECT count(*) FROM change")
    let expected = try connection.count(
      """
      SELECT (SELECT count(*) FROM edition) + (SELECT count(*) FROM version WHERE kind = 'deleted')
        + (SELECT count(*) FROM change c JOIN collected k ON k.document = c.document AND k.version = c.version
          WHERE c.kind <> 'deleted' AND NOT EXISTS(
            SELECT 1 FROM edition e WHERE e.document = c.document AND e.from_sequence = c.sequence))
      """
    )
    if changes != expected {
      found.add("log_incomplete", "The log has \(changes) changes; editions and deletions make \(expected).")
    }
  }

  // MARK: Content

  private func checkContents(_ found: inout ProblemCollector) throws {
    let statement = try connection.statement("SELECT hash, codec, data FROM content ORDER BY id")
    defer { statement.reset() }
    while try statement.step() {
      let hash = try statement.hash(0)
      let content = try? storedBytes(statement, codec: 1, data: 2).decompressed()
      if content.map({ SHA256.digest(of: $0) }) != hash {
        found.add("content_altered", "The content \(hash) is not what was written.")
      }
    }
  }

  private func checkRenditions(_ found: inout ProblemCollector) throws {
    let statement = try connection.statement(
      "SELECT content_hash, parser, title, metadata, map, codec, markdown, checksum, id FROM rendition ORDER BY id"
    )
    defer { statement.reset() }
    while try statement.step() {
      let content = try statement.hash(0)
      let markdown = statement.isNull(5) ? nil : try storedBytes(statement, codec: 5, data: 6)
      let checksum = RenditionChecksum.of(
        content: content,
        parser: statement.text(1),
        title: statement.optionalText(2),
        metadata: statement.text(3),
        map: statement.bytes(4),
        markdown: markdown
      )
      if try checksum != statement.hash(7) {
        found.add(
          "rendition_altered",
          "The rendition of content \(content) by '\(statement.text(1))' is not what was written."
        )
      } else if markdown == nil, try !isStored(content) {
        found.add("rendition_missing", "The text of the rendition of content \(content) is missing.")
      }
    }
  }

  func isStored(_ content: ContentHash) throws -> Bool {
    try connection.row("SELECT 1 FROM content WHERE hash = ?1", .hash(content)) { _ in true } ?? false
  }

  // MARK: Vectors

  private func checkVectors(_ found: inout ProblemCollector) throws {
    let models = try models()
    if models.filter({ $0.state == .serving }).count > 1 {
      found.add("model_altered", "More than one model is serving.")
    }
    for model in models {
      let statement = try connection.statement(
        composed: "SELECT passage, checksum, value FROM \(Self.vectorTable(model.id)) ORDER BY passage"
      )
      defer { statement.reset() }
      while try statement.step() {
        let passage = statement.integer(0)
        let (size, checksum) = statement.withBytes(2) { ($0.count, VectorChecksum.of(passage: passage, value: $0)) }
        if size != model.description.dimension * 2 {
          found.add(
            "vector_altered",
            "The vector of passage \(passage) has \(size / 2) components; '\(model.description.name)' makes "
              + "\(model.description.dimension)."
          )
        } else if checksum != statement.integer(1) {
          found.add(
            "vector_altered",
            "The vector of passage \(passage) by '\(model.description.name)' is not what was written."
          )
        }
      }
    }
  }
}

import FreshetModel
import FreshetSystem

/// Collects what does not hold, up to a limit: a damaged database may have a problem in every row.
struct ProblemCollector {
  /// Problems beyond these are left out.
  static let problemsMax = 1_000

  private(set) var problems: [IntegrityProblem] = []

  mutating func add(
    _ code: String,
    document: DocumentID? = nil,
    version: Int? = nil,
    sequence: SequenceNumber? = nil,
    _ message: String
  ) {
    guard problems.count < Self.problemsMax else { return }
    problems.append(
      IntegrityProblem(code: code, document: document, version: version, sequence: sequence, message: message)
    )
  }

  /// Reads a row; one that holds what no version of Freshet wrote is a problem that names it, and the others go on.
  mutating func row<Row>(
    _ code: String,
    document: DocumentID? = nil,
    version: Int? = nil,
    sequence: SequenceNumber? = nil,
    _ what: @autoclosure () -> String,
    _ read: () throws -> Row
  ) throws -> Row? {
    do {
      return try read()
    } catch let error as FreshetError where error.code == .storeDamaged {
      add(code, document: document, version: version, sequence: sequence, "\(what()): \(error.message)")
      return nil
    }
  }

  /// Runs a part of the check: an error on the way is a problem too, and the other parts go on.
  mutating func check(_ part: (inout ProblemCollector) throws -> Void) throws {
    do {
      try part(&self)
    } catch let error as FreshetError where [.storeDamaged, .storeFailed].contains(error.code) {
      add("database_damaged", error.message)
    }
  }
}

extension SQLiteSnapshot {
  func problems(checkingContents contents: Bool) throws -> [IntegrityProblem] {
    try prepareChecks()
    var found = ProblemCollector()
    try found.check { try checkStructure(thoroughly: contents, &$0) }
    try found.check { try checkSchema(&$0) }
    try found.check { try checkTypes(&$0) }
    try found.check { try checkLog(&$0) }
    try found.check { try checkDocuments(&$0) }
    try found.check { try checkMarks(&$0) }
    try found.check { try checkWhatMarksLeave(&$0) }
    try found.check { try checkPassages(&$0) }
    try found.check { try checkKeywordIndex(&$0) }
    try found.check { try checkRenditions(&$0) }
    try found.check { try checkVectors(&$0) }
    try found.check { try checkContents(reading: contents, &$0) }
    try found.check { try checkSeals(&$0) }
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

  // MARK: Content

  /// Contents are what their hashes say, and those of some version.
  private func checkContents(reading: Bool, _ found: inout ProblemCollector) throws {
    let strangers = try connection.rows(
      """
      SELECT hash FROM content WHERE NOT EXISTS(SELECT 1 FROM version v WHERE v.content_hash = content.hash) LIMIT 100
      """
    ) { Hexadecimal.encode($0.bytes(0)) }
    for hash in strangers { found.add("content_altered", "The content \(hash) is that of no version.") }
    guard reading else { return }
    let statement = try connection.statement("SELECT hash, codec, data, id FROM content ORDER BY id")
    defer { statement.reset() }
    while try statement.step() {
      let hash = try? statement.hash(0)
      let digest = (try? storedBytes(statement, codec: 1, data: 2).decompressed()).map { SHA256.digest(of: $0) }
      guard hash == nil || digest != hash else { continue }
      // Where the hash was altered, the bytes are still those of some version.
      var (owner, name) = try hash.map { try firstVersion(of: $0) } ?? (nil, "")
      if owner == nil, let digest { (owner, name) = try firstVersion(of: digest) }
      found.add(
        "content_altered",
        document: owner?.document,
        version: owner?.version,
        sequence: owner?.sequence,
        "The content \(hash.map { "\($0)" } ?? "of row \(statement.integer(3))")\(name) is not what was written."
      )
    }
  }

  func isWhatItsHashSays(_ row: Statement, _ hash: ContentHash, codec: Int32, data: Int32) throws -> Bool {
    guard let content = try? storedBytes(row, codec: codec, data: data).decompressed() else { return false }
    return SHA256.digest(of: content) == hash
  }

  /// The first version that has a content, and the words that name it.
  private func firstVersion(
    of content: ContentHash
  ) throws -> (owner: (document: DocumentID, version: Int, sequence: SequenceNumber)?, name: String) {
    let owner = try connection.row(
      """
      SELECT d.uuid, v.number, v.sequence, v.origin FROM version v JOIN document d ON d.id = v.document
      WHERE v.content_hash = ?1 ORDER BY v.sequence LIMIT 1
      """,
      .hash(content)
    ) { row in (document: try row.identifier(0, as: DocumentID.self), row.int(1), row.integer(2), row.text(3)) }
    guard let owner else { return (nil, "") }
    return ((owner.0, owner.1, owner.2), ", of version \(owner.1) of '\(owner.3)',")
  }

  private func checkRenditions(_ found: inout ProblemCollector) throws {
    let statement = try connection.statement(
      composed: "SELECT \(Self.renditionColumns) FROM rendition ORDER BY id"
    )
    defer { statement.reset() }
    while try statement.step() {
      let row = statement.integer(8)
      let content = try found.row("rendition_altered", "Rendition \(row) is not what was written") {
        try statement.hash(0)
      }
      guard let content else { continue }
      let name = try firstVersion(of: content)
      if let problem = try renditionProblem(statement, content: content) {
        found.add(
          problem.code,
          document: name.owner?.document,
          version: name.owner?.version,
          sequence: name.owner?.sequence,
          "Rendition \(row), of content \(content)\(name.name) by '\(statement.text(1))', \(problem.message)."
        )
      } else if name.owner == nil {
        found.add("rendition_altered", "Rendition \(row) is of content \(content), which is that of no version.")
      }
    }
    let unused = try connection.rows(
      "SELECT id FROM rendition r WHERE NOT EXISTS(SELECT 1 FROM edition e WHERE e.rendition = r.id) LIMIT 100"
    ) { $0.integer(0) }
    for row in unused { found.add("rendition_altered", "Rendition \(row) is that of no edition.") }
  }

  func isStored(_ content: ContentHash) throws -> Bool {
    try connection.row("SELECT 1 FROM content WHERE hash = ?1", .hash(content)) { _ in true } ?? false
  }

  // MARK: Vectors

  private func checkVectors(_ found: inout ProblemCollector) throws {
    if try connection.count("SELECT count(*) FROM model WHERE state = 'serving'") > 1 {
      found.add("model_altered", "More than one model is serving.")
    }
    for row in try Self.modelNumbers(connection) {
      let read = try found.row("model_altered", "Row \(row) of table model is not what was written") {
        try Self.modelRows(connection, row: row).first
      }
      guard let (model, checksum) = read ?? nil else { continue }
      if ModelChecksum.of(model) != checksum {
        found.add("model_altered", "The model \(row), '\(model.description.name)', is not what was written.")
      }
      guard try hasTable(Self.vectorTable(row)) else {
        found.add("model_altered", "The model \(row), '\(model.description.name)', has no table of vectors.")
        continue
      }
      let statement = try connection.statement(
        composed: "SELECT passage, checksum, value FROM \(Self.vectorTable(model.id)) ORDER BY passage"
      )
      defer { statement.reset() }
      while try statement.step() {
        if let problem = vectorProblem(statement, of: model) {
          let passage = statement.integer(0)
          let place = try place(ofPassage: passage)
          found.add(
            "vector_altered",
            document: place?.document,
            version: place?.version,
            "The vector of passage \(passage)\(place.map { " in '\($0.origin)'" } ?? "") by "
              + "'\(model.description.name)' \(problem)."
          )
        }
      }
    }
  }

  func hasTable(_ name: String) throws -> Bool {
    try connection.row("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1", .text(name)) { _ in true }
      ?? false
  }

  /// What is wrong with a vector's row: passage, checksum, value.
  func vectorProblem(_ row: Statement, of model: ModelRecord) -> String? {
    let passage = row.integer(0)
    let (size, checksum) = row.withBytes(2) { ($0.count, VectorChecksum.of(passage: passage, value: $0)) }
    if size != model.description.dimension * 2 {
      return "has \(size / 2) components instead of \(model.description.dimension)"
    }
    return checksum == row.integer(1) ? nil : "is not what was written"
  }

  /// A live document that a passage stands in.
  func place(
    ofPassage passage: PassageID
  ) throws -> (document: DocumentID, version: Int, origin: String)? {
    try connection.row(
      """
      SELECT d.uuid, d.version, d.origin FROM chunk c JOIN document d ON d.id = c.document
      WHERE c.passage = ?1 AND c.to_sequence IS NULL LIMIT 1
      """,
      .integer(passage)
    ) { row in (try row.identifier(0), row.int(1), row.text(2)) }
  }
}

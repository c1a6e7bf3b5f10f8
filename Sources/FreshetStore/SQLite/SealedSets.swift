import FreshetModel
import FreshetSystem

/// How many rows a set has and the sum of what they are told by: a row that is gone or too many is noticed, in whichever
/// table no other row refers to it.
struct Seal: Equatable {
  var rows: Int64 = 0
  var sum: Int64 = 0

  mutating func add(_ value: Int64) {
    rows &+= 1
    sum &+= value
  }

  mutating func remove(_ value: Int64) {
    rows &-= 1
    sum &-= value
  }
}

/// The sets of rows whose number and sum are kept in the table `seal`.
///
/// Who adds rows to such a table, or takes some away, tells the transaction (`noteSealed`, `noteUnsealed`).
enum SealedSet {
  /// Contents, by their hashes.
  case contents
  /// Passages, by their keys.
  case passages
  /// Renditions, by their checksums and whether their texts are withdrawn.
  case renditions
  /// Runs, by their checksums.
  case runs
  /// Models, by their checksums.
  case models
  /// Marks of collected versions, by all of their columns.
  case collected
  /// What was said of documents, by document and text.
  case annotations
  /// Where a pruned log begins.
  case anchor
  /// What pruned rows of the log vouched for.
  case vouched
  /// Vectors of a model, by their checksums.
  case vectors(ModelID)

  /// The set's name in the table.
  var name: String {
    switch self {
    case .contents: "content"
    case .passages: "passage"
    case .renditions: "rendition"
    case .runs: "run"
    case .models: "model"
    case .collected: "collected"
    case .annotations: "annotation"
    case .anchor: "anchor"
    case .vouched: "vouched"
    case .vectors(let model): SQLiteSnapshot.vectorTable(model)
    }
  }

  /// The columns that a row is told by.
  fileprivate var columns: String {
    switch self {
    case .contents: "hash"
    case .passages: "key"
    case .renditions: "checksum, is_withdrawn"
    case .runs, .models, .vectors: "checksum"
    case .collected: "document, version, at, is_pending"
    case .annotations: "document, metadata"
    case .anchor: "sequence, chain, at"
    case .vouched: "sequence, document, version, source, edition, version_chain"
    }
  }

  /// What a row of `columns` is told by in the sum.
  fileprivate func value(_ row: Statement) throws -> Int64 {
    switch self {
    case .vectors: row.integer(0)
    case .collected: CollectedMarkChecksum.of(row).seal
    case .annotations: AnnotationChecksum.of(row).seal
    case .anchor: AnchorChecksum.of(row).seal
    case .vouched: VouchedChecksum.of(row).seal
    case .renditions: row.integer(1) == 0 ? try row.hash(0).seal : Self.withdrawn(try row.hash(0).seal)
    case .contents, .passages, .runs, .models: try row.hash(0).seal
    }
  }

  /// What a rendition is told by once its text is withdrawn: another value, so that nobody else can withdraw it.
  static func withdrawn(_ seal: Int64) -> Int64 { ~seal }

  static func all(models: [ModelID]) -> [SealedSet] {
    [.contents, .passages, .renditions, .runs, .models, .collected, .annotations, .anchor, .vouched]
      + models.map { .vectors($0) }
  }

  /// Counts the set as it is now.
  func count(_ connection: Connection) throws -> Seal {
    let statement = try connection.statement(composed: "SELECT \(columns) FROM \(name)")
    defer { statement.reset() }
    var seal = Seal()
    while try statement.step() { seal.add(try value(statement)) }
    return seal
  }

  func write(_ seal: Seal, _ connection: Connection) throws {
    try connection.run(
      "INSERT OR REPLACE INTO seal(name, size, sum) VALUES(?1, ?2, ?3)",
      .text(name),
      .integer(seal.rows),
      .integer(seal.sum)
    )
  }

  /// Seals what a database had before it was sealed, at the end of its migrations.
  static func establishAll(_ connection: Connection) throws {
    for run in try SQLiteSnapshot.runRows(connection) where run.checksum == nil {
      try connection.run(
        "UPDATE run SET checksum = ?2 WHERE id = ?1",
        .integer(run.row),
        .hash(RunChecksum.of(run.record, report: run.report))
      )
    }
    let models = try SQLiteSnapshot.modelRows(connection)
    for model in models where model.checksum == nil {
      try connection.run(
        "UPDATE model SET checksum = ?2 WHERE id = ?1",
        .integer(model.record.id),
        .hash(ModelChecksum.of(model.record))
      )
    }
    // What is sealed already stays as it is, or a later migration would vouch for whatever it finds.
    let sealed = Set(try connection.rows(composed: "SELECT name FROM seal", []) { $0.text(0) })
    for set in all(models: models.map(\.record.id)) where !sealed.contains(set.name) {
      try set.write(set.count(connection), connection)
    }
  }
}

extension ContentHash {
  /// What a row is told by in the sum of its set.
  var seal: Int64 { withBytes { Int64(bitPattern: UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self))) } }
}

extension SQLiteTransaction {
  /// A row was added to a sealed set.
  func noteSealed(_ set: SealedSet, _ value: Int64) {
    sealChanges[set.name, default: Seal()].add(value)
  }

  /// A row was taken from a sealed set.
  func noteUnsealed(_ set: SealedSet, _ value: Int64) {
    sealChanges[set.name, default: Seal()].remove(value)
  }

  /// The rows of a sealed set that a condition chooses are about to be deleted: call it before the `DELETE` of the same
  /// condition.
  func noteUnsealed(_ set: SealedSet, where condition: String, _ values: SQLValue...) throws {
    for value in try sealValues(of: set, where: condition, values) { noteUnsealed(set, value) }
  }

  /// The rows of a sealed set that a condition chooses were added: call it after the `INSERT`.
  func noteSealed(_ set: SealedSet, where condition: String, _ values: SQLValue...) throws {
    for value in try sealValues(of: set, where: condition, values) { noteSealed(set, value) }
  }

  private func sealValues(of set: SealedSet, where condition: String, _ values: [SQLValue]) throws -> [Int64] {
    let statement = try connection.statement(composed: "SELECT \(set.columns) FROM \(set.name) WHERE \(condition)")
    defer { statement.reset() }
    statement.bind(values)
    var found: [Int64] = []
    while try statement.step() { found.append(try set.value(statement)) }
    return found
  }

  /// A vector that stands at the passage already is about to be replaced.
  func noteReplacedVector(of passage: PassageID, model: ModelID) throws {
    try noteUnsealed(.vectors(model), where: "passage = ?1", .integer(passage))
  }

  /// The set was emptied.
  func resetSeal(_ set: SealedSet) throws {
    sealChanges[set.name] = nil
    try set.write(Seal(), connection)
  }

  /// The set is no more.
  func removeSeal(_ set: SealedSet) throws {
    sealChanges[set.name] = nil
    try connection.run("DELETE FROM seal WHERE name = ?1", .text(set.name))
  }

  /// Writes the checksums of the models, of which there are few, and their seal.
  func sealModels() throws {
    for model in try models() {
      try connection.run(
        "UPDATE model SET checksum = ?2 WHERE id = ?1",
        .integer(model.id),
        .hash(ModelChecksum.of(model))
      )
      try connection.run(
        "INSERT INTO seal(name, size, sum) VALUES(?1, 0, 0) ON CONFLICT(name) DO NOTHING",
        .text(SealedSet.vectors(model.id).name)
      )
    }
    try SealedSet.models.write(SealedSet.models.count(connection), connection)
  }

  /// Writes what the transaction added to and took from the sets, and what problems a transaction looks for in itself.
  func writeSeals() throws {
    for (name, change) in sealChanges where change != Seal() {
      let stored = try connection.row("SELECT size, sum FROM seal WHERE name = ?1", .text(name)) { row in
        Seal(rows: row.integer(0), sum: row.integer(1))
      }
      guard let stored else { throw connection.damage("the seal of \(name) is missing") }
      try connection.run(
        "UPDATE seal SET size = ?2, sum = ?3 WHERE name = ?1",
        .text(name),
        .integer(stored.rows &+ change.rows),
        .integer(stored.sum &+ change.sum)
      )
    }
    sealChanges = [:]
  }
}

/// What a run's row is checked by: the SHA-256 of its columns.
enum RunChecksum {
  static func of(_ run: RunRecord, report: String?) -> ContentHash {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: "freshet-run/1".utf8)
    encoder.append(bytes: run.id.bytes)
    encoder.append(signed: run.startedAt.nanoseconds)
    encoder.append(bytes: (run.finishedAt.map { "\($0.nanoseconds)" } ?? "").utf8)
    encoder.append(bytes: run.actor.utf8)
    encoder.append(signed: run.firstSequence)
    encoder.append(bytes: (run.lastSequence.map { "\($0)" } ?? "").utf8)
    encoder.append(bytes: (report.map { "=" + $0 } ?? "").utf8)
    return SHA256.digest(of: encoder.bytes)
  }
}

/// What the mark of a collected version is told by: the SHA-256 of its columns, as `SealedSet.collected` selects them.
enum CollectedMarkChecksum {
  static func of(_ row: Statement) -> ContentHash {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: "freshet-collected/1".utf8)
    for column in 0..<4 { encoder.append(signed: row.integer(Int32(column))) }
    return SHA256.digest(of: encoder.bytes)
  }
}

/// What an annotation is told by: the SHA-256 of its columns, as `SealedSet.annotations` selects them.
enum AnnotationChecksum {
  static func of(_ row: Statement) -> ContentHash {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: "freshet-annotation/1".utf8)
    encoder.append(signed: row.integer(0))
    row.withBytes(1) { encoder.append(bytes: $0) }
    return SHA256.digest(of: encoder.bytes)
  }
}

/// What a model's row is checked by: the SHA-256 of its columns.
enum ModelChecksum {
  static func of(_ model: ModelRecord) -> ContentHash {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: "freshet-model/1".utf8)
    encoder.append(signed: model.id)
    encoder.append(bytes: model.description.fingerprint.utf8)
    encoder.append(bytes: model.description.name.utf8)
    encoder.append(signed: Int64(model.description.dimension))
    encoder.append(signed: Int64(model.description.maximumTokens ?? -1))
    encoder.append(bytes: model.state.rawValue.utf8)
    return SHA256.digest(of: encoder.bytes)
  }
}

extension SQLiteSnapshot {
  /// Runs' rows with their checksums, or the one row.
  static func runRows(
    _ connection: Connection,
    row: Int64? = nil
  ) throws -> [(row: Int64, record: RunRecord, report: String?, checksum: ContentHash?)] {
    try connection.rows(
      composed: """
        SELECT uuid, started_at, finished_at, actor, first_sequence, last_sequence, report, checksum, id FROM run
        \(row == nil ? "ORDER BY id" : "WHERE id = ?1")
        """,
      row.map { [.integer($0)] } ?? []
    ) { row in
      let record = RunRecord(
        id: try row.identifier(0),
        startedAt: row.timestamp(1),
        finishedAt: row.isNull(2) ? nil : row.timestamp(2),
        actor: row.text(3),
        firstSequence: row.integer(4),
        lastSequence: row.isNull(5) ? nil : row.integer(5)
      )
      return (row.integer(8), record, row.optionalText(6), row.isNull(7) ? nil : try row.hash(7))
    }
  }

  /// Models' rows with their checksums, or the one row.
  static func modelRows(
    _ connection: Connection,
    row: ModelID? = nil
  ) throws -> [(record: ModelRecord, checksum: ContentHash?)] {
    try connection.rows(
      composed: """
        SELECT id, name, fingerprint, dimension, maximum_tokens, state, checksum FROM model
        \(row == nil ? "ORDER BY id" : "WHERE id = ?1")
        """,
      row.map { [.integer($0)] } ?? []
    ) { row in
      let description = ModelDescription(
        name: row.text(1),
        fingerprint: row.text(2),
        dimension: row.int(3),
        maximumTokens: row.isNull(4) ? nil : row.int(4)
      )
      return (
        ModelRecord(id: row.integer(0), description: description, state: try row.choice(5)),
        row.isNull(6) ? nil : try row.hash(6)
      )
    }
  }
}

import FreshetModel

/// A database as it was after a change, read from what its rows remember.
///
/// Most of it is as it is now. What is not is told by the log: a document that no later change names is as it was, and so
/// are its fields; a passage was live then if it is now, unless its chunks were opened since, or if a chunk of it was
/// closed since. So a read of the past costs what the same read costs now, and something for each change since.
final class SQLitePastSnapshot: StoreSnapshot {
  /// The state that the past is read from.
  let present: SQLiteSnapshot
  /// The head as it was.
  let head: Head
  var connection: Connection { present.connection }

  /// The documents of the filter that was evaluated last, live ones only.
  var lastFilter: (filter: Filter, documents: PassageSet)?
  private var readDifferences: PastDifferences?
  private var readMembers: PassageSet?
  private var readChangedPlaces: [ChangedPlace: [ChangedDocument]]?

  /// - Parameter sequence: a change of the present's log, or 0.
  init(_ present: SQLiteSnapshot, at sequence: SequenceNumber) throws {
    self.present = present
    var head = present.head
    head.sequence = sequence
    if sequence == head.anchor.sequence {
      (head.chain, head.at) = (head.anchor.chain, head.anchor.at)
    } else {
      let change = try present.connection.row("SELECT chain, at FROM change WHERE sequence = ?1", .integer(sequence)) {
        (chain: try $0.hash(0), at: $0.timestamp(1))
      }
      guard let change else { throw present.connection.damage("the log has no change \(sequence)") }
      (head.chain, head.at) = (change.chain, change.at)
    }
    self.head = head
  }

  /// The last change of the state.
  var sequence: SQLValue { .integer(head.sequence) }

  // MARK: What tells the past from the present

  /// What changed since then.
  func differences() throws -> PastDifferences {
    if let readDifferences { return readDifferences }
    let cache = present.caches?.past
    let differences = try cache?.differences(from: head, to: present.head) ?? PastDifferences(self)
    cache?.keep(differences, from: head, to: present.head)
    readDifferences = differences
    return differences
  }

  /// The passages that were live.
  func members() throws -> PassageSet {
    if let readMembers { return readMembers }
    let cache = present.caches?.past
    let members = try cache?.members(at: head) ?? readLivePassages()
    cache?.keep(members, at: head)
    readMembers = members
    return members
  }

  private func readLivePassages() throws -> PassageSet {
    var members = try livePassagesNow()
    let differences = try differences()
    var opened = PassageSet()
    let later = try connection.statement(
      """
      SELECT passage FROM chunk WHERE id >= ?1 AND +to_sequence IS NULL AND NOT EXISTS(
        SELECT 1 FROM chunk c INDEXED BY chunk_passage
        WHERE c.passage = chunk.passage AND c.to_sequence IS NULL AND c.id < ?1
      )
      """
    )
    do {
      defer { later.reset() }
      later.bind(1, differences.firstLaterChunk)
      while try later.step() { opened.insert(later.integer(0)) }
    }
    members = members.subtracting(opened)
    for chunk in differences.closed { members.insert(chunk.passage) }
    return members
  }

  /// The passages that are live in the present: those of the keyword index.
  func livePassagesNow() throws -> PassageSet {
    try present.prepareKeywordSearch()
    let statement = try connection.statement("SELECT id FROM live_fts_docsize ORDER BY id")
    defer { statement.reset() }
    var live = PassageSet()
    while try statement.step() { live.insert(statement.integer(0)) }
    return live
  }

  // MARK: Documents that changed since

  /// Where a document stood.
  struct ChangedPlace: Hashable {
    var source: UTF8Text
    var origin: UTF8Text
  }

  /// A document that changed since, as it was.
  struct ChangedDocument {
    var row: Int64
    var isLive: Bool
    /// The change that made its last version.
    var sequence: SequenceNumber
  }

  /// Documents that changed since, by where they stood; those that came since stood nowhere.
  func changedPlaces() throws -> [ChangedPlace: [ChangedDocument]] {
    if let readChangedPlaces { return readChangedPlaces }
    var places: [ChangedPlace: [ChangedDocument]] = [:]
    let statement = try connection.statement(
      """
      SELECT coalesce(c.source, w.source), v.origin, v.kind <> 'deleted', v.sequence FROM version v
        LEFT JOIN change c ON c.sequence = v.sequence LEFT JOIN vouched w ON w.sequence = v.sequence
      WHERE v.document = ?1 AND v.sequence <= ?2 ORDER BY v.number DESC LIMIT 1
      """
    )
    for row in try differences().documents.members {
      defer { statement.reset() }
      statement.bind(1, row)
      statement.bind(2, head.sequence)
      guard try statement.step() else { continue }
      let place = ChangedPlace(source: UTF8Text(statement.text(0)), origin: UTF8Text(statement.text(1)))
      places[place, default: []].append(
        ChangedDocument(row: row, isLive: statement.integer(2) != 0, sequence: statement.integer(3))
      )
    }
    readChangedPlaces = places
    return places
  }
}

/// What changed in a database between two states of it.
struct PastDifferences: Sendable {
  /// The rows of the documents that the log names.
  var documents = PassageSet()
  /// The first row of the chunks that were opened since.
  var firstLaterChunk: Int64
  /// Chunks that were open then and were closed since, by passage.
  var closed: [PassageChunk] = []

  /// Reads what changed since a state.
  init(_ past: SQLitePastSnapshot) throws {
    let connection = past.connection
    firstLaterChunk = try past.present.firstChunk(after: past.head.sequence)
    let changed = try connection.statement("SELECT document FROM change WHERE sequence > ?1")
    do {
      defer { changed.reset() }
      changed.bind(1, past.head.sequence)
      while try changed.step() { documents.insert(changed.integer(0)) }
    }
    let chunks = try connection.statement(
      "SELECT passage, id, document FROM chunk INDEXED BY chunk_closed WHERE to_sequence > ?1 AND id < ?2"
    )
    defer { chunks.reset() }
    chunks.bind(1, past.head.sequence)
    chunks.bind(2, firstLaterChunk)
    while try chunks.step() {
      closed.append(PassageChunk(passage: chunks.integer(0), chunk: chunks.integer(1), document: chunks.integer(2)))
    }
    closed.sort { $0.passage == $1.passage ? $0.chunk < $1.chunk : $0.passage < $1.passage }
  }

  /// The chunks of a passage that were closed since.
  func closed(of passage: PassageID) -> ArraySlice<PassageChunk> {
    var low = closed.startIndex
    var high = closed.endIndex
    while low < high {
      let middle = low + (high - low) / 2
      if closed[middle].passage < passage { low = middle + 1 } else { high = middle }
    }
    return closed[low...].prefix { $0.passage == passage }
  }
}

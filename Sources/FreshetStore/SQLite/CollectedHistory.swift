import FreshetModel
import FreshetSystem

/// What the log and the marks of collected versions say of a document's editions, of which some may be gone: how `problems`
/// tells what was collected from what was taken away.
///
/// The log has a row for each edition that there ever was. One that is not there any more, or only in part, is lawful if
/// and only if its version is marked, and the version is neither the current one of a live document nor one from which
/// the head's history floor claims that it is whole.
struct CollectedHistory {
  /// An edition as the log has it.
  struct Logged {
    var version: Int
    var from: SequenceNumber
    /// The document's next change.
    var to: SequenceNumber?
  }

  /// The editions of the document, oldest first.
  let logged: [Logged]
  /// The marked versions, and whether what they needed may still be there.
  let marks: [Int: Bool]
  /// Where the edition of a change stands in `logged`.
  private let places: [SequenceNumber: Int]
  /// Up to this change the log was pruned, and does not tell which editions of collected versions there were.
  private let pruned: SequenceNumber
  /// Where the run of editions of collected versions ends that an edition stands in; its own change for any other.
  private let runEnds: [SequenceNumber]

  /// - Parameters:
  ///   - changes: the document's changes, oldest first; of pruned ones those that made versions or kept editions.
  ///   - pruned: the log's anchor.
  init(marks: [Int: Bool], changes: [LoggedChange], pruned: SequenceNumber = 0) {
    self.marks = marks
    self.pruned = pruned
    var logged: [Logged] = []
    for (index, change) in changes.enumerated() where !change.isDeletion {
      let next = index + 1 < changes.count ? changes[index + 1].sequence : nil
      logged.append(Logged(version: change.version, from: change.sequence, to: next))
    }
    var ends = logged.map(\.from)
    for (index, edition) in logged.enumerated().reversed() {
      guard marks[edition.version] != nil, let to = edition.to else { continue }
      ends[index] = index + 1 < logged.count && logged[index + 1].from == to ? ends[index + 1] : to
    }
    self.logged = logged
    places = Dictionary(logged.enumerated().map { ($1.from, $0) }, uniquingKeysWith: { first, _ in first })
    runEnds = ends
  }

  /// Whether a version was collected.
  func isCollected(_ version: Int) -> Bool { marks[version] != nil }

  /// The end of the edition that a change made, as the log has it.
  func end(ofEditionFrom sequence: SequenceNumber) -> SequenceNumber? {
    places[sequence].flatMap { logged[$0].to }
  }

  /// Whether the stretch between two changes is nothing but editions of collected versions, one after the other.
  func isCollected(from start: SequenceNumber, to end: SequenceNumber) -> Bool {
    guard start < end, let first = place(of: start) else { return false }
    if runEnds[first] == end { return true }
    return end < runEnds[first] && place(of: end) != nil
  }

  /// Where the edition of a change stands; of a pruned change, that of the collected version which was current then.
  private func place(of sequence: SequenceNumber) -> Int? {
    if let place = places[sequence] { return place }
    guard sequence <= pruned, let place = logged.lastIndex(where: { $0.from < sequence }),
      isCollected(logged[place].version), sequence < logged[place].to ?? .max
    else { return nil }
    return place
  }

  /// Whether a chunk that is open longer than the editions that have it, is so for editions of collected versions alone.
  func isWhole(
    from start: SequenceNumber,
    to end: SequenceNumber?,
    inChunkFrom from: SequenceNumber,
    to last: SequenceNumber?
  ) -> Bool {
    let begins = from == start || isCollected(from: from, to: start)
    guard let end, let last else { return begins && end == last }
    return begins && (last == end || isCollected(from: end, to: last))
  }
}

extension SQLiteSnapshot {
  /// The history of the document when some of it was collected; `nil` when nothing was.
  func collectedHistory(row document: Int64) throws -> CollectedHistory? {
    let marks = try collectedVersions(row: document)
    guard !marks.isEmpty else { return nil }
    let changes = try connection.rows(
      """
      SELECT sequence, version, kind = 'deleted' FROM change WHERE document = ?1
      UNION SELECT sequence, number, kind = 'deleted' FROM version WHERE document = ?1 AND sequence <= ?2
      UNION SELECT sequence, version, edition = ?3 FROM vouched WHERE document = ?1 ORDER BY sequence
      """,
      .integer(document),
      .integer(head.anchor.sequence),
      .hash(VouchedRow.deletion)
    ) { LoggedChange(sequence: $0.integer(0), version: $0.int(1), isDeletion: $0.integer(2) != 0) }
    return CollectedHistory(marks: marks, changes: changes, pruned: head.anchor.sequence)
  }

  /// Marks, or those of a document, that fit no version, or one that cannot have been collected.
  func checkMarks(of document: Int64? = nil, _ found: inout ProblemCollector) throws {
    let condition = document == nil ? "" : "AND c.document = ?1"
    let values = document.map { [SQLValue.integer($0)] } ?? []
    let wrong = try connection.rows(
      composed: """
        SELECT d.uuid, c.version, d.origin FROM collected c JOIN document d ON d.id = c.document
        WHERE (c.version < 1 OR c.version > d.version OR (d.is_live = 1 AND c.version = d.version)) \(condition)
        """,
      values
    ) { (document: try? $0.identifier(0, as: DocumentID.self), version: $0.int(1), origin: $0.text(2)) }
    for mark in wrong {
      found.add(
        "collection_altered",
        document: mark.document,
        version: mark.version,
        "'\(mark.origin)': version \(mark.version) is marked as collected, and cannot have been."
      )
    }
    let left = try connection.rows(
      composed: """
        SELECT d.uuid, e.version, d.origin, e.from_sequence FROM edition e
          JOIN collected c ON c.document = e.document AND c.version = e.version JOIN document d ON d.id = e.document
        WHERE c.is_pending = 0 \(condition)
        """,
      values
    ) {
      (
        document: try? $0.identifier(0, as: DocumentID.self), version: $0.int(1), origin: $0.text(2),
        sequence: $0.integer(3)
      )
    }
    for edition in left {
      found.add(
        "collection_altered",
        document: edition.document,
        version: edition.version,
        sequence: edition.sequence,
        "'\(edition.origin)': version \(edition.version) is marked as collected, and has an edition."
      )
    }
  }

  /// What only collected versions had is gone, and the history floor is above them.
  func checkWhatMarksLeave(_ found: inout ProblemCollector) throws {
    let unneeded = try connection.rows(
      """
      SELECT hash FROM content t WHERE EXISTS(SELECT 1 FROM version v WHERE v.content_hash = t.hash)
        AND NOT EXISTS(
          SELECT 1 FROM version v WHERE v.content_hash = t.hash AND v.kind <> 'deleted' AND NOT EXISTS(
            SELECT 1 FROM collected c WHERE c.document = v.document AND c.version = v.number AND c.is_pending = 0))
      """
    ) { Hexadecimal.encode($0.bytes(0)) }
    for hash in unneeded {
      found.add(
        "collection_altered",
        "The content \(hash) is kept, though every version that has it is marked as collected."
      )
    }
    let floor = try connection.count(
      """
      SELECT max(n.sequence) FROM collected c JOIN version v ON v.document = c.document AND v.number = c.version
        JOIN version n ON n.document = v.document AND n.number = v.number + 1 WHERE v.kind <> 'deleted'
      """
    )
    if SequenceNumber(floor) > head.historyFloor {
      found.add(
        "head_altered",
        "The head says that every state from change \(head.historyFloor) on is kept; collected ones reach to \(floor)."
      )
    }
  }
}

/// A change of a document: it made an edition, or deleted the document.
struct LoggedChange {
  var sequence: SequenceNumber
  var version: Int
  var isDeletion: Bool
}

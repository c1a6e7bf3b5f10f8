import CSQLite
import FreshetModel
import FreshetSystem

/// A transaction of the writer's connection.
final class SQLiteTransaction: SQLiteSnapshot, StoreTransaction {
  let now: Timestamp
  /// The highest number that any passage ever had.
  private var lastPassage: PassageID
  private let firstLastPassage: PassageID
  /// The error of a change that was written in part: the transaction must not commit, whatever its body does with it.
  private var failure: (any Error)?

  /// - Parameter clock: the time of day; a clock that was set back does not take the log back.
  init(_ connection: Connection, clock: Timestamp) throws {
    let last = try connection.row("SELECT at, last_passage FROM head WHERE id = 1") { row in
      (at: row.timestamp(0), passage: row.integer(1))
    }
    guard let last else { throw connection.damage("the head is missing") }
    now = max(clock, last.at)
    lastPassage = last.passage
    firstLastPassage = last.passage
    try super.init(connection)
  }

  /// Writes what is kept once for the whole transaction, before it commits.
  /// - Throws: the error of a change that was written in part.
  func finish() throws {
    if let failure { throw failure }
    try bringKeywordsInStep()
    try writeSeals()
    guard isHeadMoved || lastPassage != firstLastPassage else { return }
    try connection.run(
      "UPDATE head SET sequence = ?1, chain = ?2, at = ?3, last_passage = ?4 WHERE id = 1",
      .integer(head.sequence),
      .hash(head.chain),
      .integer(head.at.nanoseconds),
      .integer(lastPassage)
    )
  }

  private(set) var isHeadMoved = false

  /// Passages whose chunks changed, and whether they were in the keyword index then; see `bringKeywordsInStep`.
  var wasLive: [PassageID: Bool] = [:]

  /// Whether the keyword index was built anew, so that lists which were read from it before are not kept.
  var hasNewKeywordIndex = false

  override func prepareKeywordSearch() throws {
    try bringKeywordsInStep()
  }

  /// What was added to and taken from sealed sets; see `writeSeals`.
  var sealChanges: [String: Seal] = [:]

  override func prepareChecks() throws {
    try bringKeywordsInStep()
    try writeSeals()
  }

  /// The log grew by one row.
  func advance(to change: ChangeRecord) {
    head.sequence = change.sequence
    head.chain = change.chain
    head.at = change.at
    isHeadMoved = true
  }

  /// Runs a body that writes: once it failed, the transaction cannot commit.
  func writing<Result>(_ body: () throws -> Result) throws -> Result {
    if let failure { throw failure }
    do {
      return try body()
    } catch {
      failure = error
      throw error
    }
  }

  /// The error for a call that does not fit what is stored.
  func refusal(_ message: String) -> FreshetError {
    FreshetError(.storeFailed, message, path: connection.path)
  }

  // MARK: Sources and items

  func registerSource(name: String, location: String) throws -> SourceRecord {
    try writing {
      try connection.run(
        """
        INSERT INTO source(name, location, configuration, root_identity, pipeline) VALUES(?1, ?2, '', '', '')
        ON CONFLICT(name) DO UPDATE SET location = excluded.location, is_removed = 0
        WHERE location <> excluded.location OR is_removed
        """,
        .text(name),
        .text(location)
      )
    }
    guard let source = try sources().first(where: { $0.name == name }) else {
      throw connection.damage("a source that was registered is missing")
    }
    return source
  }

  func update(_ source: SourceRecord) throws {
    try writing {
      // The name is what the log knows a source by.
      try connection.run(
        """
        UPDATE source SET location = ?3, configuration = ?4, root_identity = ?5, pipeline = ?6
        WHERE id = ?1 AND name = ?2 AND is_removed = 0
        """,
        .integer(source.id),
        .text(source.name),
        .text(source.location),
        .text(source.configuration),
        .text(source.rootIdentity),
        .text(source.pipeline)
      )
      guard connection.changedRows == 1 else {
        throw refusal("There is no source number \(source.id) of the name '\(source.name)'.")
      }
    }
  }

  func removeSource(_ source: SourceID) throws {
    guard try connection.count("SELECT count(*) FROM source WHERE id = ?1 AND is_removed = 0", .integer(source)) == 1
    else { throw refusal("There is no source number \(source).") }
    let live = try connection.count(
      "SELECT count(*) FROM document WHERE source = ?1 AND is_live = 1",
      .integer(source)
    )
    let items = try connection.count("SELECT count(*) FROM item WHERE source = ?1", .integer(source))
    guard live == 0, items == 0 else {
      throw refusal("Source number \(source) still has \(live) live documents and \(items) items.")
    }
    try writing {
      // The history of documents still refers to it, also of those that have moved to another source.
      let kept = try connection.count(
        """
        SELECT EXISTS(SELECT 1 FROM document WHERE source = ?1)
          OR EXISTS(SELECT 1 FROM change WHERE source = (SELECT name FROM source WHERE id = ?1))
          OR EXISTS(SELECT 1 FROM vouched WHERE source = (SELECT name FROM source WHERE id = ?1))
        """,
        .integer(source)
      )
      if kept == 0 {
        try connection.run("DELETE FROM source WHERE id = ?1", .integer(source))
      } else {
        try connection.run(
          """
          UPDATE source SET is_removed = 1, configuration = '', root_identity = '', pipeline = '' WHERE id = ?1
          """,
          .integer(source)
        )
      }
    }
  }

  func save(_ items: [ItemRecord], source: SourceID) throws {
    try writing {
      let statement = try connection.statement(
        """
        INSERT INTO item(source, path, device, inode, size, modified, changed, is_racy, hash, documents)
        VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        ON CONFLICT(source, path) DO UPDATE SET device = excluded.device, inode = excluded.inode,
          size = excluded.size, modified = excluded.modified, changed = excluded.changed,
          is_racy = excluded.is_racy, hash = excluded.hash, documents = excluded.documents
        """
      )
      for item in items {
        statement.bind(1, source)
        statement.bind(2, item.path)
        statement.bind(3, Int64(bitPattern: item.fingerprint.device))
        statement.bind(4, Int64(bitPattern: item.fingerprint.inode))
        statement.bind(5, item.fingerprint.size)
        statement.bind(6, item.fingerprint.modified)
        statement.bind(7, item.fingerprint.changed)
        statement.bind(8, item.isRacy ? 1 : 0)
        statement.bind(9, item.hash)
        statement.bind(10, Int64(item.documents))
        try statement.run()
      }
    }
  }

  func removeItems(_ paths: [[UInt8]], source: SourceID) throws {
    try writing {
      for path in paths {
        try connection.run("DELETE FROM item WHERE source = ?1 AND path = ?2", .integer(source), .blob(path))
      }
    }
  }

  // MARK: Passages

  func savePassages(_ passages: [PassageDraft]) throws -> [PassageID] {
    try writing {
      let find = try connection.statement("SELECT id FROM passage WHERE key = ?1")
      let insert = try connection.statement(
        "INSERT INTO passage(id, key, tokens, heading, body) VALUES(?1, ?2, ?3, ?4, ?5)"
      )
      return try passages.map { passage in
        find.bind(1, passage.key)
        do {
          defer { find.reset() }
          if try find.step() { return find.integer(0) }
        }
        lastPassage += 1
        insert.bind(1, lastPassage)
        insert.bind(2, passage.key)
        insert.bind(3, Int64(passage.tokens))
        insert.bind(4, HeadingText.encode(passage.heading))
        insert.bind(5, text: passage.text)
        try insert.run()
        noteSealed(.passages, passage.key.seal)
        return lastPassage
      }
    }
  }
}

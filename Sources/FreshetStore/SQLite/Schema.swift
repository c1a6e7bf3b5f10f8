import CSQLite
import FreshetModel

/// The database's tables, made by numbered migrations that run in order.
///
/// A migration that was released is never edited: a change of the schema is a new one at the end of the list.
enum Schema {
  /// `PRAGMA application_id`: "FRSH".
  static let applicationID = 0x4652_5348

  /// The version that the newest migration leaves behind.
  static var currentVersion: Int { migrations.count }

  /// Statements by the version that they lead to, minus 1.
  static let migrations: [String] = [
    """
    CREATE TABLE head(
      id INTEGER PRIMARY KEY CHECK(id = 1), collection BLOB NOT NULL, epoch BLOB NOT NULL, sequence INTEGER NOT NULL,
      chain BLOB NOT NULL, at INTEGER NOT NULL, history_floor INTEGER NOT NULL, last_passage INTEGER NOT NULL
    );
    CREATE TABLE source(
      id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, location TEXT NOT NULL, configuration TEXT NOT NULL,
      root_identity TEXT NOT NULL, pipeline TEXT NOT NULL, is_removed INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE item(
      source INTEGER NOT NULL REFERENCES source(id), path BLOB NOT NULL, device INTEGER NOT NULL,
      inode INTEGER NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL, changed INTEGER NOT NULL,
      is_racy INTEGER NOT NULL, hash BLOB NOT NULL, documents INTEGER NOT NULL, PRIMARY KEY(source, path)
    ) WITHOUT ROWID;
    CREATE TABLE document(
      id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, source INTEGER NOT NULL REFERENCES source(id),
      item_path BLOB NOT NULL, origin TEXT NOT NULL, is_live INTEGER NOT NULL CHECK(is_live IN (0, 1)),
      version INTEGER NOT NULL,
      content_hash BLOB NOT NULL, edition INTEGER, pipeline TEXT NOT NULL, created_at INTEGER NOT NULL
    );
    CREATE UNIQUE INDEX document_live ON document(source, origin) WHERE is_live = 1;
    CREATE INDEX document_deleted ON document(source, origin) WHERE is_live = 0;
    CREATE INDEX document_item ON document(source, item_path) WHERE is_live = 1;
    CREATE INDEX document_content ON document(content_hash) WHERE is_live = 1;
    CREATE TABLE version(
      document INTEGER NOT NULL REFERENCES document(id), number INTEGER NOT NULL, kind TEXT NOT NULL,
      content_hash BLOB NOT NULL, size INTEGER NOT NULL, at INTEGER NOT NULL, sequence INTEGER NOT NULL,
      run BLOB NOT NULL, actor TEXT NOT NULL, owner TEXT, file_modified INTEGER NOT NULL, origin TEXT NOT NULL,
      previous_origin TEXT, same_as INTEGER, reason TEXT, chain BLOB NOT NULL, PRIMARY KEY(document, number)
    ) WITHOUT ROWID;
    CREATE INDEX version_content ON version(content_hash, document, number);
    CREATE TABLE content(
      id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, codec INTEGER NOT NULL, data BLOB NOT NULL
    );
    CREATE TABLE rendition(
      id INTEGER PRIMARY KEY, content_hash BLOB NOT NULL, parser TEXT NOT NULL, title TEXT, metadata TEXT NOT NULL,
      map BLOB NOT NULL, codec INTEGER, markdown BLOB, checksum BLOB NOT NULL, UNIQUE(content_hash, parser),
      CHECK((codec IS NULL) = (markdown IS NULL))
    );
    CREATE TABLE edition(
      id INTEGER PRIMARY KEY, document INTEGER NOT NULL REFERENCES document(id), version INTEGER NOT NULL,
      rendition INTEGER NOT NULL REFERENCES rendition(id), from_sequence INTEGER NOT NULL, to_sequence INTEGER,
      state TEXT NOT NULL, scope TEXT NOT NULL, pipeline TEXT NOT NULL, origin TEXT NOT NULL, title TEXT NOT NULL,
      metadata TEXT NOT NULL, chunk_count INTEGER NOT NULL, layout BLOB NOT NULL
    );
    CREATE UNIQUE INDEX edition_open ON edition(document) WHERE to_sequence IS NULL;
    CREATE INDEX edition_history ON edition(document, from_sequence);
    CREATE INDEX edition_awaiting ON edition(document) WHERE to_sequence IS NULL AND state = 'awaiting_vectors';
    CREATE INDEX edition_rendition ON edition(rendition);
    CREATE TABLE field(
      name TEXT NOT NULL, value NOT NULL, document INTEGER NOT NULL REFERENCES document(id),
      PRIMARY KEY(name, value, document)
    ) WITHOUT ROWID;
    CREATE TABLE passage(
      id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, tokens INTEGER NOT NULL, heading TEXT NOT NULL,
      body TEXT NOT NULL
    );
    CREATE TABLE chunk(
      id INTEGER PRIMARY KEY, uuid BLOB NOT NULL, document INTEGER NOT NULL REFERENCES document(id),
      passage INTEGER NOT NULL REFERENCES passage(id), from_sequence INTEGER NOT NULL, to_sequence INTEGER
    );
    CREATE INDEX chunk_passage ON chunk(passage, document) WHERE to_sequence IS NULL;
    CREATE INDEX chunk_document ON chunk(document, passage) WHERE to_sequence IS NULL;
    CREATE INDEX chunk_closed ON chunk(to_sequence) WHERE to_sequence IS NOT NULL;
    CREATE TABLE model(
      id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, name TEXT NOT NULL, dimension INTEGER NOT NULL,
      maximum_tokens INTEGER, state TEXT NOT NULL
    );
    CREATE VIEW live_passage AS SELECT id, heading, body FROM passage WHERE EXISTS(
      SELECT 1 FROM chunk WHERE chunk.passage = passage.id AND to_sequence IS NULL
    );
    CREATE VIRTUAL TABLE live_fts USING fts5(
      heading, body, content = 'live_passage', content_rowid = 'id', tokenize = 'freshet'
    );
    INSERT INTO live_fts(live_fts, rank) VALUES('automerge', 8);
    INSERT INTO live_fts(live_fts, rank) VALUES('rank', 'bm25(2.0, 1.0)');
    CREATE TABLE change(
      sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL, run BLOB NOT NULL, kind TEXT NOT NULL,
      document INTEGER NOT NULL REFERENCES document(id), source TEXT NOT NULL, origin TEXT NOT NULL,
      previous_origin TEXT, version INTEGER NOT NULL, content_hash BLOB NOT NULL, reason TEXT, edition BLOB NOT NULL,
      chain BLOB NOT NULL
    );
    CREATE TABLE failure(
      source TEXT NOT NULL, item_path BLOB NOT NULL, origin TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,
      is_transient INTEGER NOT NULL, attempts INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
      content_hash BLOB, pipeline TEXT NOT NULL, PRIMARY KEY(source, item_path, origin)
    ) WITHOUT ROWID;
    CREATE TABLE run(
      id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE, started_at INTEGER NOT NULL, finished_at INTEGER,
      actor TEXT NOT NULL, first_sequence INTEGER NOT NULL, last_sequence INTEGER, report TEXT
    );
    CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
    // When the file of a document was last changed, if that is later than its version; and members of a file at the root
    // of its source have no category.
    """
    ALTER TABLE document ADD COLUMN file_modified INTEGER;
    UPDATE OR REPLACE field SET value = '' WHERE name = 'category' AND document IN (
      SELECT d.id FROM document d JOIN edition e ON e.id = d.edition
      WHERE d.is_live = 1 AND instr(d.origin, '!/') > 0
        AND instr(substr(d.origin, 1, instr(d.origin, '!/')), '/') = 0
        AND json_type(e.metadata, '$.category') IS NULL
    );
    """,
    """
    CREATE TABLE annotation(document INTEGER PRIMARY KEY REFERENCES document(id), metadata TEXT NOT NULL);
    """,
    """
    ALTER TABLE change ADD COLUMN version_chain BLOB;
    CREATE INDEX change_document ON change(document);
    ALTER TABLE model ADD COLUMN checksum BLOB;
    ALTER TABLE run ADD COLUMN checksum BLOB;
    CREATE TABLE seal(name TEXT PRIMARY KEY, size INTEGER NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE consumer(
      name TEXT PRIMARY KEY, kind TEXT NOT NULL, epoch BLOB NOT NULL, sequence INTEGER NOT NULL, chain BLOB NOT NULL,
      state TEXT NOT NULL, failures INTEGER NOT NULL, last_error TEXT, retry_at INTEGER, created_at INTEGER NOT NULL,
      moved_at INTEGER NOT NULL, resync_epoch BLOB, resync_sequence INTEGER, resync_chain BLOB, resync_after BLOB
    ) WITHOUT ROWID;
    """,
    // Versions whose content was collected, by intention, and the way from a passage to its closed chunks.
    """
    CREATE TABLE collected(
      document INTEGER NOT NULL REFERENCES document(id), version INTEGER NOT NULL, at INTEGER NOT NULL,
      is_pending INTEGER NOT NULL CHECK(is_pending IN (0, 1)), PRIMARY KEY(document, version)
    ) WITHOUT ROWID;
    CREATE INDEX collected_pending ON collected(document, version) WHERE is_pending = 1;
    CREATE INDEX chunk_passage_closed ON chunk(passage) WHERE to_sequence IS NOT NULL;
    """,
    // Renditions whose text was withdrawn, and what editions from before its return are told by.
    """
    ALTER TABLE rendition ADD COLUMN is_withdrawn INTEGER NOT NULL DEFAULT 0 CHECK(is_withdrawn IN (0, 1));
    ALTER TABLE edition ADD COLUMN rendition_checksum BLOB;
    """,
    // The mail's consumer has a name that no program can choose; and which receiver a consumer's failures are of.
    """
    UPDATE consumer SET name = 'mail:server' WHERE name = 'mail' AND kind = 'mail';
    ALTER TABLE consumer ADD COLUMN receiver BLOB;
    """,
    // Where a pruned log begins, and what its rows vouched for of versions and editions that are kept.
    """
    CREATE TABLE anchor(
      id INTEGER PRIMARY KEY CHECK(id = 1), sequence INTEGER NOT NULL, chain BLOB NOT NULL, at INTEGER NOT NULL
    );
    CREATE TABLE vouched(
      sequence INTEGER PRIMARY KEY, document INTEGER NOT NULL REFERENCES document(id), version INTEGER NOT NULL,
      source TEXT NOT NULL, edition BLOB NOT NULL, version_chain BLOB
    );
    CREATE INDEX vouched_document ON vouched(document);
    """,
    // A run that was killed could leave documents without their item, which nothing missed: `ItemFingerprint.unseen`.
    """
    INSERT OR IGNORE INTO item
    SELECT d.source, d.item_path, coalesce((SELECT i.device FROM item i WHERE i.source = d.source LIMIT 1), 0), 0, -1, 0, 0,
      1, zeroblob(32), count(*)
    FROM document d WHERE d.is_live = 1 GROUP BY d.source, d.item_path;
    """,
    // What was deleted lately, which the deletion guard asks often while much is deleted.
    """
    CREATE INDEX change_deletion ON change(source, at, document) WHERE kind = 'deleted';
    """,
  ]

  /// Reads the version of a database and refuses one that is not ours, or newer than this program.
  static func version(of connection: Connection) throws -> Int {
    let version = try connection.count("PRAGMA user_version")
    guard version <= currentVersion else {
      throw FreshetError(
        .storeFailed,
        "The collection was written by a newer Freshet (schema \(version); this one knows \(currentVersion)). "
          + "Install the newer version.",
        path: connection.path
      )
    }
    let application = try connection.count("PRAGMA application_id")
    guard application == applicationID || application == 0 && version == 0 else {
      throw FreshetError(.storeFailed, "The file is a SQLite database of another program.", path: connection.path)
    }
    return version
  }

  /// Brings the database to the current version in one transaction.
  static func migrate(_ connection: Connection, now: Timestamp) throws {
    if try version(of: connection) == 0 {
      guard try connection.count("SELECT count(*) FROM sqlite_schema") == 0 else {
        throw FreshetError(.storeFailed, "The file is a SQLite database of another program.", path: connection.path)
      }
      // These hold only before the first table is made, and outlive the connection. Incremental: free pages can be
      // returned to the file system in short steps beside readers.
      try connection.execute("PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL")
    }
    try connection.execute("BEGIN IMMEDIATE")
    do {
      // Another process may have been first.
      let found = try version(of: connection)
      for number in found..<currentVersion { try connection.execute(migrations[number]) }
      if found == 0 {
        try connection.run(
          "INSERT INTO head VALUES(1, ?1, ?2, 0, ?3, ?4, 0, 0)",
          .id(CollectionID.random()),
          .id(CollectionID.random()),
          .hash(.zero),
          .integer(now.nanoseconds)
        )
      }
      if found < currentVersion { try SealedSet.establishAll(connection) }
      try connection.execute(
        "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(currentVersion); COMMIT"
      )
    } catch {
      if connection.isInTransaction { try? connection.execute("ROLLBACK") }
      throw error
    }
  }
}

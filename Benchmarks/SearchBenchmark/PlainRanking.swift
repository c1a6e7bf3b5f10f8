import CSQLite
import FreshetModel

/// The reference: FTS5's own `bm25` on the same index, for the same words.
final class PlainRanking {
  private let database: OpaquePointer
  private let statement: OpaquePointer

  init?(database path: String) {
    var database: OpaquePointer?
    guard sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK, let database,
      freshet_register_tokenizer(database) == SQLITE_OK
    else { return nil }
    self.database = database
    var statement: OpaquePointer?
    let sql = "SELECT rowid, rank FROM live_fts WHERE live_fts MATCH ?1 ORDER BY rank LIMIT ?2"
    guard sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK, let statement else { return nil }
    self.statement = statement
  }

  deinit {
    sqlite3_finalize(statement)
    sqlite3_close_v2(database)
  }

  func best(_ limit: Int, for query: String) -> [ScoredPassage] {
    let words = Self.words(of: query).map { "\"\($0)\"" }.joined(separator: " OR ")
    defer { sqlite3_reset(statement) }
    _ = freshet_bind_text(statement, 1, words, words.utf8.count)
    sqlite3_bind_int64(statement, 2, Int64(limit))
    var found: [ScoredPassage] = []
    while sqlite3_step(statement) == SQLITE_ROW {
      let score = Float(-sqlite3_column_double(statement, 1))
      found.append(ScoredPassage(passage: sqlite3_column_int64(statement, 0), score: score))
    }
    return found
  }

  /// The words that a search asks for: each once, identifiers whole and by their parts.
  private static func words(of query: String) -> [String] {
    final class Collected { var words: [String] = [] }
    let collected = Collected()
    _ = freshet_tokenize(
      query,
      Int32(query.utf8.count),
      Int32(FRESHET_TOKENIZE_DOCUMENT),
      Unmanaged.passUnretained(collected).toOpaque()
    ) { context, _, token, count, _, _ in
      guard let context, let token else { return 1 }
      let bytes = UnsafeRawBufferPointer(start: token, count: Int(count))
      let words = Unmanaged<Collected>.fromOpaque(context).takeUnretainedValue()
      let word = String(decoding: bytes, as: UTF8.self)
      if !words.words.contains(word) { words.words.append(word) }
      return 0
    }
    return collected.words
  }
}

import FreshetModel

/// Evaluates filters on sets of documents: each comparison is one range of the index on `field`, and the sets are
/// combined as bitmaps of document rows. Only then chunks are looked at.
extension SQLiteSnapshot {
  /// The rows of live documents that a filter matches.
  func documents(matching filter: Filter) throws -> PassageSet {
    switch filter {
    case .field(let name, let comparison, let value): return try documents(name, comparison, value)
    case .oneOf(let name, let values):
      return try values.reduce(into: PassageSet()) { $0.formUnion(try documents(name, .equal, $1)) }
    case .exists(let name):
      return try rows(
        connection.statement("SELECT document FROM field WHERE name = ?1 AND value <> ?2"),
        [.text(name), FieldValue.null.sql]
      )
    case .all(let parts):
      guard let first = parts.first else { return try liveDocumentRows() }
      return try parts.dropFirst().reduce(into: documents(matching: first)) { set, part in
        if set.count > 0 { set.formIntersection(try documents(matching: part)) }
      }
    case .any(let parts):
      return try parts.reduce(into: PassageSet()) { $0.formUnion(try documents(matching: $1)) }
    case .not(let part): return try liveDocumentRows().subtracting(documents(matching: part))
    }
  }

  func liveDocumentRows() throws -> PassageSet {
    try rows(connection.statement("SELECT id FROM document WHERE is_live = 1"), [])
  }

  private func documents(
    _ name: String,
    _ comparison: Filter.Comparison,
    _ value: JSONValue
  ) throws -> PassageSet {
    let operand = FieldValue.scalar(value)
    switch comparison {
    case .equal:
      var found = try rows(
        connection.statement("SELECT document FROM field WHERE name = ?1 AND value = ?2"),
        [.text(name), operand.sql]
      )
      if operand == .null { found.formUnion(try documents(name, isExactly: .nullElement)) }
      return found
    case .notEqual:
      let other: FieldValue = operand == .null ? .nullElement : operand
      return try rows(
        connection.statement("SELECT document FROM field WHERE name = ?1 AND value NOT IN(?2, ?3, ?4)"),
        [.text(name), operand.sql, other.sql, FieldValue.emptyList.sql]
      )
    case .less, .lessOrEqual, .greater, .greaterOrEqual: return try documents(name, comparison, ordered: operand)
    case .matches:
      guard case .string(let text) = value else { return PassageSet() }
      return try documents(name, matching: ShellPattern(text))
    }
  }

  private func documents(_ name: String, isExactly value: FieldValue) throws -> PassageSet {
    try rows(
      connection.statement("SELECT document FROM field WHERE name = ?1 AND value = ?2"),
      [.text(name), value.sql]
    )
  }

  /// Numbers sort before texts, and texts before blobs: the type's range is closed by the first value of the next.
  private func documents(
    _ name: String,
    _ comparison: Filter.Comparison,
    ordered operand: FieldValue
  ) throws -> PassageSet {
    let isText: Bool
    switch operand {
    case .integer, .real: isText = false
    case .text: isText = true
    case .other: return PassageSet()
    }
    let statement: Statement
    var values: [SQLValue] = [.text(name), operand.sql]
    switch comparison {
    case .less:
      statement = try connection.statement(
        "SELECT document FROM field WHERE name = ?1 AND value < ?2 AND value >= ?3"
      )
      values.append(isText ? .text("") : .real(-.infinity))
    case .lessOrEqual:
      statement = try connection.statement(
        "SELECT document FROM field WHERE name = ?1 AND value <= ?2 AND value >= ?3"
      )
      values.append(isText ? .text("") : .real(-.infinity))
    case .greater:
      statement = try connection.statement("SELECT document FROM field WHERE name = ?1 AND value > ?2 AND value < ?3")
      values.append(isText ? .blob([]) : .text(""))
    default:
      statement = try connection.statement("SELECT document FROM field WHERE name = ?1 AND value >= ?2 AND value < ?3")
      values.append(isText ? .blob([]) : .text(""))
    }
    return try rows(statement, values)
  }

  private func documents(_ name: String, matching pattern: ShellPattern) throws -> PassageSet {
    let statement = try connection.statement(
      "SELECT document, value FROM field WHERE name = ?1 AND value >= '' AND value < x''"
    )
    defer { statement.reset() }
    statement.bind(1, name)
    var found = PassageSet()
    // Equal values follow each other.
    var last: (text: String, matches: Bool)?
    while try statement.step() {
      let text = statement.text(1)
      let matches = last?.text == text ? last?.matches ?? false : pattern.matches(text)
      last = (text, matches)
      if matches { found.insert(statement.integer(0)) }
    }
    return found
  }

  private func rows(_ statement: Statement, _ values: [SQLValue]) throws -> PassageSet {
    defer { statement.reset() }
    statement.bind(values)
    var rows = PassageSet()
    while try statement.step() { rows.insert(statement.integer(0)) }
    return rows
  }

  // MARK: Passages and documents of a filter

  func passages(matching filter: Filter) throws -> PassageSet {
    let documents = try liveDocuments(matching: filter)
    var passages = PassageSet()
    guard documents.count > 0 else { return passages }
    let live = try connection.count("SELECT count(*) FROM document WHERE is_live = 1")
    var chunks = try keptOpenChunks()
    if chunks == nil {
      // Once so many documents were looked up as would have paid for the scan, the scan is made, and kept.
      let probed = caches?.chunks.countProbes(documents.count) ?? documents.count
      if probed > live / Self.documentsProbedShare { chunks = try readOpenChunks() }
    }
    guard let chunks else {
      for document in documents.members {
        for passage in try openPassages(of: document) { passages.insert(passage) }
      }
      return passages
    }
    for document in documents.members {
      for passage in chunks[document] ?? [] { passages.insert(passage) }
    }
    return passages
  }

  /// Up to this share of the live documents (one in …), each is looked up; above it, one scan is cheaper.
  private static let documentsProbedShare = 4

  /// The rows of the live documents that a filter matches; evaluated once for the steps of one search.
  private func liveDocuments(matching filter: Filter) throws -> PassageSet {
    if let lastFilter, lastFilter.filter.isIdentical(to: filter) { return lastFilter.documents }
    let documents = try documents(matching: filter)
    // What a transaction sees changes under it.
    if caches != nil { lastFilter = (filter, documents) }
    return documents
  }

  func occurrences(of passages: [PassageID], filter: Filter?) throws -> [PassageID: [Occurrence]] {
    let allowed = try filter.map { try liveDocuments(matching: $0) }
    return try gatherOccurrences(of: passages, allowed: allowed, chunks: openChunks, places: places)
  }

  /// Puts chunks with their documents together.
  ///
  /// - Parameters:
  ///   - allowed: the rows of the documents that count; `nil` for all.
  ///   - chunks: the chunks that have a passage.
  ///   - places: what there is to say of a document.
  func gatherOccurrences(
    of passages: [PassageID],
    allowed: PassageSet?,
    chunks: (PassageID) throws -> [PassageChunk],
    places: (Int64) throws -> DocumentPlaces
  ) throws -> [PassageID: [Occurrence]] {
    var known: [Int64: DocumentPlaces] = [:]
    var found: [PassageID: [Occurrence]] = [:]
    for passage in passages where found[passage] == nil {
      let rows = try chunks(passage).filter { allowed?.contains($0.document) ?? true }
      guard !rows.isEmpty else { continue }
      var occurrences: [(place: DocumentPlaces, occurrence: Occurrence)] = []
      for row in rows {
        let place = try known[row.document] ?? places(row.document)
        known[row.document] = place
        guard let placed = place.chunks[row.chunk] else {
          throw connection.damage("an open chunk is in no layout")
        }
        occurrences.append((place, Occurrence(document: place.id, chunk: try chunk(placed))))
      }
      occurrences.sort { left, right in
        if left.place.source != right.place.source { return left.place.source.precedes(right.place.source) }
        if left.place.origin != right.place.origin { return left.place.origin.precedes(right.place.origin) }
        return left.occurrence.chunk.start < right.occurrence.chunk.start
      }
      found[passage] = occurrences.map(\.occurrence)
    }
    return found
  }

  private func openChunks(of passage: PassageID) throws -> [PassageChunk] {
    let statement = try connection.statement(
      "SELECT id, document FROM chunk WHERE passage = ?1 AND to_sequence IS NULL"
    )
    defer { statement.reset() }
    statement.bind(1, passage)
    var rows: [PassageChunk] = []
    while try statement.step() {
      rows.append(PassageChunk(passage: passage, chunk: statement.integer(0), document: statement.integer(1)))
    }
    return rows
  }

  private func places(of document: Int64) throws -> DocumentPlaces {
    let layout = try openLayout(of: document)
    let found = try connection.row(
      "SELECT d.uuid, s.name, d.origin FROM document d JOIN source s ON s.id = d.source WHERE d.id = ?1",
      .integer(document)
    ) { row in
      DocumentPlaces(
        id: try row.identifier(0),
        source: row.text(1),
        origin: row.text(2),
        chunks: Dictionary(layout.map { ($0.row, $0) }, uniquingKeysWith: { first, _ in first })
      )
    }
    guard let found else { throw connection.damage("the document of a chunk is missing") }
    return found
  }
}

/// A chunk's row with what it stands for.
struct PassageChunk {
  var passage: PassageID
  var chunk: Int64
  var document: Int64
}

/// What an occurrence says of its document, with where the document's chunks stand, by their rows.
struct DocumentPlaces {
  var id: DocumentID
  var source: String
  var origin: String
  var chunks: [Int64: PlacedChunk]
}

extension String {
  /// Whether the text's UTF-8 bytes sort before the other's, as the database sorts them.
  func precedes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}

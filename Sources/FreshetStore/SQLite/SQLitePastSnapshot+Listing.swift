import FreshetModel

extension SQLitePastSnapshot {
  func documents(_ query: DocumentQuery) throws -> [DocumentRecord] {
    var conditions: [String] = []
    var values = [sequence]
    if let source = query.source {
      values.append(.text(source))
      conditions.append("\(Self.source) = ?\(values.count)")
    }
    if let state = query.state { conditions.append("v.kind \(state == .live ? "<>" : "=") 'deleted'") }
    let allowed = try listed(type: query.type, filter: query.filter, state: query.state)
    let direction = query.descending ? "DESC" : "ASC"
    let order = Self.column(of: query.order).map { "\($0) \(direction), " } ?? ""
    // As in the present's listing.
    let ties =
      query.order == .origin
      ? "\(Self.source) \(direction), v.origin \(direction), d.id" : "\(Self.source), v.origin, d.id"
    let statement = try connection.statement(
      composed: """
        SELECT d.id \(Self.documentTables)
        \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")) ORDER BY \(order)\(ties)
        """
    )
    var rows: [Int64] = []
    do {
      defer { statement.reset() }
      statement.bind(values)
      var skipped = 0
      while rows.count < query.limit, try statement.step() {
        let row = statement.integer(0)
        guard allowed?.contains(row) ?? true else { continue }
        if skipped < query.offset { skipped += 1 } else { rows.append(row) }
      }
    }
    return try rows.compactMap { try document(row: $0) }
  }

  private static func column(of order: DocumentQuery.Order) -> String? {
    switch order {
    case .origin: nil
    case .name: "replace(v.origin, rtrim(v.origin, replace(v.origin, '/', '')), '')"
    case .type: "json_extract(e.metadata, '$.type')"
    case .size: "v.size"
    case .modified: "coalesce(\(touched), v.file_modified)"
    case .created: "d.created_at"
    case .updated: "v.at"
    case .versions: "v.number"
    }
  }

  private func listed(type: String?, filter: Filter?, state: DocumentState?) throws -> PassageSet? {
    var parts: [Filter] = filter.map { [$0] } ?? []
    if let type { parts.append(.metadata("type", equals: .string(type))) }
    guard !parts.isEmpty else { return nil }
    let whole = Filter.all(parts)
    var allowed = state == .deleted ? PassageSet() : try liveDocuments(matching: whole)
    guard state != .live else { return allowed }
    let deleted = try connection.statement(
      composed: Self.fieldSelection + "WHERE v.kind = 'deleted'"
    )
    defer { deleted.reset() }
    deleted.bind([sequence])
    while try deleted.step() {
      if whole.matches(try fields(deleted)) { allowed.insert(deleted.integer(0)) }
    }
    return allowed
  }

  // MARK: Fields

  /// What the fields of documents are made of, as they were after change `?1`; conditions follow.
  private static let fieldSelection = """
    SELECT d.id, v.kind <> 'deleted', e.metadata, c.source, v.origin, e.title, v.size, v.file_modified
    \(documentTables)\n
    """

  private func fields(_ row: Statement) throws -> Metadata {
    StandardFields.fields(
      of: row.isNull(2) ? [:] : try present.metadata(row, 2),
      source: row.text(3),
      origin: row.text(4),
      title: row.text(5),
      size: row.integer(6),
      modified: row.timestamp(7)
    )
  }

  /// The rows of the documents that were live and that a filter matches: those that did not change since by the index of
  /// fields, the others one by one.
  func liveDocuments(matching filter: Filter) throws -> PassageSet {
    if let lastFilter, lastFilter.filter.isIdentical(to: filter) { return lastFilter.documents }
    let cache = present.caches?.past
    if let kept = cache?.filter(at: head, present: present.head), kept.filter.isIdentical(to: filter) {
      lastFilter = (filter, kept.documents)
      return kept.documents
    }
    let changed = try differences().documents
    var documents = try present.documents(matching: filter).subtracting(changed)
    let statement = try connection.statement(composed: Self.fieldSelection + "WHERE d.id = ?2")
    for row in changed.members {
      defer { statement.reset() }
      statement.bind([sequence, .integer(row)])
      guard try statement.step(), statement.integer(1) != 0 else { continue }
      if filter.matches(try fields(statement)) { documents.insert(row) }
    }
    lastFilter = (filter, documents)
    cache?.keep(PastCache.PastFilter(filter: filter, documents: documents), at: head, present: present.head)
    return documents
  }
}

import FreshetModel

extension SQLiteSnapshot {
  func documents(_ query: DocumentQuery) throws -> [DocumentRecord] {
    let allowed = try listed(type: query.type, filter: query.filter, state: query.state)
    var rows: [Int64] = []
    var skipped = 0
    /// Takes rows until there are enough.
    func take(_ sql: String, _ values: [SQLValue]) throws {
      let statement = try connection.statement(composed: sql)
      defer { statement.reset() }
      statement.bind(values)
      while rows.count < query.limit, try statement.step() {
        let row = statement.integer(0)
        guard allowed?.contains(row) ?? true else { continue }
        if skipped < query.offset { skipped += 1 } else { rows.append(row) }
      }
    }
    let state = query.state.map { " AND d.is_live = \($0 == .live ? 1 : 0)" } ?? ""
    let direction = query.descending ? "DESC" : "ASC"
    if let column = Self.column(of: query.order) {
      // Ties always run forwards, so that pages are stable.
      let sql = """
        SELECT d.id FROM document d JOIN source s ON s.id = d.source
          JOIN version v ON v.document = d.id AND v.number = d.version LEFT JOIN edition e ON e.id = d.edition
        WHERE (?1 IS NULL OR s.name = ?1)\(state) ORDER BY \(column) \(direction), s.name, d.origin, d.id
        """
      try take(sql, [.text(orNull: query.source)])
    } else {
      // Source by source, so that an index has the order and the first page needs no more than its rows.
      let sources = try connection.rows(
        composed: "SELECT id FROM source WHERE ?1 IS NULL OR name = ?1 ORDER BY name \(direction)",
        [.text(orNull: query.source)]
      ) { $0.integer(0) }
      for source in sources where rows.count < query.limit {
        try take(
          "SELECT d.id FROM document d WHERE d.source = ?1\(state) ORDER BY d.origin \(direction), d.id",
          [.integer(source)]
        )
      }
    }
    return try rows.compactMap { try selectDocuments("WHERE d.id = ?1", .integer($0)).first }
  }

  private static func column(of order: DocumentQuery.Order) -> String? {
    switch order {
    case .origin: nil
    case .name: "replace(d.origin, rtrim(d.origin, replace(d.origin, '/', '')), '')"
    case .type: "json_extract(e.metadata, '$.type')"
    case .size: "v.size"
    case .modified: "coalesce(d.file_modified, v.file_modified)"
    case .created: "d.created_at"
    case .updated: "v.at"
    case .versions: "d.version"
    }
  }

  /// The documents that type and filter allow; `nil` for all. The index of fields knows live documents only, so the
  /// metadata of deleted ones is looked at one by one.
  private func listed(type: String?, filter: Filter?, state: DocumentState?) throws -> PassageSet? {
    var parts: [Filter] = filter.map { [$0] } ?? []
    if let type { parts.append(.metadata("type", equals: .string(type))) }
    guard !parts.isEmpty else { return nil }
    let whole = Filter.all(parts)
    var allowed = state == .deleted ? PassageSet() : try documents(matching: whole)
    guard state != .live else { return allowed }
    let deleted = try connection.rows(
      """
      SELECT d.id, e.metadata, s.name, d.origin, e.title, v.size, v.file_modified
      FROM document d JOIN source s ON s.id = d.source JOIN version v ON v.document = d.id AND v.number = d.version
        LEFT JOIN edition e ON e.id = d.edition WHERE d.is_live = 0
      """
    ) { row in
      let fields = StandardFields.fields(
        of: row.isNull(1) ? [:] : try metadata(row, 1),
        source: row.text(2),
        origin: row.text(3),
        title: row.text(4),
        size: row.integer(5),
        modified: row.timestamp(6)
      )
      return (row: row.integer(0), matches: whole.matches(fields))
    }
    for document in deleted where document.matches { allowed.insert(document.row) }
    return allowed
  }
}

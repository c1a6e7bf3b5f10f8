import FreshetConfiguration
import FreshetModel
import FreshetSearch

extension Collection {
  /// Documents whose metadata is looked through for a name that may have been meant.
  static let documentsForSuggestions = 1_000

  /// What in a filter is probably a slip: a sentence for each field compared that no live document has.
  public func warnings(about filter: Filter, asOf moment: Moment? = nil) async throws -> [String] {
    guard !Self.metadataFields(of: filter).isEmpty else { return [] }
    return try await read(asOf: moment) { try Self.warnings(about: filter, $0) }
  }

  static func warnings(about filter: Filter, _ snapshot: any StoreSnapshot) throws -> [String] {
    let fields = metadataFields(of: filter)
    guard !fields.isEmpty, try snapshot.liveDocumentCount(source: nil) > 0 else { return [] }
    let missing = try fields.filter { field in
      var query = DocumentQuery()
      query.filter = .exists(field)
      query.limit = 1
      return try snapshot.documents(query).isEmpty
    }
    guard !missing.isEmpty else { return [] }
    var query = DocumentQuery()
    query.limit = documentsForSuggestions
    let known = try snapshot.documents(query).reduce(into: Set<String>()) { $0.formUnion($1.metadata.keys) }
    let names = StandardField.allCases.map(\.rawValue) + known.sorted()
    return missing.map { field in
      let suggestion = NearestName.suggestion(for: field, among: names).map { "; did you mean `\($0)`?" } ?? ""
      return "no document has the field `\(field)`\(suggestion)"
    }
  }

  /// The names of the sources: those configured and those that still have documents, or had some at a moment.
  public func sourceNames(asOf moment: Moment? = nil) async throws -> [String] {
    let stored = try await read(asOf: moment) { try $0.sources().map(\.name) }
    let configured = configuration.sources.map(\.name)
    return configured + stored.filter { !configured.contains($0) }
  }

  /// Whether the log has a change of a source, also of one that is long gone.
  public func hasHistory(ofSource name: String) async throws -> Bool {
    try await store.read(.everything) { snapshot in
      var selection = AuditSelection(first: 1, last: snapshot.head.sequence)
      selection.source = name
      return try !snapshot.audited(selection, after: nil, limit: 1).isEmpty
    }
  }

  private static func metadataFields(of filter: Filter) -> [String] {
    filter.comparedFields.filter { StandardField(rawValue: $0) == nil }
  }
}

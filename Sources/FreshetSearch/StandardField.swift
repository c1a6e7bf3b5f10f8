import FreshetModel

/// The fields that every document has, and how the filter language reads their values.
public enum StandardField: String, Sendable, CaseIterable {
  case source
  case origin
  case title
  case category
  case name
  case type
  case size
  case modified

  /// What the values of a field are.
  enum Kind {
    case text
    /// Bytes.
    case size
    /// RFC 3339 in UTC with milliseconds, as `Timestamp` writes it: such texts sort by time.
    case moment
  }

  var kind: Kind {
    switch self {
    case .source, .origin, .title, .category, .name, .type: .text
    case .size: .size
    case .modified: .moment
    }
  }

  /// The condition on a moment, as ranges of its text: a day, month or year stands for the whole of it.
  static func filter(_ field: String, _ comparison: Filter.Comparison, _ span: TimeSpan) -> Filter {
    let (start, end) = (JSONValue.string(span.start.description), JSONValue.string(span.end.description))
    switch comparison {
    case .less: return .field(field, .less, start)
    case .lessOrEqual: return .field(field, .less, end)
    case .greater: return .field(field, .greaterOrEqual, end)
    case .greaterOrEqual: return .field(field, .greaterOrEqual, start)
    case .notEqual: return .any([.field(field, .less, start), .field(field, .greaterOrEqual, end)])
    case .equal, .matches: return .all([.field(field, .greaterOrEqual, start), .field(field, .less, end)])
    }
  }
}

extension Filter {
  /// The fields whose values the filter compares, in the order in which they stand; those that are only asked for
  /// (`exists`) are not among them.
  public var comparedFields: [String] {
    switch self {
    case .field(let name, _, _), .oneOf(let name, _): [name]
    case .exists: []
    case .all(let parts), .any(let parts):
      parts.flatMap(\.comparedFields).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    case .not(let part): part.comparedFields
    }
  }
}

import FreshetModel

extension Filter {
  /// Reads the filter language; see `FilterParser`.
  /// - Throws: `FreshetError` with `invalid_argument`; the sentence names the character and what was expected there.
  public init(_ text: String) throws(FreshetError) {
    self = try FilterParser.parse(text)
  }

  /// The filter in the filter language: reading it gives an equal filter, if every part was one that the language has
  /// (values that are no arrays or objects, and `all` and `any` of none or at least two parts).
  public var text: String { text(within: .alternatives) }

  /// How closely what stands around a part binds.
  private enum Context: Int {
    case alternatives
    case conjunction
    case negation
  }

  private func text(within context: Context) -> String {
    switch self {
    case .field(let name, let comparison, let value):
      "\(Self.fieldText(name)) \(comparison.rawValue) \(Self.valueText(value))"
    case .oneOf(let name, let values):
      "\(Self.fieldText(name)) in (\(values.map(Self.valueText).joined(separator: ", ")))"
    case .exists(let name): "exists(\(Self.fieldText(name)))"
    case .all(let parts): Self.joined(parts, " and ", empty: "true", .conjunction, within: context)
    case .any(let parts): Self.joined(parts, " or ", empty: "false", .alternatives, within: context)
    case .not(let part): "not " + part.text(within: .negation)
    }
  }

  private static func joined(
    _ parts: [Filter],
    _ separator: String,
    empty: String,
    _ own: Context,
    within context: Context
  ) -> String {
    switch parts.count {
    case 0: return empty
    case 1: return parts[0].text(within: context)
    default:
      let inner = Context(rawValue: own.rawValue + 1) ?? .negation
      let text = parts.map { $0.text(within: inner) }.joined(separator: separator)
      return context.rawValue > own.rawValue ? "(\(text))" : text
    }
  }

  private static let reserved: Set<String> = ["and", "or", "not", "in", "exists", "true", "false"]

  private static func fieldText(_ name: String) -> String {
    isWord(name) && !reserved.contains(name.lowercased()) ? name : quoted(name)
  }

  private static func valueText(_ value: JSONValue) -> String {
    guard case .string(let text) = value else { return value.description }
    let isPlain = isWord(text) && FilterLiteral.value(of: text) == value && !reserved.contains(text.lowercased())
    return isPlain ? text : quoted(text)
  }

  private static func isWord(_ text: String) -> Bool {
    !text.isEmpty && !text.utf8.contains(where: FilterLexer.endsWord)
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { result.unicodeScalars.append("\\") }
      result.unicodeScalars.append(scalar)
    }
    return result + "\""
  }
}

import FreshetModel

extension Filter {
  /// Whether a document with these fields (metadata and standard fields) is matched.
  func matches(_ fields: Metadata) -> Bool {
    switch self {
    case .field(let name, let comparison, let value):
      guard let field = fields[name] else { return false }
      let operand = FieldValue.scalar(value)
      let pattern: ShellPattern?
      if comparison == .matches, case .string(let text) = value { pattern = ShellPattern(text) } else { pattern = nil }
      return FieldValue.values(of: field).contains { Self.compare($0, comparison, operand, pattern) }
    case .oneOf(let name, let values): return values.contains { Filter.field(name, .equal, $0).matches(fields) }
    case .exists(let name): return fields[name].map { FieldValue.values(of: $0) != [.null] } ?? false
    case .all(let parts): return parts.allSatisfy { $0.matches(fields) }
    case .any(let parts): return parts.contains { $0.matches(fields) }
    case .not(let part): return !part.matches(fields)
    }
  }

  private static func compare(
    _ field: FieldValue,
    _ comparison: Comparison,
    _ operand: FieldValue,
    _ pattern: ShellPattern?
  ) -> Bool {
    guard field != .emptyList else { return false }
    let value: FieldValue = field == .nullElement ? .null : field
    switch comparison {
    case .equal: return equal(value, operand)
    case .notEqual: return !equal(value, operand)
    case .less: return precedes(value, operand) ?? false
    case .lessOrEqual: return precedes(operand, value).map { !$0 } ?? false
    case .greater: return precedes(operand, value) ?? false
    case .greaterOrEqual: return precedes(value, operand).map { !$0 } ?? false
    case .matches:
      guard case .text(let text) = value else { return false }
      return pattern?.matches(text.string) ?? false
    }
  }

  private static func equal(_ left: FieldValue, _ right: FieldValue) -> Bool {
    switch (left, right) {
    case (.integer, .real), (.real, .integer): precedes(left, right) == false && precedes(right, left) == false
    default: left == right
    }
  }

  /// Whether one number or text is before another; `nil` when the two cannot be compared.
  private static func precedes(_ left: FieldValue, _ right: FieldValue) -> Bool? {
    switch (left, right) {
    case (.text(let left), .text(let right)): left < right
    case (.integer(let left), .integer(let right)): left < right
    case (.real(let left), .real(let right)): left < right
    case (.integer(let left), .real(let right)): exactlyPrecedes(left, right)
    case (.real(let left), .integer(let right)): exactlyFollows(right, left)
    default: nil
    }
  }

  /// Compares without rounding the integer.
  private static func exactlyPrecedes(_ left: Int64, _ right: Double) -> Bool {
    guard let floor = Int64(exactly: right.rounded(.down)) else { return right > 0 }
    return right.rounded(.down) == right ? left < floor : left <= floor
  }

  private static func exactlyFollows(_ left: Int64, _ right: Double) -> Bool {
    guard let ceiling = Int64(exactly: right.rounded(.up)) else { return right < 0 }
    return right.rounded(.up) == right ? left > ceiling : left >= ceiling
  }
}

import FreshetModel

extension Filter {
  /// Whether the other filter is written with the same bytes: equal texts of Swift may differ in their normal form, and
  /// documents are compared by bytes.
  func isIdentical(to other: Filter) -> Bool {
    switch (self, other) {
    case (.field(let name, let comparison, let value), .field(let otherName, let otherComparison, let otherValue)):
      comparison == otherComparison && Self.same(name, otherName) && Self.same(value, otherValue)
    case (.oneOf(let name, let values), .oneOf(let otherName, let otherValues)):
      Self.same(name, otherName) && values.count == otherValues.count
        && zip(values, otherValues).allSatisfy { Self.same($0, $1) }
    case (.exists(let name), .exists(let otherName)): Self.same(name, otherName)
    case (.all(let parts), .all(let others)), (.any(let parts), .any(let others)):
      parts.count == others.count && zip(parts, others).allSatisfy { $0.isIdentical(to: $1) }
    case (.not(let part), .not(let other)): part.isIdentical(to: other)
    default: false
    }
  }

  private static func same(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }

  private static func same(_ left: JSONValue, _ right: JSONValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.boolean(let left), .boolean(let right)): left == right
    case (.integer(let left), .integer(let right)): left == right
    case (.number(let left), .number(let right)): left == right
    case (.string(let left), .string(let right)): same(left, right)
    case (.array(let left), .array(let right)):
      left.count == right.count && zip(left, right).allSatisfy { same($0, $1) }
    default: false
    }
  }
}

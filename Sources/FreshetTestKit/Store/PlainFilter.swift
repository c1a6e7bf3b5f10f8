import FreshetModel

/// Evaluates a filter the plain way, as its documentation reads: what a store's faster way is compared with.
enum PlainFilter {
  static func matches(_ filter: Filter, _ fields: Metadata) -> Bool {
    switch filter {
    case .all(let parts):
      for part in parts where !matches(part, fields) { return false }
      return true
    case .any(let parts):
      for part in parts where matches(part, fields) { return true }
      return false
    case .not(let part): return !matches(part, fields)
    case .exists(let name):
      if let field = fields[name], field != .null { return true }
      return false
    case .oneOf(let name, let values):
      for value in values where matches(.field(name, .equal, value), fields) { return true }
      return false
    case .field(let name, let comparison, let value):
      guard let field = fields[name] else { return false }
      if case .array(let elements) = field {
        for element in elements where holds(element, comparison, value) { return true }
        return false
      }
      return holds(field, comparison, value)
    }
  }

  private static func holds(_ left: JSONValue, _ comparison: Filter.Comparison, _ right: JSONValue) -> Bool {
    switch comparison {
    case .equal: return same(left, right)
    case .notEqual: return !same(left, right)
    case .less: return order(left, right) == -1
    case .lessOrEqual: return order(left, right).map { $0 <= 0 } ?? false
    case .greater: return order(left, right) == 1
    case .greaterOrEqual: return order(left, right).map { $0 >= 0 } ?? false
    case .matches:
      guard case .string(let text) = left, case .string(let pattern) = right else { return false }
      return glob(Array(pattern.unicodeScalars)[...], Array(text.unicodeScalars)[...])
    }
  }

  private static func same(_ left: JSONValue, _ right: JSONValue) -> Bool {
    if let order = order(left, right) { return order == 0 }
    switch (left, right) {
    case (.null, .null): return true
    case (.boolean(let left), .boolean(let right)): return left == right
    case (.array, .array), (.object, .object): return left.description.utf8.elementsEqual(right.description.utf8)
    default: return false
    }
  }

  /// -1, 0 or 1 for two numbers or two texts; `nil` otherwise.
  private static func order(_ left: JSONValue, _ right: JSONValue) -> Int? {
    switch (left, right) {
    case (.string(let left), .string(let right)):
      if left.utf8.elementsEqual(right.utf8) { return 0 }
      return left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
    case (.integer(let left), .integer(let right)): return left < right ? -1 : left > right ? 1 : 0
    case (.number(let left), .number(let right)): return left < right ? -1 : left > right ? 1 : 0
    case (.integer(let left), .number(let right)): return exact(left, right)
    case (.number(let left), .integer(let right)): return -exact(right, left)
    default: return nil
    }
  }

  /// Compares by the integer part first, so that nothing is rounded.
  private static func exact(_ left: Int64, _ right: Double) -> Int {
    if right >= 9_223_372_036_854_775_808 { return -1 }
    if right < -9_223_372_036_854_775_808 { return 1 }
    let whole = Int64(right.rounded(.towardZero))
    if left != whole { return left < whole ? -1 : 1 }
    let rest = right - right.rounded(.towardZero)
    return rest > 0 ? -1 : rest < 0 ? 1 : 0
  }

  private static func glob(_ pattern: ArraySlice<Unicode.Scalar>, _ text: ArraySlice<Unicode.Scalar>) -> Bool {
    guard let first = pattern.first else { return text.isEmpty }
    let rest = pattern.dropFirst()
    if first == "*" { return glob(rest, text) || !text.isEmpty && glob(pattern, text.dropFirst()) }
    guard let character = text.first else { return false }
    let after = text.dropFirst()
    if first == "?" { return glob(rest, after) }
    if first == "\\", let escaped = rest.first { return escaped == character && glob(rest.dropFirst(), after) }
    if first == "[", let end = rest.dropFirst(rest.first == "!" ? 2 : 1).firstIndex(of: "]") {
      var set = rest[rest.startIndex..<end]
      let isNegated = set.first == "!"
      if isNegated { set = set.dropFirst() }
      var isIn = false
      while let low = set.first {
        if set.count > 2, set[set.startIndex + 1] == "-" {
          isIn = isIn || (low...max(low, set[set.startIndex + 2])).contains(character)
          set = set.dropFirst(3)
        } else {
          isIn = isIn || low == character
          set = set.dropFirst()
        }
      }
      return isIn != isNegated && glob(pattern[(end + 1)...], after)
    }
    return first == character && glob(rest, after)
  }
}

/// A shell pattern on text: `*` any characters, `?` one, `[a-z]` one of a set, `[!a-z]` or `[^a-z]` one outside it, `\`
/// takes the next character as itself. Upper and lower case differ.
///
/// Matching takes at most pattern × text steps, whatever the pattern.
public struct ShellPattern: Hashable, Sendable {
  private enum Element: Hashable {
    case any
    case one
    case literal(Unicode.Scalar)
    case set([ClosedRange<UInt32>], isNegated: Bool)
  }

  private var elements: [Element] = []

  /// Reads a pattern; every text is one.
  public init(_ text: String) {
    let scalars = Array(text.unicodeScalars)
    var index = 0
    while index < scalars.count {
      let scalar = scalars[index]
      index += 1
      switch scalar {
      case "*": if case .any? = elements.last {} else { elements.append(.any) }
      case "?": elements.append(.one)
      case "\\" where index < scalars.count:
        elements.append(.literal(scalars[index]))
        index += 1
      case "[":
        if let (set, after) = Self.set(scalars, from: index) {
          elements.append(set)
          index = after
        } else {
          elements.append(.literal(scalar))
        }
      default: elements.append(.literal(scalar))
      }
    }
  }

  /// Whether every set in a pattern ends. One that does not is taken as the text that it is, which hardly anybody means.
  public static func isComplete(_ text: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    var index = 0
    while index < scalars.count {
      let scalar = scalars[index]
      index += scalar == "\\" ? 2 : 1
      guard scalar == "[" else { continue }
      guard let (_, after) = set(scalars, from: index) else { return false }
      index = after
    }
    return true
  }

  /// The set that starts after its `[`, and the index after its `]`; `nil` when it does not end.
  private static func set(_ scalars: [Unicode.Scalar], from start: Int) -> (Element, Int)? {
    var index = start
    var ranges: [ClosedRange<UInt32>] = []
    let isNegated = index < scalars.count && (scalars[index] == "!" || scalars[index] == "^")
    if isNegated { index += 1 }
    let first = index
    while index < scalars.count {
      if scalars[index] == "]", index > first { return (.set(ranges, isNegated: isNegated), index + 1) }
      let low = scalars[index].value
      if index + 2 < scalars.count, scalars[index + 1] == "-", scalars[index + 2] != "]" {
        let high = scalars[index + 2].value
        if low <= high { ranges.append(low...high) }
        index += 3
      } else {
        ranges.append(low...low)
        index += 1
      }
    }
    return nil
  }

  /// Whether the whole text fits.
  public func matches(_ text: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    var at = 0
    var element = 0
    // Where to go on when the rest does not fit: after the last `*`, one character later.
    var retryElement = -1
    var retryAt = 0
    while at < scalars.count {
      if element < elements.count {
        if case .any = elements[element] {
          retryElement = element + 1
          retryAt = at
          element += 1
          continue
        }
        if Self.fits(elements[element], scalars[at]) {
          element += 1
          at += 1
          continue
        }
      }
      guard retryElement >= 0 else { return false }
      retryAt += 1
      at = retryAt
      element = retryElement
    }
    while element < elements.count, case .any = elements[element] { element += 1 }
    return element == elements.count
  }

  private static func fits(_ element: Element, _ scalar: Unicode.Scalar) -> Bool {
    switch element {
    case .any: false
    case .one: true
    case .literal(let literal): literal == scalar
    case .set(let ranges, let isNegated): ranges.contains { $0.contains(scalar.value) } != isNegated
    }
  }
}

import FreshetModel

/// What a value must look like; it is checked before the verb runs, and completed by the shell.
public enum ValueKind: Hashable, Sendable {
  /// Anything.
  case text
  /// A whole number of the range.
  case integer(ClosedRange<Int>)
  /// A number of the range.
  case number(ClosedRange<Double>)
  /// A size such as `100 MB`.
  case size
  /// A duration such as `5m`.
  case duration
  /// One of these words.
  case choice([String])
  /// A file's path.
  case file
  /// A folder's path.
  case folder

  /// Why the text does not fit, as the end of a sentence; `nil` when it does.
  func problem(of text: String) -> String? {
    switch self {
    case .text: return nil
    case .file, .folder: return text.isEmpty ? "must not be empty" : nil
    case .integer(let range):
      if let value = Int(text), range.contains(value) { return nil }
      return "must be a whole number, \(Self.text(range.lowerBound, range.upperBound))"
    case .number(let range):
      if let value = Double(text), range.contains(value) { return nil }
      return "must be a number, \(range.lowerBound) to \(range.upperBound)"
    case .size: return Quantity.bytes(text) == nil ? "must be a size such as 100MB or 64KiB" : nil
    case .duration: return Quantity.duration(text) == nil ? "must be a duration such as 30s or 5m" : nil
    case .choice(let words):
      if words.contains(text) { return nil }
      let suggestion = NearestName.suggestion(for: text, among: words).map { "; did you mean '\($0)'?" } ?? ""
      return "must be one of \(words.joined(separator: ", "))\(suggestion)"
    }
  }

  private static func text(_ lower: Int, _ upper: Int) -> String {
    upper == .max ? "at least \(lower)" : "\(lower) to \(upper)"
  }
}

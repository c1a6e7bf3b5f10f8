/// Sizes and durations in the form that people write and read them.
public enum Quantity {
  /// Reads `100 MB`, `64KiB`, `1.5 GB` or a bare number of bytes; decimal units are powers of 1,000, `KiB` and the like
  /// of 1,024. `nil` for anything else, and for more than 2⁶³ − 1 bytes.
  public static func bytes(_ text: String) -> Int64? {
    let (number, unit) = split(text)
    let factor: Double
    switch unit.lowercased() {
    case "", "b": factor = 1
    case "k", "kb": factor = 1e3
    case "m", "mb": factor = 1e6
    case "g", "gb": factor = 1e9
    case "t", "tb": factor = 1e12
    case "kib": factor = 1024
    case "mib": factor = 1_048_576
    case "gib": factor = 1_073_741_824
    case "tib": factor = 1_099_511_627_776
    default: return nil
    }
    if factor == 1 { return Int64(number).flatMap { $0 >= 0 ? $0 : nil } }
    guard let value = decimal(number) else { return nil }
    return Int64(exactly: (value * factor).rounded())
  }

  /// Reads `500ms`, `30s`, `5m`, `2h`, `1d`, also joined as `1h30m`; `nil` for anything else, a bare number included.
  public static func duration(_ text: String) -> Duration? {
    var rest = text[...]
    var milliseconds = 0.0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let (number, tail) = splitPrefix(rest)
      let unit = tail.prefix { $0.isLetter }
      guard let value = decimal(number) else { return nil }
      switch unit {
      case "ms": milliseconds += value
      case "s": milliseconds += value * 1e3
      case "m", "min": milliseconds += value * 60e3
      case "h": milliseconds += value * 3_600e3
      case "d": milliseconds += value * 86_400e3
      default: return nil
      }
      rest = tail.dropFirst(unit.count).drop { $0 == " " }
    }
    return Int64(exactly: milliseconds.rounded()).map { .milliseconds($0) }
  }

  /// `0 B`, `999 B`, `1.5 kB`, `100 MB`: decimal units, one digit after the point below 10.
  public static func text(bytes: Int64) -> String {
    let magnitude = Double(bytes.magnitude)
    let sign = bytes < 0 ? "-" : ""
    guard magnitude >= 1000 else { return "\(bytes) B" }
    var value = magnitude
    var unit = 0
    // 999.95 and above would be shown as 1000 of the unit.
    while value >= 999.5, unit < 5 {
      value /= 1000
      unit += 1
    }
    let name = ["B", "kB", "MB", "GB", "TB", "PB"][unit]
    let tenths = (value * 10).rounded()
    if tenths < 100, !tenths.truncatingRemainder(dividingBy: 10).isZero {
      return "\(sign)\(Int(tenths) / 10).\(Int(tenths) % 10) \(name)"
    }
    return "\(sign)\(Int(value.rounded())) \(name)"
  }

  /// `350 ms`, `4.2 s`, `2 min 5 s`, `3 h 10 min`, `2 d 4 h`: at most two units.
  public static func text(_ duration: Duration) -> String {
    let (whole, attoseconds) = duration.components
    if whole < 0 || attoseconds < 0 { return "-" + text(.zero - duration) }
    let seconds = Double(whole) + Double(attoseconds) * 1e-18
    if seconds < 0.9995 { return "\(Int((seconds * 1000).rounded())) ms" }
    if seconds < 9.95 {
      let tenths = Int((seconds * 10).rounded())
      return "\(tenths / 10).\(tenths % 10) s"
    }
    let rounded = Int64(seconds.rounded())
    if rounded < 60 { return "\(rounded) s" }
    if rounded < 3600 { return joined(rounded / 60, "min", rounded % 60, "s") }
    if rounded < 86_400 { return joined(rounded / 3600, "h", rounded / 60 % 60, "min") }
    return joined(rounded / 86_400, "d", rounded / 3600 % 24, "h")
  }

  /// `12,345`: digits in groups of three.
  public static func text(count: Int) -> String {
    var digits = String(count.magnitude)
    var groups: [String] = []
    while digits.utf8.count > 3 {
      groups.append(String(digits.suffix(3)))
      digits.removeLast(3)
    }
    groups.append(digits)
    return (count < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
  }

  /// `1 document`, `2 documents`.
  public static func text(_ count: Int, of noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

  private static func joined(_ large: Int64, _ largeUnit: String, _ small: Int64, _ smallUnit: String) -> String {
    small == 0 ? "\(large) \(largeUnit)" : "\(large) \(largeUnit) \(small) \(smallUnit)"
  }

  private static func split(_ text: String) -> (number: Substring, unit: Substring) {
    let (number, tail) = splitPrefix(text[...])
    return (number, tail.first == " " ? tail.drop { $0 == " " } : tail)
  }

  private static func splitPrefix(_ text: Substring) -> (Substring, Substring) {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == "." || $0 == "_") }
    return (number, text.dropFirst(number.count).drop { $0 == " " })
  }

  private static func decimal(_ digits: Substring) -> Double? {
    guard let first = digits.first, first != ".", digits.last != "." else { return nil }
    return Double(digits)
  }
}

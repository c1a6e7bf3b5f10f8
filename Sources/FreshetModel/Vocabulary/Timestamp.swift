/// A moment in nanoseconds since 1970-01-01T00:00:00Z.
public struct Timestamp: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// Nanoseconds since the epoch; negative before it.
  public let nanoseconds: Int64

  /// Takes nanoseconds since the epoch.
  public init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  /// Takes seconds since the epoch and the nanoseconds after them; saturates beyond the years 1678 to 2262.
  public init(seconds: Int64, nanoseconds: Int64 = 0) {
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflowToo) = product.addingReportingOverflow(nanoseconds)
    self.nanoseconds = overflow || overflowToo ? (seconds < 0 ? .min : .max) : sum
  }

  /// The epoch itself.
  public static let epoch = Timestamp(nanoseconds: 0)

  public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

  /// The duration from the other moment to this one.
  public static func - (left: Self, right: Self) -> Duration {
    let (difference, overflow) = left.nanoseconds.subtractingReportingOverflow(right.nanoseconds)
    return .nanoseconds(overflow ? (left < right ? .min : .max) : difference)
  }

  /// RFC 3339 in UTC with milliseconds: `2026-03-01T12:30:05.250Z`.
  public var description: String {
    let seconds = floorDivide(nanoseconds, 1_000_000_000)
    // Of the earliest moments, the whole second before them is not a moment.
    let rest = nanoseconds % 1_000_000_000
    let milliseconds = (rest < 0 ? rest + 1_000_000_000 : rest) / 1_000_000
    let days = floorDivide(seconds, 86_400)
    let inDay = seconds - days * 86_400
    let (year, month, day) = Self.civil(fromDays: days)
    return pad(year, 4) + "-" + pad(month, 2) + "-" + pad(day, 2) + "T" + pad(inDay / 3600, 2) + ":"
      + pad(inDay / 60 % 60, 2) + ":" + pad(inDay % 60, 2) + "." + pad(milliseconds, 3) + "Z"
  }

  /// Reads `2026-03-01`, `2026-03-01T12:30`, `…:05`, `…:05.25`, with `Z`, an offset, or neither (UTC); `nil` for
  /// anything else.
  public init?(_ text: String) {
    var rest = Array(text.utf8)[...]
    func number(_ digits: Int) -> Int64? {
      guard rest.count >= digits else { return nil }
      var value: Int64 = 0
      for byte in rest.prefix(digits) {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
      }
      rest = rest.dropFirst(digits)
      return value
    }
    func skip(_ character: UInt8) -> Bool {
      guard rest.first == character else { return false }
      rest = rest.dropFirst()
      return true
    }
    guard let year = number(4), skip(UInt8(ascii: "-")), let month = number(2), skip(UInt8(ascii: "-")),
      let day = number(2), (1...12).contains(month), (1...31).contains(day)
    else { return nil }
    var seconds = Self.days(fromCivil: year, month, day) * 86_400
    var fraction: Int64 = 0
    if skip(UInt8(ascii: "T")) || skip(UInt8(ascii: " ")) {
      guard let hour = number(2), skip(UInt8(ascii: ":")), let minute = number(2), hour < 24, minute < 60 else {
        return nil
      }
      seconds += hour * 3600 + minute * 60
      if skip(UInt8(ascii: ":")) {
        guard let second = number(2), second <= 60 else { return nil }
        seconds += second
        if skip(UInt8(ascii: ".")) {
          var unit: Int64 = 100_000_000
          guard rest.first.map({ $0 >= 48 && $0 <= 57 }) == true else { return nil }
          while let digit = rest.first, digit >= 48, digit <= 57 {
            fraction += Int64(digit - 48) * unit
            unit /= 10
            rest = rest.dropFirst()
          }
        }
      }
      if !skip(UInt8(ascii: "Z")), let sign = rest.first {
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
        rest = rest.dropFirst()
        guard let hours = number(2) else { return nil }
        _ = skip(UInt8(ascii: ":"))
        // No clock is farther from UTC (ISO 8601 has no bound of its own; POSIX and tz have 24 hours).
        guard let minutes = number(2), hours < 24, minutes < 60 else { return nil }
        seconds -= (sign == UInt8(ascii: "+") ? 1 : -1) * (hours * 3600 + minutes * 60)
      }
    }
    guard rest.isEmpty else { return nil }
    self.init(seconds: seconds, nanoseconds: fraction)
  }

  /// Days since the epoch of a date of the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level date
  /// algorithms").
  private static func days(fromCivil year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = floorDivide(shifted, 400)
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func civil(fromDays days: Int64) -> (Int64, Int64, Int64) {
    let shifted = days + 719_468
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}

private func floorDivide(_ dividend: Int64, _ divisor: Int64) -> Int64 {
  let quotient = dividend / divisor
  return dividend % divisor < 0 ? quotient - 1 : quotient
}

private func pad(_ number: Int64, _ width: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}

extension Duration {
  /// Whole nanoseconds; the most that can be counted for a time of more than 292 years.
  public var clampedNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflowToo) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return overflow || overflowToo ? .max : sum
  }
}

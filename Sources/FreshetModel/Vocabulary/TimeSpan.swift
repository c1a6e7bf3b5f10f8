/// The time that a date stands for, in filters and as a `Moment`: from its start up to, and without, its end.
public struct TimeSpan: Hashable, Sendable {
  /// The first moment of it.
  public let start: Timestamp
  /// The first moment after it.
  public let end: Timestamp

  /// Reads `2026`, `2026-11`, `2026-11-21`, `2026-11-21T10:30` and finer, in UTC unless an offset says otherwise: the
  /// year, month, day, minute, second or millisecond of that name. `nil` for anything else, and for days that no month has.
  ///
  /// Times are kept up to 2262-04-11; of what is named after that, every moment is the last one.
  public init?(_ text: String) {
    if let span = TimeSpan(kept: text) {
      self = span
    } else if let near = Self.withinReach(text), TimeSpan(kept: near) != nil {
      (start, end) = (Timestamp(nanoseconds: .max), Timestamp(nanoseconds: .max))
    } else {
      return nil
    }
  }

  private init?(kept text: String) {
    let date = text.utf8.prefix { $0 != UInt8(ascii: "T") && $0 != UInt8(ascii: " ") }
    let day = String(decoding: date, as: UTF8.self)
    switch date.count {
    case 4 where date.count == text.utf8.count:
      guard let start = Self.midnight(day + "-01-01"), let year = Int(day) else { return nil }
      self.init(start, Self.midnight("\(Self.padded(year + 1, 4))-01-01"))
    case 7 where date.count == text.utf8.count:
      guard let start = Self.midnight(day + "-01"), let year = Int(day.prefix(4)), let month = Int(day.suffix(2)) else {
        return nil
      }
      let next = month == 12 ? (year + 1, 1) : (year, month + 1)
      self.init(start, Self.midnight("\(Self.padded(next.0, 4))-\(Self.padded(next.1, 2))-01"))
    case 10:
      guard let midnight = Self.midnight(day), let moment = Timestamp(text) else { return nil }
      if date.count == text.utf8.count {
        self.init(midnight, nanoseconds: 86_400_000_000_000)
        return
      }
      let time = text.utf8.dropFirst(11).prefix { byte in
        ![UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-")].contains(byte)
      }
      if time.contains(UInt8(ascii: ".")) {
        // Moments are kept in milliseconds.
        let part = (moment.nanoseconds % 1_000_000 + 1_000_000) % 1_000_000
        let (start, isTooEarly) = moment.nanoseconds.subtractingReportingOverflow(part)
        guard !isTooEarly else { return nil }
        self.init(Timestamp(nanoseconds: start), nanoseconds: 1_000_000)
      } else {
        self.init(moment, nanoseconds: time.count > 5 ? 1_000_000_000 : 60_000_000_000)
      }
    default: return nil
    }
  }

  /// The same day and time of a year that times can be kept of and that is as long; `nil` for one of such a year itself.
  private static func withinReach(_ text: String) -> String? {
    guard text.utf8.count >= 4, text.utf8.prefix(4).allSatisfy({ (0x30...0x39).contains($0) }),
      let year = Int(text.prefix(4)), year >= 2262
    else { return nil }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return (isLeap ? "2260" : "2261") + text.dropFirst(4)
  }

  private init?(_ start: Timestamp, _ end: Timestamp?) {
    guard let end else { return nil }
    (self.start, self.end) = (start, end)
  }

  private init?(_ start: Timestamp, nanoseconds: Int64) {
    let (end, isTooLate) = start.nanoseconds.addingReportingOverflow(nanoseconds)
    guard !isTooLate else { return nil }
    (self.start, self.end) = (start, Timestamp(nanoseconds: end))
  }

  /// The start of a day that the calendar has.
  private static func midnight(_ day: String) -> Timestamp? {
    guard let start = Timestamp(day), start.description.prefix(10) == day else { return nil }
    return start
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}

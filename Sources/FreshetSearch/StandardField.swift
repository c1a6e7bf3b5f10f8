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

/// The time that a date stands for: from its start up to, and without, its end.
struct TimeSpan: Equatable {
  var start: Timestamp
  var end: Timestamp

  /// Reads `2026`, `2026-11`, `2026-11-21`, `2026-11-21T10:30` and finer, in UTC unless an offset says otherwise: the
  /// year, month, day, minute, second or millisecond of that name. `nil` for anything else, and for days that no month has.
  init?(_ text: String) {
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

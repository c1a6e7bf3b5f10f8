/// A moment of a collection's life, as people name it: the state after a change, at a time, or after a run.
///
/// A time stands for all of what it names, as in filters, and the state is the one at its end: `2026-03-01` is the state
/// after everything that was committed up to and on that day, `2026-03-01T10:00` after that minute. So a time that was
/// shown, cut to seconds or milliseconds, names the state that holds the change that it was shown for.
public enum Moment: Hashable, Sendable {
  /// After the change of that number; 0 is the collection before its first change.
  case sequence(SequenceNumber)
  /// At the end of that day, minute, second ….
  case time(TimeSpan)
  /// So long before now.
  case ago(Duration)
  /// After the run whose identity starts with these characters.
  case run(String)

  /// The present.
  public static let now = Moment.ago(.zero)

  /// The fewest characters of a run's identity.
  public static let runPrefixMin = 4

  /// Reads a moment:
  ///
  /// - `42`: a sequence number;
  /// - `2026-03-01`, `2026-03`, `2026-03-01T10:00`, `2026-03-01T10:00:05+02:00`: a date or time, in UTC unless an offset
  ///   says otherwise;
  /// - `30d`, `2h ago`, `1h30m`: a time before now, as `Quantity.duration` reads it; `now`;
  /// - at least four characters of a run's identity, or `run:` and them, for those that could be read as one of the others.
  ///
  /// - Throws: `FreshetError` with `invalid_argument`; the sentence says what can be named.
  public init(_ text: String) throws(FreshetError) {
    let trimmed = Self.trimmed(text)
    if trimmed == "now" {
      self = .now
    } else if trimmed.hasPrefix("run:") {
      guard let prefix = Self.runPrefix(trimmed.dropFirst(4)) else {
        throw Self.refusal(
          text,
          "after 'run:' stand at least \(Self.runPrefixMin) characters of a run's identity, as `freshet runs --json` shows it"
        )
      }
      self = .run(prefix)
    } else if !trimmed.isEmpty, trimmed.utf8.allSatisfy(Self.isDigit) {
      guard let number = SequenceNumber(trimmed) else { throw Self.refusal(text, "no sequence number is so great") }
      self = .sequence(number)
    } else if let span = TimeSpan(String(trimmed)) {
      self = .time(span)
    } else if let duration = Self.duration(trimmed) {
      self = .ago(duration)
    } else if Self.startsLikeDate(trimmed) {
      throw Self.refusal(
        text,
        "the calendar has no such time, or it is written otherwise: 2026-03-01, 2026-03-01T10:00, 2026-03-01T10:00:05Z"
      )
    } else if let prefix = Self.runPrefix(trimmed) {
      self = .run(prefix)
    } else {
      throw Self.refusal(
        text,
        "name a sequence number (42), a date or time (2026-03-01, 2026-03-01T10:00), a time before now (30d, '2h ago'), "
          + "or the first characters of a run's identity"
      )
    }
  }

  // MARK: Reading

  private static func refusal(_ text: String, _ reason: String) -> FreshetError {
    FreshetError(.invalidArgument, "'\(text.prefix(64))' is no moment of a collection: \(reason)")
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  private static func trimmed(_ text: String) -> Substring {
    var rest = text[...]
    while rest.first == " " { rest = rest.dropFirst() }
    while rest.last == " " { rest = rest.dropLast() }
    return rest
  }

  private static func duration(_ text: Substring) -> Duration? {
    var rest = text
    if rest.hasSuffix("ago") {
      rest = rest.dropLast(3)
      while rest.last == " " { rest = rest.dropLast() }
    }
    return Quantity.duration(String(rest))
  }

  /// `2026-0…`: what cannot be a run's identity, whose first hyphen stands after eight characters.
  private static func startsLikeDate(_ text: Substring) -> Bool {
    let bytes = Array(text.utf8.prefix(5))
    return bytes.count == 5 && bytes[4] == UInt8(ascii: "-") && bytes.prefix(4).allSatisfy(isDigit)
  }

  /// The characters of an identity's beginning, in lower case; `nil` for what no identity starts with.
  private static func runPrefix(_ text: Substring) -> String? {
    let prefix = text.lowercased()
    guard (runPrefixMin...36).contains(prefix.utf8.count) else { return nil }
    for (index, byte) in prefix.utf8.enumerated() {
      let isHyphen = byte == UInt8(ascii: "-")
      guard isHyphen == [8, 13, 18, 23].contains(index) else { return nil }
      guard isHyphen || isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte) else { return nil }
    }
    return prefix
  }
}

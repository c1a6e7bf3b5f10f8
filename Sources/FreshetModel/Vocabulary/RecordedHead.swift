/// A collection's head, kept somewhere else, by which a later check knows whether the history up to it is still the same.
///
/// Its text form has one fact a line and no order but the first line's:
///
/// ```
/// freshet-head/1
/// collection 6f1c…                                     the collection's identity
/// epoch 0b9e…                                          the epoch of its log
/// sequence 1204                                        the last change
/// chain 1d5f…                                          SHA-256 over that change and all before it
/// at 2026-03-01T12:30:05.250Z                          when it was committed
/// landmark 1203 77aa…                                  earlier changes with their chains, to find where a history parts
/// ```
///
/// The short form `SEQUENCE:CHAIN` has only what a check cannot do without.
public struct RecordedHead: Hashable, Sendable {
  /// A change with the chain's value after it.
  public struct Landmark: Hashable, Sendable {
    /// The change.
    public var sequence: SequenceNumber
    /// The chain's value after it.
    public var chain: ContentHash

    /// Pairs a change with its chain.
    public init(sequence: SequenceNumber, chain: ContentHash) {
      self.sequence = sequence
      self.chain = chain
    }
  }

  /// The collection; `nil` in the short form.
  public var collection: CollectionID?
  /// The log's epoch; `nil` in the short form.
  public var epoch: CollectionID?
  /// The last change and the chain's value after it.
  public var head: Landmark
  /// When the last change was committed; `nil` in the short form.
  public var at: Timestamp?
  /// Earlier changes, newest first.
  public var landmarks: [Landmark]

  /// The first line of the text form.
  public static let form = "freshet-head/1"
  /// The longest text that is read.
  public static let textBytesMax = 1 << 16

  /// Keeps a head.
  public init(_ head: Head, landmarks: [Landmark] = []) {
    collection = head.collection
    epoch = head.epoch
    self.head = Landmark(sequence: head.sequence, chain: head.chain)
    at = head.at
    self.landmarks = landmarks
  }

  /// The changes whose chains are kept beside a head: 1, 2, 4, 8, … before it.
  public static func landmarkSequences(before sequence: SequenceNumber) -> [SequenceNumber] {
    var found: [SequenceNumber] = []
    var distance: SequenceNumber = 1
    while distance < sequence {
      found.append(sequence - distance)
      distance *= 2
    }
    return found
  }

  /// Reads `SEQUENCE:CHAIN`; `nil` for anything else.
  public init?(short text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let landmark = Self.landmark(parts[0], parts[1]) else { return nil }
    head = landmark
    landmarks = []
  }

  /// Reads the text form; lines of names that are not known are left out, so that later forms may have more.
  /// - Throws: `FreshetError` with `invalid_argument` that names the line.
  public init(text: String) throws {
    // A carriage return and a line feed are one character.
    let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
    guard lines.first.map(Self.trimmed) == Self.form[...] else {
      throw FreshetError(.invalidArgument, "this is no recorded head: its first line is not '\(Self.form)'")
    }
    var sequence: SequenceNumber?
    var chain: ContentHash?
    var landmarks: [Landmark] = []
    for (index, line) in lines.enumerated().dropFirst() {
      let words = Self.trimmed(line).split(separator: " ")
      guard let name = words.first else { continue }
      func refuse() -> FreshetError {
        FreshetError(.invalidArgument, "line \(index + 1) of the recorded head cannot be read; take an unaltered copy")
      }
      func value<Value>(_ read: (String) -> Value?) throws -> Value {
        guard words.count == 2, let value = read(String(words[1])) else { throw refuse() }
        return value
      }
      switch name {
      case "collection": collection = try value { CollectionID($0) }
      case "epoch": epoch = try value { CollectionID($0) }
      case "sequence": sequence = try value { Self.sequence($0[...]) }
      case "chain": chain = try value { ContentHash(hexadecimal: $0) }
      case "at": at = try value { Timestamp($0) }
      case "landmark":
        guard words.count == 3, let landmark = Self.landmark(words[1], words[2]) else { throw refuse() }
        landmarks.append(landmark)
      default: break
      }
    }
    guard let sequence, let chain, collection != nil, epoch != nil else {
      throw FreshetError(
        .invalidArgument,
        "the recorded head is not whole: it needs collection, epoch, sequence and chain; take an unaltered copy"
      )
    }
    head = Landmark(sequence: sequence, chain: chain)
    self.landmarks = landmarks.sorted { $0.sequence > $1.sequence }
  }

  /// The text form; `SEQUENCE:CHAIN` and a line break when that is all that is known.
  public var text: String {
    guard let collection, let epoch else { return short + "\n" }
    var lines = [
      Self.form, "collection \(collection)", "epoch \(epoch)", "sequence \(head.sequence)", "chain \(head.chain)",
    ]
    if let at { lines.append("at \(at)") }
    lines += landmarks.map { "landmark \($0.sequence) \($0.chain)" }
    return lines.joined(separator: "\n") + "\n"
  }

  /// `SEQUENCE:CHAIN`.
  public var short: String { "\(head.sequence):\(head.chain)" }

  private static func sequence(_ text: Substring) -> SequenceNumber? {
    guard let number = SequenceNumber(text), number >= 0, text.utf8.first != UInt8(ascii: "+") else { return nil }
    return number
  }

  private static func landmark(_ sequence: Substring, _ chain: Substring) -> Landmark? {
    guard let sequence = Self.sequence(sequence), let chain = ContentHash(hexadecimal: String(chain)) else {
      return nil
    }
    return Landmark(sequence: sequence, chain: chain)
  }

  private static func trimmed(_ line: Substring) -> Substring {
    var line = line
    while line.last == " " || line.last == "\t" { line = line.dropLast() }
    return line
  }
}

/// The place of a change in a collection's log: 1 is the first change, 0 stands before it.
public typealias SequenceNumber = Int64

/// A passage's number in the store, never used again for another text; vector indexes use it as their label.
public typealias PassageID = Int64

/// A source's number in the store.
public typealias SourceID = Int64

/// An embedding model's number in the store.
public typealias ModelID = Int64

/// A 128-bit identifier in the text form of RFC 9562.
public protocol UniversalIdentifier: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The 16 bytes in network order.
  var high: UInt64 { get }
  /// The last 8 of the 16 bytes.
  var low: UInt64 { get }
  /// Takes the identifier's two halves.
  init(high: UInt64, low: UInt64)
}

extension UniversalIdentifier {
  /// Takes 16 bytes in network order; `nil` when there are not exactly 16.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    var high: UInt64 = 0
    var low: UInt64 = 0
    for (offset, byte) in bytes.enumerated() {
      if offset < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) }
    }
    self.init(high: high, low: low)
  }

  /// Reads the 36-character form, hyphens optional; `nil` for anything else.
  public init?(_ text: String) {
    guard let bytes = Hexadecimal.decode(text.filter { $0 != "-" }) else { return nil }
    self.init(bytes: bytes)
  }

  /// Makes a version 8 identifier (RFC 9562 § 5.8) of a digest's first 16 bytes: the same digest, the same identifier.
  public init(digest: ContentHash) {
    let halves = digest.withBytes { bytes in
      (
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
    self.init(
      high: halves.0 & 0xFFFF_FFFF_FFFF_0FFF | 0x8000,
      low: halves.1 & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    )
  }

  /// Makes a random version 4 identifier (RFC 9562 § 5.4).
  public static func random(using generator: inout some RandomNumberGenerator) -> Self {
    version4(generator.next(), generator.next())
  }

  /// Makes a random version 4 identifier from the system's generator.
  public static func random() -> Self {
    // The system's generator has no size, and the thread sanitizer takes its address for that of something shared.
    version4(.random(in: .min ... .max), .random(in: .min ... .max))
  }

  private static func version4(_ high: UInt64, _ low: UInt64) -> Self {
    Self(high: high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000, low: low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
  }

  /// The 16 bytes in network order.
  public var bytes: [UInt8] {
    [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> UInt64(56 - $0 * 8)) } }
  }

  /// The 36-character form, lower case.
  public var description: String {
    let digits = Array(Hexadecimal.encode(bytes).utf8)
    var text: [UInt8] = []
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { text.append(UInt8(ascii: "-")) }
      text.append(digit)
    }
    return String(decoding: text, as: UTF8.self)
  }

  public static func < (left: Self, right: Self) -> Bool { (left.high, left.low) < (right.high, right.low) }
}

/// A document's identity: survives renames, deletion and restoration.
public struct DocumentID: UniversalIdentifier {
  public let high: UInt64
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
}

/// A chunk's identity: the same passage at the same occurrence in the same document has the same one for ever.
public struct ChunkID: UniversalIdentifier {
  public let high: UInt64
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
}

/// The identity of one run of a sync.
public struct RunID: UniversalIdentifier {
  public let high: UInt64
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
}

/// The identity of a collection, and of its epochs.
public struct CollectionID: UniversalIdentifier {
  public let high: UInt64
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }
}

/// Who may see what: every read of a store names one.
///
/// There is one scope today, `everything`; a document's edition carries the scope it belongs to.
public struct Scope: Hashable, Sendable {
  /// The scope's name as the store keeps it.
  public let name: String

  /// Names a scope.
  public init(name: String) {
    self.name = name
  }

  /// Sees every document of the collection.
  public static let everything = Scope(name: "")
}

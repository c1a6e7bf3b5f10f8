import FreshetModel

/// What a polling pass found, in little memory: the paths in the order of their bytes, each without what it shares with the
/// one before, and hashes of which file it is and of what the listing saw of it.
struct PollingSnapshot {
  struct Entry: Equatable {
    var path: [UInt8] = []
    /// Device and inode: the same file under another name is a rename.
    var file: UInt64 = 0
    var hash: UInt64 = 0
  }

  /// For each: length of the shared start, length of the rest (varints), rest, file and hash (8 bytes each).
  private var bytes: [UInt8] = []
  private var last: [UInt8] = []
  private(set) var count = 0

  /// Bytes that it takes.
  var size: Int { bytes.capacity }

  /// Adds a path that comes after all others.
  mutating func append(_ entry: Entry) {
    var shared = 0
    while shared < min(last.count, entry.path.count), last[shared] == entry.path[shared] { shared += 1 }
    append(length: shared)
    append(length: entry.path.count - shared)
    bytes += entry.path[shared...]
    withUnsafeBytes(of: entry.file) { bytes += $0 }
    withUnsafeBytes(of: entry.hash) { bytes += $0 }
    last = entry.path
    count += 1
  }

  /// Gives back the room that it did not need.
  mutating func close() {
    last = []
    bytes.withUnsafeBytes { bytes = Array($0) }
  }

  private mutating func append(length: Int) {
    var rest = UInt(length)
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// Reads the entries in their order.
  struct Reader {
    private let bytes: [UInt8]
    private var offset = 0
    private var path: [UInt8] = []

    init(_ snapshot: PollingSnapshot) {
      bytes = snapshot.bytes
    }

    mutating func next() -> Entry? {
      guard offset < bytes.count else { return nil }
      let shared = length()
      let rest = length()
      path.removeLast(path.count - shared)
      path += bytes[offset..<offset + rest]
      offset += rest
      let (file, hash) = bytes.withUnsafeBytes {
        (
          $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
          $0.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
        )
      }
      offset += 16
      return Entry(path: path.withUnsafeBytes { Array($0) }, file: file, hash: hash)
    }

    private mutating func length() -> Int {
      var (value, shift): (UInt, UInt) = (0, 0)
      while bytes[offset] & 0x80 != 0 {
        value |= UInt(bytes[offset] & 0x7F) << shift
        shift += 7
        offset += 1
      }
      value |= UInt(bytes[offset]) << shift
      offset += 1
      return Int(value)
    }
  }
}

extension PollingSnapshot.Entry {
  /// What the listing saw of a file. One that changed just before is seen once more when it no longer has: a second change
  /// may have left its times as they were.
  init(_ item: ListedItem) {
    path = item.path
    let fingerprint = item.fingerprint
    file = Self.mix(Self.mix(fingerprint.device) ^ fingerprint.inode)
    hash = file
    for part in [
      UInt64(bitPattern: fingerprint.size),
      UInt64(bitPattern: fingerprint.modified), UInt64(bitPattern: fingerprint.changed), item.isRacy ? 1 : 0,
    ] {
      hash = Self.mix(hash ^ part)
    }
  }

  /// The finishing step of SplitMix64 (Steele, Lea, Flood 2014): each bit of the result depends on all of the input.
  private static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value &+ 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}

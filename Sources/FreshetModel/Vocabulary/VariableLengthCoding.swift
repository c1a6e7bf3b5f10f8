/// Appends integers in the little-endian base-128 form (LEB128), negative ones zigzag-folded.
public struct VariableLengthEncoder {
  /// What was written so far.
  public private(set) var bytes: [UInt8] = []

  /// Starts empty.
  public init() {}

  /// Appends an unsigned number in 1 to 10 bytes.
  public mutating func append(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// Appends a signed number; small magnitudes take few bytes.
  public mutating func append(signed value: Int64) {
    append(UInt64(bitPattern: value << 1 ^ value >> 63))
  }

  /// Appends a length and that many bytes.
  public mutating func append(bytes other: some Collection<UInt8>) {
    append(UInt64(other.count))
    bytes.append(contentsOf: other)
  }

  /// Appends 8 bytes, most significant first.
  mutating func append(fixed value: UInt64) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }

  /// Appends bytes whose count the reader knows.
  mutating func append(raw other: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: other)
  }
}

/// Reads what `VariableLengthEncoder` wrote; every read is `nil` once the bytes are used up or malformed.
public struct VariableLengthDecoder {
  private let bytes: [UInt8]
  private var index = 0

  /// Reads from the start of the bytes.
  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// Whether every byte was read.
  public var isAtEnd: Bool { index == bytes.count }

  /// The next unsigned number.
  public mutating func next() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while index < bytes.count, shift < 64 {
      let byte = bytes[index]
      index += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  /// The next unsigned number as a length or offset; `nil` also when it does not fit an `Int`.
  public mutating func nextCount() -> Int? {
    next().flatMap { Int(exactly: $0) }
  }

  /// The next signed number.
  public mutating func nextSigned() -> Int64? {
    next().map { Int64(bitPattern: $0 >> 1) ^ -Int64(bitPattern: $0 & 1) }
  }

  /// The next length and its bytes.
  public mutating func nextBytes() -> [UInt8]? {
    guard let count = nextCount(), count <= bytes.count - index else { return nil }
    defer { index += count }
    return Array(bytes[index..<index + count])
  }
}

extension [Block] {
  /// The map's stored form: offsets as differences, so that a block takes about four bytes.
  public var encoded: [UInt8] {
    var encoder = VariableLengthEncoder()
    encoder.append(UInt64(count))
    var last = 0
    for block in self {
      encoder.append(UInt64(block.kind.rawValue) << 4 | UInt64(block.level & 15))
      encoder.append(signed: Int64(block.start - last))
      encoder.append(signed: Int64(block.end - block.start))
      encoder.append(UInt64(block.page ?? 0))
      last = block.end
    }
    return encoder.bytes
  }

  /// Reads a stored map; `nil` when it is malformed.
  public init?(encoded bytes: [UInt8]) {
    var decoder = VariableLengthDecoder(bytes)
    guard let count = decoder.nextCount(), count <= bytes.count else { return nil }
    var blocks: [Block] = []
    blocks.reserveCapacity(count)
    var last = 0
    for _ in 0..<count {
      guard let head = decoder.next(), let kind = Block.Kind(rawValue: UInt8(truncatingIfNeeded: head >> 4)),
        let skip = decoder.nextSigned().flatMap({ Int(exactly: $0) }),
        let length = decoder.nextSigned().flatMap({ Int(exactly: $0) }), let page = decoder.nextCount()
      else { return nil }
      let (start, overflow) = last.addingReportingOverflow(skip)
      let (end, overflowToo) = start.addingReportingOverflow(length)
      guard !overflow, !overflowToo else { return nil }
      blocks.append(
        Block(kind: kind, level: UInt8(head & 15), start: start, end: end, page: page == 0 ? nil : page)
      )
      last = end
    }
    guard decoder.isAtEnd else { return nil }
    self = blocks
  }
}

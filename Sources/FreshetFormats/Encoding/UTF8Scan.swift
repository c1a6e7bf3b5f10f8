/// What one pass over bytes tells of them as text.
public struct UTF8Scan: Sendable {
  /// Whether the bytes are valid UTF-8 (RFC 3629).
  public internal(set) var isValid = true
  /// Whether there is a carriage return.
  public internal(set) var hasCarriageReturn = false
  /// NUL bytes.
  public internal(set) var zeros = 0
  /// Sequences of two to four bytes that are valid.
  public internal(set) var multibyte = 0
  /// Sequences that are not valid.
  public internal(set) var invalid = 0

  /// Reads all bytes.
  public init(_ bytes: UnsafeRawBufferPointer) {
    var index = 0
    let count = bytes.count
    while index < count {
      if index + 8 <= count {
        let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        if word & 0x8080_8080_8080_8080 == 0 {
          let returns = word ^ 0x0D0D_0D0D_0D0D_0D0D
          if (returns &- 0x0101_0101_0101_0101) & ~returns & 0x8080_8080_8080_8080 != 0 { hasCarriageReturn = true }
          if (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080 != 0 {
            for offset in 0..<8 where bytes[index + offset] == 0 { zeros += 1 }
          }
          index += 8
          continue
        }
      }
      let byte = bytes[index]
      if byte < 0x80 {
        if byte == 0x0D { hasCarriageReturn = true }
        if byte == 0 { zeros += 1 }
        index += 1
      } else {
        let (length, isWhole) = Self.sequence(in: bytes, at: index)
        if isWhole {
          multibyte += 1
        } else {
          invalid += 1
          isValid = false
        }
        index += length
      }
    }
  }

  /// Whether the bytes are valid UTF-8.
  public static func isValid(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { UTF8Scan($0).isValid } }

  /// The length of the sequence at a byte that is not ASCII: of the whole one when it is valid, else of its maximal
  /// subpart, which one U+FFFD stands for (Unicode 15, section 3.9).
  @inline(__always)
  public static func sequence(in bytes: UnsafeRawBufferPointer, at index: Int) -> (length: Int, isValid: Bool) {
    let first = bytes[index]
    let needed: Int
    var low: UInt8 = 0x80
    var high: UInt8 = 0xBF
    switch first {
    case 0xC2...0xDF: needed = 1
    case 0xE0:
      needed = 2
      low = 0xA0
    case 0xE1...0xEC, 0xEE...0xEF: needed = 2
    case 0xED:
      needed = 2
      high = 0x9F
    case 0xF0:
      needed = 3
      low = 0x90
    case 0xF1...0xF3: needed = 3
    case 0xF4:
      needed = 3
      high = 0x8F
    default: return (1, false)
    }
    for step in 1...needed {
      guard index + step < bytes.count else { return (step, false) }
      let next = bytes[index + step]
      guard next >= low, next <= high else { return (step, false) }
      low = 0x80
      high = 0xBF
    }
    return (needed + 1, true)
  }
}

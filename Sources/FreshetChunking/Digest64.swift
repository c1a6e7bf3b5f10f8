/// A 64-bit digest of bytes: fast, the same on every machine, for priorities and the comparison of neighbours only.
enum Digest64 {
  private static let factor: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// Digests a range.
  static func of(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> UInt64 {
    let raw = UnsafeRawBufferPointer(bytes)
    var state = UInt64(truncatingIfNeeded: end - start) &* factor
    var index = start
    while index + 8 <= end {
      let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      state = combine(state, word)
      index += 8
    }
    var rest: UInt64 = 0
    while index < end {
      rest = rest << 8 | UInt64(bytes[index])
      index += 1
    }
    return finish(combine(state, rest))
  }

  /// Folds another value in (multiply and fold, as in wyhash).
  @inline(__always)
  static func combine(_ state: UInt64, _ value: UInt64) -> UInt64 {
    let product = (state ^ value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: factor)
    return product.high ^ product.low
  }

  /// Spreads every bit over the result (the finaliser of SplitMix64).
  @inline(__always)
  static func finish(_ state: UInt64) -> UInt64 {
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}

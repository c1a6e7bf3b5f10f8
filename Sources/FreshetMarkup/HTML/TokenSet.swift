/// Words to look up by their bytes, without case and without making strings.
struct TokenSet {
  private var slots: [[UInt8]]
  private let mask: Int

  /// Takes words in lower case.
  init(_ words: [String]) {
    var size = 64
    while size < words.count * 4 { size *= 2 }
    mask = size - 1
    slots = Array(repeating: [], count: size)
    for word in words {
      let bytes = Array(word.utf8)
      var slot = bytes.withUnsafeBufferPointer { Self.hash($0[...]) } & mask
      while !slots[slot].isEmpty { slot = (slot + 1) & mask }
      slots[slot] = bytes
    }
  }

  /// Whether any of the words, separated by white space, is in the set.
  func containsAny(of bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var start = 0
    while start < bytes.count {
      while start < bytes.count, bytes[start] <= 0x20 { start += 1 }
      var end = start
      while end < bytes.count, bytes[end] > 0x20 { end += 1 }
      if end > start, contains(bytes[start..<end]) { return true }
      start = end
    }
    return false
  }

  private func contains(_ word: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    var slot = Self.hash(word) & mask
    while !slots[slot].isEmpty {
      if slots[slot].count == word.count, zip(slots[slot], word).allSatisfy({ $0 == Self.lower($1) }) { return true }
      slot = (slot + 1) & mask
    }
    return false
  }

  private static func hash(_ word: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in word { hash = (hash ^ UInt64(lower(byte))) &* 0x0000_0100_0000_01B3 }
    return Int(truncatingIfNeeded: hash >> 20)
  }

  @inline(__always)
  private static func lower(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
}

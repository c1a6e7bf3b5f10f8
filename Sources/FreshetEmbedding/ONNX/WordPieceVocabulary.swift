/// The pieces of a WordPiece model as two byte tries: pieces that begin a word, and pieces that continue one.
///
/// A piece is found by walking bytes, so that the longest match needs one pass and no strings. Pieces are valid UTF-8,
/// hence every match ends at a scalar's end.
struct WordPieceVocabulary: Sendable {
  /// Where pieces that begin a word start.
  static let beginning: UInt32 = 0
  /// Where pieces that continue a word start.
  static let continuation: UInt32 = 1

  /// No piece.
  static let none: Int32 = -1

  private static let emptySlot = UInt64.max
  private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// The edges in open addressing: (node, byte) in the upper half, the next node in the lower.
  private var slots: [UInt64]
  private var shift: UInt64
  private var edges = 0
  /// The piece that ends at each node.
  private var pieces: [Int32]

  /// A vocabulary without pieces, with room for `capacity` of them before it grows.
  init(capacity: Int) {
    var bits: UInt64 = 10
    while (1 << bits) < capacity * 8 { bits += 1 }
    slots = Array(repeating: Self.emptySlot, count: 1 << Int(bits))
    shift = 64 - bits
    pieces = [Self.none, Self.none]
    pieces.reserveCapacity(capacity * 4)
  }

  /// Adds a piece, in place of an earlier one of the same bytes.
  mutating func insert(_ bytes: some Sequence<UInt8>, id: Int32, at root: UInt32) {
    var node = root
    for byte in bytes {
      if let next = child(of: node, byte) {
        node = next
      } else {
        let next = UInt32(pieces.count)
        pieces.append(Self.none)
        if (edges + 1) * 2 > slots.count { grow() }
        place(Self.entry(node, byte, next))
        edges += 1
        node = next
      }
    }
    pieces[Int(node)] = id
  }

  /// The piece of exactly these bytes, or nil.
  func id(of bytes: some Sequence<UInt8>, at root: UInt32 = Self.beginning) -> Int32? {
    var node = root
    for byte in bytes {
      guard let next = child(of: node, byte) else { return nil }
      node = next
    }
    let id = pieces[Int(node)]
    return id == Self.none ? nil : id
  }

  /// The longest piece at the start of `bytes[start...]` and where it ends, or nil.
  func longestMatch(in bytes: [UInt8], from start: Int, at root: UInt32) -> (id: Int32, end: Int)? {
    var node = root
    var found: (id: Int32, end: Int)?
    var position = start
    while position < bytes.count, let next = child(of: node, bytes[position]) {
      node = next
      position += 1
      let id = pieces[Int(node)]
      if id != Self.none { found = (id, position) }
    }
    return found
  }

  private func child(of node: UInt32, _ byte: UInt8) -> UInt32? {
    let key = UInt64(node) << 8 | UInt64(byte)
    let mask = slots.count - 1
    var index = Int(truncatingIfNeeded: (key &* Self.multiplier) >> shift)
    while true {
      let slot = slots[index]
      if slot >> 32 == key { return UInt32(truncatingIfNeeded: slot) }
      if slot == Self.emptySlot { return nil }
      index = (index + 1) & mask
    }
  }

  private static func entry(_ node: UInt32, _ byte: UInt8, _ next: UInt32) -> UInt64 {
    (UInt64(node) << 8 | UInt64(byte)) << 32 | UInt64(next)
  }

  private mutating func place(_ entry: UInt64) {
    let mask = slots.count - 1
    var index = Int(truncatingIfNeeded: ((entry >> 32) &* Self.multiplier) >> shift)
    while slots[index] != Self.emptySlot { index = (index + 1) & mask }
    slots[index] = entry
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: Self.emptySlot, count: old.count * 2)
    shift -= 1
    for entry in old where entry != Self.emptySlot { place(entry) }
  }
}

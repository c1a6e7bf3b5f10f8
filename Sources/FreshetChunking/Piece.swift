/// A stretch of text between two cuts, before small ones are merged; or several identical ones in a row.
struct Piece {
  /// Its first byte, headings that lead it included.
  var start: Int
  /// The offset after its last byte that is not white space.
  var end: Int
  /// The size of one stretch; a table header that will be repeated before it is not included.
  var unit: Int
  /// How many identical stretches it is.
  var count = 1
  /// The boundary before it.
  var boundary: Boundary
  /// A digest of the text of one stretch.
  var digest: UInt64
  /// The block that its first byte is in.
  var firstBlock: Int
  /// The block that its last byte is in.
  var lastBlock: Int
  /// What is embedded before it: the path of the headings above it, and the table header that is repeated.
  var context: Int

  /// The size of all of it.
  var size: Int { unit * count }
}

/// Gathers pieces, and joins identical ones by count from the first of their run, up to `soft`.
///
/// A text of one word a million times over is a million stretches: joined as they come, they take no more memory than
/// any other text.
struct PieceRuns {
  private(set) var pieces: [Piece] = []
  private let soft: Int

  init(soft: Int) {
    self.soft = soft
  }

  /// Adds one stretch.
  mutating func append(_ piece: Piece) {
    if let last = pieces.indices.last, pieces[last].accepts(piece, soft: soft) {
      pieces[last].end = piece.end
      pieces[last].lastBlock = piece.lastBlock
      pieces[last].count += 1
    } else {
      pieces.append(piece)
    }
  }
}

extension Piece {
  fileprivate func accepts(_ next: Piece, soft: Int) -> Bool {
    next.digest == digest && next.unit == unit && unit > 0 && unit * 2 <= soft && count < soft / unit
      && next.context == context && !next.boundary.isWall
  }
}

/// A block above the limit, which is cut into units of finer and finer levels.
struct BlockSplitter {
  /// A block's text with its place.
  struct Text {
    var start: Int
    var end: Int
    /// The size of headings and table header that stay with the first unit.
    var lead: Int
    /// Whether lines keep the white space that they start with.
    var keepsIndentation: Bool
  }

  /// The bytes after which a block is taken in windows, to bound memory. A window ends at the strongest boundary of its
  /// second half, so that windows fall into step again behind an edit.
  static let windowBytes = 1 << 20
  /// The bytes of a word's following text that its digest covers, since words alone repeat too often.
  static let wordDigestBytes = 24

  let bytes: UnsafeBufferPointer<UInt8>
  let estimate: SizeEstimate
  let limit: Int
  private var stack: [Int] = []

  init(bytes: UnsafeBufferPointer<UInt8>, estimate: SizeEstimate, limit: Int) {
    self.bytes = bytes
    self.estimate = estimate
    self.limit = limit
  }

  private struct Units {
    var starts: [Int] = []
    var offsets: [Int] = []
    var boundaries: [Boundary] = []
  }

  /// A piece of the block: where, how large, the boundary before it (`nil`: the text's own), its digest.
  typealias Emit = (_ start: Int, _ end: Int, _ size: Int, _ boundary: Boundary?, _ digest: UInt64) -> Void

  /// Cuts the text into pieces of at most `limit`, its lead included.
  mutating func split(_ text: Text, levels: ArraySlice<Segmenter.Level>, boundary: Boundary? = nil, emit: Emit) {
    var text = text
    if levels.first == nil || levels.first == .words {
      while text.start < text.end, bytes[text.start] <= 0x20 { text.start += 1 }
    }
    guard let level = levels.first else {
      splitByCount(text, boundary: boundary, emit: emit)
      return
    }
    var windowStart = text.start
    var windowBoundary = boundary
    while windowStart < text.end {
      let isFirst = windowStart == text.start
      var units = Units()
      units.starts.append(windowStart)
      units.boundaries.append(windowBoundary ?? Boundary(level.strength, digest: 0))
      collect(&units, text, level)
      var count = units.starts.count
      var windowEnd = text.end
      if let last = units.starts.last, last - windowStart >= Self.windowBytes {
        count = strongest(in: units, after: windowStart + Self.windowBytes / 2)
        windowEnd = units.starts[count]
        windowBoundary = units.boundaries[count]
      }
      var total = isFirst ? text.lead : 0
      units.offsets.append(0)
      for index in 0..<count {
        let end = index + 1 < count ? units.starts[index + 1] : windowEnd
        total += estimate.size(bytes, units.starts[index], end)
        units.offsets.append(total)
      }
      let own = isFirst ? boundary : units.boundaries[0]
      var part = text
      part.lead = isFirst ? text.lead : 0
      emitWindow(units, count, windowEnd, part, levels, own, emit)
      windowStart = windowEnd
    }
  }

  private func collect(_ units: inout Units, _ text: Text, _ level: Segmenter.Level) {
    let first = units.starts[0]
    Segmenter.starts(
      bytes,
      from: first,
      to: text.end,
      level: level,
      keepsIndentation: text.keepsIndentation
    ) { start in
      units.starts.append(start)
      return start - first < Self.windowBytes
    }
    for index in 1..<max(1, units.starts.count) {
      let start = units.starts[index]
      let next = index + 1 < units.starts.count ? units.starts[index + 1] : text.end
      let end = level == .words ? min(text.end, start + Self.wordDigestBytes) : trimmedEnd(start, next)
      units.boundaries.append(Boundary(level.strength, digest: Digest64.of(bytes, start, end)))
    }
  }

  private func strongest(in units: Units, after offset: Int) -> Int {
    var best = units.starts.count - 1
    for index in stride(from: units.starts.count - 1, to: 0, by: -1) where units.starts[index] >= offset {
      if units.boundaries[best] <= units.boundaries[index] { best = index }
    }
    return best
  }

  private mutating func emitWindow(
    _ units: Units,
    _ count: Int,
    _ end: Int,
    _ text: Text,
    _ levels: ArraySlice<Segmenter.Level>,
    _ boundary: Boundary?,
    _ emit: Emit
  ) {
    var isCut = [Bool](repeating: false, count: count + 1)
    isCut[count] = true
    CartesianCut.decide(units.offsets, units.boundaries, to: count, limit: limit, stack: &stack) { isCut[$0] = true }
    var first = 0
    for next in 1...count where isCut[next] {
      let start = units.starts[first]
      let stop = trimmedEnd(start, next < count ? units.starts[next] : end)
      let size = units.offsets[next] - units.offsets[first]
      let own = first == 0 ? boundary : units.boundaries[first]
      if size > limit {
        let lead = first == 0 ? text.lead : 0
        let part = Text(start: start, end: stop, lead: lead, keepsIndentation: text.keepsIndentation)
        split(part, levels: levels.dropFirst(), boundary: own, emit: emit)
      } else {
        emit(start, stop, size, own, Digest64.of(bytes, start, stop))
      }
      first = next
    }
  }

  /// Cuts a text without any boundary by count from its start, at UTF-8 boundaries.
  private func splitByCount(_ text: Text, boundary: Boundary?, emit: Emit) {
    var start = text.start
    var lead = text.lead
    var own = boundary
    while start < text.end {
      let room = max(Self.shortStep * SizeEstimate.scale, min(limit - lead, limit / 2))
      var end = start
      var size = 0
      var step = Self.longStep
      while end < text.end {
        var next = min(end + step, text.end)
        while next < text.end, next > end + 1, bytes[next] & 0xC0 == 0x80 { next -= 1 }
        let grown = size + estimate.size(bytes, end, next)
        if grown > room, end > start || step > Self.shortStep {
          guard step > Self.shortStep else { break }
          step = Self.shortStep
          continue
        }
        end = next
        size = grown
      }
      emit(start, end, lead + size, own, Digest64.of(bytes, start, end))
      own = Boundary(.part, digest: 0)
      lead = 0
      start = end
    }
  }

  /// Bytes that a text without boundaries is measured by: words measured in shorter parts would seem to cost less.
  private static let longStep = 64
  /// Bytes that it is filled up by; no 8 bytes cost more than 8 units.
  private static let shortStep = 8

  private func trimmedEnd(_ start: Int, _ end: Int) -> Int {
    var end = end
    while end > start, bytes[end - 1] <= 0x20 { end -= 1 }
    return end
  }
}

import FreshetModel

extension ChunkingPass {
  /// The headings above a chunk, outermost first.
  struct Path {
    /// The deepest of them; -1 for none.
    var heading = -1
    var texts: [String] = []
    var size = 0
  }

  /// Makes a chunk of pieces that stay together; `nil` when they hold nothing but thematic breaks.
  ///
  /// - Parameter last: the path of the chunk before, which chunks under the same heading share.
  func draft(of pieces: ArraySlice<Piece>, _ last: inout Path) -> ChunkDraft? {
    guard let first = pieces.first, let final = pieces.last else { return nil }
    let (end, lastBlock) = (final.end, final.lastBlock)
    let range = first.firstBlock...lastBlock
    guard range.contains(where: { blocks[$0].kind != .rule }) else { return nil }
    let common = commonPath(range)
    var place = first.firstBlock
    var size = pieces.reduce(0) { $0 + $1.size }
    while place < lastBlock, blocks[place].kind == .heading, tree.encloses(place, path: common) {
      size -= sizes[place]
      place += 1
    }
    let start = place == first.firstBlock ? first.start : blocks[place].start
    var repeated: Range<Int>?
    if place == first.firstBlock, start > blocks[place].start, blocks[place].kind == .table,
      let headerEnd = TableHeader.end(bytes, blocks[place].start, blocks[place].end), headerEnd <= start,
      case let header = estimate.size(bytes, blocks[place].start, headerEnd), header <= limits.tableHeader
    {
      repeated = blocks[place].start..<headerEnd
      size += header
    }
    if common != last.heading { last = path(to: common) }
    return ChunkDraft(
      heading: last.texts,
      text: text(start, end, repeated),
      start: start,
      end: end,
      page: blocks[place].page,
      tokens: (size + last.size + SizeEstimate.scale - 1) / SizeEstimate.scale
    )
  }

  /// The deepest heading that all text of the blocks stands under, or -1.
  private func commonPath(_ range: ClosedRange<Int>) -> Int {
    var path: Int?
    for index in range where isText[index] {
      path = path.map { tree.common($0, tree.parent(index)) } ?? tree.parent(index)
      if path == -1 { break }
    }
    return path ?? -1
  }

  /// The texts of a heading and those above it, outermost first; outer ones are left out above the limit.
  private func path(to heading: Int) -> Path {
    var texts: [String] = []
    var size = 0
    var index = heading
    while index >= 0, size + Int(pathSizes[index]) <= limits.path {
      let text = HeadingText.of(bytes, blocks[index].start, blocks[index].end)
      if !text.isEmpty { texts.append(text) }
      size += Int(pathSizes[index])
      index = tree.parent(index)
    }
    return Path(heading: heading, texts: texts.reversed(), size: size)
  }

  private func text(_ start: Int, _ end: Int, _ repeated: Range<Int>?) -> ArraySlice<UInt8> {
    guard let repeated else { return markdown[start..<end] }
    var text = Array(bytes[repeated])
    text.append(UInt8(ascii: "\n"))
    text.append(contentsOf: bytes[start..<end])
    return text[...]
  }

  // MARK: Overlap

  /// Lets each body reach back into the chunk before it by whole sentences, else words.
  ///
  /// It stays within `overlap` and within what `hard` leaves, and never reaches over a heading, text outside the
  /// blocks or into a table. Cuts and positions stay as they are.
  func widen(_ drafts: inout [ChunkDraft]) {
    for index in stride(from: drafts.count - 1, to: 0, by: -1) {
      let room = min(limits.overlap, limits.hard - drafts[index].tokens * SizeEstimate.scale)
      let previous = drafts[index - 1]
      let start = drafts[index].start
      let isRepeating = drafts[index].text.count != drafts[index].end - start
      guard room > 0, !isRepeating, drafts[index].heading == previous.heading,
        !(previous.end..<start).contains(where: { bytes[$0] > 0x20 }),
        let from = overlapStart(previous.start, previous.end, room)
      else { continue }
      drafts[index].text = markdown[from..<drafts[index].end]
      let grown = estimate.size(bytes, from, previous.end)
      drafts[index].tokens += (grown + SizeEstimate.scale - 1) / SizeEstimate.scale
    }
  }

  private func overlapStart(_ start: Int, _ end: Int, _ room: Int) -> Int? {
    for level in [Segmenter.Level.sentences, .words] {
      var starts: [Int] = []
      Segmenter.starts(bytes, from: start, to: end, level: level, keepsIndentation: false) {
        starts.append($0)
        return true
      }
      var size = 0
      var best: Int?
      var next = end
      for candidate in starts.reversed() {
        size += estimate.size(bytes, candidate, next)
        if size + SizeEstimate.scale > room { break }
        best = candidate
        next = candidate
      }
      if let best { return best }
    }
    return nil
  }
}

import FreshetModel

/// One rendition on its way through the steps: measured blocks, compounds, pieces, groups, drafts.
struct ChunkingPass {
  /// The Markdown, whose memory the drafts share.
  let markdown: [UInt8]
  /// The same bytes, for the loops.
  let bytes: UnsafeBufferPointer<UInt8>
  let estimate: SizeEstimate
  let limits: ChunkingLimits
  /// The blocks that hold text, trimmed; a heading too long for a path is a paragraph.
  let blocks: [Block]
  /// The size of each block.
  let sizes: [Int]
  /// The size of each heading's words, as they stand in a path; 0 for other blocks.
  let pathSizes: [Int32]
  /// Whether text that belongs to no block stands before each block.
  let isAfterGap: [Bool]
  let tree: HeadingTree
  /// Headings that stay in a body as text: nothing stands under them, or too many lead one text.
  private(set) var isText: [Bool]

  /// A block with the headings that lead it: the largest unit.
  struct Compound {
    var blocks: Range<Int>
    var size: Int
    var lead: Int
    var boundary: Boundary
  }

  init(
    markdown: [UInt8],
    bytes: UnsafeBufferPointer<UInt8>,
    blocks: [Block],
    estimate: SizeEstimate,
    limits: ChunkingLimits
  ) {
    self.markdown = markdown
    self.bytes = bytes
    self.estimate = estimate
    self.limits = limits
    var kept: [Block] = []
    var sizes: [Int] = []
    var isAfterGap: [Bool] = []
    kept.reserveCapacity(blocks.count)
    sizes.reserveCapacity(blocks.count)
    isAfterGap.reserveCapacity(blocks.count)
    var last = 0
    for var block in blocks {
      guard block.start >= last, block.end <= bytes.count, block.start < block.end else { continue }
      var lineStart = block.start
      while block.start < block.end, bytes[block.start] <= 0x20 {
        block.start += 1
        if bytes[block.start - 1] == UInt8(ascii: "\n") { lineStart = block.start }
      }
      while block.end > block.start, bytes[block.end - 1] <= 0x20 { block.end -= 1 }
      guard block.start < block.end else { continue }
      if block.kind == .code { block.start = lineStart }
      let size = estimate.size(bytes, block.start, block.end)
      if block.kind == .heading, size > limits.path / 2 { block.kind = .paragraph }
      isAfterGap.append(!kept.isEmpty && (last..<block.start).contains { bytes[$0] > 0x20 })
      kept.append(block)
      sizes.append(size)
      last = block.end
    }
    self.blocks = kept
    self.sizes = sizes
    self.isAfterGap = isAfterGap
    pathSizes = kept.map { block in
      guard block.kind == .heading else { return 0 }
      let words = HeadingText.range(bytes, block.start, block.end)
      return Int32(clamping: estimate.size(bytes, words.lowerBound, words.upperBound))
    }
    tree = HeadingTree(kept, sizes: pathSizes)
    isText = kept.map { $0.kind != .heading }
  }

  /// All steps.
  mutating func chunks() -> [ChunkDraft] {
    let pieces = pieces()
    let groups = Merging(limits: limits).groups(of: pieces)
    var drafts: [ChunkDraft] = []
    drafts.reserveCapacity(groups.count)
    var last = Path()
    for group in groups {
      if let draft = draft(of: pieces[group], &last) { drafts.append(draft) }
    }
    if limits.overlap > 0 { widen(&drafts) }
    return drafts
  }

  // MARK: Pieces

  /// The pieces under way.
  private struct Cutting {
    var cuts: CompoundCuts
    var splitter: BlockSplitter
    var pieces: PieceRuns
  }

  /// Cuts the compounds as they are found, so that a document of many small blocks holds few of them at a time.
  private mutating func pieces() -> [Piece] {
    var cutting = Cutting(
      cuts: CompoundCuts(limit: limits.soft),
      splitter: BlockSplitter(bytes: bytes, estimate: estimate, limit: limits.soft),
      pieces: PieceRuns(soft: limits.soft)
    )
    var pending = 0
    for index in blocks.indices {
      if blocks[index].kind == .heading {
        if isAfterGap[index] { appendAlone(pending..<index, &cutting, &pending) }
        continue
      }
      var first = index
      var lead = 0
      while first > pending, !isAfterGap[first], lead + sizes[first - 1] <= limits.path {
        first -= 1
        lead += sizes[first]
      }
      appendAlone(pending..<first, &cutting, &pending)
      append(first..<index + 1, lead: lead, &cutting)
      pending = index + 1
    }
    appendAlone(pending..<blocks.count, &cutting, &pending)
    cutting.cuts.end()
    appendPieces(&cutting)
    for index in blocks.indices where blocks[index].kind == .heading && !isText[index] {
      let next = index + 1
      isText[index] =
        next == blocks.count || (blocks[next].kind == .heading && blocks[next].level <= blocks[index].level)
    }
    return cutting.pieces.pieces
  }

  private mutating func appendAlone(_ range: Range<Int>, _ cutting: inout Cutting, _ pending: inout Int) {
    for index in range {
      isText[index] = true
      append(index..<index + 1, lead: 0, &cutting)
    }
    pending = range.upperBound
  }

  private func append(_ range: Range<Int>, lead: Int, _ cutting: inout Cutting) {
    let first = blocks[range.lowerBound]
    let boundary: Boundary
    if isAfterGap[range.lowerBound] {
      boundary = .wall
      cutting.cuts.end()
      appendPieces(&cutting)
    } else {
      let digest = Digest64.of(bytes, first.start, first.end)
      boundary =
        first.kind == .heading
        ? Boundary(headingLevel: first.level, digest: digest) : Boundary(.block, digest: digest)
    }
    let compound = Compound(blocks: range, size: lead + sizes[range.upperBound - 1], lead: lead, boundary: boundary)
    if cutting.cuts.append(compound) { appendPieces(&cutting) }
  }

  /// Makes pieces of the compounds whose cuts are decided.
  private func appendPieces(_ cutting: inout Cutting) {
    while let (group, size) = cutting.cuts.next() {
      guard let first = group.first, let last = group.last else { continue }
      if group.count == 1, size > limits.soft {
        appendPieces(of: first, &cutting.splitter, &cutting.pieces)
      } else {
        let firstBlock = first.blocks.lowerBound
        let lastBlock = last.blocks.upperBound - 1
        let start = blocks[firstBlock].start
        let end = blocks[lastBlock].end
        cutting.pieces.append(
          Piece(
            start: start,
            end: end,
            unit: size,
            boundary: first.boundary,
            digest: Digest64.of(bytes, start, end),
            firstBlock: firstBlock,
            lastBlock: lastBlock,
            context: pathContext(firstBlock)
          )
        )
      }
    }
  }

  private func pathContext(_ block: Int) -> Int {
    let parent = tree.parent(block)
    return parent < 0 ? 0 : min(tree.pathSize(parent), limits.path)
  }

  /// The size of a table's header rows when later pieces repeat them; 0 for any other block.
  private func repeatedHeader(_ block: Int) -> (size: Int, end: Int) {
    guard blocks[block].kind == .table, let end = TableHeader.end(bytes, blocks[block].start, blocks[block].end) else {
      return (0, blocks[block].start)
    }
    let size = estimate.size(bytes, blocks[block].start, end)
    return size <= limits.tableHeader ? (size, end) : (0, blocks[block].start)
  }

  private func appendPieces(of compound: Compound, _ splitter: inout BlockSplitter, _ pieces: inout PieceRuns) {
    let index = compound.blocks.upperBound - 1
    let block = blocks[index]
    let header = repeatedHeader(index)
    let levels: [Segmenter.Level]
    switch block.kind {
    case .code, .table: levels = block.kind == .code ? [.paragraphs, .lines, .words] : [.lines, .words]
    case .listItem, .quote, .record, .paragraph, .heading, .rule: levels = [.paragraphs, .sentences, .lines, .words]
    }
    var start = header.end
    if header.size > 0 { while start < block.end, bytes[start] <= 0x20 { start += 1 } }
    if start >= block.end { start = block.start }
    let hasHeader = header.size > 0 && start > block.start
    let text = BlockSplitter.Text(
      start: start,
      end: block.end,
      lead: compound.lead + (hasHeader ? header.size : 0),
      keepsIndentation: block.kind == .code
    )
    if hasHeader { splitter = BlockSplitter(bytes: bytes, estimate: estimate, limit: limits.soft - header.size) }
    let leader = compound.blocks.lowerBound
    let inner = tree.parent(index) < 0 ? 0 : min(tree.pathSize(tree.parent(index)), limits.path)
    splitter.split(text, levels: levels[...], boundary: nil) { start, end, size, boundary, digest in
      let isFirst = boundary == nil
      pieces.append(
        Piece(
          start: isFirst ? blocks[leader].start : start,
          end: end,
          unit: size,
          boundary: boundary ?? compound.boundary,
          digest: digest,
          firstBlock: isFirst ? leader : index,
          lastBlock: index,
          context: isFirst ? pathContext(leader) : inner + (hasHeader ? header.size : 0)
        )
      )
    }
    if hasHeader { splitter = BlockSplitter(bytes: bytes, estimate: estimate, limit: limits.soft) }
  }
}

/// Finds the header and delimiter rows of a GFM table.
enum TableHeader {
  /// The offset after the delimiter row (`|---|:--:|`), or `nil` when the second line is none.
  static func end(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Int? {
    var line = start
    while line < end, bytes[line] != UInt8(ascii: "\n") { line += 1 }
    line += 1
    var after = line
    var dashes = 0
    while after < end, bytes[after] != UInt8(ascii: "\n") {
      switch bytes[after] {
      case UInt8(ascii: "-"): dashes += 1
      case UInt8(ascii: "|"), UInt8(ascii: ":"), 0x20, 0x09: break
      default: return nil
      }
      after += 1
    }
    return dashes > 0 ? after : nil
  }
}

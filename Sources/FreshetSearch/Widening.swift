import FreshetModel

/// Shows hits with the chunks around them, each chunk in one hit only.
struct Widening {
  private let searcher: Searcher
  private let neighbours: Int
  /// The chunks that hits show, by document and start.
  private var shown: [DocumentID: Set<Int>] = [:]
  private var chunks: [DocumentID: [ChunkRecord]] = [:]
  private var markdown: [DocumentID: [UInt8]?] = [:]

  init(searcher: Searcher, neighbours: Int, shown: [Occurrence]) {
    self.searcher = searcher
    self.neighbours = neighbours
    guard neighbours > 0 else { return }
    for place in shown { self.shown[place.document, default: []].insert(place.chunk.start) }
  }

  /// A hit's text and place, with at most `neighbours` chunks on each side that no other hit shows.
  mutating func text(
    of place: Occurrence,
    record: PassageRecord,
    document: DocumentRecord
  ) throws -> (text: String, position: TextPosition) {
    let own = TextPosition(start: place.chunk.start, end: place.chunk.end, page: place.chunk.page)
    guard neighbours > 0 else { return (record.body, own) }
    let all = try chunks(of: document.id)
    guard let index = all.firstIndex(where: { $0.start == place.chunk.start && $0.passage == place.chunk.passage })
    else { return (record.body, own) }
    var first = index
    var last = index
    while first > 0, index - first < neighbours, claim(all[first - 1], document.id) { first -= 1 }
    while last + 1 < all.count, last - index < neighbours, claim(all[last + 1], document.id) { last += 1 }
    guard last > first else { return (record.body, own) }
    let position = TextPosition(start: all[first].start, end: all[last].end, page: all[first].page)
    return (try joined(Array(all[first...last]), document), position)
  }

  private mutating func claim(_ chunk: ChunkRecord, _ document: DocumentID) -> Bool {
    shown[document, default: []].insert(chunk.start).inserted
  }

  private mutating func chunks(of document: DocumentID) throws -> [ChunkRecord] {
    if let known = chunks[document] { return known }
    let all = try searcher.snapshot.chunks(of: document)
    chunks[document] = all
    return all
  }

  /// The first chunk's text as it is (a table piece keeps its header), then the Markdown behind it, which has the
  /// headings between; without a stored rendition the bodies, each without what it repeats.
  private mutating func joined(_ range: [ChunkRecord], _ document: DocumentRecord) throws -> String {
    var bodies: [PassageID: String] = [:]
    for record in try searcher.snapshot.passages(Array(Set(range.map(\.passage))).sorted()) {
      bodies[record.id] = record.body
    }
    guard let first = range.first, let last = range.last else { return "" }
    let lead = bodies[first.passage] ?? ""
    if let markdown = try markdown(of: document), last.end <= markdown.count, first.end <= last.end {
      return lead + String(decoding: markdown[first.end..<last.end], as: UTF8.self)
    }
    return range.dropFirst().reduce(lead) { text, chunk in
      text + "\n\n"
        + String(decoding: (bodies[chunk.passage] ?? "").utf8.suffix(chunk.end - chunk.start), as: UTF8.self)
    }
  }

  private mutating func markdown(of document: DocumentRecord) throws -> [UInt8]? {
    if let known = markdown[document.id] { return known }
    let bytes = try searcher.snapshot.rendition(of: document.contentHash, parser: document.parser)?.markdown
    markdown[document.id] = .some(bytes)
    return bytes
  }
}

import FreshetModel

/// Where a chunk stands in an edition, by the chunk's row.
struct PlacedChunk {
  var row: Int64
  var start: Int
  var end: Int
  var page: Int?
}

/// The stored form of an edition's chunks in their order: an edit that shifts every chunk rewrites this alone.
enum Layout {
  static func encode(_ chunks: some Collection<PlacedChunk>) -> [UInt8] {
    var encoder = VariableLengthEncoder()
    encoder.append(UInt64(chunks.count))
    var lastRow: Int64 = 0
    var lastEnd = 0
    for chunk in chunks {
      encoder.append(signed: chunk.row - lastRow)
      encoder.append(signed: Int64(chunk.start - lastEnd))
      encoder.append(signed: Int64(chunk.end - chunk.start))
      encoder.append(UInt64(chunk.page ?? 0))
      lastRow = chunk.row
      lastEnd = chunk.end
    }
    return encoder.bytes
  }

  /// Reads a layout; `nil` when it is malformed.
  static func decode(_ bytes: [UInt8]) -> [PlacedChunk]? {
    var decoder = VariableLengthDecoder(bytes)
    guard let count = decoder.nextCount(), count <= bytes.count else { return nil }
    var chunks: [PlacedChunk] = []
    chunks.reserveCapacity(count)
    var lastRow: Int64 = 0
    var lastEnd = 0
    for _ in 0..<count {
      guard let row = decoder.nextSigned(), let skip = decoder.nextSigned(), let length = decoder.nextSigned(),
        let page = decoder.nextCount()
      else { return nil }
      lastRow &+= row
      let start = lastEnd &+ Int(skip)
      lastEnd = start &+ Int(length)
      chunks.append(PlacedChunk(row: lastRow, start: start, end: lastEnd, page: page == 0 ? nil : page))
    }
    return decoder.isAtEnd ? chunks : nil
  }
}

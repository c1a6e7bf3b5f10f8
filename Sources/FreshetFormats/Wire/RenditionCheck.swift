import FreshetModel

extension Rendition {
  /// Whether the rendition is what every later stage relies on: valid UTF-8 without carriage returns, blocks in order,
  /// not overlapping, not empty, within the text and on UTF-8 boundaries.
  public var isWellFormed: Bool {
    markdown.withUnsafeBytes { bytes in
      let scan = UTF8Scan(bytes)
      guard scan.isValid, !scan.hasCarriageReturn else { return false }
      var last = 0
      for block in blocks {
        guard block.start >= last, block.end > block.start, block.end <= bytes.count,
          bytes[block.start] & 0xC0 != 0x80, block.end == bytes.count || bytes[block.end] & 0xC0 != 0x80,
          block.kind == .heading ? (1...6).contains(block.level) : block.level == 0
        else { return false }
        last = block.end
      }
      return true
    }
  }
}

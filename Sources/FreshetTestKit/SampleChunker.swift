import FreshetModel

/// Cuts at empty lines, for tests.
public struct SampleChunker: Chunker {
  /// Part of the fingerprint.
  public var version: Int
  /// Paragraphs of one chunk.
  public var paragraphs: Int

  /// Makes a chunker of a version.
  public init(version: Int = 1, paragraphs: Int = 1) {
    self.version = version
    self.paragraphs = max(1, paragraphs)
  }

  public var fingerprint: String { "sample-chunker/\(version)/\(paragraphs)" }

  public func chunks(of rendition: Rendition) -> [ChunkDraft] {
    let text = rendition.markdown
    var bounds: [(start: Int, end: Int)] = []
    var start = 0
    var index = 0
    while index <= text.count {
      let isEnd = index == text.count
      let isBreak = !isEnd && text[index] == 10 && index + 1 < text.count && text[index + 1] == 10
      if isEnd || isBreak {
        if index > start { bounds.append((start, index)) }
        start = index + 2
        index += isBreak ? 2 : 1
      } else {
        index += 1
      }
    }
    return stride(from: 0, to: bounds.count, by: paragraphs).map { first in
      let last = min(first + paragraphs, bounds.count) - 1
      let (start, end) = (bounds[first].start, bounds[last].end)
      return ChunkDraft(
        heading: [],
        body: String(decoding: text[start..<end], as: UTF8.self),
        start: start,
        end: end,
        tokens: (end - start) / 4 + 1
      )
    }
  }
}

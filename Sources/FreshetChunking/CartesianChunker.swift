import FreshetModel

/// Cuts renditions so that an edit changes the chunks around it and no others.
///
/// Boundaries between units (blocks; within a block above `soft` paragraphs, sentences, lines or rows, words) have a
/// strength by class and by the digest of what follows. A boundary is cut if and only if the text between its nearest
/// stronger boundaries exceeds `soft`: a Cartesian tree over the boundaries, cut where its nodes become small enough.
/// A cut so depends on nothing farther away than `soft`. `Merging` then joins what is below `min`; since it looks at
/// the sizes of a small piece's neighbours, which may reach `soft` farther, an edit changes chunks up to about
/// 2 × `soft` + 2 × `min` away at worst. On real documents none was seen beyond `soft` + 2 × `min`.
///
/// A heading stays with the text that follows it. The headings that all of a chunk's text stands under are its path and
/// not part of its body; others stay in the body. `start` and `end` are the body's place in the Markdown, without what
/// is repeated before it (a table's header rows, the overlap), so that the ranges of a rendition's chunks never overlap.
/// Time is linear in the Markdown's bytes.
public struct CartesianChunker: Chunker {
  /// Changes with every change of what the same rendition gives.
  static let version = 2

  /// The sizes.
  public let parameters: ChunkingParameters

  /// Makes a chunker.
  public init(_ parameters: ChunkingParameters = .standard) {
    self.parameters = parameters
  }

  public var fingerprint: String {
    let sizes = [parameters.soft, parameters.min, parameters.hard].map(String.init).joined(separator: "-")
    return "cartesian/\(Self.version):\(parameters.unit.rawValue):\(sizes):\(parameters.overlap)"
  }

  public func chunks(of rendition: Rendition) -> [ChunkDraft] {
    rendition.markdown.withUnsafeBufferPointer { bytes in
      var pass = ChunkingPass(
        markdown: rendition.markdown,
        bytes: bytes,
        blocks: rendition.blocks,
        estimate: SizeEstimate(unit: parameters.unit),
        limits: ChunkingLimits(parameters)
      )
      return pass.chunks()
    }
  }

  /// The size of a text in the parameters' unit, rounded up: what `soft`, `min` and `hard` are compared with.
  public func size(of text: some Collection<UInt8>) -> Int {
    func measure(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
      let size = SizeEstimate(unit: parameters.unit).size(bytes, 0, bytes.count)
      return (size + SizeEstimate.scale - 1) / SizeEstimate.scale
    }
    return text.withContiguousStorageIfAvailable(measure) ?? Array(text).withUnsafeBufferPointer(measure)
  }
}

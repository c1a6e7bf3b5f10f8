/// What a change's row in the log vouches for of the edition that it made.
public enum EditionDigest {
  /// A chunk of an edition with what is vouched for of its passage.
  public struct Chunk: Sendable {
    /// The chunk and its place.
    public var chunk: ChunkRecord
    /// The passage's key: passage numbers are the store's own.
    public var key: ContentHash
    /// The passage's estimated tokens.
    public var tokens: Int

    /// Pairs a chunk with its passage.
    public init(chunk: ChunkRecord, key: ContentHash, tokens: Int) {
      self.chunk = chunk
      self.key = key
      self.tokens = tokens
    }
  }

  /// Everything that is searched and shown of an edition, in one unambiguous form, the same on every store: the change's
  /// `edition` is its SHA-256.
  ///
  /// - Parameters:
  ///   - rendition: the checksum of the rendition as it is stored; `nil` gives the form of collections from before the
  ///     log vouched for renditions and token counts.
  ///   - chunks: the chunks in their order.
  public static func canonicalBytes(
    origin: String,
    title: String,
    metadata: Metadata,
    pipeline: String,
    parser: String,
    state: EditionState,
    rendition: ContentHash?,
    chunks: some Collection<Chunk>
  ) -> [UInt8] {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: (rendition == nil ? "freshet-edition/1" : "freshet-edition/2").utf8)
    encoder.append(bytes: origin.utf8)
    encoder.append(bytes: title.utf8)
    encoder.append(bytes: JSONValue(metadata).description.utf8)
    encoder.append(bytes: pipeline.utf8)
    encoder.append(bytes: parser.utf8)
    encoder.append(bytes: state.rawValue.utf8)
    if let rendition { rendition.withBytes { encoder.append(raw: $0) } }
    encoder.append(UInt64(chunks.count))
    for member in chunks {
      encoder.append(fixed: member.chunk.id.high)
      encoder.append(fixed: member.chunk.id.low)
      member.key.withBytes { encoder.append(raw: $0) }
      encoder.append(signed: Int64(member.chunk.start))
      encoder.append(signed: Int64(member.chunk.end))
      encoder.append(signed: Int64(member.chunk.page ?? 0))
      if rendition != nil { encoder.append(signed: Int64(member.tokens)) }
    }
    return encoder.bytes
  }
}

/// What a change's row in the log vouches for of the edition that it made.
public enum EditionDigest {
  /// Everything that is searched and shown of an edition, in one unambiguous form, the same on every store: the change's
  /// `edition` is its SHA-256.
  ///
  /// - Parameter chunks: the chunks in their order, each with its passage's key (passage numbers are the store's own).
  public static func canonicalBytes(
    origin: String,
    title: String,
    metadata: Metadata,
    pipeline: String,
    parser: String,
    state: EditionState,
    chunks: some Collection<(chunk: ChunkRecord, key: ContentHash)>
  ) -> [UInt8] {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: "freshet-edition/1".utf8)
    encoder.append(bytes: origin.utf8)
    encoder.append(bytes: title.utf8)
    encoder.append(bytes: JSONValue(metadata).description.utf8)
    encoder.append(bytes: pipeline.utf8)
    encoder.append(bytes: parser.utf8)
    encoder.append(bytes: state.rawValue.utf8)
    encoder.append(UInt64(chunks.count))
    for (chunk, key) in chunks {
      encoder.append(fixed: chunk.id.high)
      encoder.append(fixed: chunk.id.low)
      key.withBytes { encoder.append(raw: $0) }
      encoder.append(signed: Int64(chunk.start))
      encoder.append(signed: Int64(chunk.end))
      encoder.append(signed: Int64(chunk.page ?? 0))
    }
    return encoder.bytes
  }
}

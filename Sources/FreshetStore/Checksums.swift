import FreshetModel
import FreshetSystem

/// What a stored vector is checked by: the first 8 bytes of the SHA-256 of its passage's number and its bytes, so that
/// an altered vector is found, and one that stands at another passage too.
enum VectorChecksum {
  static func of(passage: PassageID, value: UnsafeRawBufferPointer) -> Int64 {
    withUnsafeTemporaryAllocation(byteCount: 8 + value.count, alignment: 8) { buffer in
      buffer.storeBytes(of: passage.littleEndian, as: Int64.self)
      UnsafeMutableRawBufferPointer(rebasing: buffer[8...]).copyMemory(from: value)
      return SHA256.digest(of: UnsafeRawBufferPointer(buffer)).withBytes { $0.load(as: Int64.self) }
    }
  }
}

/// What a stored rendition is checked by: the SHA-256 of its columns as they are stored.
enum RenditionChecksum {
  /// - Parameter isShared: whether the Markdown is the content, which is kept, so that it is not kept a second time.
  static func of(_ edition: DocumentChange.Edition, contentHash: ContentHash, isShared: Bool) -> ContentHash {
    of(
      content: contentHash,
      parser: edition.parser,
      title: edition.statedTitle,
      metadata: String(decoding: MetadataText.encode(edition.statedMetadata), as: UTF8.self),
      map: edition.map ?? [],
      markdown: isShared ? nil : edition.markdown
    )
  }

  static func of(
    content: ContentHash,
    parser: String,
    title: String?,
    metadata: String,
    map: [UInt8],
    markdown: StoredBytes?
  ) -> ContentHash {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: content.bytes)
    encoder.append(bytes: Array(parser.utf8))
    encoder.append(bytes: Array((title.map { "=" + $0 } ?? "").utf8))
    encoder.append(bytes: Array(metadata.utf8))
    encoder.append(bytes: map)
    encoder.append(UInt64(markdown.map { $0.codec.rawValue + 1 } ?? 0))
    // The Markdown is hashed by itself, so that it is not copied.
    encoder.append(bytes: SHA256.digest(of: markdown?.data ?? []).bytes)
    return SHA256.digest(of: encoder.bytes)
  }
}

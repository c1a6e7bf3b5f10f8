/// What was indexed of a version: its newest edition, as far as it is kept.
public struct VersionEdition: Hashable, Sendable {
  /// The number of the version.
  public var version: Int
  /// The parser that made the rendition.
  public var parser: String
  /// The title shown.
  public var title: String
  /// The metadata searched.
  public var metadata: Metadata
  /// The chunks in their order.
  public var chunks: [ChunkRecord]

  /// Describes an edition.
  public init(version: Int, parser: String, title: String, metadata: Metadata, chunks: [ChunkRecord]) {
    self.version = version
    self.parser = parser
    self.title = title
    self.metadata = metadata
    self.chunks = chunks
  }
}

import FreshetModel

/// A version of a document with its content.
public struct DocumentVersion: Sendable {
  /// The document as it is now.
  public var document: DocumentRecord
  /// The version.
  public var version: VersionRecord
  /// The original bytes; `nil` when only their hash is kept.
  public var content: [UInt8]?
  /// The place among the versions that it was assigned from; `nil` when it was named otherwise.
  public var group: Int?

  /// The number of the version.
  public var number: Int { version.number }
  /// The hash of the content.
  public var hash: ContentHash { version.contentHash }
}

extension Collection {
  /// A version of a document, by number, by its place in the history, or assigned to a key.
  ///
  /// - Parameter name: as for `document(_:)`.
  /// - Throws: `FreshetError` with `not_found` for a document or version that is not there.
  public func version(_ selector: VersionSelector = .latest, of name: String) async throws -> DocumentVersion {
    let document = try await document(name)
    return try await version(selector, of: document)
  }

  /// A version of a document, by number, by its place in the history, or assigned to a key.
  ///
  /// - Throws: `FreshetError` with `not_found` for a version that is not there.
  public func version(_ selector: VersionSelector, of document: DocumentRecord) async throws -> DocumentVersion {
    try await store.read(.everything) { snapshot in
      let (version, group) = try selector.version(among: try Self.versions(of: document, snapshot), of: document)
      return DocumentVersion(
        document: document,
        version: version,
        content: try snapshot.content(version.contentHash),
        group: group
      )
    }
  }

  /// The number of the version that is meant.
  ///
  /// - Throws: `FreshetError` with `not_found` for a version that is not there.
  public func number(of selector: VersionSelector, in document: DocumentRecord) async throws -> Int {
    try await store.read(.everything) { snapshot in
      try selector.version(among: try Self.versions(of: document, snapshot), of: document).0.number
    }
  }

  /// The versions up to the one that the record is of: a document as of a moment has none after it.
  private static func versions(
    of document: DocumentRecord,
    _ snapshot: any StoreSnapshot
  ) throws -> [VersionRecord] {
    try snapshot.versions(of: document.id).filter { $0.number <= document.version }
  }

  /// The text of a version: the rendition that was indexed, when it is kept, else the content itself; `nil` when neither is.
  static func text(
    of version: VersionRecord,
    _ document: DocumentRecord,
    _ snapshot: any StoreSnapshot
  ) throws -> [UInt8]? {
    // A deletion repeats the content before it, and has no edition of its own.
    let numbers = version.kind == .deleted ? [version.number - 1] : [version.number]
    let parsers =
      try numbers.compactMap { try snapshot.edition(of: document.id, version: $0)?.parser } + [document.parser]
    for parser in parsers where !parser.isEmpty {
      if let rendition = try snapshot.rendition(of: version.contentHash, parser: parser) { return rendition.markdown }
    }
    return try snapshot.content(version.contentHash)
  }

  /// The document that stood last at an origin where none stands now.
  static func former(_ name: String, _ snapshot: any StoreSnapshot) throws -> [DocumentRecord] {
    let found = try snapshot.documents(formerlyAt: name, limit: 1)
    if !found.isEmpty { return found }
    guard let colon = name.firstIndex(of: ":") else { return [] }
    let origin = String(name[name.index(after: colon)...])
    return Array(
      try snapshot.documents(formerlyAt: origin, limit: 100).filter { $0.sourceName == name[..<colon] }.prefix(1)
    )
  }

  /// Which of the versions can be read, shown and restored: the others keep their hash alone.
  public func versionsWithContent(among versions: [VersionRecord]) async throws -> Set<Int> {
    let kept = try await store.read(.everything) { try $0.keptContents(among: versions.map(\.contentHash)) }
    return Set(versions.filter { kept.contains($0.contentHash) }.map(\.number))
  }
}

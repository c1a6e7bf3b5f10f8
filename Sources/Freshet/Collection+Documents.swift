import FreshetModel
import FreshetSystem

extension Collection {
  /// The documents that a query asks for.
  ///
  /// - Parameter moment: lists them as they were then: names, states, versions, metadata; `nil` for the present.
  /// - Throws: `FreshetError`; for a moment as `sequence(of:at:)`.
  public func documents(
    _ query: DocumentQuery = DocumentQuery(),
    asOf moment: Moment? = nil
  ) async throws -> [DocumentRecord] {
    try await read(asOf: moment) { try $0.documents(query) }
  }

  /// Finds a document by its origin, `source:origin`, a path of a file, its URI, or at least four characters of its
  /// identity; a deleted document too, when no live one fits, and then one that had that origin before it was renamed.
  ///
  /// - Parameter moment: finds it by the name that it had then, and answers how it was; `nil` for the present.
  /// - Throws: `FreshetError` with `not_found`, or `invalid_argument` when several documents fit; for a moment as
  ///   `sequence(of:at:)`.
  public func document(_ name: String, asOf moment: Moment? = nil) async throws -> DocumentRecord {
    let sources = try factory.sources()
    return try await read(asOf: moment) { snapshot in
      var found = try candidates(name, sources, snapshot)
      if found.isEmpty, moment == nil { found = try Self.former(name, snapshot) }
      let live = found.filter { $0.state == .live }
      let fitting = live.isEmpty ? found : live
      if fitting.count > 1 {
        let names = fitting.prefix(5).map { "\($0.sourceName):\($0.origin)" }.joined(separator: ", ")
        throw FreshetError(
          .invalidArgument,
          "several documents fit: \(names); name one as source:origin",
          path: name
        )
      }
      guard let document = fitting.first else {
        if moment == nil, let members = try members(of: name, sources, snapshot) { throw members }
        throw FreshetError(
          .notFound,
          moment == nil
            ? "there is no such document in the collection; `freshet list` shows what there is"
            : "there was no document of this name after change \(snapshot.head.sequence); "
              + "`freshet list --as-of \(snapshot.head.sequence)` shows what there was",
          path: name
        )
      }
      return document
    }
  }

  /// A document's versions, oldest first; those up to a moment, under the name that the document had then.
  public func versions(of name: String, asOf moment: Moment? = nil) async throws -> [VersionRecord] {
    let document = try await document(name, asOf: moment)
    return try await read(asOf: moment) { try $0.versions(of: document.id) }
  }

  /// The bytes of a version's content.
  ///
  /// - Parameter number: the version; `nil` for the one that the record is of.
  /// - Throws: `FreshetError` with `not_found` when there is no such version, or only its hash was ever kept;
  ///   `history_pruned` when its content was collected.
  public func content(of document: DocumentRecord, version number: Int? = nil) async throws -> [UInt8] {
    try await store.read(.everything) { snapshot in
      let version = try Self.version(number, of: document, snapshot)
      guard let bytes = try snapshot.content(version.contentHash) else {
        throw try Self.missingContent(of: version, document, snapshot)
      }
      return bytes
    }
  }

  /// The text of a version as Markdown: the rendition that was indexed, when it is kept, else the content itself.
  ///
  /// - Parameter number: the version; `nil` for the one that the record is of.
  public func text(of document: DocumentRecord, version number: Int? = nil) async throws -> [UInt8] {
    try await store.read(.everything) { snapshot in
      let version = try Self.version(number, of: document, snapshot)
      guard let text = try Self.text(of: version, document, snapshot) else {
        throw try Self.missingContent(of: version, document, snapshot)
      }
      return text
    }
  }

  /// Why only a version's hash is there.
  static func missingContent(
    of version: VersionRecord,
    _ document: DocumentRecord,
    _ snapshot: any StoreSnapshot
  ) throws -> FreshetError {
    if try snapshot.collectedVersions(of: document.id).contains(version.number) {
      return FreshetError(
        .historyPruned,
        "the content of version \(version.number) is no longer kept (`history`); its row and its hash are",
        path: document.origin
      )
    }
    return FreshetError(
      .notFound,
      "only the hash of version \(version.number) is kept (`store_content`), not its text",
      path: document.origin
    )
  }

  /// The document's address: `file:///…`.
  public func uri(of document: DocumentRecord) -> String {
    let source = try? factory.sources().first { $0.name == document.sourceName }
    return source?.uri(of: document.origin) ?? document.origin
  }

  private static func version(
    _ number: Int?,
    of document: DocumentRecord,
    _ snapshot: any StoreSnapshot
  ) throws -> VersionRecord {
    let versions = try snapshot.versions(of: document.id)
    guard let version = versions.first(where: { $0.number == number ?? document.version }) else {
      throw FreshetError(
        .notFound,
        "there is no version \(number ?? document.version); the document has versions 1 to \(versions.count)",
        path: document.origin
      )
    }
    return version
  }

  private func candidates(
    _ name: String,
    _ sources: [any Source],
    _ snapshot: any StoreSnapshot
  ) throws -> [DocumentRecord] {
    let records = try snapshot.sources()
    func at(_ origin: String, in source: SourceRecord) throws -> DocumentRecord? {
      try snapshot.liveDocument(source: source.id, origin: origin)
        ?? snapshot.deletedDocument(source: source.id, origin: origin)
    }
    if let colon = name.firstIndex(of: ":"), let source = records.first(where: { $0.name == name[..<colon] }) {
      return try at(String(name[name.index(after: colon)...]), in: source).map { [$0] } ?? []
    }
    let byOrigin = try records.compactMap { try at(name, in: $0) }
    if !byOrigin.isEmpty { return byOrigin }
    let spellings = PathSpelling.all(of: try absolutePath(name))
    for source in sources {
      guard let record = records.first(where: { $0.name == source.name }) else { continue }
      let root = SourceRoot(source)
      for spelling in spellings {
        guard let path = root.path(of: spelling) else { continue }
        for origin in Self.origins(of: path, in: source) {
          if let document = try at(origin, in: record) { return [document] }
        }
      }
      let base = source.uri(of: "")
      if name.hasPrefix(base),
        let document = try Self.documents(in: record, snapshot).first(where: { source.uri(of: $0.origin) == name })
      {
        return [document]
      }
    }
    guard name.utf8.count >= 4 else { return [] }
    return try snapshot.documents(idPrefix: name.lowercased(), limit: 6)
  }

  /// The origins that a path may mean: a file's, and a document's in a file (`mail.mbox!/3f2a`).
  private static func origins(of path: [UInt8], in source: any Source) -> [String] {
    let whole = source.origin(of: path)
    guard let mark = path.indices.dropLast().last(where: { path[$0] == UInt8(ascii: "!") && path[$0 + 1] == 0x2F })
    else {
      return [whole]
    }
    return [whole, source.origin(of: Array(path[..<mark])) + String(decoding: path[mark...], as: UTF8.self)]
  }

  /// What to say of a file that holds documents and is none itself.
  private func members(
    of name: String,
    _ sources: [any Source],
    _ snapshot: any StoreSnapshot
  ) throws -> FreshetError? {
    let records = try snapshot.sources()
    let spellings = PathSpelling.all(of: try absolutePath(name))
    for source in sources {
      guard let record = records.first(where: { $0.name == source.name }) else { continue }
      let root = SourceRoot(source)
      for path in spellings.compactMap({ root.path(of: $0) }) + [Array(name.utf8)] {
        let found = try snapshot.liveDocuments(source: record.id, itemPath: path)
        guard let first = found.first else { continue }
        return FreshetError(
          .notFound,
          "the file is no document itself, it holds \(Quantity.text(found.count, of: "document")): name one, as "
            + "\(first.origin)",
          path: name
        )
      }
    }
    return nil
  }

  private static func documents(
    in source: SourceRecord,
    _ snapshot: any StoreSnapshot
  ) throws -> [DocumentRecord] {
    var query = DocumentQuery()
    query.source = source.name
    query.state = nil
    return try snapshot.documents(query)
  }
}

import FreshetModel
import FreshetSources
import FreshetSync
import FreshetSystem

/// How a version is written back.
public struct RestoreRequest: Sendable {
  /// The version whose content is written.
  public var version = VersionSelector.latest
  /// Where it is written instead of its place in the source: a path, relative to the current folder.
  public var file: String?
  /// Overwrites also a file whose bytes the collection does not know.
  public var force = false
  /// Brings the document in step afterwards; nothing is embedded again. Without effect for a `file`.
  public var syncs = true
  /// Who makes the version; `nil` for the process's user and host.
  public var actor: String?

  /// Asks for the newest content at its place.
  public init() {}
}

/// What a restoration did.
public struct RestoreReport: Sendable {
  /// The document after it.
  public var document: DocumentRecord
  /// The version whose content was written.
  public var version: VersionRecord
  /// The absolute path.
  public var path: String
  /// Whether something was written; not when the file had the content already.
  public var isWritten: Bool
  /// The sync afterwards; `nil` when none was asked for.
  public var sync: SyncReport?

  /// Whether the collection has the restored content as the document's newest.
  public var isCurrent: Bool { document.state == .live && document.contentHash == version.contentHash }
}

extension Collection {
  /// Writes the content of a version back, byte for byte: to its place in the source, or to a file.
  ///
  /// The file is replaced in one step and is on the disk when this returns; a crash leaves the old one or the new one. Its
  /// permissions stay; folders that are missing above it are made. Nothing outside of the source's root is written,
  /// whatever links there are. A deleted document returns to where it was last.
  ///
  /// Without `force` only a file that has the document's newest content, as the collection knows it, is overwritten: an
  /// edit that was never synced is in no version. Where another document stands now, a deleted one is never written back,
  /// whatever `force` says.
  ///
  /// - Parameter name: as for `document(_:)`.
  /// - Throws: `FreshetError` with `not_found` for a document or version that is not there or of which only the hash is kept;
  ///   `history_pruned` for a version whose content was collected; `would_overwrite` for a file that must not be overwritten;
  ///   `invalid_argument` for a document inside of a file, for a document whose source is no folder or no longer configured,
  ///   and where a folder or a link stands in the place.
  @discardableResult
  public func restore(_ name: String, _ request: RestoreRequest = RestoreRequest()) async throws -> RestoreReport {
    let document = try await document(name)
    let chosen = try await version(request.version, of: document)
    guard let content = chosen.content else {
      throw try await store.read(.everything) { try Self.missingContent(of: chosen.version, document, $0) }
    }
    if request.file == nil { try await requireOwnPlace(of: document) }
    let (path, place) = try request.file.map { try self.place(ofFile: $0) } ?? self.place(of: document)
    let isWritten = try await pool.run {
      try place().write(content) { present in
        try Self.mayOverwrite(present, of: document, with: chosen.version, request, path)
      }
    }
    var report = RestoreReport(document: document, version: chosen.version, path: path, isWritten: isWritten)
    guard request.syncs, request.file == nil else { return report }
    var sync = SyncRequest()
    sync.items = [document.sourceName: [document.itemPath]]
    sync.actor = request.actor
    report.sync = try await self.sync(sync)
    report.document = try await store.read(.everything) { try $0.document(document.id) } ?? document
    return report
  }

  /// Refuses to write a document to where another one stands now: its text would become a version of the other.
  private func requireOwnPlace(of document: DocumentRecord) async throws {
    let other = try await store.read(.everything) { snapshot in
      let source = try snapshot.sources().first { $0.name == document.sourceName }?.id
      return try source.flatMap { source in
        try snapshot.liveDocument(source: source, origin: document.origin)
          ?? snapshot.liveDocuments(source: source, itemPath: document.itemPath).first
      }
    }
    guard let other, other.id != document.id, document.state != .live else { return }
    throw FreshetError(
      .wouldOverwrite,
      "another document stands there now, \(other.sourceName):\(other.origin) (\(other.id)), which would get a version of "
        + "this one's text; name another file to write to (-o)",
      path: document.origin
    )
  }

  private typealias Place = @Sendable () throws -> GuardedReplacement

  private func place(ofFile file: String) throws -> (String, Place) {
    let path = try absolutePath(file)
    return (path, { [fileMask] in try GuardedReplacement(path: path, mask: fileMask) })
  }

  private func place(of document: DocumentRecord) throws -> (String, Place) {
    guard let source = try factory.sources().first(where: { $0.name == document.sourceName }) else {
      throw FreshetError(
        .invalidArgument,
        "its source “\(document.sourceName)” is no longer configured, so it has no place; name a file to write to (-o)",
        path: document.origin
      )
    }
    guard let folder = source as? DirectorySource else {
      throw FreshetError(
        .invalidArgument,
        "its source “\(document.sourceName)” is no folder that could be written to; name a file to write to (-o)",
        path: document.origin
      )
    }
    let item = source.origin(of: document.itemPath)
    guard item == document.origin else {
      throw FreshetError(
        .invalidArgument,
        "the document is a part of the file \(item), into which nothing is written; name a file to write to (-o)",
        path: document.origin
      )
    }
    let path = document.itemPath
    return (folder.location + "/" + item, { [fileMask] in try folder.place(of: path, mask: fileMask) })
  }

  private static func mayOverwrite(
    _ present: GuardedReplacement.Present,
    of document: DocumentRecord,
    with version: VersionRecord,
    _ request: RestoreRequest,
    _ path: String
  ) throws {
    guard !request.force, case .file(let size, let hash) = present else { return }
    // Bytes of another length need not be read to know that they are others.
    if size == version.size || size == document.size {
      let found = try hash()
      if found == version.contentHash || document.state == .live && found == document.contentHash { return }
    }
    let isItsPlace = request.file == nil
    throw FreshetError(
      .wouldOverwrite,
      document.state == .live && isItsPlace
        ? "the file was changed since the last sync, so its present content is in no version; sync it first, or overwrite it "
          + "with --force"
        : "a file is there that the collection does not know; move it away, or overwrite it with --force",
      path: path
    )
  }
}

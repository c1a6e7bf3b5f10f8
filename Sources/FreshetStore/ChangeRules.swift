import FreshetModel

/// What a store knows of a document before a change.
struct DocumentBefore {
  var source: SourceID
  var origin: String
  var isLive: Bool
  var version: Int
  var contentHash: ContentHash
}

/// What every store requires of a change before it writes anything.
enum ChangeRules {
  /// Why a change does not fit the document as it is stored; `nil` when it does.
  ///
  /// - Parameter isOriginTaken: whether another document is live at the change's origin.
  static func refusal(of change: DocumentChange, before: DocumentBefore?, isOriginTaken: Bool) -> String? {
    let name = "'\(change.origin)'"
    guard change.kind.makesVersion == (change.version != nil) else {
      return
        "A change of kind \(change.kind.rawValue) \(change.kind.makesVersion ? "needs" : "makes no") version (\(name))."
    }
    guard (change.kind == .deleted) == (change.edition == nil), (change.kind == .deleted) == (change.reason != nil)
    else {
      return "A deletion has a reason and no edition, every other change an edition and no reason (\(name))."
    }
    if change.kind != .deleted, isOriginTaken { return "Another document is live at \(name)." }
    guard change.kind != .created else {
      return before == nil ? nil : "The document that is to be created at \(name) exists already."
    }
    guard let before else { return "The document that is to change at \(name) does not exist." }
    switch change.kind {
    case .created: return nil
    case .restored:
      return before.isLive ? "The document that is to be restored at \(name) is live." : nil
    case .modified, .metadata, .reprocessed, .embedded, .deleted:
      guard before.isLive else { return "The document at \(name) is not live." }
      guard before.source == change.source, before.origin.utf8.elementsEqual(change.origin.utf8) else {
        return "The document at \(name) stands at '\(before.origin)'; only a rename moves it."
      }
      if change.kind == .deleted, change.version?.contentHash != before.contentHash {
        return "The deletion of \(name) names another content than the document has."
      }
      return nil
    case .renamed:
      guard before.isLive else { return "The document that is to move to \(name) is not live." }
      guard before.source != change.source || !before.origin.utf8.elementsEqual(change.origin.utf8) else {
        return "The document is at \(name) already."
      }
      return change.version?.contentHash == before.contentHash
        ? nil : "A rename keeps the content; \(name) has another."
    }
  }

  /// Why an edition's chunks do not fit; `nil` when they do.
  static func refusal(of edition: DocumentChange.Edition, origin: String) -> String? {
    var seen: Set<ChunkID> = []
    for chunk in edition.chunks {
      guard seen.insert(chunk.id).inserted else { return "The edition of '\(origin)' has chunk \(chunk.id) twice." }
      guard chunk.start >= 0, chunk.end >= chunk.start, chunk.page ?? 1 > 0 else {
        return "Chunk \(chunk.id) of '\(origin)' has no possible position."
      }
    }
    guard MetadataText.isShallow(edition.metadata), MetadataText.isShallow(edition.statedMetadata) else {
      return "The metadata of '\(origin)' are nested deeper than \(MetadataText.depthMax) levels."
    }
    return nil
  }
}

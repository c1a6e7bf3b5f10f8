import FreshetModel
import FreshetSync
import FreshetSystem

/// What became of a document between two states of a collection.
public struct ChangedDocument: Sendable, Hashable {
  /// The document.
  public var document: DocumentID
  /// Its source's name after the changes.
  public var source: String
  /// Its origin after the changes.
  public var origin: String
  /// What all changes together come to: `created`, `modified`, `renamed`, `deleted` or `restored`. A document that is
  /// modified may have been renamed too: then `previousOrigin` is given.
  public var change: ChangeKind
  /// The origin before, when it is another.
  public var previousOrigin: String?
  /// The version before; `nil` for a document that was not there, or deleted.
  public var from: Int?
  /// The version after.
  public var to: Int
  /// Lines that came; `nil` when a text is not kept, or binary.
  public var additions: Int?
  /// Lines that went; `nil` when a text is not kept, or binary.
  public var deletions: Int?
}

extension Collection {
  /// Documents that are read and compared at once.
  static let documentsOfAComparison = 64
  /// Rows of the log that are read at once.
  static let changesOfAComparison = 1_024

  /// The documents that differ between two states of the collection, by source and origin; changes that cancel each other
  /// out are none.
  ///
  /// Costs what the log holds between the two states, and the texts of the documents that changed.
  ///
  /// - Parameters:
  ///   - sequence: the older state: that after this change; 0 for the empty collection.
  ///   - end: the newer state; `nil` for the present.
  /// - Throws: `FreshetError` with `invalid_argument` when the older state is not before the newer one, `history_pruned` when
  ///   the log of the changes between them is no longer kept.
  public func changedDocuments(
    after sequence: SequenceNumber,
    through end: SequenceNumber? = nil
  ) async throws -> [ChangedDocument] {
    let present = try await store.read(.everything) { $0.head }
    let head = present.sequence
    let last = min(end ?? head, head)
    guard sequence >= 0, sequence <= last else {
      throw FreshetError(
        .invalidArgument,
        "the older state (change \(sequence)) must not be after the newer one (change \(last))"
      )
    }
    guard sequence >= present.anchor.sequence else {
      throw FreshetError(
        .historyPruned,
        "the log of this collection is kept from change \(present.anchor.sequence + 1) on (`history.keep_log`), and what "
          + "followed change \(sequence) began before it"
      )
    }
    let documents = try await documents(changedAfter: sequence, through: last)
    var result: [ChangedDocument] = []
    for start in stride(from: 0, to: documents.count, by: Self.documentsOfAComparison) {
      try Task.checkCancellation()
      let page = documents[start..<min(start + Self.documentsOfAComparison, documents.count)]
      let read = try await store.read(.everything) { snapshot in
        try page.compactMap { try ReadChange(of: $0, after: sequence, through: last, snapshot) }
      }
      result += try await pool.run { read.map(\.compared) }
    }
    return result.sorted { ($0.source, $0.origin) < ($1.source, $1.origin) }
  }

  /// The documents that changed since a moment, until another: a day or a run that is named belongs to what is told.
  ///
  /// - Parameters:
  ///   - since: the first moment.
  ///   - until: the last moment.
  /// - Throws: as `Moment.sequence(in:now:at:)` and `changedDocuments(after:through:)`.
  public func changedDocuments(since: Moment, until: Moment = .now) async throws -> [ChangedDocument] {
    let now = SystemWallClock().now()
    let (first, last) = try await store.read(.everything) { snapshot in
      (
        try since.sequence(in: snapshot, now: now, at: .start),
        // What comes in the meantime belongs to the present.
        try until == .now ? snapshot.head.sequence : until.sequence(in: snapshot, now: now, at: .end)
      )
    }
    return try await changedDocuments(after: first, through: last)
  }

  private func documents(
    changedAfter sequence: SequenceNumber,
    through last: SequenceNumber
  ) async throws -> [DocumentID] {
    var seen = Set<DocumentID>()
    var documents: [DocumentID] = []
    var next = sequence
    while next < last {
      let start = next
      let page = try await store.read(.everything) {
        try $0.changes(after: start, limit: Self.changesOfAComparison).filter { $0.sequence <= last }
      }
      guard let end = page.last else { break }
      for change in page where change.kind.makesVersion && seen.insert(change.document).inserted {
        documents.append(change.document)
      }
      next = end.sequence
    }
    return documents
  }
}

/// A document's two texts as they were read.
private struct ReadChange: Sendable {
  var change: ChangedDocument
  /// `nil` when one of the two is not kept.
  var texts: (old: [UInt8], new: [UInt8])?

  /// `nil` when nothing came of the changes.
  init?(
    of id: DocumentID,
    after sequence: SequenceNumber,
    through end: SequenceNumber,
    _ snapshot: any StoreSnapshot
  ) throws {
    guard let document = try snapshot.document(id) else { return nil }
    let versions = try snapshot.versions(of: id)
    guard let new = versions.last(where: { $0.sequence <= end }) else { return nil }
    let known = versions.last { $0.sequence <= sequence }
    let old = known?.kind == .deleted ? nil : known
    let kind: ChangeKind
    switch (old, new.kind == .deleted) {
    case (nil, true): return nil
    case (nil, false): kind = known == nil ? .created : .restored
    case (_, true): kind = .deleted
    case (let old?, false):
      if old.contentHash != new.contentHash {
        kind = .modified
      } else if old.origin != new.origin {
        kind = .renamed
      } else {
        return nil
      }
    }
    change = ChangedDocument(
      document: id,
      source: document.sourceName,
      origin: new.origin,
      change: kind,
      previousOrigin: old.flatMap { $0.origin == new.origin ? nil : $0.origin },
      from: old?.number,
      to: new.number
    )
    guard kind != .renamed else {
      texts = ([], [])
      return
    }
    let before = try old.map { try Collection.text(of: $0, document, snapshot) } ?? []
    let after = try kind == .deleted ? [] : Collection.text(of: new, document, snapshot)
    if let before, let after { texts = (before, after) }
  }

  var compared: ChangedDocument {
    guard let texts, !TextDiff.isBinary(texts.old), !TextDiff.isBinary(texts.new) else { return change }
    let diff = TextDiff(from: texts.old, to: texts.new)
    var change = change
    (change.additions, change.deletions) = (diff.additions, diff.deletions)
    return change
  }
}

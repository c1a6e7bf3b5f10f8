/// What happened to a document; the raw values are stored and appear in JSON.
public enum ChangeKind: String, Sendable, CaseIterable {
  /// A new origin with new content, or a copy.
  case created
  /// A known origin with other content.
  case modified
  /// The same content under another origin.
  case renamed
  /// A deleted origin that came back.
  case restored
  /// The document is no longer in its source, or its source no longer in the collection.
  case deleted
  /// Same content, other metadata.
  case metadata
  /// Same content, made again by another parser or chunker.
  case reprocessed
  /// Same chunks, vectors of another model, or vectors that were awaited.
  case embedded

  /// Whether a change of this kind makes a version (others make an edition only).
  public var makesVersion: Bool {
    switch self {
    case .created, .modified, .renamed, .restored, .deleted: true
    case .metadata, .reprocessed, .embedded: false
    }
  }
}

/// Why a document was deleted; the raw values are stored and appear in JSON.
public enum DeletionReason: String, Sendable, CaseIterable {
  /// The item is gone.
  case vanished
  /// The item is there, but patterns or rules no longer include it.
  case outOfScope = "out_of_scope"
  /// The source was taken out of the configuration.
  case sourceRemoved = "source_removed"
  /// Its container no longer has the member.
  case memberRemoved = "member_removed"
}

/// A row of the collection's log.
public struct ChangeRecord: Hashable, Sendable {
  /// The row's place in the log, without gaps.
  public var sequence: SequenceNumber
  /// When it was committed; never before the row before it.
  public var at: Timestamp
  /// The run that made it.
  public var run: RunID
  /// What happened.
  public var kind: ChangeKind
  /// The document.
  public var document: DocumentID
  /// The source's name at that time.
  public var source: String
  /// The document's origin after the change.
  public var origin: String
  /// The origin before the change, for a rename.
  public var previousOrigin: String?
  /// The document's current version after the change.
  public var version: Int
  /// The content's hash after the change.
  public var contentHash: ContentHash
  /// Why, for a deletion.
  public var reason: DeletionReason?
  /// The digest of the edition's metadata, pipeline, layout and passages (`EditionDigest`); zero for a deletion.
  public var edition: ContentHash
  /// The chain of the document's newest version after the change, so that the log vouches for who made each version, of
  /// which owner and size; `nil` in rows of collections from before it was recorded.
  public var versionChain: ContentHash?
  /// SHA-256 of the previous row's `chain` and this row's `canonicalBytes`.
  public var chain: ContentHash

  /// Describes a row.
  public init(
    sequence: SequenceNumber,
    at: Timestamp,
    run: RunID,
    kind: ChangeKind,
    document: DocumentID,
    source: String,
    origin: String,
    previousOrigin: String?,
    version: Int,
    contentHash: ContentHash,
    reason: DeletionReason?,
    edition: ContentHash,
    versionChain: ContentHash? = nil,
    chain: ContentHash
  ) {
    self.sequence = sequence
    self.at = at
    self.run = run
    self.kind = kind
    self.document = document
    self.source = source
    self.origin = origin
    self.previousOrigin = previousOrigin
    self.version = version
    self.contentHash = contentHash
    self.reason = reason
    self.edition = edition
    self.versionChain = versionChain
    self.chain = chain
  }

  /// Everything but `chain` in one unambiguous form, the same on every store: what the chain's next link hashes after
  /// the 32 bytes of the link before.
  public var canonicalBytes: [UInt8] {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: (versionChain == nil ? "freshet-change/1" : "freshet-change/2").utf8)
    encoder.append(signed: sequence)
    encoder.append(signed: at.nanoseconds)
    encoder.append(bytes: run.bytes)
    encoder.append(bytes: kind.rawValue.utf8)
    encoder.append(bytes: document.bytes)
    encoder.append(bytes: source.utf8)
    encoder.append(bytes: origin.utf8)
    encoder.append(bytes: (previousOrigin.map { "=" + $0 } ?? "").utf8)
    encoder.append(signed: Int64(version))
    encoder.append(bytes: contentHash.bytes)
    encoder.append(bytes: (reason?.rawValue ?? "").utf8)
    encoder.append(bytes: edition.bytes)
    if let versionChain { encoder.append(bytes: versionChain.bytes) }
    return encoder.bytes
  }
}

/// The collection's present: everything that is read together with it is at this sequence.
public struct Head: Hashable, Sendable {
  /// The collection.
  public var collection: CollectionID
  /// Changes when the log was replaced on purpose (an import, a repair).
  public var epoch: CollectionID
  /// The last change; 0 when there is none.
  public var sequence: SequenceNumber
  /// The chain's value after it.
  public var chain: ContentHash
  /// When it was committed.
  public var at: Timestamp
  /// The first sequence whose state can still be asked for.
  public var historyFloor: SequenceNumber
  /// Where the log begins.
  public var anchor: LogAnchor

  /// Describes a head.
  public init(
    collection: CollectionID,
    epoch: CollectionID,
    sequence: SequenceNumber,
    chain: ContentHash,
    at: Timestamp,
    historyFloor: SequenceNumber,
    anchor: LogAnchor = .beginning
  ) {
    self.collection = collection
    self.epoch = epoch
    self.sequence = sequence
    self.chain = chain
    self.at = at
    self.historyFloor = historyFloor
    self.anchor = anchor
  }

  /// The head as a position of a thing derived from the model's vectors.
  public func position(model: String) -> IndexPosition {
    IndexPosition(collection: collection, epoch: epoch, sequence: sequence, chain: chain, model: model)
  }
}

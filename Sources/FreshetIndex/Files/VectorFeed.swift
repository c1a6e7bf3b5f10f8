import FreshetModel

/// What an index is made of, at one committed state: the part of a store's snapshot that an index needs, for one model.
public protocol VectorFeed {
  /// The state that everything else is read at.
  var head: Head { get }
  /// The fingerprint of the model whose vectors are read.
  var model: String { get }
  /// Components of a vector.
  var dimension: Int { get }

  /// Stored vectors of live passages in ascending order after a passage, at most `limit`.
  func liveVectors(after passage: PassageID, limit: Int) throws -> VectorPage

  /// Stored vectors of these passages; those without one are left out.
  func vectors(of passages: [PassageID]) throws -> VectorPage

  /// Passages whose chunks opened or closed after the sequence, told apart by whether they are live now.
  func passagesChanged(after sequence: SequenceNumber) throws -> (live: [PassageID], gone: [PassageID])

  /// The chain's value after a change; `nil` when the log has no such row.
  func chain(at sequence: SequenceNumber) throws -> ContentHash?
}

/// A store's snapshot as the feed of an index of one model.
public struct SnapshotFeed: VectorFeed {
  private let snapshot: any StoreSnapshot
  private let record: ModelRecord

  /// Reads the vectors of a model.
  public init(_ snapshot: any StoreSnapshot, model: ModelRecord) {
    self.snapshot = snapshot
    record = model
  }

  public var head: Head { snapshot.head }
  public var model: String { record.description.fingerprint }
  public var dimension: Int { record.description.dimension }

  public func liveVectors(after passage: PassageID, limit: Int) throws -> VectorPage {
    try snapshot.liveVectors(model: record.id, after: passage, limit: limit)
  }

  public func vectors(of passages: [PassageID]) throws -> VectorPage {
    try snapshot.vectors(of: passages, model: record.id)
  }

  public func passagesChanged(after sequence: SequenceNumber) throws -> (live: [PassageID], gone: [PassageID]) {
    try snapshot.passagesChanged(after: sequence)
  }

  public func chain(at sequence: SequenceNumber) throws -> ContentHash? {
    try snapshot.chain(at: sequence)
  }
}

extension VectorFeed {
  /// Where an index stands that holds exactly this state.
  public var position: IndexPosition {
    IndexPosition(
      collection: head.collection,
      epoch: head.epoch,
      sequence: head.sequence,
      chain: head.chain,
      model: model
    )
  }

  /// Whether the log leads from the position to this state: an index that holds the position can be brought here.
  func continues(_ position: IndexPosition) throws -> Bool {
    guard position.collection == head.collection, position.epoch == head.epoch, position.model == model,
      position.sequence >= 0, position.sequence <= head.sequence
    else { return false }
    if position.sequence == head.sequence { return position.chain == head.chain }
    // What closed before the floor may have been removed with the version that it was of.
    guard position.sequence >= head.historyFloor else { return false }
    // No row stands at the log's beginning.
    if position.sequence == 0 { return position.chain == .zero }
    return try chain(at: position.sequence) == position.chain
  }
}

/// A place in a collection's log: a sequence with what proves that it is still the same log.
public struct LogPosition: Hashable, Sendable {
  /// The epoch of the log.
  public var epoch: CollectionID
  /// The last change that counts as known; 0 for none.
  public var sequence: SequenceNumber
  /// The chain's value after that change.
  public var chain: ContentHash

  /// Names a place.
  public init(epoch: CollectionID, sequence: SequenceNumber, chain: ContentHash) {
    self.epoch = epoch
    self.sequence = sequence
    self.chain = chain
  }
}

extension Head {
  /// The head as a place in the log.
  public var logPosition: LogPosition { LogPosition(epoch: epoch, sequence: sequence, chain: chain) }
}

/// What follows a collection's log; the raw values are stored and appear in JSON.
public struct ConsumerKind: RawRepresentable, Hashable, Sendable {
  /// The name, in lower case.
  public let rawValue: String

  /// Names a kind.
  public init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// A program that keeps its position with the collection: `events --consumer`, `Collection.consumer`.
  public static let named = Self(rawValue: "named")
  /// A webhook of the configuration.
  public static let webhook = Self(rawValue: "webhook")
  /// The mail of the configuration.
  public static let mail = Self(rawValue: "mail")
}

/// Whether a consumer is served; the raw values are stored and appear in JSON.
public enum ConsumerState: String, Sendable, CaseIterable {
  /// It gets what is new.
  case active
  /// It gets nothing until it is reset: the receiver said that it is gone for good.
  case disabled
}

/// How far the listing of the present is that brings a lapsed consumer back in step.
public struct ConsumerResync: Hashable, Sendable {
  /// The head when the listing began: changes after it follow the listing.
  public var start: LogPosition
  /// The document that was listed last; `nil` before the first.
  public var after: DocumentID?

  /// Begins or continues a listing.
  public init(start: LogPosition, after: DocumentID? = nil) {
    self.start = start
    self.after = after
  }
}

/// Somebody who follows the log, with the position up to which they have dealt with it.
public struct ConsumerRecord: Hashable, Sendable {
  /// The unique name.
  public var name: String
  /// What it is.
  public var kind: ConsumerKind
  /// The last change that it has dealt with.
  public var position: LogPosition
  /// Whether it is served.
  public var state: ConsumerState
  /// Attempts to serve it that failed since the last that succeeded.
  public var failures: Int
  /// What the last failure was; `nil` after a success.
  public var lastError: String?
  /// Before this moment no further attempt is made; `nil` when it may be served at once.
  public var retryAt: Timestamp?
  /// When it was registered.
  public var createdAt: Timestamp
  /// When its position moved last.
  public var movedAt: Timestamp
  /// The listing that it is being brought back in step with; `nil` while it follows the log.
  public var resync: ConsumerResync?
  /// The receiver that the failures are of (`EventChannel.receiver`); `nil` while none is known.
  public var receiver: ContentHash?

  /// Describes a consumer.
  public init(
    name: String,
    kind: ConsumerKind,
    position: LogPosition,
    state: ConsumerState = .active,
    failures: Int = 0,
    lastError: String? = nil,
    retryAt: Timestamp? = nil,
    createdAt: Timestamp,
    movedAt: Timestamp,
    resync: ConsumerResync? = nil,
    receiver: ContentHash? = nil
  ) {
    self.name = name
    self.kind = kind
    self.position = position
    self.state = state
    self.failures = failures
    self.lastError = lastError
    self.retryAt = retryAt
    self.createdAt = createdAt
    self.movedAt = movedAt
    self.resync = resync
    self.receiver = receiver
  }
}

/// How a position stands to the log; the raw values appear in JSON.
public enum ConsumerLapse: String, Sendable, CaseIterable {
  /// The log was replaced on purpose.
  case otherEpoch = "other_epoch"
  /// The log ends before the position: an older state of the collection was put back, or its tail was lost.
  case aheadOfLog = "ahead_of_log"
  /// The log has another change at the position: it went on differently after an older state was put back.
  case otherChange = "other_change"
  /// The changes after the position are no longer kept.
  case pruned

  /// What happened, in words.
  public var sentence: String {
    switch self {
    case .otherEpoch: "the collection's log was replaced since"
    case .aheadOfLog: "the log ends before its position: an older state of the collection was put back"
    case .otherChange: "the log has another change at its position: an older state of the collection was put back"
    case .pruned: "the changes after its position are no longer kept"
    }
  }
}

extension StoreSnapshot {
  /// Why the log cannot be followed from a position; `nil` when it can.
  public func lapse(of position: LogPosition) throws -> ConsumerLapse? {
    guard position.epoch == head.epoch else { return .otherEpoch }
    guard position.sequence <= head.sequence else { return .aheadOfLog }
    guard let chain = try chain(at: position.sequence) else { return .pruned }
    guard chain == position.chain else { return .otherChange }
    guard position.sequence < head.sequence else { return nil }
    let next = try changes(after: position.sequence, limit: 1).first?.sequence
    return next == position.sequence + 1 ? nil : .pruned
  }
}

extension FreshetError {
  /// The failure of following the log from a position that it no longer has.
  public static func lapsed(_ lapse: ConsumerLapse, consumer name: String) -> FreshetError {
    FreshetError(
      .consumerLapsed,
      "the consumer cannot go on: \(lapse.sentence). Bring it back in step with the present "
        + "(`freshet events consumers reset \(name) --to present`), which lists every document once, or let it go on with "
        + "what comes (`--to head`)",
      path: name
    )
  }
}

extension ConsumerRecord {
  /// Bytes of a name that somebody chooses: a consumer's, or a webhook's, which is a part of its consumer's.
  public static let chosenNameBytesMax = 100
  /// What such a name consists of, in words.
  public static let chosenNameCharacters = "letters, digits, `.`, `_` and `-`"

  /// Whether somebody may choose the name.
  public static func isChosenName(_ name: String) -> Bool {
    let isMadeOfThem = name.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF) || Array("._-".utf8).contains(byte)
    }
    return isMadeOfThem && !name.isEmpty && name.utf8.count <= chosenNameBytesMax
  }
}

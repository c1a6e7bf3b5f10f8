import FreshetModel

/// What every store checks of a consumer before it writes.
enum ConsumerRules {
  /// Bytes of a consumer's name.
  static let nameBytesMax = 200

  /// The consumer as it is at a position that was checked.
  static func registered(
    _ name: String,
    kind: ConsumerKind,
    at position: LogPosition,
    in transaction: some StoreTransaction
  ) throws -> ConsumerRecord {
    guard !name.isEmpty, name.utf8.count <= nameBytesMax, name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      throw FreshetError(
        .invalidArgument,
        "a consumer's name has 1 to \(nameBytesMax) bytes without spaces and control characters"
      )
    }
    guard try transaction.lapse(of: position) == nil else {
      throw FreshetError(
        .invalidArgument,
        "a consumer cannot start at sequence \(position.sequence), which the log does not have",
        path: name
      )
    }
    return ConsumerRecord(
      name: name,
      kind: kind,
      position: position,
      createdAt: transaction.now,
      movedAt: transaction.now
    )
  }

  /// Refuses a name that another kind has.
  static func require(_ kind: ConsumerKind, of known: ConsumerRecord) throws {
    guard known.kind != kind else { return }
    throw FreshetError(
      .invalidArgument,
      "the name belongs to a consumer of the kind '\(known.kind.rawValue)' already; choose another",
      path: known.name
    )
  }

  /// The consumer after it moved on; the same when the position is not ahead of its own.
  static func advanced(
    _ name: String,
    to position: LogPosition,
    in transaction: some StoreTransaction
  ) throws -> ConsumerRecord {
    guard var consumer = try transaction.consumer(name) else { throw missing(name) }
    // The rows after the position are of no concern here: it is enough that the log has had this one.
    for place in [consumer.position, position] where try !has(place, transaction) {
      throw FreshetError.lapsed(try transaction.lapse(of: place) ?? .pruned, consumer: name)
    }
    guard position.sequence > consumer.position.sequence else { return consumer }
    consumer.position = position
    consumer.movedAt = transaction.now
    consumer.failures = 0
    consumer.lastError = nil
    consumer.retryAt = nil
    consumer.resync = nil
    return consumer
  }

  private static func has(_ position: LogPosition, _ transaction: some StoreTransaction) throws -> Bool {
    try position.epoch == transaction.head.epoch && transaction.chain(at: position.sequence) == position.chain
  }

  static func missing(_ name: String) -> FreshetError {
    FreshetError(
      .notFound,
      "there is no consumer of this name; `freshet events consumers` lists them",
      path: name
    )
  }
}

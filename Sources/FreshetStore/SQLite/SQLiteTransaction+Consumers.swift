import FreshetModel

extension SQLiteTransaction {
  func registerConsumer(_ name: String, kind: ConsumerKind, at position: LogPosition) throws -> ConsumerRecord {
    if let known = try consumer(name) {
      try ConsumerRules.require(kind, of: known)
      return known
    }
    let consumer = try ConsumerRules.registered(name, kind: kind, at: position, in: self)
    try write(consumer)
    return consumer
  }

  func advanceConsumer(_ name: String, to position: LogPosition) throws -> ConsumerRecord {
    let consumer = try ConsumerRules.advanced(name, to: position, in: self)
    try write(consumer)
    return consumer
  }

  func save(_ consumer: ConsumerRecord) throws {
    guard try self.consumer(consumer.name) != nil else { throw ConsumerRules.missing(consumer.name) }
    try write(consumer)
  }

  func removeConsumer(_ name: String) throws -> Bool {
    try writing {
      try connection.run("DELETE FROM consumer WHERE name = ?1", .text(name))
      return connection.changedRows > 0
    }
  }

  private func write(_ consumer: ConsumerRecord) throws {
    try writing {
      try connection.run(
        """
        INSERT OR REPLACE INTO consumer(name, kind, epoch, sequence, chain, state, failures, last_error, retry_at,
          created_at, moved_at, resync_epoch, resync_sequence, resync_chain, resync_after,
          receiver)
        VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
        """,
        .text(consumer.name),
        .text(consumer.kind.rawValue),
        .id(consumer.position.epoch),
        .integer(consumer.position.sequence),
        .hash(consumer.position.chain),
        .text(consumer.state.rawValue),
        .int(consumer.failures),
        .text(orNull: consumer.lastError),
        consumer.retryAt.map { .integer($0.nanoseconds) } ?? .null,
        .integer(consumer.createdAt.nanoseconds),
        .integer(consumer.movedAt.nanoseconds),
        consumer.resync.map { .id($0.start.epoch) } ?? .null,
        consumer.resync.map { .integer($0.start.sequence) } ?? .null,
        consumer.resync.map { .hash($0.start.chain) } ?? .null,
        consumer.resync?.after.map { .id($0) } ?? .null,
        consumer.receiver.map { .hash($0) } ?? .null
      )
    }
  }
}

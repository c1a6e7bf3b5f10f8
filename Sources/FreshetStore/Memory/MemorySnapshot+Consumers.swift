import FreshetModel

extension MemorySnapshot {
  func consumers() -> [ConsumerRecord] { state.consumers.values.sorted { $0.name.precedes($1.name) } }

  func consumer(_ name: String) -> ConsumerRecord? { state.consumers[UTF8Text(name)] }

  func metadata(of change: ChangeRecord) -> Metadata? { state.changedMetadata[change.sequence] }
}

extension MemoryTransaction {
  func registerConsumer(_ name: String, kind: ConsumerKind, at position: LogPosition) throws -> ConsumerRecord {
    if let known = consumer(name) {
      try ConsumerRules.require(kind, of: known)
      return known
    }
    let consumer = try ConsumerRules.registered(name, kind: kind, at: position, in: self)
    state.consumers[UTF8Text(name)] = consumer
    return consumer
  }

  func advanceConsumer(_ name: String, to position: LogPosition) throws -> ConsumerRecord {
    let consumer = try ConsumerRules.advanced(name, to: position, in: self)
    state.consumers[UTF8Text(name)] = consumer
    return consumer
  }

  func save(_ consumer: ConsumerRecord) throws {
    guard self.consumer(consumer.name) != nil else { throw ConsumerRules.missing(consumer.name) }
    state.consumers[UTF8Text(consumer.name)] = consumer
  }

  func removeConsumer(_ name: String) -> Bool {
    state.consumers.removeValue(forKey: UTF8Text(name)) != nil
  }
}

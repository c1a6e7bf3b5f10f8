import FreshetModel
import FreshetSystem

extension StoreConformance {
  static let consumers: [Check] = [
    Check("consumers are registered once, listed by name and removed") { try await $0.registersConsumers() },
    Check("a consumer moves forwards only, and only to what the log has") { try await $0.advancesConsumers() },
    Check("everything that is remembered of a consumer comes back") { try await $0.savesConsumers() },
    Check("a position that the log does not have is lapsed, with its reason") { try await $0.recognisesLapses() },
    Check("a change's metadata are those of its own edition") { try await $0.remembersMetadata() },
  ]

  /// Creates so many documents, one a commit; answers the positions before the first and after each.
  static func fill(_ store: any Store, _ source: SourceID, _ count: Int) async throws -> [LogPosition] {
    var positions = [try await store.read(.everything) { $0.head.logPosition }]
    for number in 0..<count {
      let document = SampleDocument(origin: "\(number).md", paragraphs: ["Number \(number)"])
      _ = try await store.write { try document.apply(.created, to: $0, source: source) }
      positions.append(try await store.read(.everything) { $0.head.logPosition })
    }
    return positions
  }

  private func registersConsumers() async throws {
    try await withStore { store, source in
      let positions = try await Self.fill(store, source, 3)
      let made = try await store.write { transaction throws in
        try [
          transaction.registerConsumer("zebra", kind: .named, at: positions[0]),
          transaction.registerConsumer("webhook:ops", kind: .webhook, at: positions[2]),
        ]
      }
      try expectEqual(made.map(\.position), [positions[0], positions[2]])
      try expectEqual(made[0].state, .active)
      let again = try await store.write { try $0.registerConsumer("zebra", kind: .named, at: positions[3]) }
      try expectEqual(again, made[0], "a second registration")
      try await expectError("another kind", isFreshet(.invalidArgument)) {
        try await store.write { try $0.registerConsumer("zebra", kind: .mail, at: positions[0]) }
      }
      for name in ["", "with space", "line\nbreak", String(repeating: "x", count: 500)] {
        try await expectError("the name '\(name)'", isFreshet(.invalidArgument)) {
          try await store.write { try $0.registerConsumer(name, kind: .named, at: positions[0]) }
        }
      }
      var strange = positions[2]
      strange.chain = positions[1].chain
      let foreign = strange
      try await expectError("a position of another log", isFreshet(.invalidArgument)) {
        try await store.write { try $0.registerConsumer("new", kind: .named, at: foreign) }
      }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.consumers(), [made[1], made[0]])
        try expectEqual(try snapshot.consumer("webhook:ops"), made[1])
        try expectEqual(try snapshot.consumer("new"), nil)
      }
      let removed = try await store.write { transaction throws in
        (try transaction.removeConsumer("zebra"), try transaction.removeConsumer("zebra"))
      }
      try expect(removed == (true, false), "removed \(removed)")
      let left = try await store.read(.everything) { try $0.consumers().map(\.name) }
      try expectEqual(left, ["webhook:ops"])
    }
  }

  private func advancesConsumers() async throws {
    try await withStore { store, source in
      let positions = try await Self.fill(store, source, 4)
      try await store.write { _ = try $0.registerConsumer("a", kind: .named, at: positions[1]) }
      var noted = try await store.write { try $0.advanceConsumer("a", to: positions[3]) }
      try expectEqual(noted.position, positions[3])
      for position in [positions[0], positions[2], positions[3]] {
        let after = try await store.write { try $0.advanceConsumer("a", to: position) }
        try expectEqual(after, noted, "to \(position.sequence), which is not ahead")
      }
      noted.failures = 3
      noted.lastError = "said no"
      noted.retryAt = Timestamp(seconds: 5)
      let failing = noted
      let moved = try await store.write { transaction throws in
        try transaction.save(failing)
        return try transaction.advanceConsumer("a", to: positions[4])
      }
      try expectEqual(moved.failures, 0)
      try expectEqual(moved.lastError, nil)
      try expectEqual(moved.retryAt, nil)
      try expect(moved.movedAt > failing.movedAt, "the time of the move")
      let head = positions[4]
      let strange = [
        LogPosition(epoch: head.epoch, sequence: 5, chain: head.chain),
        LogPosition(epoch: head.epoch, sequence: 4, chain: .zero),
        LogPosition(epoch: CollectionID(high: 1, low: 1), sequence: 4, chain: head.chain),
      ]
      for position in strange {
        try await expectError("\(position)", isFreshet(.consumerLapsed)) {
          try await store.write { try $0.advanceConsumer("a", to: position) }
        }
      }
      try await expectError("an unknown name", isFreshet(.notFound)) {
        try await store.write { try $0.advanceConsumer("b", to: head) }
      }
      let stored = try await store.read(.everything) { try $0.consumer("a") }
      try expectEqual(stored, moved)
    }
  }

  private func savesConsumers() async throws {
    try await withStore { store, source in
      let positions = try await Self.fill(store, source, 2)
      var consumer = try await store.write { try $0.registerConsumer("mail", kind: .mail, at: positions[0]) }
      let made = consumer
      consumer.state = .disabled
      consumer.failures = 7
      consumer.lastError = "the server said \"no\"\u{0}é"
      consumer.retryAt = Timestamp(nanoseconds: 1_234_567_890_123)
      consumer.receiver = ContentHash.zero
      consumer.position = positions[1]
      consumer.resync = ConsumerResync(start: positions[2], after: DocumentID(high: 1, low: 2))
      let changed = consumer
      try await store.write { try $0.save(changed) }
      let all = try await store.read(.everything) { try $0.consumers() }
      try expectEqual(all, [changed])
      consumer.resync?.after = nil
      let begun = consumer
      try await store.write { try $0.save(begun) }
      let found = try await store.read(.everything) { try $0.consumer("mail") }
      try expectEqual(found, begun)
      try await store.write { try $0.save(made) }
      let back = try await store.read(.everything) { try $0.consumer("mail") }
      try expectEqual(back, made, "also backwards")
      var other = made
      other.name = "other"
      let unknown = other
      try await expectError("an unknown consumer", isFreshet(.notFound)) {
        try await store.write { try $0.save(unknown) }
      }
    }
  }

  private func recognisesLapses() async throws {
    try await withStore { store, source in
      let positions = try await Self.fill(store, source, 3)
      try await store.read(.everything) { snapshot throws in
        for position in positions { try expectEqual(try snapshot.lapse(of: position), nil, "\(position.sequence)") }
        var position = positions[2]
        position.chain = positions[1].chain
        try expectEqual(try snapshot.lapse(of: position), .otherChange)
        position = positions[3]
        position.sequence = 4
        try expectEqual(try snapshot.lapse(of: position), .aheadOfLog)
        position.epoch = CollectionID(high: 3, low: 3)
        try expectEqual(try snapshot.lapse(of: position), .otherEpoch)
      }
    }
  }

  private func remembersMetadata() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a.md", paragraphs: ["One"], metadata: ["team": "ops"])
      var applied: [ChangeRecord] = []
      func apply(_ kind: ChangeKind) async throws {
        let changed = document
        applied.append(try await store.write { try changed.apply(kind, to: $0, source: source) })
      }
      try await apply(.created)
      document.metadata = ["team": "sales", "tags": ["a", "b"]]
      try await apply(.metadata)
      document.origin = "b.md"
      try await apply(.renamed)
      try await apply(.deleted)
      document.metadata = [:]
      try await apply(.restored)
      let changes = applied
      try await store.read(.everything) { snapshot throws in
        let sales: Metadata = ["team": "sales", "tags": ["a", "b"]]
        let expected: [Metadata?] = [["team": "ops"], sales, sales, sales, [:]]
        try expectEqual(try changes.map { try snapshot.metadata(of: $0) }, expected)
        var other = changes[0]
        other.sequence = 99
        try expectEqual(try snapshot.metadata(of: other), nil)
      }
    }
  }
}

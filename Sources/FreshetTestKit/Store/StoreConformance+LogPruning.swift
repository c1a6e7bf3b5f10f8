import FreshetModel
import FreshetSystem

extension StoreConformance {
  static let logPruning: [Check] = [
    Check("a pruned log begins at its anchor, and the rest holds") { try await $0.prunesTheLog() },
    Check("from the anchor on the past answers as before, over random lives") {
      try await $0.keepsThePastFromTheAnchorOn()
    },
    Check("a pruned log and collected versions go together, in any order and steps") {
      try await $0.prunesAndCollectsRandomly()
    },
    Check("consumers hold the log up to twice what is kept") { try await $0.waitsForConsumers() },
    Check("a log is kept by number, by time or for ever") { try await $0.keepsTheLogByRule() },
    Check("runs without a change left go, but for the newest") { try await $0.prunesRuns() },
    Check("moments before the anchor are refused") { try await $0.refusesMomentsBeforeTheAnchor() },
  ]

  /// Prunes in steps until nothing is left to do; checks the store after each.
  @discardableResult
  private func prune(_ store: any Store, through last: SequenceNumber, limit: Int = 2) async throws -> ReclaimedAmounts
  {
    var amounts = ReclaimedAmounts()
    while true {
      let swept = try await store.write { try $0.sweep(.log(through: last), limit: limit) }
      amounts += swept.amounts
      let (problems, anchor) = try await store.read(.everything) {
        (try $0.problems(checkingContents: true), $0.head.anchor.sequence)
      }
      try expect(problems.isEmpty, "pruned to \(anchor) of \(last): \(problems) (seed \(seed))")
      if swept.isDone { return amounts }
    }
  }

  private func prunesTheLog() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a.md", paragraphs: ["one", "two"], metadata: ["team": "ops"])
      var other = SampleDocument(origin: "b.md", paragraphs: ["other"])
      var positions = [try await store.read(.everything) { $0.head.logPosition }]
      var applied: [ChangeRecord] = []
      func apply(_ kind: ChangeKind, _ changed: SampleDocument) async throws {
        applied.append(try await store.write { try changed.apply(kind, to: $0, source: source) })
        positions.append(try await store.read(.everything) { $0.head.logPosition })
      }
      try await apply(.created, document)
      try await apply(.created, other)
      try await apply(.deleted, other)
      document.metadata = ["team": "dev"]
      try await apply(.metadata, document)
      document.paragraphs = ["one", "three"]
      try await apply(.modified, document)
      other.paragraphs = ["back"]
      try await apply(.restored, other)
      document.origin = "c.md"
      try await apply(.renamed, document)
      let (places, changes, id, otherID) = (positions, applied, document.id, other.id)
      let versions = try await store.read(.everything) { try [$0.versions(of: id), $0.versions(of: otherID)] }

      let amounts = try await prune(store, through: 4, limit: 1)
      try expectEqual(amounts.changes, 4)
      try expectEqual(amounts.rows, 4)
      try await store.read(.everything) { snapshot throws in
        let head = snapshot.head
        try expectEqual(head.anchor, LogAnchor(sequence: 4, chain: changes[3].chain, at: changes[3].at))
        try expectEqual(head.historyFloor, 4)
        try expectEqual(try snapshot.changes(after: 0, limit: 99), Array(changes[4...]))
        try expectEqual(try snapshot.changes(after: 5, limit: 1), [changes[5]])
        let chains = try (0...7).map { try snapshot.chain(at: $0) }
        try expectEqual(chains, [.zero, nil, nil, nil] + changes[3...].map(\.chain))
        let lapses = try places.map { try snapshot.lapse(of: $0) }
        try expectEqual(lapses, [.pruned, .pruned, .pruned, .pruned, nil, nil, nil, nil])
        try expectEqual(try [snapshot.versions(of: id), snapshot.versions(of: otherID)], versions)
        for document in [id, otherID] {
          try expectEqual(try snapshot.verification(of: document).problems, [], "a document alone")
        }
        // At the anchor: one live, the other deleted.
        let past = try snapshot.asOf(4)
        try expectEqual(past.head.chain, changes[3].chain)
        try expectEqual(past.head.at, changes[3].at)
        try expectEqual(try past.documents(DocumentQuery()).map(\.origin), ["a.md"])
        try expectEqual(try past.document(otherID)?.state, .deleted)
        try expectEqual(try past.document(otherID)?.sourceName, "docs")
        try expectEqual(try past.sources().map(\.name), ["docs"])
        try expectEqual(try past.problems(checkingContents: true), [])
        let all = AuditSelection(first: 1, last: 7)
        try expectEqual(try snapshot.totals(of: all).changes, 3)
        try expectEqual(try snapshot.audited(all, after: nil, limit: 9).map(\.changes).sorted(), [1, 2])
      }
      for sequence in 0...3 as ClosedRange<SequenceNumber> {
        try await expectError("the state after change \(sequence)", isFreshet(.historyPruned)) {
          try await store.read(.everything) { _ = try $0.asOf(sequence) }
        }
      }
      try expectEqual(try await prune(store, through: 4), ReclaimedAmounts(), "a second time")
      try expectEqual(try await prune(store, through: 2), ReclaimedAmounts(), "further back")
      // The newest change stays, whatever is asked for.
      try expectEqual(try await prune(store, through: 99).changes, 2)
      try expectEqual(try await store.read(.everything) { try $0.changes(after: 0, limit: 9) }, [changes[6]])
      // The log goes on.
      document.paragraphs = ["four"]
      let last = document
      let next = try await store.write { try last.apply(.modified, to: $0, source: source) }
      try expectEqual(next.sequence, 8)
      try expectEqual(next.version, versions[0].count + 1)
    }
  }

  private func keepsThePastFromTheAnchorOn() async throws {
    for seed in [seed, seed &+ 1] {
      try await withStore { store, source in
        let (other, model) = try await store.write { transaction throws in
          let model = try transaction.registerModel(ModelDescription(name: "two", fingerprint: "two/1", dimension: 2))
          try transaction.serve(model: model.id)
          return (try transaction.registerSource(name: "other", location: "/other").id, model.id)
        }
        var life = PastLife(seed: seed)
        var random = SeededRandom(seed: seed &+ 7)
        for round in 0..<4 {
          let before = life
          life = try await store.write { transaction throws in
            var life = before
            for _ in 0..<16 { try life.step(transaction, sources: [source, other], model: model) }
            return life
          }
          let questions = PastAnswers.Questions(
            documents: life.documents.map(\.id),
            contents: Array(life.contents.sorted { $0.description < $1.description }.prefix(5)),
            sources: [source, other],
            origins: PastLife.origins,
            queries: Array(PastLife.queries.prefix(4)),
            filters: Array(PastLife.filters.prefix(4)),
            model: model,
            passages: Array(1...40)
          )
          let head = try await store.read(.everything) { $0.head }
          let target = SequenceNumber.random(in: head.anchor.sequence...head.sequence, using: &random)
          let end = min(target, head.sequence - 1)
          let asked = [end, (end + head.sequence) / 2, head.sequence]
          let expected = try await store.read(.everything) { snapshot throws in
            try asked.map { try PastAnswers(snapshot.asOf($0), questions) }
          }
          try await prune(store, through: target, limit: Int.random(in: 1...20, using: &random))
          try await store.read(.everything) { snapshot throws in
            for (sequence, answers) in zip(asked, expected) {
              let found = try PastAnswers(snapshot.asOf(sequence), questions)
              var answers = answers
              answers.head.historyFloor = found.head.historyFloor
              answers.head.anchor = found.head.anchor
              answers.changes.removeAll { $0.sequence <= found.head.anchor.sequence }
              // What an index of before would have to follow is not asked for: it is built anew.
              answers.changed = found.changed
              if let difference = found.difference(from: answers) {
                throw ConformanceFailure(
                  message: "seed \(seed), round \(round), change \(sequence): \(difference)",
                  line: #line,
                  file: #fileID
                )
              }
            }
          }
        }
      }
    }
  }

  private func prunesAndCollectsRandomly() async throws {
    for seed in [seed, seed &+ 1, seed &+ 2] {
      try await withStore { store, source in
        let model = try await store.write { transaction throws in
          let model = try transaction.registerModel(ModelDescription(name: "two", fingerprint: "two/1", dimension: 2))
          try transaction.serve(model: model.id)
          return model.id
        }
        var life = PastLife(seed: seed)
        var random = SeededRandom(seed: seed &+ 11)
        for _ in 0..<10 {
          let before = life
          life = try await store.write { transaction throws in
            var life = before
            for _ in 0..<10 { try life.step(transaction, sources: [source], model: model) }
            return life
          }
          let histories = try await store.read(.everything) { try $0.documentsWithHistory(after: nil, limit: 999) }
          for history in histories {
            let last = history.versions.count
            let chosen = history.versions.filter { version in
              !version.isCollected && (version.number < last || !history.isLive)
                && Int.random(in: 0..<3, using: &random) == 0
            }
            _ = try await store.write { try $0.collect(versions: chosen.map(\.number), of: history.id) }
          }
          // The two in turns, so that marks are pending while the log is pruned.
          let limit = Int.random(in: 1...9, using: &random)
          while true {
            let swept = try await store.write { try $0.sweep(.collectedVersions, limit: limit) }
            let head = try await store.read(.everything) { $0.head }
            let part = SequenceNumber.random(in: 0...3, using: &random)
            let pruned = try await store.write { transaction throws in
              try transaction.sweep(.log(through: min(head.anchor.sequence + part, head.sequence - 4)), limit: 2)
            }
            let problems = try await store.read(.everything) { try $0.problems(checkingContents: true) }
            try expect(problems.isEmpty, "\(swept), \(pruned): \(problems) (seed \(seed))")
            if swept.isDone { break }
          }
          let documents = life.documents.map(\.id)
          try await store.read(.everything) { snapshot throws in
            for id in documents where try snapshot.document(id) != nil {
              try expectEqual(try snapshot.verification(of: id).problems, [], "seed \(seed)")
            }
            for sequence in snapshot.head.historyFloor...snapshot.head.sequence {
              _ = try snapshot.asOf(sequence).documents(DocumentQuery())
            }
          }
        }
      }
    }
  }

  private func waitsForConsumers() async throws {
    try await withStore { store, source in
      let positions = try await Self.fill(store, source, 30)
      func prunable(_ count: Int64) async throws -> SequenceNumber {
        try await store.read(.everything) { try $0.prunableChange(keeping: .changes(count), now: $0.head.at) }
      }
      try expectEqual(try await prunable(10), 20)
      try await store.write { transaction throws in
        _ = try transaction.registerConsumer("near", kind: .named, at: positions[25])
        _ = try transaction.registerConsumer("behind", kind: .named, at: positions[12])
        _ = try transaction.registerConsumer("lost", kind: .named, at: positions[9])
      }
      try expectEqual(try await prunable(10), 12, "twice as much is 20, from change 10 on")
      try expectEqual(try await prunable(11), 9, "twice as much is 22, from change 8 on")
      try await store.write { transaction throws in
        var record = try transaction.consumer("behind")
        record?.state = .disabled
        if let record { try transaction.save(record) }
      }
      try expectEqual(try await prunable(10), 20, "a disabled one is waited for by nobody")
      try await store.write { transaction throws in
        var record = try transaction.consumer("behind")
        record?.state = .active
        record?.resync = ConsumerResync(start: positions[14])
        if let record { try transaction.save(record) }
      }
      try expectEqual(try await prunable(10), 14, "a listing needs what follows its beginning")
      try await prune(store, through: 14, limit: 5)
      try await store.read(.everything) { snapshot throws in
        let lapses = try snapshot.consumers().map { try snapshot.lapse(of: $0.resync?.start ?? $0.position) }
        try expectEqual(lapses, [nil, .pruned, nil], "behind, lost, near")
      }
      try await expectError("a lapsed consumer moves", isFreshet(.consumerLapsed)) {
        _ = try await store.write { try $0.advanceConsumer("lost", to: positions[20]) }
      }
      try expectEqual(try await prunable(1), 29, "all but the newest, when nobody is within twice as much")
    }
  }

  private func keepsTheLogByRule() async throws {
    let clock = StepClock()
    try await withStore(clock: clock) { store, source in
      _ = try await Self.fill(store, source, 12)
      try await store.read(.everything) { snapshot throws in
        let log = try snapshot.changes(after: 0, limit: 99)
        let now = snapshot.head.at
        func prunable(_ rule: LogRetention) throws -> SequenceNumber {
          try snapshot.prunableChange(keeping: rule, now: now)
        }
        try expectEqual(try prunable(.forever), 0)
        try expectEqual(try prunable(.changes(99)), 0)
        try expectEqual(try prunable(.changes(12)), 0)
        try expectEqual(try prunable(.changes(11)), 1)
        try expectEqual(try prunable(.changes(1)), 11)
        try expectEqual(try prunable(.time(now - log[4].at)), 4, "what is just as old is kept")
        try expectEqual(try prunable(.time(now - log[0].at)), 0)
        try expectEqual(try prunable(.time(.seconds(0))), 11, "the newest stays")
        try expectEqual(try prunable(.time(.seconds(36_500 * 86_400))), 0)
        for change in log {
          try expectEqual(try snapshot.lastChange(before: change.at), change.sequence - 1)
        }
      }
      try await prune(store, through: 5)
      try await store.read(.everything) { snapshot throws in
        let now = snapshot.head.at
        try expectEqual(try snapshot.prunableChange(keeping: .forever, now: now), 5)
        try expectEqual(try snapshot.prunableChange(keeping: .changes(99), now: now), 5)
        try expectEqual(try snapshot.prunableChange(keeping: .time(.seconds(86_400)), now: now), 5)
        try expectEqual(try snapshot.lastChange(before: snapshot.head.anchor.at), nil)
        let first = try snapshot.changes(after: 0, limit: 1).first
        try expectEqual(try first.flatMap { try snapshot.lastChange(before: $0.at) }, 5)
      }
    }
  }

  private func prunesRuns() async throws {
    try await withStore { store, source in
      for number in 0..<(RunRecord.keptMin + 30) {
        let run = RunID(high: UInt64(number + 1) << 32 | 0x4000, low: 1 << 63)
        _ = try await store.write { transaction throws in
          var record = RunRecord(
            id: run,
            startedAt: transaction.now,
            actor: "tester@host",
            firstSequence: transaction.head.sequence
          )
          let document = SampleDocument(origin: "\(number).md", paragraphs: ["text \(number)"])
          // Every third one finds nothing to do, every seventh is killed.
          if number % 3 != 0 { try document.apply(.created, to: transaction, source: source, run: run) }
          if number % 7 != 0 {
            record.finishedAt = transaction.now
            record.lastSequence = transaction.head.sequence
          }
          try transaction.save(record)
        }
      }
      let (head, all) = try await store.read(.everything) { ($0.head, try $0.runs(limit: .max)) }
      let middle = SequenceNumber(10)
      let forecast = try await store.read(.everything) { try $0.runsPruned(withLogThrough: middle) }
      let amounts = try await prune(store, through: middle, limit: 4)
      try expectEqual(amounts.runs, forecast, "the forecast")
      try expect(forecast > 5 && forecast < 30, "\(forecast) runs went")
      try await store.read(.everything) { snapshot throws in
        let kept = try snapshot.runs(limit: .max)
        try expectEqual(kept, Array(all.dropLast(forecast)), "the oldest went")
        let runs = Set(kept.map(\.id))
        try expect(try snapshot.changes(after: 0, limit: 999).allSatisfy { runs.contains($0.run) }, "a run is missing")
      }
      try await prune(store, through: head.sequence, limit: 50)
      let left = try await store.read(.everything) { try $0.runs(limit: .max) }
      try expectEqual(left, Array(all.prefix(RunRecord.keptMin)))
    }
  }

  private func refusesMomentsBeforeTheAnchor() async throws {
    try await withStore { store, source in
      _ = try await Self.fill(store, source, 9)
      let log = try await store.read(.everything) { try $0.changes(after: 0, limit: 99) }
      try await prune(store, through: 5)
      try await store.read(.everything) { snapshot throws in
        let now = snapshot.head.at
        func sequence(_ text: String, _ edge: Moment.Edge, state: Bool) throws -> SequenceNumber? {
          do {
            return try Moment(text).sequence(in: snapshot, now: now, at: edge, isStateNeeded: state)
          } catch let error as FreshetError where error.code == .historyPruned {
            return nil
          }
        }
        for state in [true, false] {
          for edge in [Moment.Edge.start, .end] {
            try expectEqual(try sequence("4", edge, state: state), nil)
            try expectEqual(try sequence("0", edge, state: state), nil)
            try expectEqual(try sequence("5", edge, state: state), 5)
            try expectEqual(try sequence("2001-01-01", edge, state: state), nil)
            try expectEqual(try sequence("300000d", edge, state: state), nil)
            try expectEqual(try sequence("2200-01-01", edge, state: state), 9)
          }
          try expectEqual(try sequence(log[4].at.description, .end, state: state), 5, "the anchor's own time")
          try expectEqual(try sequence(log[4].at.description, .start, state: state), nil)
          try expectEqual(try sequence(log[7].at.description, .start, state: state), 7)
        }
      }
    }
  }
}

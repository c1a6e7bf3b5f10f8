import FreshetModel
import FreshetSystem

extension StoreConformance {
  static let past: [Check] = [
    Check("the past answers as the present did then, over random lives") { try await $0.answersOfThePast() },
    Check("moments that are not there are refused") { try await $0.refusesOtherMoments() },
    Check("sources that are gone are there in the past") { try await $0.remembersSources() },
    Check("what was noted without a change is of the present, for filters and listings alike") {
      try await $0.notesAreOfThePresent()
    },
    Check("moments are found by number, time and run") { try await $0.findsMoments() },
  ]

  private func answersOfThePast() async throws {
    for seed in [seed, seed &+ 1, seed &+ 2] { try await answersOfThePast(seed: seed) }
  }

  private func answersOfThePast(seed: UInt64) async throws {
    try await withStore { store, source in
      let (other, model) = try await store.write { transaction throws in
        let description = ModelDescription(name: "two", fingerprint: "two/1", dimension: 2)
        let model = try transaction.registerModel(description)
        try transaction.serve(model: model.id)
        return (try transaction.registerSource(name: "other", location: "/other").id, model.id)
      }
      @Sendable func questions(_ life: PastLife) -> PastAnswers.Questions {
        PastAnswers.Questions(
          documents: life.documents.map(\.id),
          contents: Array(life.contents.sorted { $0.description < $1.description }.prefix(6)),
          sources: [source, other],
          origins: PastLife.origins,
          queries: PastLife.queries,
          filters: PastLife.filters,
          model: model,
          passages: Array(1...60)
        )
      }
      // The questions know what comes later, so that the past is asked for what was not there yet: the life is lived
      // twice, first to know it.
      let whole = try await factory { Timestamp(seconds: 1) }
      let rehearsed = try await whole.write { transaction throws in
        let ids = try ["docs", "other"].map { try transaction.registerSource(name: $0, location: "/").id }
        let number = try transaction.registerModel(ModelDescription(name: "two", fingerprint: "two/1", dimension: 2)).id
        var life = PastLife(seed: seed)
        for _ in 0..<90 { try life.step(transaction, sources: ids, model: number) }
        return life
      }
      await whole.close()
      let asked = questions(rehearsed)

      var life = PastLife(seed: seed)
      var expected: [SequenceNumber: PastAnswers] = [:]
      expected[0] = try await store.read(.everything) { try PastAnswers($0, asked) }
      for step in 0..<30 {
        let before = life
        (life, expected) = try await store.write { [expected] transaction throws in
          var (life, expected) = (before, expected)
          for part in 0..<3 {
            try life.step(transaction, sources: [source, other], model: model)
            if (step + part) % 4 == 0 { expected[transaction.head.sequence] = try PastAnswers(transaction, asked) }
          }
          return (life, expected)
        }
      }
      let known = expected
      try await store.read(.everything) { snapshot throws in
        // Twice and in two orders, so that what is kept between reads is seen too.
        for sequence in known.keys.sorted() + known.keys.sorted().reversed() {
          guard let answers = known[sequence] else { continue }
          try check(snapshot.asOf(sequence), answers, asked, "seed \(seed), change \(sequence)")
        }
        let middle = snapshot.head.sequence / 2
        let nested = try snapshot.asOf(snapshot.head.sequence - 1).asOf(middle)
        try expectEqual(nested.head.sequence, middle)
        try expect(try snapshot.asOf(middle).problems(checkingContents: true).isEmpty, "problems in the past")
      }
      try await store.write { transaction throws in
        for (sequence, answers) in known where sequence % 2 == 0 {
          try check(transaction.asOf(sequence), answers, asked, "in a transaction, seed \(seed), change \(sequence)")
        }
      }
    }
  }

  private func check(
    _ snapshot: any StoreSnapshot,
    _ expected: PastAnswers,
    _ questions: PastAnswers.Questions,
    _ place: String
  ) throws {
    var expected = expected
    // The head's floor is that of the present; a time before the first change is the store's own.
    expected.head.historyFloor = snapshot.head.historyFloor
    if expected.head.sequence == 0 { expected.head.at = snapshot.head.at }
    let found = try PastAnswers(snapshot, questions)
    if let difference = found.difference(from: expected) {
      throw ConformanceFailure(message: "\(place): \(difference)", line: #line, file: #fileID)
    }
  }

  private func refusesOtherMoments() async throws {
    try await withStore { store, source in
      let document = SampleDocument(origin: "a.md", paragraphs: ["alpha"])
      _ = try await store.write { try document.apply(.created, to: $0, source: source) }
      for sequence in [-1, 2, .max] as [SequenceNumber] {
        try await expectError("the state after change \(sequence)", isFreshet(.invalidArgument)) {
          try await store.read(.everything) { _ = try $0.asOf(sequence) }
        }
      }
      try await store.read(.everything) { snapshot throws in
        let empty = try snapshot.asOf(0)
        try expectEqual(empty.head.chain, .zero)
        try expectEqual(try empty.documents(DocumentQuery()), [])
        try expectEqual(try empty.keywordMatches("alpha", limit: 5, members: nil), [])
        try expectEqual(try snapshot.asOf(1).documents(DocumentQuery()).map(\.id), [document.id])
      }
    }
  }

  private func remembersSources() async throws {
    try await withStore { store, source in
      let other = try await store.write { try $0.registerSource(name: "other", location: "/other").id }
      let document = SampleDocument(origin: "a.md", paragraphs: ["alpha"])
      try await store.write { transaction throws in
        try document.apply(.created, to: transaction, source: other)
        // A move leaves nothing in the source that could refer to it.
        var moved = document
        moved.origin = "b.md"
        try moved.apply(.renamed, to: transaction, source: source)
        try transaction.removeSource(other)
      }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.sources().map(\.name), ["docs"])
        let past = try snapshot.asOf(1)
        try expectEqual(try past.sources().map(\.name), ["other"])
        try expectEqual(try past.liveDocument(source: other, origin: "a.md")?.sourceName, "other")
        try expectEqual(try past.liveDocument(source: source, origin: "b.md"), nil)
        try expectEqual(try past.passages(matching: .metadata("source", equals: "other")).members, [1])
        var query = DocumentQuery()
        query.source = "other"
        try expectEqual(try past.documents(query).map(\.origin), ["a.md"])
      }
    }
  }

  private func notesAreOfThePresent() async throws {
    try await withStore { store, source in
      let document = SampleDocument(origin: "a.md", paragraphs: ["alpha"])
      let other = SampleDocument(origin: "b.md", paragraphs: ["beta"])
      let noted = Timestamp(seconds: 1_800_000_000)
      try await store.write { transaction throws in
        try document.apply(.created, to: transaction, source: source)
        try other.apply(.created, to: transaction, source: source)
        try transaction.touch(document: document.id, fileModified: noted)
      }
      @Sendable func check(_ snapshot: any StoreSnapshot, _ modified: Timestamp) throws {
        let record = try snapshot.document(document.id)
        try expectEqual(record?.fileModified, modified)
        var query = DocumentQuery()
        query.filter = .field("modified", .equal, .string(modified.description))
        query.order = .modified
        query.descending = true
        try expect(try snapshot.documents(query).contains { $0.id == document.id }, "a filter on the noted time")
        query.filter = nil
        try expectEqual(
          try snapshot.documents(query).map(\.fileModified),
          try snapshot.documents(query).map(\.fileModified).sorted(by: >)
        )
      }
      try await store.read(.everything) { try check($0.asOf(1), noted) }
      var edited = document
      edited.paragraphs = ["gamma"]
      let next = edited
      _ = try await store.write { try next.apply(.modified, to: $0, source: source) }
      try await store.read(.everything) { try check($0.asOf(2), document.modified) }
    }
  }

  private func findsMoments() async throws {
    let clock = StepClock()
    try await withStore(clock: clock) { store, source in
      let runs = (0..<3).map { number in RunID(high: UInt64(number + 1) << 56 | 0x4000, low: 1 << 63) }
      var times: [Timestamp] = []
      for (number, run) in runs.enumerated() {
        let change = try await store.write { transaction throws in
          var record = RunRecord(
            id: run,
            startedAt: transaction.now,
            actor: "tester@host",
            firstSequence: transaction.head.sequence
          )
          try transaction.save(record)
          var last: ChangeRecord?
          for place in 0...number {
            let document = SampleDocument(origin: "\(number)-\(place).md", paragraphs: ["text"])
            last = try document.apply(.created, to: transaction, source: source, run: run)
          }
          record.lastSequence = transaction.head.sequence
          // The last one was killed.
          if number < 2 { try transaction.save(record) }
          return last
        }
        times.append(change?.at ?? .epoch)
      }
      let moments = times
      try await store.read(.everything) { snapshot throws in
        let now = moments[2]
        func sequence(_ text: String, _ edge: Moment.Edge = .end) throws -> SequenceNumber {
          try Moment(text).sequence(in: snapshot, now: now, at: edge)
        }
        try expectEqual(try sequence("4"), 4)
        try expectEqual(try sequence("0"), 0)
        let second = String(moments[1].description.prefix(19))
        try expectEqual(try sequence(second), 3, "the end of a second")
        try expectEqual(try sequence(second, .start), 1, "the start of a second")
        try expectEqual(try sequence(moments[1].description), 3, "a time that was shown")
        try expectEqual(try sequence(String(moments[1].description.prefix(10))), 6, "the end of the day")
        try expectEqual(try sequence("2001-01-01"), 0)
        try expectEqual(try sequence("2200-01-01"), 6)
        try expectEqual(try sequence("now"), 6)
        try expectEqual(try sequence("\((now - moments[1]).components.seconds)s ago"), 3)
        try expectEqual(try sequence("300000d"), 0)
        try expectEqual(try sequence("run:0100"), 1)
        try expectEqual(try sequence(runs[1].description), 3)
        try expectEqual(try sequence(runs[1].description, .start), 1)
        try expectEqual(try sequence("run:0300"), 6, "a run that never ended")
      }
      for (text, code) in [("7", FreshetError.Code.invalidArgument), ("run:00ff", .notFound)] {
        try await expectError("the moment '\(text)'", isFreshet(code)) {
          try await store.read(.everything) { _ = try Moment(text).sequence(in: $0, now: moments[2]) }
        }
      }
    }
  }
}

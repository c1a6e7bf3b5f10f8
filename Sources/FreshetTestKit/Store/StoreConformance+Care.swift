import FreshetModel
import FreshetSystem

extension StoreConformance {
  static let care: [Check] = [
    Check("what was deleted lately, and is gone still, is counted") { try await $0.countsRecentDeletions() },
    Check("failures are kept, replaced and taken out") { try await $0.keepsFailures() },
    Check("runs are kept, newest first") { try await $0.keepsRuns() },
    Check("settings are set and removed") { try await $0.keepsSettings() },
    Check("counts follow random changes, and problems finds none") { try await $0.survivesRandomChanges() },
  ]

  private func keepsFailures() async throws {
    try await withStore { store, _ in
      @Sendable func failure(_ source: String, _ path: String, _ origin: String, _ attempts: Int) -> FailureRecord {
        FailureRecord(
          source: source,
          itemPath: Array(path.utf8),
          origin: origin,
          error: FreshetErrorRecord(code: .parserFailed, message: "said \(attempts)", isTransient: attempts > 1),
          attempts: attempts,
          firstAt: Timestamp(seconds: 1),
          lastAt: Timestamp(seconds: Int64(attempts)),
          contentHash: attempts > 1 ? .zero : nil,
          pipeline: "p"
        )
      }
      let all = [
        failure("a", "x", "x!/2", 1), failure("a", "x", "x!/1", 1), failure("a", "y", "y", 1),
        failure("b", "x", "x", 1),
      ]
      try await store.write { transaction throws in
        for failure in all { try transaction.save(failure) }
        try transaction.save(failure("a", "y", "y", 2))
      }
      try await store.read(.everything) { snapshot throws in
        let found = try snapshot.failures(source: nil, itemPath: nil)
        try expectEqual(found, [all[1], all[0], failure("a", "y", "y", 2), all[3]])
        try expectEqual(try snapshot.failures(source: "a", itemPath: nil).count, 3)
        try expectEqual(try snapshot.failures(source: "a", itemPath: Array("x".utf8)).count, 2)
        try expectEqual(try snapshot.counts().failures, 4)
      }
      try await store.write { transaction throws in
        try transaction.removeFailures(source: "a", itemPath: Array("x".utf8), origin: "x!/1")
        try expectEqual(try transaction.counts().failures, 3)
        try transaction.removeFailures(source: "a", itemPath: Array("x".utf8), origin: nil)
        try transaction.removeFailures(source: "a", itemPath: Array("nothing".utf8), origin: nil)
      }
      let left = try await store.read(.everything) { try $0.failures(source: nil, itemPath: nil).map(\.origin) }
      try expectEqual(left, ["y", "x"])
    }
  }

  private func countsRecentDeletions() async throws {
    try await withStore { store, source in
      let documents = ["a", "b", "c", "d"].map { SampleDocument(origin: "\($0).md", paragraphs: ["alpha"]) }
      let finished = RunRecord(id: .random(), startedAt: Timestamp(seconds: 1), actor: "tester@host", firstSequence: 0)
      let killed = RunRecord(id: .random(), startedAt: Timestamp(seconds: 2), actor: "tester@host", firstSequence: 4)
      try await store.write { transaction throws in
        let other = try transaction.registerSource(name: "other", location: "/o").id
        for document in documents[..<3] { try document.apply(.created, to: transaction, source: source) }
        try documents[3].apply(.created, to: transaction, source: other)
        var first = finished
        first.lastSequence =
          try documents[0].apply(.deleted, to: transaction, source: source, run: finished.id).sequence
        try transaction.save(first)
        try transaction.save(killed)
        try documents[1].apply(.deleted, to: transaction, source: source, run: killed.id)
        try documents[2].apply(.deleted, to: transaction, source: source, run: killed.id)
        try documents[2].apply(.restored, to: transaction, source: source, run: killed.id)
        try documents[3].apply(.deleted, to: transaction, source: other)
      }
      try await store.read(.everything) { snapshot throws in
        func count(_ source: String, _ since: Timestamp = .epoch, after run: RunID? = nil) throws -> Int {
          try snapshot.recentDeletions(of: source, since: since, after: run)
        }
        try expectEqual(try count("docs"), 2, "what was restored is not gone")
        try expectEqual(try count("docs", after: finished.id), 1)
        try expectEqual(try count("docs", after: killed.id), 0, "a run without a last change on record")
        try expectEqual(try count("docs", after: .random()), 2, "a run that is not known")
        try expectEqual(try count("docs", Timestamp(seconds: 1 << 33)), 0)
        try expectEqual(try count("other"), 1)
        try expectEqual(try count("none"), 0)
      }
    }
  }

  private func keepsRuns() async throws {
    try await withStore { store, _ in
      var runs = (0..<5).map { number in
        RunRecord(
          id: .random(),
          startedAt: Timestamp(seconds: Int64(number / 2)),
          actor: "me",
          firstSequence: Int64(number)
        )
      }
      let started = runs
      try await store.write { transaction throws in for run in started { try transaction.save(run) } }
      runs[2].finishedAt = Timestamp(seconds: 9)
      runs[2].lastSequence = 12
      runs[2].report = ["type": "summary", "documents": ["created": 1, "rate": 0.5], "list": [1, nil, "é"]]
      let finished = runs[2]
      try await store.write { try $0.save(finished) }
      let expected = Array(runs.reversed())
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.runs(limit: 10), expected)
        try expectEqual(try snapshot.runs(limit: 2), Array(expected.prefix(2)))
        try expectEqual(try snapshot.runs(limit: 0), [])
      }
    }
  }

  private func keepsSettings() async throws {
    try await withStore { store, _ in
      try await store.write { transaction throws in
        try transaction.set("a", to: "1")
        try transaction.set("b", to: "")
        try transaction.set("a", to: "2'\"\u{0}é")
        try transaction.set("c", to: "3")
        try transaction.set("c", to: nil)
      }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.setting("a"), "2'\"\u{0}é")
        try expectEqual(try snapshot.setting("b"), "")
        try expectEqual(try snapshot.setting("c"), nil)
      }
    }
  }

  private func survivesRandomChanges() async throws {
    try await withStore { store, source in
      var random = SeededRandom(seed: seed)
      var live: [SampleDocument] = []
      var deleted: [SampleDocument] = []
      for step in 0..<40 {
        var planned: [(ChangeKind, SampleDocument)] = []
        for number in 0..<Int.random(in: 1...6, using: &random) {
          let index = live.isEmpty ? 0 : Int.random(in: 0..<live.count, using: &random)
          let text = (0..<Int.random(in: 0...6, using: &random)).map { _ in
            "Paragraph about topic_\(Int.random(in: 0..<30, using: &random)) and 検索 words"
          }
          switch Int.random(in: 0..<10, using: &random) {
          case 3...5 where !live.isEmpty:
            live[index].paragraphs = text + ["step \(step)-\(number)"]
            planned.append((.modified, live[index]))
          case 6 where !live.isEmpty:
            live[index].origin = "moved/\(step)-\(number).md"
            planned.append((.renamed, live[index]))
          case 7 where !live.isEmpty:
            live[index].metadata = ["step": .integer(Int64(step)), "tags": ["a", .string("t\(number)")]]
            planned.append((.metadata, live[index]))
          case 8 where !live.isEmpty:
            let document = live.remove(at: index)
            planned.append((.deleted, document))
            deleted.append(document)
          case 9 where !deleted.isEmpty:
            let document = deleted.removeLast()
            planned.append((.restored, document))
            live.append(document)
          default:
            let document = SampleDocument(
              id: .random(using: &random),
              origin: "\(step)/\(number).md",
              paragraphs: text,
              metadata: ["number": .integer(Int64(number))]
            )
            planned.append((.created, document))
            live.append(document)
          }
        }
        let changes = planned
        try await store.write { transaction throws in
          for (kind, document) in changes { try document.apply(kind, to: transaction, source: source) }
        }
      }
      let (documents, gone) = (live, deleted)
      try await store.read(.everything) { snapshot throws in
        let counts = try snapshot.counts()
        try expectEqual(counts.documents, documents.count, "seed \(seed)")
        try expectEqual(counts.deletedDocuments, gone.count)
        try expectEqual(counts.chunks, documents.reduce(0) { $0 + $1.paragraphs.count })
        let keys = Set(documents.flatMap { $0.passages.map(\.key) })
        try expectEqual(counts.passages, keys.count)
        try expectEqual(counts.keywordRows, keys.count)
        for document in documents {
          let record = try snapshot.document(document.id)
          try expectEqual(record?.origin, document.origin)
          try expectEqual(record?.metadata, document.metadata)
          let bodies = try snapshot.passages(try snapshot.chunks(of: document.id).map(\.passage)).map(\.body)
          try expectEqual(bodies, document.paragraphs)
        }
      }
    }
  }
}

import FreshetModel
import FreshetSystem

extension StoreConformance {
  static let audit: [Check] = [
    Check("changes are totalled by kind and actor, and paged by document") { try await $0.audits() },
    Check("runs of a period are paged") { try await $0.findsRunsOfAPeriod() },
    Check("one document is verified alone, live and deleted") { try await $0.verifiesDocuments() },
    Check("the log vouches for each version's chain") { try await $0.logsVersionChains() },
  ]

  private func audits() async throws {
    try await withStore { store, docs in
      let (run, other) = (RunID.random(), RunID.random())
      let documents = (0..<5).map { SampleDocument(origin: "\($0).md", paragraphs: ["text \($0)"]) }
      let log = try await store.write { transaction in
        let second = try transaction.registerSource(name: "other", location: "/other").id
        var log: [ChangeRecord] = []
        for (index, document) in documents.enumerated() {
          log.append(try document.apply(.created, to: transaction, source: index == 4 ? second : docs, run: run))
        }
        var edited = documents[1]
        edited.paragraphs.append("more")
        log.append(try edited.apply(.modified, to: transaction, source: docs, run: run))
        edited.metadata = ["team": "ops"]
        log.append(try edited.apply(.metadata, to: transaction, source: docs, run: other))
        edited.origin = "moved.md"
        log.append(try edited.apply(.renamed, to: transaction, source: docs, run: run))
        log.append(try documents[2].apply(.deleted, to: transaction, source: docs, run: run))
        try transaction.save(RunRecord(id: other, startedAt: Timestamp(seconds: 1), actor: "the run", firstSequence: 0))
        return log
      }
      let expected = log
      try await store.read(.everything) { snapshot throws in
        var all = AuditSelection(first: 1, last: 9)
        let totals = try snapshot.totals(of: all)
        try expectEqual(totals.changes, 9)
        try expectEqual(totals.documents, 5)
        try expectEqual(totals.byKind, [.created: 5, .modified: 1, .metadata: 1, .renamed: 1, .deleted: 1])
        try expectEqual(totals.byActor, ["tester@host": 8, "the run": 1])
        var paged: [AuditedDocument] = []
        while true {
          let page = try snapshot.audited(all, after: paged.last, limit: 2)
          guard !page.isEmpty else { break }
          paged += page
        }
        try expectEqual(paged.map(\.origin), ["0.md", "moved.md", "2.md", "3.md", "4.md"])
        try expectEqual(paged.map(\.changes), [1, 4, 2, 1, 1])
        try expectEqual(paged.map(\.source), ["docs", "docs", "docs", "docs", "other"])
        try expectEqual(paged.map(\.state), [.live, .live, .deleted, .live, .live])
        let changes = try snapshot.changes(of: documents[1].id, all, after: 0, limit: 10)
        try expectEqual(changes.map(\.change), [expected[1], expected[5], expected[6], expected[7]])
        try expectEqual(changes.map(\.actor), ["tester@host", "tester@host", "the run", "tester@host"])
        let later = try snapshot.changes(of: documents[1].id, all, after: 6, limit: 1)
        try expectEqual(later.map(\.change.sequence), [7])

        all.source = "other"
        try expectEqual(try snapshot.totals(of: all).changes, 1)
        try expectEqual(try snapshot.audited(all, after: nil, limit: 10).map(\.origin), ["4.md"])
        var one = AuditSelection(first: 6, last: 8, document: documents[1].id)
        try expectEqual(try snapshot.totals(of: one).changes, 3)
        try expectEqual(try snapshot.audited(one, after: nil, limit: 10).map(\.changes), [3])
        one.last = 6
        try expectEqual(try snapshot.changes(of: documents[1].id, one, after: 0, limit: 10).map(\.change.sequence), [6])
        try expectEqual(try snapshot.totals(of: AuditSelection(first: 10, last: 9)), AuditTotals())
      }
    }
  }

  private func findsRunsOfAPeriod() async throws {
    try await withStore { store, _ in
      let runs = (0..<6).map { number in
        RunRecord(
          id: .random(),
          startedAt: Timestamp(seconds: Int64(number) * 10),
          finishedAt: number == 5 ? nil : Timestamp(seconds: Int64(number) * 10 + 5),
          actor: "me",
          firstSequence: 0
        )
      }
      try await store.write { transaction throws in for run in runs { try transaction.save(run) } }
      try await store.read(.everything) { snapshot throws in
        let all = try snapshot.runs(from: Timestamp(seconds: 0), to: Timestamp(seconds: 99), after: nil, limit: 4)
        try expectEqual(all, Array(runs.prefix(4)))
        let rest = try snapshot.runs(from: .epoch, to: Timestamp(seconds: 99), after: all.last?.id, limit: 4)
        try expectEqual(rest, Array(runs.suffix(2)))
        let some = try snapshot.runs(from: Timestamp(seconds: 15), to: Timestamp(seconds: 30), after: nil, limit: 9)
        try expectEqual(some, [runs[1], runs[2]], "a run counts while it was under way, the end is not in the period")
      }
    }
  }

  private func verifiesDocuments() async throws {
    try await withStore { store, source in
      var first = SampleDocument(origin: "a.md", paragraphs: ["alpha", "beta"])
      var second = SampleDocument(origin: "b.md", paragraphs: ["alpha"])
      second.keepsContent = false
      let created = (first, second)
      try await store.write { transaction throws in
        try created.0.apply(.created, to: transaction, source: source)
        try created.1.apply(.created, to: transaction, source: source)
      }
      first.paragraphs[0] = "gamma"
      first.metadata = ["team": "ops"]
      let (edited, gone) = (first, second)
      try await store.write { transaction throws in
        try edited.apply(.modified, to: transaction, source: source)
        try edited.apply(.metadata, to: transaction, source: source)
        try gone.apply(.deleted, to: transaction, source: source)
      }
      try await store.read(.everything) { snapshot throws in
        let live = try snapshot.verification(of: edited.id)
        try expectEqual(live.problems, [])
        try expectEqual(live.versions, 2)
        try expectEqual(live.contents, 2)
        try expectEqual(live.origin, "a.md")
        let deleted = try snapshot.verification(of: gone.id)
        try expectEqual(deleted.problems, [])
        try expectEqual(deleted.versions, 2)
        try expectEqual(deleted.contents, 0)
      }
      try await expectError("no such document", isFreshet(.notFound)) {
        try await store.read(.everything) { try $0.verification(of: .random()) }
      }
    }
  }

  private func logsVersionChains() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a.md", paragraphs: ["alpha"])
      let created = document
      document.metadata = ["team": "ops"]
      let changed = document
      try await store.write { transaction throws in
        try created.apply(.created, to: transaction, source: source)
        try changed.apply(.metadata, to: transaction, source: source)
        try changed.apply(.deleted, to: transaction, source: source)
      }
      try await store.read(.everything) { snapshot throws in
        let versions = try snapshot.versions(of: created.id)
        let log = try snapshot.changes(after: 0, limit: 10)
        try expectEqual(log.map(\.versionChain), [versions[0].chain, versions[0].chain, versions[1].chain])
      }
    }
  }
}

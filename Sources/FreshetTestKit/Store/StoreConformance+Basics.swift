import FreshetModel
import FreshetSystem

extension StoreConformance {
  static let basics: [Check] = [
    Check("an empty store is at sequence 0") { try await $0.startsEmpty() },
    Check("a read sees one state while writes go on") { try await $0.isolatesReads() },
    Check("a body's error rolls everything back, and the store goes on") { try await $0.rollsBack() },
    Check("a transaction reads its own writes") { try await $0.readsOwnWrites() },
    Check("sources are registered once, updated, removed and revived") { try await $0.keepsSources() },
    Check("items are paged in the order of their bytes") { try await $0.pagesItems() },
    Check("live documents are paged in the order of their identities") { try await $0.pagesDocuments() },
    Check("time never goes back in the log") { try await $0.keepsTimeMonotone() },
    Check("a closed store refuses every call") { try await $0.refusesWhenClosed() },
    Check("concurrent writers run one after the other") { try await $0.serialisesWriters() },
  ]

  private func startsEmpty() async throws {
    try await withStore { store, _ in
      try await store.read(.everything) { snapshot throws in
        try expectEqual(snapshot.head.sequence, 0)
        try expectEqual(snapshot.head.chain, .zero)
        try expectEqual(try snapshot.chain(at: 0), .zero)
        try expectEqual(try snapshot.chain(at: 1), nil)
        try expectEqual(try snapshot.documents(DocumentQuery()), [])
        try expectEqual(try snapshot.changes(after: 0, limit: 10), [])
        try expectEqual(try snapshot.counts(), CollectionCounts())
        try expectEqual(try snapshot.keywordMatches("anything", limit: 10, members: nil), [])
        try expectEqual(try snapshot.passages(matching: .all([])).count, 0)
        try expectEqual(try snapshot.runs(limit: 5), [])
        let changed = try snapshot.passagesChanged(after: 0)
        try expect(changed.live.isEmpty && changed.gone.isEmpty, "an empty store has changed passages")
      }
    }
  }

  private func pagesDocuments() async throws {
    try await withStore { store, source in
      let documents = (0..<7).map { SampleDocument(origin: "\($0).md", paragraphs: ["text \($0)"]) }
      for document in documents {
        _ = try await store.write { try document.apply(.created, to: $0, source: source) }
      }
      _ = try await store.write { try documents[3].apply(.deleted, to: $0, source: source) }
      let paged = try await store.read(.everything) { snapshot throws in
        var ids: [DocumentID] = []
        while true {
          let page = try snapshot.liveDocumentIDs(after: ids.last, limit: 2)
          ids += page
          if page.count < 2 { return ids }
        }
      }
      try expectEqual(paged, documents.map(\.id).filter { $0 != documents[3].id }.sorted())
    }
  }

  private func isolatesReads() async throws {
    try await withStore { store, source in
      let document = SampleDocument(origin: "a.md", paragraphs: ["one apple", "two pears"])
      _ = try await store.write { try document.apply(.created, to: $0, source: source) }
      let (entered, enter) = AsyncStream.makeStream(of: Void.self)
      let gate = Gate()
      async let seen = store.read(.everything) { snapshot throws in
        let before = (snapshot.head, try snapshot.chunks(of: document.id).count)
        enter.yield()
        gate.wait()
        let after = try snapshot.chunks(of: document.id)
        let words = try snapshot.keywordMatches("cherry", limit: 5, members: nil).count
        let record = try snapshot.document(document.id)
        return (before.0, before.1, snapshot.head, after.count, words, record?.version)
      }
      defer { gate.open() }
      for await _ in entered { break }
      var changed = document
      changed.paragraphs = ["one apple", "three cherry", "four plum"]
      _ = try await store.write { [changed] in try changed.apply(.modified, to: $0, source: source) }
      let fresh = try await store.read(.everything) { try $0.chunks(of: document.id).count }
      try expectEqual(fresh, 3, "a new read does not see the commit")
      gate.open()
      let (head, count, laterHead, laterCount, words, version) = try await seen
      try expectEqual(head, laterHead, "the head moved within a read")
      try expectEqual(count, laterCount, "chunks changed within a read")
      try expectEqual(words, 0, "a read finds words of a later commit")
      try expectEqual(version, 1, "a read sees a later version")
    }
  }

  private func rollsBack() async throws {
    try await withStore { store, source in
      let document = SampleDocument(origin: "a.md", paragraphs: ["kept words"])
      _ = try await store.write { try document.apply(.created, to: $0, source: source) }
      let before = try await store.read(.everything) { ($0.head, try $0.counts()) }
      try await expectError("the body's error", { $0 is Abandoned }) {
        try await store.write { transaction throws in
          var other = document
          other.paragraphs = ["other words"]
          try other.apply(.modified, to: transaction, source: source)
          try SampleDocument(origin: "b.md", paragraphs: ["lost"]).apply(.created, to: transaction, source: source)
          try transaction.set("name", to: "value")
          let model = try transaction.registerModel(ModelDescription(name: "m", fingerprint: "m", dimension: 2))
          try transaction.saveVectors(VectorPage(passages: [1], dimension: 2, halves: [1, 2]), model: model.id)
          throw Abandoned()
        }
      }
      let after = try await store.read(.everything) { ($0.head, try $0.counts()) }
      try expectEqual(after.0, before.0, "the head after a rollback")
      try expectEqual(after.1, before.1, "the counts after a rollback")
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.setting("name"), nil)
        try expectEqual(try snapshot.models(), [])
        try expectEqual(try snapshot.keywordMatches("lost", limit: 5, members: nil), [])
        try expectEqual(try snapshot.keywordMatches("kept", limit: 5, members: nil).count, 1)
      }
      try await store.write { try $0.set("name", to: "again") }
    }
  }

  private func readsOwnWrites() async throws {
    try await withStore { store, source in
      try await store.write { transaction throws in
        let document = SampleDocument(origin: "a.md", paragraphs: ["first banana"], metadata: ["team": "ops"])
        let record = try document.apply(.created, to: transaction, source: source)
        try expectEqual(transaction.head.sequence, 1)
        try expectEqual(transaction.head.chain, record.chain)
        try expectEqual(transaction.head.at, transaction.now)
        try expectEqual(try transaction.keywordMatches("banana", limit: 5, members: nil).count, 1)
        try expectEqual(try transaction.passages(matching: .metadata("team", equals: "ops")).count, 1)
        try expectEqual(try transaction.counts().keywordRows, 1)
        try document.apply(.deleted, to: transaction, source: source)
        try expectEqual(try transaction.keywordMatches("banana", limit: 5, members: nil), [])
        try expectEqual(try transaction.counts().documents, 0)
      }
    }
  }

  private func keepsSources() async throws {
    try await withStore { store, source in
      var record = try await store.write { try $0.registerSource(name: "docs", location: "/moved") }
      try expectEqual(record.id, source, "registering again makes another source")
      try expectEqual(record.location, "/moved")
      record.configuration = "*.md"
      record.rootIdentity = "8:1"
      record.pipeline = "p"
      let full = record
      try await store.write { try $0.update(full) }
      let other = try await store.write { try $0.registerSource(name: "a", location: "/a") }
      let listed = try await store.read(.everything) { try $0.sources() }
      try expectEqual(listed, [other, full])
      var renamed = full
      renamed.name = "docs2"
      let unknown = renamed
      try await expectError("renaming a source", isFreshet(.storeFailed)) {
        try await store.write { try $0.update(unknown) }
      }
      let document = SampleDocument(origin: "x.md", paragraphs: ["text"])
      _ = try await store.write { try document.apply(.created, to: $0, source: other.id) }
      try await expectError("removing a source with documents", isFreshet(.storeFailed)) {
        try await store.write { try $0.removeSource(other.id) }
      }
      try await store.write { transaction throws in
        try document.apply(.deleted, to: transaction, source: other.id, reason: .sourceRemoved)
        try transaction.removeSource(other.id)
      }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.sources(), [full])
        try expectEqual(try snapshot.document(document.id)?.sourceName, "a")
        try expectEqual(try snapshot.versions(of: document.id).last?.reason, .sourceRemoved)
      }
      try await expectError("removing a source twice", isFreshet(.storeFailed)) {
        try await store.write { try $0.removeSource(other.id) }
      }
      let revived = try await store.write { try $0.registerSource(name: "a", location: "/b") }
      let found = try await store.read(.everything) {
        try $0.deletedDocument(source: revived.id, origin: "x.md")?.id
      }
      try expectEqual(found, document.id, "the deleted document of a source that came back")
    }
  }

  private func pagesItems() async throws {
    try await withStore { store, source in
      var random = SeededRandom(seed: seed)
      var paths: Set<[UInt8]> = [[0xFF, 0xFE], Array("é".utf8), Array("a/b".utf8), Array("a.b".utf8), [1]]
      while paths.count < 300 {
        paths.insert((0..<Int.random(in: 1...12, using: &random)).map { _ in .random(in: 1...255, using: &random) })
      }
      let items = paths.map { path in
        ItemRecord(
          path: path,
          fingerprint: ItemFingerprint(device: .max, inode: 7, size: -1, modified: .min, changed: .max),
          isRacy: path.count.isMultiple(of: 2),
          hash: SHA256.digest(of: path)
        )
      }
      let sorted = items.sorted { $0.path.lexicographicallyPrecedes($1.path) }
      try await store.write { try $0.save(items, source: source) }
      try await store.read(.everything) { snapshot throws in
        var found: [ItemRecord] = []
        while true {
          let page = try snapshot.items(of: source, after: found.last?.path, limit: 7)
          found += page
          if page.count < 7 { break }
        }
        try expectEqual(found, sorted, "items page by page")
        try expectEqual(try snapshot.item(of: source, at: [0xFF, 0xFE])?.path, [0xFF, 0xFE])
        try expectEqual(try snapshot.item(of: source, at: [0xFF, 0xFE, 0]), nil)
        try expectEqual(try snapshot.items(of: source, after: [0xFF, 0xFF, 0xFF], limit: 5), [])
      }
      var first = sorted[0]
      first.hash = .zero
      let changed = first
      try await store.write { transaction throws in
        try transaction.save([changed], source: source)
        try transaction.removeItems(sorted.dropFirst().map(\.path), source: source)
      }
      let left = try await store.read(.everything) { try $0.items(of: source, after: nil, limit: .max) }
      try expectEqual(left, [changed])
      try await expectError("items of no source", isFreshet(.storeFailed)) {
        try await store.write { try $0.save([changed], source: 99) }
      }
    }
  }

  private func keepsTimeMonotone() async throws {
    let clock = StepClock()
    try await withStore(clock: clock) { store, source in
      for number in 0..<4 {
        let document = SampleDocument(origin: "\(number).md", paragraphs: ["text \(number)"])
        _ = try await store.write { try document.apply(.created, to: $0, source: source) }
        clock.turnBack(by: 3_600)
      }
      let changes = try await store.read(.everything) { try $0.changes(after: 0, limit: 100) }
      try expectEqual(changes.map(\.sequence), [1, 2, 3, 4])
      try expect(
        zip(changes, changes.dropFirst()).allSatisfy { $0.at <= $1.at },
        "time went back: \(changes.map(\.at))"
      )
    }
  }

  private func refusesWhenClosed() async throws {
    let clock = StepClock()
    let store = try await factory { clock.now() }
    await store.close()
    try await expectError("a read after close", isFreshet(.storeFailed)) {
      try await store.read(.everything) { $0.head }
    }
    try await expectError("a write after close", isFreshet(.storeFailed)) {
      try await store.write { $0.head }
    }
    await store.close()
  }

  private func serialisesWriters() async throws {
    try await withStore { store, source in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<24 {
          group.addTask {
            let document = SampleDocument(origin: "\(number).md", paragraphs: ["shared text", "text \(number)"])
            _ = try await store.write { try document.apply(.created, to: $0, source: source) }
          }
          group.addTask {
            _ = try await store.read(.everything) { snapshot throws in
              let count = try snapshot.counts()
              try expectEqual(SequenceNumber(count.documents), snapshot.head.sequence, "a read between commits")
              try expectEqual(count.passages, count.keywordRows, "live passages and keyword rows")
            }
          }
        }
        try await group.waitForAll()
      }
      let head = try await store.read(.everything) { $0.head.sequence }
      try expectEqual(head, 24)
    }
  }
}

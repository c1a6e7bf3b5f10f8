import FreshetModel
import FreshetSystem

extension StoreConformance {
  static let chunksAndVectors: [Check] = [
    Check("an edit keeps the chunks that it does not touch") { try await $0.keepsChunks() },
    Check("passages changed since a sequence bring any older index up to date") { try await $0.tellsChangedPassages() },
    Check("a passage is saved once and keeps its number") { try await $0.savesPassagesOnce() },
    Check("models and vectors are stored, replaced, paged and removed") { try await $0.keepsVectors() },
  ]

  private func keepsChunks() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a.md", paragraphs: ["one", "two", "two", "three"])
      let first = document
      _ = try await store.write { try first.apply(.created, to: $0, source: source) }
      let before = try await store.read(.everything) { try $0.chunks(of: first.id) }
      try expectEqual(before.map(\.id), first.chunks(passages: before.map(\.passage)).map(\.id))
      try expectEqual(Set(before.map(\.id)).count, 4, "two equal paragraphs are two chunks")
      try expectEqual(before[1].passage, before[2].passage, "two equal paragraphs are one passage")
      document.paragraphs = ["zero", "two", "one", "four"]
      let second = document
      _ = try await store.write { try second.apply(.modified, to: $0, source: source) }
      let after = try await store.read(.everything) { try $0.chunks(of: first.id) }
      try expectEqual(after[2].id, before[0].id, "a paragraph that moved keeps its chunk")
      try expectEqual(after[1].id, before[1].id)
      try expectEqual(after.map(\.start), second.chunks(passages: [0, 0, 0, 0]).map(\.start))
      try await store.read(.everything) { snapshot throws in
        let changed = try snapshot.passagesChanged(after: 1)
        let texts = try snapshot.passages(changed.live).map(\.body)
        try expectEqual(Set(texts), ["zero", "four", "two"], "passages that opened, or lost one of two chunks")
        try expectEqual(try snapshot.passages(changed.gone).map(\.body), ["three"])
        try expectEqual(try snapshot.keywordMatches("three", limit: 5, members: nil), [])
        try expectEqual(try snapshot.keywordMatches("two", limit: 5, members: nil).count, 1)
        try expectEqual(try snapshot.counts().chunks, 4)
      }
      _ = try await store.write { try first.apply(.modified, to: $0, source: source) }
      let back = try await store.read(.everything) { try $0.chunks(of: first.id) }
      try expectEqual(back.map(\.id), before.map(\.id), "chunks that come back have the identity that they had")
    }
  }

  private func tellsChangedPassages() async throws {
    try await withStore { store, source in
      var random = SeededRandom(seed: seed)
      var documents: [SampleDocument] = []
      var live: [SequenceNumber: Set<PassageID>] = [0: []]
      for step in 0..<60 {
        let action = Int.random(in: 0..<10, using: &random)
        let paragraphs = (0..<Int.random(in: 0...5, using: &random)).map { _ in
          "paragraph \(Int.random(in: 0..<25, using: &random))"
        }
        if action < 4 || documents.isEmpty {
          let document = SampleDocument(
            id: .random(using: &random),
            origin: "\(step).md",
            paragraphs: paragraphs,
            metadata: ["step": .integer(Int64(step))]
          )
          documents.append(document)
          _ = try await store.write { try document.apply(.created, to: $0, source: source) }
        } else {
          let index = Int.random(in: 0..<documents.count, using: &random)
          if action < 8 {
            documents[index].paragraphs = paragraphs + ["edit \(step)"]
            let document = documents[index]
            _ = try await store.write { try document.apply(.modified, to: $0, source: source) }
          } else {
            let document = documents.remove(at: index)
            _ = try await store.write { try document.apply(.deleted, to: $0, source: source) }
          }
        }
        let (sequence, now) = try await store.read(.everything) { snapshot in
          (snapshot.head.sequence, try snapshot.passages(matching: .all([])))
        }
        live[sequence] = Set(now.members)
      }
      let states = live
      try await store.read(.everything) { snapshot throws in
        guard let current = states[snapshot.head.sequence] else { return }
        for (sequence, old) in states {
          let changed = try snapshot.passagesChanged(after: sequence)
          try expect(changed.live == changed.live.sorted() && changed.gone == changed.gone.sorted(), "not in order")
          for _ in 0..<2 {
            let applied = old.union(changed.live).subtracting(changed.gone)
            try expectEqual(applied, current, "the state of \(sequence) brought up to date (seed \(seed))")
          }
        }
      }
    }
  }

  private func savesPassagesOnce() async throws {
    try await withStore { store, _ in
      let drafts = [
        PassageDraft(key: key([], "a"), heading: [], body: "a", tokens: 1),
        PassageDraft(key: key([""], "a"), heading: [""], body: "a", tokens: 2),
        PassageDraft(key: key(["x", "y\nz"], ""), heading: ["x", "y\nz"], body: "", tokens: 3),
      ]
      let first = try await store.write { try $0.savePassages(drafts + [drafts[0]]) }
      try expectEqual(first[0], first[3], "a passage twice in one call")
      try expectEqual(Set(first).count, 3)
      let second = try await store.write { try $0.savePassages(drafts.reversed()) }
      try expectEqual(second, first.prefix(3).reversed())
      try await store.read(.everything) { snapshot throws in
        let records = try snapshot.passages([first[2], 999, first[0], first[1]])
        try expectEqual(records.map(\.heading), [["x", "y\nz"], [], [""]])
        try expectEqual(records.map(\.tokens), [3, 1, 2])
        try expectEqual(records.map(\.key), [drafts[2].key, drafts[0].key, drafts[1].key])
        try expectEqual(try snapshot.passages(keys: [drafts[1].key, .zero]), [drafts[1].key: first[1]])
        try expectEqual(try snapshot.counts().passages, 0, "a passage without a chunk is not live")
        try expectEqual(try snapshot.keywordMatches("a", limit: 5, members: nil), [])
      }
      try await expectError("rolled back", { $0 is Abandoned }) {
        try await store.write { transaction throws in
          _ = try transaction.savePassages([PassageDraft(key: .zero, heading: [], body: "lost", tokens: 1)])
          throw Abandoned()
        }
      }
      let found = try await store.read(.everything) { try $0.passages(keys: [.zero]) }
      try expectEqual(found, [:])
    }
  }

  private func key(_ heading: [String], _ body: String) -> ContentHash {
    SHA256.digest(of: PassageText.keyBytes(heading: heading, body: body))
  }

  private func keepsVectors() async throws {
    try await withStore { store, source in
      let document = SampleDocument(origin: "a.md", paragraphs: ["one", "two", "three", "four"])
      let gone = SampleDocument(origin: "b.md", paragraphs: ["five"])
      let description = ModelDescription(name: "m", fingerprint: "m/1", dimension: 3, maximumTokens: 256)
      let model = try await store.write { transaction throws in
        try document.apply(.created, to: transaction, source: source)
        try gone.apply(.created, to: transaction, source: source)
        try gone.apply(.deleted, to: transaction, source: source)
        return try transaction.registerModel(description)
      }
      try expectEqual(model.state, .building)
      let again = try await store.write { try $0.registerModel(description) }
      try expectEqual(again, model)
      var wider = description
      wider.dimension = 4
      let other = wider
      try await expectError("the same model with another dimension", isFreshet(.modelMismatch)) {
        try await store.write { try $0.registerModel(other) }
      }
      let missing = try await store.read(.everything) {
        try $0.livePassagesWithoutVector(model: model.id, after: 0, limit: 3)
      }
      try expectEqual(missing, [1, 2, 3])
      try await store.write { transaction throws in
        try transaction.saveVectors(
          VectorPage(passages: [2, 1, 5], dimension: 3, halves: [1, 2, 3, 4, 5, 6, 0xFFFF, 0, 1]),
          model: model.id
        )
        try transaction.saveVectors(VectorPage(passages: [2], dimension: 3, halves: [7, 8, 9]), model: model.id)
      }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.passagesWithVector([1, 3, 5, 2], model: model.id), [1, 2, 5])
        let live = try snapshot.liveVectors(model: model.id, after: 0, limit: 10)
        try expectEqual(live.passages, [1, 2], "vectors of live passages")
        try expectEqual(live.halves, [4, 5, 6, 7, 8, 9])
        try expectEqual(try snapshot.liveVectors(model: model.id, after: 1, limit: 1).passages, [2])
        let page = try snapshot.vectors(of: [5, 1, 3, 1], model: model.id)
        try expectEqual(page.passages, [1, 5])
        try expectEqual(page.halves, [4, 5, 6, 0xFFFF, 0, 1])
        try expectEqual(page.dimension, 3)
        try expectEqual(try snapshot.livePassagesWithoutVector(model: model.id, after: 3, limit: 9), [4])
        try expectEqual(try snapshot.counts().vectors, 0, "no model serves yet")
      }
      for (what, page) in [
        ("another dimension", VectorPage(passages: [1], dimension: 2, halves: [1, 2])),
        ("too few components", VectorPage(passages: [1, 2], dimension: 3, halves: [1, 2, 3])),
      ] {
        try await expectError(what, isFreshet(.modelMismatch)) {
          try await store.write { try $0.saveVectors(page, model: model.id) }
        }
      }
      try await expectError("a model that does not exist", isFreshet(.notFound)) {
        try await store.read(.everything) { try $0.liveVectors(model: 99, after: 0, limit: 1) }
      }
      try await expectError("a passage that does not exist", isFreshet(.storeFailed)) {
        try await store.write {
          try $0.saveVectors(VectorPage(passages: [99], dimension: 3, halves: [1, 2, 3]), model: model.id)
        }
      }
      try await servesAndRemovesModels(store, model)
    }
  }

  private func servesAndRemovesModels(_ store: any Store, _ model: ModelRecord) async throws {
    let second = try await store.write { transaction throws in
      try transaction.serve(model: model.id)
      let second = try transaction.registerModel(ModelDescription(name: "n", fingerprint: "n/1", dimension: 2))
      try transaction.saveVectors(VectorPage(passages: [1], dimension: 2, halves: [1, 2]), model: second.id)
      return second
    }
    try expectEqual(try await store.read(.everything) { try $0.counts().vectors }, 2)
    try await store.write { try $0.serve(model: second.id) }
    let states = try await store.read(.everything) { try $0.models().map(\.state) }
    try expectEqual(states, [.retired, .serving])
    try await store.write { transaction throws in
      try transaction.removeModel(model.id)
      try transaction.removeModel(second.id)
    }
    try await store.read(.everything) { snapshot throws in
      try expectEqual(try snapshot.models().map(\.id), [second.id], "a serving model stays, without vectors")
      try expectEqual(try snapshot.vectors(of: [1], model: second.id).count, 0)
    }
  }
}

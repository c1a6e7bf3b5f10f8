import FreshetModel
import FreshetSystem

extension StoreConformance {
  static let renditions: [Check] = [
    Check("a superseded text whose content is not kept goes, and the past is searched as before") {
      try await $0.withdrawsSupersededTexts()
    },
    Check("a text stays while a live document is indexed by it") { try await $0.keepsTextsInUse() },
    Check("a version that returns has its text again, however it is stored") { try await $0.takesTextsBack() },
    Check("an edition cannot do without a text that was withdrawn") { try await $0.refusesWithdrawnTexts() },
    Check("random lives keep exactly the texts that are in use or whose content is kept") {
      try await $0.withdrawsRandomly()
    },
  ]

  private func markdown(_ document: SampleDocument, in store: any Store) async throws -> [UInt8]? {
    try await store.read(.everything) {
      try $0.rendition(of: document.contentHash, parser: document.parser)?.markdown
    }
  }

  private func expectNothingLeft(_ store: any Store) async throws {
    let problems = try await store.read(.everything) { snapshot throws in
      try expect(try !snapshot.hasSupersededTexts(), "a superseded text is left (seed \(seed))")
      return try snapshot.problems(checkingContents: true)
    }
    try expect(problems.isEmpty, "\(problems) (seed \(seed))")
    let forecast = try await store.read(.everything) { try $0.reclaimable(collecting: [], withoutChunks: false) }
    try expectEqual(forecast.amounts, ReclaimedAmounts(), "seed \(seed)")
    let swept = try await store.write { try $0.sweep(.supersededTexts, limit: 10) }
    try expectEqual(swept, SweptGarbage(amounts: ReclaimedAmounts(), isDone: true), "seed \(seed)")
  }

  private func withdrawsSupersededTexts() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a.md", paragraphs: ["alpha one", "beta"], metadata: ["team": "ops"])
      document.keepsContent = false
      let first = document
      document.paragraphs[0] = "gamma two"
      let second = document
      document.parser = "sample/2"
      let parsedAgain = document
      _ = try await store.write { try first.apply(.created, to: $0, source: source) }
      try expectEqual(try await markdown(first, in: store), first.content)
      let before = try await store.read(.everything) { try $0.edition(of: first.id, version: 1) }
      _ = try await store.write { try second.apply(.modified, to: $0, source: source) }
      try expectEqual(try await markdown(first, in: store), nil, "modified")
      try expectEqual(try await markdown(second, in: store), second.content)
      _ = try await store.write { try parsedAgain.apply(.reprocessed, to: $0, source: source) }
      try expectEqual(try await markdown(second, in: store), nil, "parsed again")
      try expectEqual(try await markdown(parsedAgain, in: store), second.content)
      _ = try await store.write { try parsedAgain.apply(.deleted, to: $0, source: source) }
      try expectEqual(try await markdown(parsedAgain, in: store), nil, "deleted")
      try await expectNothingLeft(store)
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.edition(of: first.id, version: 1), before, "the edition stays")
        let past = try snapshot.asOf(1)
        try expectEqual(try past.document(first.id)?.metadata, first.metadata)
        try expectEqual(try past.keywordMatches("alpha", limit: 9, members: nil).count, 1)
        let passages = try past.passages(try past.chunks(of: first.id).map(\.passage))
        try expectEqual(passages.map(\.body), first.paragraphs)
        try expectEqual(try past.rendition(of: first.contentHash, parser: first.parser), nil)
        try expectEqual(try past.hasSupersededTexts(), false)
        try expectEqual(try snapshot.verification(of: first.id).problems, [])
      }
    }
  }

  private func keepsTextsInUse() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a.md", paragraphs: ["alpha"])
      document.keepsContent = false
      let first = document
      let copy = SampleDocument(origin: "b.md", paragraphs: first.paragraphs)
      var bare = copy
      bare.keepsContent = false
      let other = bare
      document.metadata = ["team": "ops"]
      let said = document
      document.origin = "c.md"
      let moved = document
      document.paragraphs = ["omega"]
      let last = document
      try await store.write { transaction throws in
        try first.apply(.created, to: transaction, source: source)
        try other.apply(.created, to: transaction, source: source)
        try said.apply(.metadata, to: transaction, source: source)
        try moved.apply(.renamed, to: transaction, source: source)
      }
      try expectEqual(try await markdown(first, in: store), first.content, "by both")
      _ = try await store.write { try last.apply(.modified, to: $0, source: source) }
      try expectEqual(try await markdown(first, in: store), first.content, "by the copy")
      try await expectNothingLeft(store)
      _ = try await store.write { try other.apply(.deleted, to: $0, source: source) }
      try expectEqual(try await markdown(first, in: store), nil, "by none")
      try await expectNothingLeft(store)
      // A version of another document whose content is kept.
      let kept = SampleDocument(origin: "d.md", paragraphs: ["kept"])
      var replaced = kept
      replaced.paragraphs = ["kept no more"]
      let new = replaced
      _ = try await store.write { try kept.apply(.created, to: $0, source: source) }
      _ = try await store.write { try new.apply(.modified, to: $0, source: source) }
      try expectEqual(try await markdown(kept, in: store), kept.content, "by its content")
    }
  }

  private func takesTextsBack() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a.md", paragraphs: ["alpha"], metadata: ["team": "ops"])
      document.keepsContent = false
      let first = document
      document.paragraphs = ["beta"]
      let second = document
      var kept = first
      kept.keepsContent = true
      let keptFirst = kept
      _ = try await store.write { try first.apply(.created, to: $0, source: source) }
      _ = try await store.write { try second.apply(.modified, to: $0, source: source) }
      _ = try await store.write { try first.apply(.modified, to: $0, source: source) }
      try expectEqual(try await markdown(first, in: store), first.content, "as before")
      try expectEqual(try await markdown(second, in: store), nil)
      try await expectNothingLeft(store)
      _ = try await store.write { try first.apply(.deleted, to: $0, source: source) }
      try expectEqual(try await markdown(first, in: store), nil)
      // The same text, now as the content that is kept: editions of before are still what was logged.
      _ = try await store.write { try keptFirst.apply(.restored, to: $0, source: source) }
      try expectEqual(try await markdown(first, in: store), first.content, "as the content")
      let rendition = try await store.read(.everything) {
        try $0.rendition(of: first.contentHash, parser: first.parser)
      }
      try expectEqual(rendition?.metadata, first.metadata)
      try expectEqual(rendition?.blocks.count, 1)
      try await expectNothingLeft(store)
      _ = try await store.write { try second.apply(.modified, to: $0, source: source) }
      try expectEqual(try await markdown(first, in: store), first.content, "its content is kept")
      try await expectNothingLeft(store)
      let verification = try await store.read(.everything) { try $0.verification(of: first.id) }
      try expectEqual(verification.problems, [])
    }
  }

  private func refusesWithdrawnTexts() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a.md", paragraphs: ["alpha"])
      document.keepsContent = false
      let first = document
      document.paragraphs = ["beta"]
      let second = document
      _ = try await store.write { try first.apply(.created, to: $0, source: source) }
      _ = try await store.write { try second.apply(.modified, to: $0, source: source) }
      for isContent in [false, true] {
        try await expectError("an edition without its text", isFreshet(.storeFailed)) {
          _ = try await store.write { transaction throws in
            let numbers = try transaction.savePassages(first.passages)
            var change = try first.change(.modified, source: source, run: SampleDocument.run, passages: numbers)
            change.edition?.markdown = nil
            change.edition?.markdownIsContent = isContent
            return try transaction.apply(change)
          }
        }
      }
      try expectEqual(try await markdown(second, in: store), second.content)
    }
  }

  private struct Text: Hashable {
    var hash: ContentHash
    var parser: String
  }

  private func withdrawsRandomly() async throws {
    try await withStore { store, source in
      var random = SeededRandom(seed: seed)
      var documents: [SampleDocument] = []
      var isLive: [Bool] = []
      var texts: [Text: [UInt8]] = [:]
      var withdrawn: Set<Text> = []
      var contents: Set<ContentHash> = []
      var losses = 0
      func text(_ document: SampleDocument) -> Text { Text(hash: document.contentHash, parser: document.parser) }
      for step in 0..<150 {
        let index = Int.random(in: 0..<5, using: &random)
        var kind = ChangeKind.created
        if index >= documents.count {
          documents.append(SampleDocument(id: .random(using: &random), origin: "\(documents.count).md", paragraphs: []))
          isLive.append(false)
        } else {
          let kinds: [ChangeKind] =
            isLive[index]
            ? [.modified, .modified, .modified, .renamed, .metadata, .reprocessed, .deleted] : [.restored]
          kind = kinds.randomElement(using: &random) ?? .modified
        }
        let place = min(index, documents.count - 1)
        let old = isLive[place] ? text(documents[place]) : nil
        switch kind {
        case .created, .modified, .restored:
          // Few texts, so that they return and are shared.
          let before = documents[place].paragraphs
          repeat {
            documents[place].paragraphs = ["shared", "text \(Int.random(in: 0..<12, using: &random))"]
          } while kind == .modified && documents[place].paragraphs == before
          documents[place].keepsContent = Int.random(in: 0..<20, using: &random) == 0
          if documents[place].keepsContent { contents.insert(documents[place].contentHash) }
        case .renamed: documents[place].origin = "moved-\(step).md"
        case .metadata: documents[place].metadata = ["step": .integer(Int64(step))]
        case .reprocessed:
          documents[place].parser = "sample/\(Int.random(in: 1...2, using: &random))"
          documents[place].keepsContent = contents.contains(documents[place].contentHash)
        default: break
        }
        let (changed, change) = (documents[place], kind)
        _ = try await store.write { try changed.apply(change, to: $0, source: source) }
        isLive[place] = kind != .deleted
        if kind != .deleted {
          texts[text(changed)] = changed.content
          withdrawn.remove(text(changed))
        }
        let used = Set(documents.indices.filter { isLive[$0] }.map { text(documents[$0]) })
        if let old, !used.contains(old), !contents.contains(old.hash) {
          withdrawn.insert(old)
          losses += 1
        }
        for (text, content) in texts {
          let found = try await store.read(.everything) {
            try $0.rendition(of: text.hash, parser: text.parser)?.markdown
          }
          try expectEqual(found, withdrawn.contains(text) ? nil : content, "step \(step), \(kind) (seed \(seed))")
        }
        if step % 15 == 0 { try await expectNothingLeft(store) }
      }
      try expect(losses > 10 && !contents.isEmpty, "\(losses) withdrawn (seed \(seed))")
      try await expectNothingLeft(store)
    }
  }
}

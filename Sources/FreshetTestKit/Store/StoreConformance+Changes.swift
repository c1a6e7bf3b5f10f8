import FreshetModel
import FreshetSystem

extension StoreConformance {
  static let changes: [Check] = [
    Check("changes of every kind make the versions, editions and log rows that they should") {
      try await $0.appliesEveryKind()
    },
    Check("the log and each document's versions are numbered without gaps and chained") { try await $0.chains() },
    Check("a return to an older content names the older version") { try await $0.namesOlderVersions() },
    Check("changes that do not fit are refused and leave nothing behind") { try await $0.refusesWhatDoesNotFit() },
    Check("renames, deletions and restorations keep the identity") { try await $0.keepsIdentity() },
    Check("contents and renditions are kept once and read back") { try await $0.keepsContents() },
    Check("a pipeline is touched without a change") { try await $0.touches() },
    Check("a touched file is noted without a change") { try await $0.notesTouchedFiles() },
    Check("a document's folder is its file's, also of one of many in a file") { try await $0.derivesCategories() },
    Check("documents are found by origin, item, content and identity") { try await $0.findsDocuments() },
    Check("listings are ordered, filtered and paged") { try await $0.listsDocuments() },
  ]

  private func appliesEveryKind() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a/b.md", paragraphs: ["alpha", "beta"], metadata: ["team": "ops"])
      func apply(_ kind: ChangeKind) async throws -> (ChangeRecord, DocumentRecord?, [VersionRecord]) {
        let document = document
        let record = try await store.write { try document.apply(kind, to: $0, source: source) }
        return try await store.read(.everything) {
          (record, try $0.document(document.id), try $0.versions(of: document.id))
        }
      }
      let created = try await apply(.created)
      try expectEqual(created.0.kind, .created)
      try expectEqual(created.0.version, 1)
      try expectEqual(created.0.source, "docs")
      try expectEqual(created.1?.origin, "a/b.md")
      try expectEqual(created.1?.itemPath, Array("a/b.md".utf8))
      try expectEqual(created.1?.state, .live)
      try expectEqual(created.1?.chunkCount, 2)
      try expectEqual(created.1?.metadata, ["team": "ops"])
      try expectEqual(created.1?.parser, "sample/1")
      try expectEqual(created.1?.size, Int64(document.content.count))
      try expectEqual(created.2.map(\.actor), ["tester@host"])
      try expectEqual(created.2.map(\.owner), ["owner"])
      try expectEqual(created.1?.createdAt, created.0.at)

      document.paragraphs.append("gamma")
      let modified = try await apply(.modified)
      try expectEqual(modified.0.version, 2)
      try expectEqual(modified.1?.chunkCount, 3)
      try expectEqual(modified.1?.createdAt, created.0.at)
      try expectEqual(modified.1?.updatedAt, modified.0.at)
      try expectEqual(modified.1?.contentHash, document.contentHash)

      document.metadata = ["team": "dev", "tags": ["x", "y"]]
      document.title = "Other"
      let metadata = try await apply(.metadata)
      try expectEqual(metadata.0.version, 2, "a change of metadata makes no version")
      try expectEqual(metadata.2.count, 2)
      try expectEqual(metadata.1?.metadata, document.metadata)
      try expectEqual(metadata.1?.title, "Other")
      try expectEqual(metadata.1?.updatedAt, modified.0.at)

      document.pipeline = "pipeline/2"
      document.parser = "sample/2"
      let reprocessed = try await apply(.reprocessed)
      try expectEqual(reprocessed.1?.pipeline, "pipeline/2")
      try expectEqual(reprocessed.1?.parser, "sample/2")
      try expectEqual(reprocessed.2.count, 2)

      document.state = .awaitingVectors
      _ = try await apply(.reprocessed)
      let waiting = try await store.read(.everything) { try $0.itemsAwaitingVectors().map(\.path) }
      try expectEqual(waiting, [Array("a/b.md".utf8)])
      document.state = .complete
      let embedded = try await apply(.embedded)
      try expectEqual(embedded.1?.editionState, .complete)
      let none = try await store.read(.everything) { try $0.itemsAwaitingVectors().count }
      try expectEqual(none, 0)

      document.origin = "c.md"
      let renamed = try await apply(.renamed)
      try expectEqual(renamed.0.previousOrigin, "a/b.md")
      try expectEqual(renamed.2.last?.previousOrigin, "a/b.md")
      try expectEqual(renamed.0.version, 3)

      let deleted = try await apply(.deleted)
      try expectEqual(deleted.0.edition, .zero)
      try expectEqual(deleted.0.reason, .vanished)
      try expectEqual(deleted.1?.state, .deleted)
      try expectEqual(deleted.1?.chunkCount, 0)
      try expectEqual(deleted.1?.parser, "")
      try expectEqual(deleted.1?.title, "Other", "a deleted document keeps its last title")

      let restored = try await apply(.restored)
      try expectEqual(restored.1?.state, .live)
      try expectEqual(restored.0.version, 5)
      try expectEqual(restored.2.map(\.number), [1, 2, 3, 4, 5])
      try expectEqual(restored.2.map(\.kind), [.created, .modified, .renamed, .deleted, .restored])
      let log = try await store.read(.everything) { try $0.changes(after: 0, limit: 100) }
      try expectEqual(
        log.map(\.kind),
        [.created, .modified, .metadata, .reprocessed, .reprocessed, .embedded, .renamed, .deleted, .restored]
      )
      try expectEqual(log.last, restored.0, "the log has what apply answered")
    }
  }

  private func chains() async throws {
    try await withStore { store, source in
      var documents = (0..<5).map { SampleDocument(origin: "\($0).md", paragraphs: ["text \($0)"]) }
      for round in 0..<4 {
        for index in documents.indices {
          if round > 0 { documents[index].paragraphs.append("round \(round)") }
          let document = documents[index]
          _ = try await store.write { try document.apply(round == 0 ? .created : .modified, to: $0, source: source) }
        }
      }
      let ids = documents.map(\.id)
      try await store.read(.everything) { snapshot throws in
        var chain = ContentHash.zero
        let all = try snapshot.changes(after: 0, limit: .max)
        try expectEqual(all.map(\.sequence), Array(1...20))
        for change in all {
          chain = SHA256.link(chain, change.canonicalBytes)
          try expectEqual(change.chain, chain, "the chain at change \(change.sequence)")
          try expectEqual(try snapshot.chain(at: change.sequence), chain)
        }
        try expectEqual(snapshot.head.chain, chain)
        try expectEqual(try snapshot.changes(after: 7, limit: 3).map(\.sequence), [8, 9, 10])
        try expectEqual(try snapshot.changes(after: 20, limit: 3), [])
        for id in ids {
          var link = ContentHash.zero
          for version in try snapshot.versions(of: id) {
            link = SHA256.link(link, version.canonicalBytes)
            try expectEqual(version.chain, link, "the chain of version \(version.number)")
          }
        }
      }
    }
  }

  private func namesOlderVersions() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a.md", paragraphs: ["first"])
      for (kind, text) in [(ChangeKind.created, "first"), (.modified, "second"), (.modified, "first")] {
        document.paragraphs = [text]
        let document = document
        _ = try await store.write { try document.apply(kind, to: $0, source: source) }
      }
      let last = document
      try await store.write { transaction throws in
        try last.apply(.deleted, to: transaction, source: source)
        try last.apply(.restored, to: transaction, source: source)
      }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.versions(of: last.id).map(\.sameAs), [nil, nil, 1, nil, 3])
        try expectEqual(try snapshot.version(of: last.id, contentHash: last.contentHash), 5)
        try expectEqual(try snapshot.version(of: last.id, contentHash: .zero), nil)
      }
    }
  }

  private func refusesWhatDoesNotFit() async throws {
    try await withStore { store, source in
      let document = SampleDocument(origin: "a.md", paragraphs: ["text", "more"])
      let other = SampleDocument(origin: "b.md", paragraphs: ["other"])
      let deleted = SampleDocument(origin: "c.md", paragraphs: ["gone"])
      try await store.write { transaction throws in
        try document.apply(.created, to: transaction, source: source)
        try other.apply(.created, to: transaction, source: source)
        try deleted.apply(.created, to: transaction, source: source)
        try deleted.apply(.deleted, to: transaction, source: source)
      }
      let before = try await store.read(.everything) { ($0.head, try $0.counts()) }
      func refuse(
        _ what: String,
        _ kind: ChangeKind,
        of sample: SampleDocument,
        _ alter: @escaping @Sendable (inout DocumentChange) -> Void = { _ in }
      ) async throws {
        try await expectError(what, isFreshet(.storeFailed)) {
          try await store.write { transaction throws in
            let numbers = try transaction.savePassages(sample.passages)
            var change = try sample.change(kind, source: source, run: SampleDocument.run, passages: numbers)
            alter(&change)
            _ = try transaction.apply(change)
          }
        }
      }
      var elsewhere = other
      elsewhere.origin = "a.md"
      var edited = document
      edited.paragraphs = ["edited"]
      var moved = document
      moved.origin = "z.md"
      var movedAndEdited = moved
      movedAndEdited.paragraphs = ["edited"]
      var twin = document
      twin.id = .random()
      var back = deleted
      back.origin = "a.md"
      try await refuse("creating a document that exists", .created, of: document)
      try await refuse("creating at an origin that is taken", .created, of: twin)
      try await refuse(
        "changing a document that does not exist",
        .modified,
        of: SampleDocument(origin: "n", paragraphs: ["n"])
      )
      try await refuse("moving by another kind than a rename", .modified, of: moved)
      try await refuse("renaming onto a live document", .renamed, of: elsewhere)
      try await refuse("renaming to the same place", .renamed, of: document)
      try await refuse("renaming with another content", .renamed, of: movedAndEdited)
      try await refuse("restoring a live document", .restored, of: document)
      try await refuse("restoring onto a live document", .restored, of: back)
      try await refuse("changing a deleted document", .modified, of: deleted)
      try await refuse("deleting a deleted document", .deleted, of: deleted)
      try await refuse("deleting with another content", .deleted, of: edited)
      try await refuse("a version that is missing", .modified, of: edited) { $0.version = nil }
      try await refuse("a version of a change that makes none", .metadata, of: document) {
        $0.version = .init(contentHash: .zero, size: 0, content: nil, fileModified: .epoch, actor: "", owner: nil)
      }
      try await refuse("an edition that is missing", .modified, of: edited) { $0.edition = nil }
      try await refuse("a deletion without a reason", .deleted, of: document) { $0.reason = nil }
      try await refuse("a reason without a deletion", .metadata, of: document) { $0.reason = .vanished }
      try await refuse("a source that does not exist", .modified, of: edited) { $0.source = 77 }
      try await refuse("a passage that does not exist", .modified, of: edited) {
        $0.edition?.chunks[0].passage = 1 << 40
      }
      try await refuse("a chunk twice", .metadata, of: document) { change in
        if let first = change.edition?.chunks.first { change.edition?.chunks.append(first) }
      }
      try await refuse("a chunk that became another passage", .metadata, of: document) { change in
        if let last = change.edition?.chunks.last { change.edition?.chunks[0].passage = last.passage }
      }
      try await refuse("a chunk that ends before it starts", .metadata, of: document) {
        $0.edition?.chunks[0].end = -1
      }
      try await refuse("a rendition that nobody has", .modified, of: edited) {
        $0.edition?.markdownIsContent = false
        $0.edition?.markdown = nil
      }
      let after = try await store.read(.everything) { ($0.head, try $0.counts()) }
      try expectEqual(after.0, before.0, "the head after refusals")
      try expectEqual(after.1, before.1, "the counts after refusals")
      // A refusal that the body survives leaves no part behind either.
      let wrong = edited
      try await store.write { transaction throws in
        let numbers = try transaction.savePassages(wrong.passages)
        var change = try wrong.change(.modified, source: source, run: SampleDocument.run, passages: numbers)
        change.edition?.chunks[0].passage = 1 << 40
        do {
          _ = try transaction.apply(change)
          throw ConformanceFailure(message: "an unknown passage was taken", line: #line, file: #fileID)
        } catch is FreshetError {}
        try transaction.set("after", to: "refusal")
      }
      try expectEqual(try await store.read(.everything) { $0.head }, before.0)
    }
  }

  private func keepsIdentity() async throws {
    try await withStore { store, source in
      let other = try await store.write { try $0.registerSource(name: "other", location: "/o").id }
      let document = SampleDocument(origin: "a.md", paragraphs: ["alpha words", "beta words"])
      var moved = document
      moved.origin = "b/a.md"
      var replacement = SampleDocument(origin: "a.md", paragraphs: ["alpha words"])
      replacement.title = "Replacement"
      let (there, second) = (moved, replacement)
      try await store.write { transaction throws in
        try document.apply(.created, to: transaction, source: source)
        let chunks = try transaction.chunks(of: document.id)
        try there.apply(.renamed, to: transaction, source: source)
        try expectEqual(try transaction.chunks(of: document.id), chunks, "a rename keeps the chunks")
        try second.apply(.created, to: transaction, source: source)
        try there.apply(.renamed, to: transaction, source: other)
      }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.liveDocument(source: source, origin: "a.md")?.id, second.id)
        try expectEqual(try snapshot.liveDocument(source: other, origin: "b/a.md")?.id, document.id)
        try expectEqual(try snapshot.liveDocument(source: source, origin: "b/a.md"), nil)
        try expectEqual(try snapshot.document(document.id)?.sourceName, "other")
        let keys = document.passages.map(\.key)
        let numbers = try snapshot.passages(keys: keys)
        let shared = try numbers[keys[0]].map { try snapshot.occurrences(of: [$0], filter: nil)[$0] ?? [] } ?? []
        try expectEqual(shared.map(\.document), [second.id, document.id], "where the shared passage stands")
      }
      try await store.write { transaction throws in
        try there.apply(.deleted, to: transaction, source: other, reason: .outOfScope)
        try expectEqual(try transaction.deletedDocument(source: other, origin: "b/a.md")?.id, document.id)
        try expectEqual(try transaction.chunks(of: document.id), [])
        try there.apply(.restored, to: transaction, source: other)
        try expectEqual(try transaction.deletedDocument(source: other, origin: "b/a.md"), nil)
        try expectEqual(try transaction.chunks(of: document.id).map(\.id), there.chunks(passages: [1, 2]).map(\.id))
      }
    }
  }

  private func keepsContents() async throws {
    try await withStore { store, source in
      let document = SampleDocument(
        origin: "a.md",
        paragraphs: ["alpha", String(repeating: "long ", count: 4_000)],
        metadata: ["deep": ["list", ["nested": [1, 2.5, true, nil, -0.0, "é\u{0}\u{1F}\n\"\\"]]], "": 1, "none": nil]
      )
      var bare = SampleDocument(origin: "b.md", paragraphs: ["content that is not kept"])
      bare.keepsContent = false
      var copy = document
      copy.id = .random()
      copy.origin = "copy.md"
      let (hashOnly, second) = (bare, copy)
      try await store.write { transaction throws in
        try document.apply(.created, to: transaction, source: source)
        try hashOnly.apply(.created, to: transaction, source: source)
        try second.apply(.created, to: transaction, source: source)
      }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.content(document.contentHash), document.content)
        try expectEqual(try snapshot.content(hashOnly.contentHash), nil)
        try expectEqual(try snapshot.content(.zero), nil)
        let rendition = try snapshot.rendition(of: document.contentHash, parser: "sample/1")
        try expectEqual(rendition?.markdown, document.content)
        try expectEqual(rendition?.metadata, document.metadata)
        try expectEqual(rendition?.blocks.count, 1)
        try expectEqual(
          try snapshot.rendition(of: hashOnly.contentHash, parser: "sample/1")?.markdown,
          hashOnly.content
        )
        try expectEqual(try snapshot.rendition(of: document.contentHash, parser: "other"), nil)
        try expectEqual(try snapshot.document(document.id)?.metadata, document.metadata)
      }
      let deep = (0..<100).reduce(JSONValue.null) { value, _ in [value] }
      var tooDeep = SampleDocument(origin: "deep.md", paragraphs: ["x"])
      tooDeep.metadata = ["deep": deep]
      let refused = tooDeep
      try await expectError("metadata of 100 levels", isFreshet(.storeFailed)) {
        try await store.write { try refused.apply(.created, to: $0, source: source) }
      }
    }
  }

  private func touches() async throws {
    try await withStore { store, source in
      let document = SampleDocument(origin: "a.md", paragraphs: ["alpha"])
      _ = try await store.write { try document.apply(.created, to: $0, source: source) }
      let before = try await store.read(.everything) { $0.head }
      let stale = try await store.read(.everything) { try $0.itemPaths(of: source, pipelineOtherThan: "pipeline/2") }
      try expectEqual(stale, [Array("a.md".utf8)])
      try await store.write { try $0.touch(document: document.id, pipeline: "pipeline/2") }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(snapshot.head, before, "touching is no change")
        try expectEqual(try snapshot.itemPaths(of: source, pipelineOtherThan: "pipeline/2"), [])
        try expectEqual(try snapshot.document(document.id)?.pipeline, "pipeline/2")
      }
      try await expectError("touching a document that does not exist", isFreshet(.storeFailed)) {
        try await store.write { try $0.touch(document: .random(), pipeline: "p") }
      }
    }
  }

  private func notesTouchedFiles() async throws {
    try await withStore { store, source in
      var document = SampleDocument(origin: "a.md", paragraphs: ["alpha"], metadata: ["team": "ops"])
      document.metadata["modified"] = .string(document.modified.description)
      let written = document.modified
      _ = try await store.write { [document] in try document.apply(.created, to: $0, source: source) }
      let before = try await store.read(.everything) { $0.head }
      let id = document.id
      let touched = Timestamp(nanoseconds: written.nanoseconds + 86_400_123_456_789)
      func expectModified(_ time: Timestamp, _ what: String) async throws {
        try await store.read(.everything) { snapshot throws in
          let record = try snapshot.document(id)
          try expectEqual(record?.fileModified, time, what)
          try expectEqual(record?.metadata["modified"], .string(time.description), what)
          try expectEqual(record?.metadata["team"], "ops", what)
          for (other, count) in [(written, time == written ? 1 : 0), (time, 1)] {
            var query = DocumentQuery()
            query.filter = .metadata("modified", equals: .string(other.description))
            try expectEqual(try snapshot.documents(query).count, count, what)
          }
        }
      }
      for time in [touched, written, touched] {
        try await store.write { try $0.touch(document: id, fileModified: time) }
        try await expectModified(time, "touched")
      }
      try expectEqual(try await store.read(.everything) { $0.head }, before, "touching is no change")
      try expectEqual(
        try await store.read(.everything) { try $0.versions(of: id).map(\.fileModified) },
        [written],
        "a version keeps what was true when it was made"
      )
      // An edition that repeats what is noted keeps it; a version says its own.
      document.metadata["modified"] = .string(touched.description)
      _ = try await store.write { [document] in try document.apply(.metadata, to: $0, source: source) }
      try await expectModified(touched, "other metadata")
      document.paragraphs = ["beta"]
      document.metadata["modified"] = .string(written.description)
      _ = try await store.write { [document] in try document.apply(.modified, to: $0, source: source) }
      try await expectModified(written, "a version")
      try await store.write { try $0.touch(document: id, fileModified: touched) }
      document.metadata["modified"] = "of the source"
      _ = try await store.write { [document] in try document.apply(.metadata, to: $0, source: source) }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.document(id)?.metadata["modified"], "of the source")
      }
      try await expectError("touching a document that does not exist", isFreshet(.storeFailed)) {
        try await store.write { try $0.touch(document: .random(), fileModified: written) }
      }
    }
  }

  private func derivesCategories() async throws {
    try await withStore { store, source in
      let expected = [
        "a.md": "", "b/c.md": "b", "j.jsonl!/1": "", "j.jsonl!/x/y": "", "b/d/j.jsonl!/1": "b/d", "k!.md": "",
        "m!x/n.md": "m!x",
      ]
      for origin in expected.keys {
        let document = SampleDocument(origin: origin, paragraphs: [origin])
        _ = try await store.write { try document.apply(.created, to: $0, source: source) }
      }
      for category in Set(expected.values) {
        var query = DocumentQuery()
        query.filter = .metadata("category", equals: .string(category))
        let asked = query
        let found = try await store.read(.everything) { try $0.documents(asked).map(\.origin) }
        try expectEqual(Set(found), Set(expected.filter { $0.value == category }.keys), "category '\(category)'")
      }
    }
  }

  private func findsDocuments() async throws {
    try await withStore { store, source in
      var random = SeededRandom(seed: seed)
      let documents = (0..<40).map { number in
        SampleDocument(
          id: .random(using: &random),
          origin: "box\(number % 4).jsonl!/\(number)",
          paragraphs: ["text \(number % 10)"]
        )
      }
      try await store.write { transaction throws in
        for document in documents {
          let numbers = try transaction.savePassages(document.passages)
          var change = try document.change(.created, source: source, run: SampleDocument.run, passages: numbers)
          change.itemPath = Array(document.origin.prefix { $0 != "!" }.utf8)
          _ = try transaction.apply(change)
        }
      }
      try await store.read(.everything) { snapshot throws in
        let inBox = try snapshot.liveDocuments(source: source, itemPath: Array("box1.jsonl".utf8))
        try expectEqual(inBox.count, 10)
        try expectEqual(inBox.map(\.origin), inBox.map(\.origin).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        try expectEqual(try snapshot.liveDocuments(contentHash: documents[3].contentHash).count, 4)
        for document in documents {
          let text = document.id.description
          try expectEqual(try snapshot.documents(idPrefix: text, limit: 5).map(\.id), [document.id])
          try expectEqual(
            try snapshot.documents(idPrefix: String(text.prefix(3)), limit: 50).map(\.id),
            documents.map(\.id).filter { $0.description.hasPrefix(text.prefix(3)) }.sorted()
          )
        }
        try expectEqual(try snapshot.documents(idPrefix: "", limit: 7).count, 7)
        try expectEqual(try snapshot.documents(idPrefix: "xyz", limit: 7), [])
        try expectEqual(try snapshot.documents(idPrefix: "%", limit: 7), [])
        try expectEqual(try snapshot.document(.random()), nil)
      }
    }
  }

  private func listsDocuments() async throws {
    try await withStore { store, source in
      var random = SeededRandom(seed: seed)
      var documents: [SampleDocument] = []
      for number in 0..<30 {
        var document = SampleDocument(
          origin: "d\(number % 3)/\(String(UInt8.random(in: 65...90, using: &random)))-\(number).md",
          paragraphs: [String(repeating: "word ", count: Int.random(in: 1...9, using: &random))],
          metadata: ["type": number.isMultiple(of: 2) ? "markdown" : "html", "number": .integer(Int64(number))]
        )
        document.modified = Timestamp(seconds: Int64.random(in: 0...1_000_000, using: &random))
        documents.append(document)
      }
      let all = documents
      try await store.write { transaction throws in
        for document in all { try document.apply(.created, to: transaction, source: source) }
        for document in all.prefix(5) { try document.apply(.deleted, to: transaction, source: source) }
      }
      try await store.read(.everything) { snapshot throws in
        for order in DocumentQuery.Order.allCases {
          var query = DocumentQuery()
          query.order = order
          let whole = try snapshot.documents(query)
          try expectEqual(whole.count, 25, "live documents by \(order)")
          var pages: [DocumentRecord] = []
          query.limit = 4
          repeat {
            query.offset = pages.count
            pages += try snapshot.documents(query)
          } while pages.count.isMultiple(of: 4) && pages.count < 25
          try expectEqual(pages.map(\.id), whole.map(\.id), "pages by \(order)")
        }
        var query = DocumentQuery()
        query.order = .size
        query.descending = true
        let sizes = try snapshot.documents(query).map(\.size)
        try expectEqual(sizes, sizes.sorted(by: >))
        query = DocumentQuery()
        query.type = "html"
        query.state = nil
        try expectEqual(try snapshot.documents(query).count, 15)
        query.state = .deleted
        try expectEqual(try snapshot.documents(query).count, 2)
        query = DocumentQuery()
        query.filter = .field("number", .less, 10)
        try expectEqual(try snapshot.documents(query).count, 5)
        query.state = nil
        try expectEqual(try snapshot.documents(query).count, 10)
        query.source = "nowhere"
        try expectEqual(try snapshot.documents(query).count, 0)
      }
    }
  }
}

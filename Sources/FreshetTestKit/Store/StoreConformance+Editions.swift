import FreshetModel
import FreshetSystem

extension StoreConformance {
  static let editions: [Check] = [
    Check("the chunks of every version can be read as they were") { try await $0.keepsEditions() },
    Check("a document is found by the origins that it had") { try await $0.findsFormerOrigins() },
    Check("it can be asked which contents are kept") { try await $0.tellsKeptContents() },
    Check("an annotation stays with its document until it is removed") { try await $0.keepsAnnotations() },
  ]

  private func keepsEditions() async throws {
    try await withStore { store, source in
      let first = SampleDocument(origin: "a.md", paragraphs: ["one", "two", "two"], metadata: ["team": "ops"])
      var second = first
      second.paragraphs = ["two", "zero", "one"]
      second.title = "Other"
      var third = second
      third.metadata = ["team": "sales"]
      let (two, three) = (second, third)
      _ = try await store.write { try first.apply(.created, to: $0, source: source) }
      _ = try await store.write { try two.apply(.modified, to: $0, source: source) }
      _ = try await store.write { try three.apply(.metadata, to: $0, source: source) }
      _ = try await store.write { try three.apply(.deleted, to: $0, source: source) }
      _ = try await store.write { try first.apply(.restored, to: $0, source: source) }
      try await store.read(.everything) { snapshot throws in
        func texts(_ version: Int) throws -> [String]? {
          guard let edition = try snapshot.edition(of: first.id, version: version) else { return nil }
          try expectEqual(edition.version, version)
          try expectEqual(edition.parser, first.parser)
          return try snapshot.passages(edition.chunks.map(\.passage)).map(\.body)
        }
        try expectEqual(try texts(1), ["one", "two", "two"])
        try expectEqual(try texts(2), ["two", "zero", "one"])
        try expectEqual(try texts(3), nil, "a deletion has no edition")
        try expectEqual(try texts(4), ["one", "two", "two"])
        try expectEqual(try texts(5), nil)
        let edition = try snapshot.edition(of: first.id, version: 2)
        try expectEqual(edition?.metadata, ["team": "sales"], "the newest edition of the version")
        try expectEqual(edition?.title, "Other")
        let (old, new) = (
          try snapshot.edition(of: first.id, version: 1), try snapshot.edition(of: first.id, version: 4)
        )
        try expectEqual(old?.chunks, new?.chunks, "what came back is the same chunks at the same places")
        try expectEqual(try snapshot.edition(of: .random(), version: 1), nil)
        let past = try snapshot.asOf(2)
        try expectEqual(try past.edition(of: first.id, version: 2)?.title, "Other")
        try expectEqual(try past.edition(of: first.id, version: 2)?.metadata, ["team": "ops"], "as it was then")
        try expectEqual(try past.edition(of: first.id, version: 4), nil)
      }
    }
  }

  private func findsFormerOrigins() async throws {
    try await withStore { store, source in
      let first = SampleDocument(origin: "a.md", paragraphs: ["one"])
      var moved = first
      moved.origin = "b.md"
      let second = SampleDocument(origin: "a.md", paragraphs: ["two"])
      let renamed = moved
      _ = try await store.write { try first.apply(.created, to: $0, source: source) }
      _ = try await store.write { try renamed.apply(.renamed, to: $0, source: source) }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.documents(formerlyAt: "a.md", limit: 5).map(\.origin), ["b.md"])
        try expectEqual(try snapshot.documents(formerlyAt: "c.md", limit: 5).map(\.id), [])
      }
      _ = try await store.write { try second.apply(.created, to: $0, source: source) }
      _ = try await store.write { try second.apply(.deleted, to: $0, source: source) }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.documents(formerlyAt: "a.md", limit: 5).map(\.id), [second.id, first.id])
        try expectEqual(try snapshot.documents(formerlyAt: "a.md", limit: 1).map(\.id), [second.id])
        let past = try snapshot.asOf(2)
        try expectEqual(try past.documents(formerlyAt: "a.md", limit: 5).map(\.id), [first.id])
        try expectEqual(try past.documents(formerlyAt: "a.md", limit: 5).map(\.origin), ["b.md"])
      }
    }
  }

  private func tellsKeptContents() async throws {
    try await withStore { store, source in
      let kept = SampleDocument(origin: "a.md", paragraphs: ["one"])
      var other = SampleDocument(origin: "b.md", paragraphs: ["two"])
      other.keepsContent = false
      let left = other
      _ = try await store.write { transaction in
        try kept.apply(.created, to: transaction, source: source)
        try left.apply(.created, to: transaction, source: source)
      }
      let found = try await store.read(.everything) {
        try $0.keptContents(among: [kept.contentHash, left.contentHash, .zero])
      }
      try expectEqual(found, [kept.contentHash])
    }
  }

  private func keepsAnnotations() async throws {
    try await withStore { store, source in
      let document = SampleDocument(origin: "a.md", paragraphs: ["one"])
      let said: Metadata = ["team": "ops", "level": 3, "tags": ["a", "b"]]
      _ = try await store.write { transaction in
        try document.apply(.created, to: transaction, source: source)
        try expectEqual(try transaction.annotation(of: document.id), [:])
        try transaction.annotate(document.id, with: ["team": "sales"])
        try transaction.annotate(document.id, with: said)
      }
      _ = try await store.write { try document.apply(.deleted, to: $0, source: source) }
      try await store.read(.everything) { snapshot throws in
        try expectEqual(try snapshot.annotation(of: document.id), said)
        try expectEqual(try snapshot.annotation(of: .random()), [:])
      }
      _ = try await store.write { try $0.annotate(document.id, with: [:]) }
      try expectEqual(try await store.read(.everything) { try $0.annotation(of: document.id) }, [:])
    }
  }
}

import FreshetModel
import FreshetStore
import FreshetSystem
import FreshetTestKit
import Testing

@Suite struct SmokeTests {
  @Test func aDocumentGoesInAndIsFound() async throws {
    let directory = try TemporaryDirectory()
    let store = try SQLiteStore.open(at: directory.file("c.sqlite"), mode: .readWrite(create: true))
    let id = DocumentID.random()
    let record = try await store.write { transaction in
      let source = try transaction.registerSource(name: "docs", location: "/docs")
      let passages = try transaction.savePassages([
        PassageDraft(
          key: SHA256.digest(of: PassageText.keyBytes(heading: ["A"], body: "hello max_delete_ratio")),
          heading: ["A"],
          body: "hello max_delete_ratio",
          tokens: 2
        )
      ])
      let content = Array("# A\n\nhello max_delete_ratio".utf8)
      return try transaction.apply(
        DocumentChange(
          kind: .created,
          document: id,
          source: source.id,
          itemPath: Array("a.md".utf8),
          origin: "a.md",
          run: .random(),
          version: .init(
            contentHash: SHA256.digest(of: content),
            size: Int64(content.count),
            content: .compressed(content),
            fileModified: .epoch,
            actor: "me",
            owner: nil
          ),
          edition: .init(
            parser: "p",
            markdown: nil,
            markdownIsContent: true,
            map: [Block]().encoded,
            statedTitle: "A",
            statedMetadata: [:],
            title: "A",
            metadata: ["team": "ops", "tags": ["a", "b"]],
            pipeline: "x",
            chunks: [ChunkRecord(id: .random(), passage: passages[0], start: 0, end: 5)]
          )
        )
      )
    }
    #expect(record.sequence == 1)
    try await store.read(.everything) { snapshot throws in
      #expect(try snapshot.document(id)?.metadata["team"] == "ops")
      #expect(try snapshot.keywordMatches("delete", limit: 5, members: nil).count == 1)
      #expect(try snapshot.passages(matching: .metadata("tags", equals: "b")).count == 1)
      #expect(try snapshot.rendition(of: record.contentHash, parser: "p")?.markdown.count == 27)
      #expect(try snapshot.occurrences(of: [1], filter: nil).count == 1)
      #expect(try snapshot.documents(DocumentQuery()).count == 1)
      #expect(try snapshot.changes(after: 0, limit: 10) == [record])
      #expect(try snapshot.counts().keywordRows == 1)
    }
    try await store.read(.everything) { snapshot throws in #expect(try snapshot.problems(checkingContents: true) == [])
    }
    try await store.write { snapshot throws in #expect(try snapshot.problems(checkingContents: true) == []) }
    await store.close()
  }
}

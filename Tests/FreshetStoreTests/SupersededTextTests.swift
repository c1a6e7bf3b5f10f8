import FreshetModel
import FreshetStore
import FreshetTestKit
import Testing

/// Texts that an earlier Freshet kept of superseded versions whose content is not kept.
@Suite struct SupersededTextTests {
  /// A store of three hash-only versions as an earlier Freshet left it: with the texts of all.
  private func makeStore(at path: String) async throws -> (store: SQLiteStore, documents: [SampleDocument]) {
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    var document = SampleDocument(origin: "a.md", paragraphs: ["alpha one", "beta"])
    document.keepsContent = false
    let source = try await store.write { try $0.registerSource(name: "docs", location: "/docs").id }
    var documents: [SampleDocument] = []
    for number in 1...3 {
      document.paragraphs[0] = "alpha \(number)"
      let next = document
      _ = try await store.write { try next.apply(number == 1 ? .created : .modified, to: $0, source: source) }
      documents.append(next)
      // The row as it was, to be put back under the later ones.
      let raw = try RawDatabase(path)
      try raw.execute(
        """
        ATTACH '\(path)-rows' AS rows;
        CREATE TABLE IF NOT EXISTS rows.rendition AS SELECT * FROM main.rendition WHERE false;
        INSERT INTO rows.rendition SELECT * FROM main.rendition WHERE markdown IS NOT NULL;
        """
      )
    }
    await store.close()
    let raw = try RawDatabase(path)
    try raw.execute(
      """
      PRAGMA foreign_keys = OFF; ATTACH '\(path)-rows' AS rows; BEGIN;
      DELETE FROM main.rendition;
      INSERT INTO main.rendition SELECT * FROM rows.rendition;
      COMMIT;
      """
    )
    return (try SQLiteStore.open(at: path, mode: .readWrite(create: false)), documents)
  }

  /// Puts the seal of the renditions to what it was when nothing was withdrawn: the sum of the checksums' first bytes.
  private func sealRenditions(at path: String) throws {
    let raw = try RawDatabase(path)
    let sums = try raw.texts("SELECT hex(substr(checksum, 1, 8)) FROM rendition")
    let sum = sums.reduce(Int64(0)) { $0 &+ Int64(bitPattern: UInt64($1, radix: 16) ?? 0) }
    try raw.execute("UPDATE seal SET sum = \(sum) WHERE name = 'rendition'")
  }

  @Test func garbageCollectionWithdrawsThem() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    let (store, documents) = try await makeStore(at: path)
    try sealRenditions(at: path)
    try await store.read(.everything) { snapshot throws in
      #expect(try snapshot.problems(checkingContents: true) == [])
      #expect(try snapshot.hasSupersededTexts())
      for document in documents {
        #expect(try snapshot.rendition(of: document.contentHash, parser: document.parser)?.markdown == document.content)
      }
    }
    let forecast = try await store.read(.everything) { try $0.reclaimable(collecting: [], withoutChunks: true).amounts }
    #expect(forecast.texts == 2 && forecast.bytes > 20 && forecast.renditions == 0)
    var amounts = ReclaimedAmounts()
    for (step, isLast) in [false, false, true].enumerated() {
      let swept = try await store.write { try $0.sweep(.supersededTexts, limit: 1) }
      #expect(swept.isDone == isLast, "step \(step)")
      amounts += swept.amounts
      #expect(try await store.read(.everything) { try $0.problems(checkingContents: true) } == [], "step \(step)")
    }
    #expect(amounts == forecast)
    try await store.read(.everything) { snapshot throws in
      #expect(try !snapshot.hasSupersededTexts())
      for document in documents.dropLast() {
        #expect(try snapshot.rendition(of: document.contentHash, parser: document.parser) == nil)
      }
      let last = documents[2]
      #expect(try snapshot.rendition(of: last.contentHash, parser: last.parser)?.markdown == last.content)
      #expect(try snapshot.asOf(1).keywordMatches("alpha", limit: 9, members: nil).count == 1)
    }
    await store.close()
  }
}

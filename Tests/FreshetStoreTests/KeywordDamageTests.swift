import FreshetModel
import FreshetStore
import FreshetTestKit
import Testing

/// A keyword index that no longer finds what it holds: `problems` must notice it, and the index can be built anew.
@Suite struct KeywordDamageTests {
  private static let documents = 120
  private static let seed: UInt64 = 0xF75

  /// A word that only a document of that number has.
  private static func word(_ number: Int) -> String { "w\(number * 7_919 % 100_000)x" }

  /// A keyword index of several pages and segments.
  private func makeStore(at path: String) async throws {
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    var random = SeededRandom(seed: Self.seed)
    for batch in 0..<4 {
      let texts = (0..<Self.documents / 4).map { number in
        let words = (0..<80).map { _ in "v\(UInt64.random(in: 0..<5_000, using: &random))y" }
        return Self.word(batch * Self.documents / 4 + number) + " common " + words.joined(separator: " ")
      }
      try await store.write { transaction throws in
        let source = try transaction.registerSource(name: "docs", location: "/docs").id
        for (number, text) in texts.enumerated() {
          let document = SampleDocument(origin: "\(batch)/\(number).md", paragraphs: [text])
          try document.apply(.created, to: transaction, source: source)
        }
      }
    }
    await store.close()
  }

  private func problems(_ store: SQLiteStore) async throws -> [IntegrityProblem] {
    try await store.read(.everything) { try $0.problems(checkingContents: false) }
  }

  @Test(arguments: [
    "DELETE FROM live_fts_idx", "DELETE FROM live_fts_idx WHERE segid = (SELECT max(segid) FROM live_fts_idx)",
    "DELETE FROM live_fts_idx WHERE (segid, term) IN (SELECT segid, term FROM live_fts_idx ORDER BY pgno DESC LIMIT 1)",
    "UPDATE live_fts_idx SET term = CAST('0zzz' AS BLOB) WHERE (segid, term) IN "
      + "(SELECT segid, term FROM live_fts_idx ORDER BY pgno DESC LIMIT 1)",
    "UPDATE live_fts_data SET block = x'7f7f7f' WHERE id = 1", "DELETE FROM live_fts_data WHERE id = 1",
    "DELETE FROM live_fts_data WHERE id = 10", "UPDATE live_fts_data SET block = zeroblob(8) WHERE id = 10",
    "UPDATE live_fts_config SET v = 3 WHERE k = 'version'", "DELETE FROM live_fts_config WHERE k = 'rank'",
    "DELETE FROM live_fts_docsize WHERE id = 5", "UPDATE live_fts_docsize SET sz = x'0101' WHERE id = 5",
    "DELETE FROM live_fts_data WHERE id > 1000",
  ])
  func whatASearchWouldNotFindIsNoticedAndTheIndexIsBuiltAnew(damage: String) async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    try await makeStore(at: path)
    do {
      let raw = try RawDatabase(path)
      #expect(try raw.texts("SELECT count(*) FROM live_fts_idx").first.flatMap { Int($0) } ?? 0 > 8)
      try raw.execute(damage)
      #expect(raw.changes >= 1)
    }
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: false))
    let found = try await problems(store)
    #expect(!found.isEmpty && found.allSatisfy { $0.code == "keyword_index" }, "\(found) (seed \(Self.seed))")
    #expect(found.first?.message.contains("`freshet reindex`") == true)
    let mended = try await store.write { try $0.mendKeywordIndex() }
    #expect(!mended.isEmpty)
    #expect(try await problems(store) == [])
    for number in 0..<Self.documents {
      let hits = try await store.read(.everything) {
        try $0.keywordMatches(Self.word(number), limit: 5, members: nil).count
      }
      #expect(hits == 1, "\(Self.word(number)) (seed \(Self.seed))")
    }
    #expect(try await store.write { try $0.mendKeywordIndex() } == [], "nothing is left to mend")
    await store.close()
  }

  @Test func listsThatWereReadFromADamagedIndexAreNotKept() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    try await makeStore(at: path)
    try RawDatabase(path).execute("DELETE FROM live_fts_idx")
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: false))
    func hits() async throws -> Int {
      try await store.read(.everything) { snapshot in
        try (0..<Self.documents).count { try !snapshot.keywordMatches(Self.word($0), limit: 1, members: nil).isEmpty }
      }
    }
    #expect(try await hits() < Self.documents)
    _ = try await store.write { try $0.mendKeywordIndex() }
    #expect(try await hits() == Self.documents)
    await store.close()
  }

  @Test func anEmptyIndexIsWhole() async throws {
    let directory = try TemporaryDirectory()
    let store = try SQLiteStore.open(at: directory.file("c.sqlite"), mode: .readWrite(create: true))
    #expect(try await problems(store) == [])
    #expect(try await store.write { try $0.mendKeywordIndex() } == [])
    await store.close()
  }
}

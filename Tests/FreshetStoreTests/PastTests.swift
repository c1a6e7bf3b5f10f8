import FreshetModel
import FreshetStore
import FreshetTestKit
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What the past needs of the SQLite store beside what every store must do.
@Suite struct PastTests {
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func makeStore() async throws -> SQLiteStore {
    let store = try SQLiteStore.open(at: directory.file("store.sqlite"), mode: .readWrite(create: true))
    try await store.write { transaction throws in
      let source = try transaction.registerSource(name: "docs", location: "/docs").id
      for number in 1...6 {
        let document = SampleDocument(origin: "\(number).md", paragraphs: ["water number \(number)"])
        try document.apply(.created, to: transaction, source: source)
        if number % 2 == 0 { try document.apply(.deleted, to: transaction, source: source) }
      }
    }
    return store
  }

  @Test func aMomentBeforeTheHistoryThatIsKeptIsRefused() async throws {
    await (try makeStore()).close()
    try RawDatabase(directory.file("store.sqlite")).execute("UPDATE head SET history_floor = 4")
    let store = try SQLiteStore.open(at: directory.file("store.sqlite"), mode: .readOnly)
    for moment in ["3", "0", "2001-01-01", "3000d"] {
      let error = await #expect(throws: FreshetError.self) {
        try await store.read(.everything) { snapshot in
          _ = try Moment(moment).sequence(in: snapshot, now: Timestamp("2027-01-01") ?? .epoch)
        }
      }
      #expect(error?.code == .historyPruned && error?.message.contains("is kept from change 4 (20") == true)
    }
    let error = await #expect(throws: FreshetError.self) { try await store.read(.everything) { _ = try $0.asOf(3) } }
    #expect(error?.code == .historyPruned)
    #expect(try await store.read(.everything) { try $0.asOf(4).head.sequence } == 4)
    await store.close()
  }

  @Test func whatIsKeptBetweenSearchesHoldsAfterFurtherChanges() async throws {
    let store = try await makeStore()
    @Sendable func ask(_ snapshot: any StoreSnapshot) throws -> [PassageID] {
      let past = try snapshot.asOf(3)
      return try past.keywordMatches("water", limit: 9, members: past.passages(matching: .exists("origin"))).map(
        \.passage
      )
    }
    let before = try await store.read(.everything) { try ask($0) }
    #expect(before.count == 1)
    for number in 7...9 {
      try await store.write { transaction throws in
        let source = try transaction.sources()[0].id
        let document = try transaction.documents(DocumentQuery())[0]
        var sample = SampleDocument(id: document.id, origin: document.origin, paragraphs: ["stone \(number)"])
        sample.modified = Timestamp(seconds: Int64(number))
        try sample.apply(.modified, to: transaction, source: source)
      }
      #expect(try await store.read(.everything) { try ask($0) } == before)
    }
    await store.close()
  }

  @Test func noSharedMemoryIsNeeded() async throws {
    await (try makeStore()).close()
    let path = directory.file("store.sqlite")
    // SQLite follows no link in the place of its shared memory.
    #expect(symlink("/nowhere/shared", path + "-shm") == 0)
    let store = try SQLiteStore.open(at: path, mode: .readOnly, writerLock: directory.file("lock"))
    for _ in 0..<2 {
      try await store.read(.everything) { snapshot throws in
        let past = try snapshot.asOf(4)
        #expect(try past.keywordMatches("water", limit: 9, members: nil).count == 2)
        #expect(try past.passages(matching: .metadata("origin", equals: "3.md")).count == 1)
        #expect(try past.documents(DocumentQuery()).map(\.origin) == ["1.md", "3.md"])
      }
    }
    await store.close()
  }
}

import FreshetModel
import FreshetStore
import FreshetSystem
import FreshetTestKit
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct SQLiteStoreTests {
  private func code(_ body: () async throws -> Void) async -> FreshetError.Code? {
    do {
      try await body()
      return nil
    } catch { return (error as? FreshetError)?.code }
  }

  @Test func whatWasWrittenIsThereWhenOpenedAgain() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    let document = SampleDocument(origin: "a.md", paragraphs: ["persistent words"])
    let head = try await {
      let store = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
      _ = try await store.write { transaction throws in
        let source = try transaction.registerSource(name: "docs", location: "/docs")
        try document.apply(.created, to: transaction, source: source.id)
      }
      let head = try await store.read(.everything) { $0.head }
      await store.close()
      return head
    }()
    let store = try SQLiteStore.open(at: path, mode: .readWrite(create: false))
    try await store.read(.everything) { snapshot throws in
      #expect(snapshot.head == head)
      #expect(try snapshot.keywordMatches("persistent", limit: 1, members: nil).count == 1)
      #expect(try snapshot.problems(checkingContents: true) == [])
    }
    await store.close()
  }

  @Test func openingWhatIsNotThereOrNotOursIsRefused() async throws {
    let directory = try TemporaryDirectory()
    #expect(
      await code { _ = try SQLiteStore.open(at: directory.file("no"), mode: .readWrite(create: false)) }
        == .noCollection
    )
    #expect(await code { _ = try SQLiteStore.open(at: directory.file("no"), mode: .readOnly) } == .noCollection)
    #expect(
      await code { _ = try SQLiteStore.open(at: directory.file("no/no"), mode: .readWrite(create: true)) }
        == .storeFailed
    )
    // What is left of one whose making was cut off.
    let begun = directory.file("begun.sqlite")
    try RawDatabase(begun).execute("PRAGMA journal_mode = WAL")
    #expect(await code { _ = try SQLiteStore.open(at: begun, mode: .readOnly) } == .noCollection)
    let foreign = directory.file("foreign.sqlite")
    try RawDatabase(foreign).execute("CREATE TABLE theirs(x)")
    #expect(await code { _ = try SQLiteStore.open(at: foreign, mode: .readWrite(create: true)) } == .storeFailed)
    #expect(try RawDatabase(foreign).texts("SELECT name FROM sqlite_schema") == ["theirs"])
    let garbage = directory.file("garbage.sqlite")
    let file = open(garbage, O_WRONLY | O_CREAT, 0o600)
    let bytes = [UInt8](repeating: 0x41, count: 10_000)
    #expect(write(file, bytes, bytes.count) == bytes.count)
    close(file)
    #expect(await code { _ = try SQLiteStore.open(at: garbage, mode: .readWrite(create: true)) } == .storeDamaged)
  }

  @Test func aDatabaseOfANewerVersionIsRefusedWithASentence() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    try await SQLiteStore.open(at: path, mode: .readWrite(create: true)).close()
    try RawDatabase(path).execute("PRAGMA user_version = 999")
    do {
      _ = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
      Issue.record("a newer database was opened")
    } catch let error as FreshetError {
      #expect(error.message.contains("newer"))
    }
  }

  @Test func theDatabaseHasThePragmasThatItsPromisesNeed() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    try await SQLiteStore.open(at: path, mode: .readWrite(create: true)).close()
    let raw = try RawDatabase(path)
    #expect(try raw.texts("PRAGMA journal_mode") == ["wal"])
    #expect(try raw.texts("PRAGMA page_size") == ["8192"])
    #expect(try raw.texts("PRAGMA application_id") == ["1179800392"])
  }

  @Test func aReadOnlyStoreFollowsAWriterAndRefusesToWrite() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    let writer = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    let reader = try SQLiteStore.open(at: path, mode: .readOnly)
    for number in 1...5 {
      let document = SampleDocument(origin: "\(number).md", paragraphs: ["text \(number)"])
      _ = try await writer.write { transaction throws in
        let source = try transaction.registerSource(name: "docs", location: "/docs")
        try document.apply(.created, to: transaction, source: source.id)
      }
      let seen = try await reader.read(.everything) { $0.head.sequence }
      #expect(seen == SequenceNumber(number))
    }
    #expect(await code { try await reader.write { try $0.set("a", to: "b") } } == .storeFailed)
    await writer.close()
    // Nothing is left beside the file; a reader still opens it, and leaves it as it is.
    await reader.close()
    let alone = try SQLiteStore.open(at: path, mode: .readOnly)
    #expect(try await alone.read(.everything) { try $0.problems(checkingContents: true) } == [])
    await alone.close()
  }

  @Test func aReaderOpensWhileAWriterIsInsideATransaction() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    let writer = try SQLiteStore.open(at: path, mode: .readWrite(create: true))
    let (inside, enter) = AsyncStream.makeStream(of: Void.self)
    let gate = Gate()
    async let written: Void = writer.write { transaction throws in
      try transaction.set("a", to: "b")
      enter.yield()
      gate.wait()
    }
    defer { gate.open() }
    for await _ in inside { break }
    let reader = try SQLiteStore.open(at: path, mode: .readOnly)
    #expect(try await reader.read(.everything) { try $0.setting("a") } == nil)
    gate.open()
    try await written
    #expect(try await reader.read(.everything) { try $0.setting("a") } == "b")
    await reader.close()
    await writer.close()
  }

  @Test func aSecondWriterWaitsForTheFirstAndNothingIsLost() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("c.sqlite")
    let stores = try (0..<2).map { _ in try SQLiteStore.open(at: path, mode: .readWrite(create: true)) }
    _ = try await stores[0].write { try $0.registerSource(name: "docs", location: "/docs") }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, store) in stores.enumerated() {
        group.addTask {
          for number in 0..<20 {
            let document = SampleDocument(origin: "\(index)-\(number).md", paragraphs: ["text \(number)"])
            _ = try await store.write { try document.apply(.created, to: $0, source: 1) }
          }
        }
      }
      try await group.waitForAll()
    }
    try await stores[1].read(.everything) { snapshot throws in
      #expect(snapshot.head.sequence == 40)
      #expect(try snapshot.problems(checkingContents: true) == [])
    }
    for store in stores { await store.close() }
  }

  @Test func anotherScopeThanEverythingIsRefused() async throws {
    let store = MemoryStore()
    #expect(await code { _ = try await store.read(Scope(name: "team")) { $0.head } } == .invalidArgument)
  }

  @Test func compressedBytesComeBackAndAreBounded() throws {
    var random = SeededRandom(seed: 7)
    for size in [0, 1, 100, 100_000] {
      let text = [UInt8](repeating: 97, count: size)
      let noise = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(try StoredBytes.compressed(text).decompressed() == text)
      #expect(try StoredBytes.compressed(noise).decompressed() == noise)
    }
    #expect(try StoredBytes.compressed([1, 2, 3]).codec == .plain)
    let frame = try Zstandard.compress([UInt8](repeating: 0, count: 1 << 20))
    #expect(throws: FreshetError.self) { try Zstandard.decompress(frame, outputLimit: 1 << 19) }
    #expect(throws: FreshetError.self) { try Zstandard.decompress(Array(frame.dropLast())) }
    #expect(throws: FreshetError.self) { try Zstandard.decompress([1, 2, 3]) }
  }
}

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

/// Reading where SQLite cannot make its shared memory: a link that leads nowhere stands in the place of its file, which
/// SQLite refuses to follow, also for root.
@Suite struct UnsharedReadingTests {
  private let directory: TemporaryDirectory
  private var database: String { directory.file("c.sqlite") }
  private var lock: String { directory.file("lock") }

  init() throws {
    directory = try TemporaryDirectory()
  }

  /// Writes one document in each of so many transactions into a store that stays open.
  private func writer(commits: Int) async throws -> SQLiteStore {
    let store = try SQLiteStore.open(at: directory.file("original.sqlite"), mode: .readWrite(create: true))
    for number in 0..<commits { try await add(number, to: store) }
    return store
  }

  private func add(_ number: Int, to store: SQLiteStore) async throws {
    let document = SampleDocument(origin: "\(number).md", paragraphs: ["persistent words \(number)"])
    _ = try await store.write { transaction throws in
      let source = try transaction.registerSource(name: "docs", location: "/docs")
      try document.apply(.created, to: transaction, source: source.id)
    }
  }

  /// The database as a writer leaves it that dies: its log is full, and the shared memory is gone.
  private func leaveBehind(commits: Int) async throws {
    let store = try await writer(commits: commits)
    for suffix in ["", "-wal"] {
      try FileSystem.replace(database + suffix, with: FileSystem.read(directory.file("original.sqlite") + suffix))
    }
    await store.close()
    try preventSharedMemory()
    _ = try FileLock.acquire(lock)
  }

  private func preventSharedMemory() throws {
    #expect(symlink("/nowhere/shared", database + "-shm") == 0)
  }

  private func open() throws -> SQLiteStore {
    try SQLiteStore.open(at: database, mode: .readOnly, writerLock: lock)
  }

  @Test func commitsThatAreOnlyInTheLogAreSeen() async throws {
    try await leaveBehind(commits: 5)
    let files = try ["", "-wal"].map { try FileSystem.read(database + $0) }
    let names = try FileSystem.names(in: directory.path)
    let store = try open()
    try await store.read(.everything) { snapshot throws in
      #expect(snapshot.head.sequence == 5)
      #expect(try snapshot.keywordMatches("persistent", limit: 10, members: nil).count == 5)
      #expect(try snapshot.problems(checkingContents: true) == [])
    }
    await store.close()
    #expect(try ["", "-wal"].map { try FileSystem.read(database + $0) } == files)
    #expect(try FileSystem.names(in: directory.path) == names)
  }

  @Test func aDatabaseWithoutALogIsRead() async throws {
    let original = try await writer(commits: 2)
    await original.close()
    try FileSystem.move(directory.file("original.sqlite"), to: database)
    try preventSharedMemory()
    // There is no lock file either: nobody ever wrote here.
    let store = try open()
    #expect(try await store.read(.everything) { $0.head.sequence } == 2)
    await store.close()
    // SQLite made an empty log before it saw that it cannot share memory.
    #expect(try FileSystem.read(database + "-wal").isEmpty)
  }

  @Test func aLogThatIsCutAnywhereIsReadToTheSameCommitAsUsually() async throws {
    try await leaveBehind(commits: 4)
    let log = try FileSystem.read(database + "-wal")
    var random = SeededRandom(seed: 11)
    for _ in 0..<12 {
      let length = Int.random(in: 0...log.count, using: &random)
      try FileSystem.replace(database + "-wal", with: Array(log.prefix(length)))
      let unshared = try await sequence(of: database)
      // The usual way, in a copy, since it may change the files.
      let copy = directory.file("copy-\(length).sqlite")
      for suffix in ["", "-wal"] { try FileSystem.replace(copy + suffix, with: FileSystem.read(database + suffix)) }
      #expect(try await sequence(of: copy) == unshared, "the log cut after \(length) bytes")
    }
  }

  /// The sequence that a reader sees; `nil` when there is no collection yet.
  private func sequence(of path: String) async throws -> SequenceNumber? {
    do {
      let store = try SQLiteStore.open(at: path, mode: .readOnly, writerLock: lock)
      let sequence = try await store.read(.everything) { $0.head.sequence }
      await store.close()
      return sequence
    } catch let error as FreshetError where error.message.contains("no collection") {
      return nil
    }
  }

  @Test func writersAreKeptOutForTheLengthOfARead() async throws {
    try await leaveBehind(commits: 1)
    let (store, lock) = (try open(), lock)
    #expect(try FileLock.owner(lock) == nil)
    try await store.read(.everything) { _ throws in
      let error = #expect(throws: FreshetError.self) { _ = try FileLock.acquire(lock) }
      #expect(error?.code == .locked && error?.message.contains("reads") == true)
      #expect(try FileLock.owner(lock) == nil)
    }
    _ = try FileLock.acquire(lock)
    await store.close()
  }

  @Test func aWriterWaitsForAReadThatKeepsItOut() async throws {
    try await leaveBehind(commits: 1)
    let (store, lock) = (try open(), lock)
    let (inside, enter) = AsyncStream.makeStream(of: Void.self)
    let gate = Gate()
    async let sequence = store.read(.everything) { snapshot in
      enter.yield()
      gate.wait()
      return snapshot.head.sequence
    }
    for await _ in inside { break }
    async let acquired = FileLock.acquire(lock, timeout: .zero)
    gate.open()
    #expect(try await sequence == 1)
    _ = try await acquired
    await store.close()
  }

  @Test func readsGoOnBesideEachOther() async throws {
    try await leaveBehind(commits: 3)
    let store = try open()
    let seen = try await withThrowingTaskGroup(of: SequenceNumber.self) { group in
      for _ in 0..<8 { group.addTask { try await store.read(.everything) { $0.head.sequence } } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(seen == Array(repeating: 3, count: 8))
    await store.close()
  }

  @Test func aStoreThatStaysOpenFollowsTheNextWriter() async throws {
    try await leaveBehind(commits: 2)
    let reader = try open()
    #expect(try await reader.read(.everything) { $0.head.sequence } == 2)
    // The disk has room again.
    try FileSystem.remove(database + "-shm")
    let held = try FileLock.acquire(lock)
    let writer = try SQLiteStore.open(at: database, mode: .readWrite(create: false))
    try await add(10, to: writer)
    #expect(try await reader.read(.everything) { $0.head.sequence } == 3)
    try await add(11, to: writer)
    #expect(try await reader.read(.everything) { $0.head.sequence } == 4)
    await writer.close()
    await reader.close()
    withExtendedLifetime(held) {}
  }

  @Test func withoutTheWritersLockAReaderThatCannotShareFails() async throws {
    try await leaveBehind(commits: 1)
    #expect(throws: FreshetError.self) { try SQLiteStore.open(at: database, mode: .readOnly) }
  }

  @Test func aReadBesideTheFirstWriterIsNotTrusted() async throws {
    try await leaveBehind(commits: 1)
    try FileSystem.remove(lock)
    let (store, lock) = (try open(), lock)
    let error = await #expect(throws: FreshetError.self) {
      try await store.read(.everything) { _ in _ = try FileLock.acquire(lock) }
    }
    #expect(error?.code == .locked)
    await store.close()
  }

  @Test func theLastToCloseLeavesNothingBesideTheDatabase() async throws {
    let store = try await writer(commits: 2)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { _ = try await store.read(.everything) { $0.head } } }
      try await group.waitForAll()
    }
    await store.close()
    #expect(try FileSystem.names(in: directory.path) == [Array("original.sqlite".utf8)])
  }

  @Test func aWriterThatCannotMakeSharedMemoryLeavesTheLogAsItIs() async throws {
    try await leaveBehind(commits: 3)
    let log = try FileSystem.read(database + "-wal")
    #expect(throws: FreshetError.self) { try SQLiteStore.open(at: database, mode: .readWrite(create: false)) }
    #expect(try FileSystem.read(database + "-wal") == log)
    try FileSystem.remove(database + "-shm")
    let store = try SQLiteStore.open(at: database, mode: .readWrite(create: false))
    #expect(try await store.read(.everything) { $0.head.sequence } == 3)
    await store.close()
  }
}

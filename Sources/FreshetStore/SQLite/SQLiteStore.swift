import CSQLite
import FreshetModel
import FreshetSystem
import Synchronization

/// A collection in a SQLite database: one connection that writes, on a thread of its own, and a few that read.
///
/// Readers in this and other processes go on while a transaction is written. Writers of other processes are kept apart
/// by SQLite's own lock: the second one waits, and fails with `locked` when the first takes longer than
/// `Connection.busyTimeoutMilliseconds`.
public final class SQLiteStore: Store {
  /// How a database is opened.
  public enum Mode: Sendable {
    /// Reads and writes; a database that is missing is made when `create` says so.
    case readWrite(create: Bool)
    /// Reads only, also while another process writes; the file is never changed.
    case readOnly
  }

  /// Connections that read at the same time when nobody says otherwise; more reads wait for one.
  public static let defaultReaders = 4

  /// The database file.
  public let path: String
  private let writerLock: String?
  private let isReadOnly: Bool
  private let clock: @Sendable () -> Timestamp
  private let writing: ThreadPool
  private let reading: ThreadPool
  private let state: Mutex<State>
  private let caches = SearchCaches()

  private struct State {
    var isClosed = false
    var running = 0
    var writer: Box<Connection>?
    var idleReaders: [Box<Reader>] = []
    var waitingForEnd: [CheckedContinuation<Void, Never>] = []
  }

  /// A connection on its way between threads.
  ///
  /// `@unchecked Sendable`: a box is in `State` or in the hands of the one job that took it from there under the lock.
  private struct Box<Content>: @unchecked Sendable {
    let content: Content
  }

  private init(
    path: String,
    writerLock: String?,
    readers: Int,
    clock: @escaping @Sendable () -> Timestamp,
    state: consuming sending State
  ) {
    self.path = path
    self.writerLock = writerLock
    isReadOnly = state.writer == nil
    self.clock = clock
    writing = ThreadPool(name: "freshet-writer", threads: 1)
    reading = ThreadPool(name: "freshet-reader", threads: readers)
    self.state = Mutex(state)
  }

  /// Opens the database at a path, and brings its schema up to date unless it is opened to read only.
  ///
  /// A store that is opened to read only answers from the last commit also where nothing can be written (a full or
  /// failing disk, a folder without permission, a read-only file system), when `writerLock` is given.
  ///
  /// - Parameters:
  ///   - readers: reads that run at the same time.
  ///   - writerLock: the file that every process which writes has locked with a `FileLock` before it opens the store. A
  ///     read that cannot make SQLite's shared memory keeps writers out with it for its length.
  ///   - clock: the time of what is written.
  /// - Throws: `FreshetError` with `no_collection` when there is none and none is to be made; `store_failed`,
  ///   `store_damaged`, `disk_full` or `locked`, also for a database of another program or of a newer Freshet.
  public static func open(
    at path: String,
    mode: Mode,
    readers: Int = defaultReaders,
    writerLock: String? = nil,
    clock: @escaping @Sendable () -> Timestamp = SystemClock.now
  ) throws -> SQLiteStore {
    switch mode {
    case .readWrite(let create):
      let connection = try openWriter(path: path, create: create)
      if try Schema.version(of: connection) < Schema.currentVersion { try Schema.migrate(connection, now: clock()) }
      connection.emptyLogOnClose()
      return SQLiteStore(
        path: path,
        writerLock: nil,
        readers: readers,
        clock: clock,
        state: State(writer: Box(content: connection))
      )
    case .readOnly:
      let reader = try openReader(path: path, writerLock: writerLock)
      let version = try Schema.version(of: reader.connection)
      if version == 0 {
        throw FreshetError(
          .noCollection,
          "The database holds no collection yet: what made it was cut off. Run `freshet sync`.",
          path: path
        )
      }
      guard version == Schema.currentVersion else {
        throw FreshetError(
          .storeFailed,
          "The collection has an older schema. Run `freshet migrate`.",
          path: path
        )
      }
      return SQLiteStore(
        path: path,
        writerLock: writerLock,
        readers: readers,
        clock: clock,
        state: State(idleReaders: reader.isReusable ? [Box(content: reader)] : [])
      )
    }
  }

  private static func openWriter(path: String, create: Bool) throws -> Connection {
    try requireFile(at: path, unless: create)
    let connection = try Connection(path: path, flags: SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0))
    // 16 MB of pages, and a checkpoint every 32 MB of log: a first sync rewrites the same pages in many transactions.
    try connection.execute("PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4096")
    return connection
  }

  private static func openReader(path: String, writerLock: String?) throws -> Reader {
    try requireFile(at: path, unless: false)
    return try Reader.open(path: path, writerLock: writerLock)
  }

  private static func requireFile(at path: String, unless create: Bool) throws {
    guard !create, !FileSystem.exists(path) else { return }
    throw FreshetError(.noCollection, "There is no collection. Run `freshet init` or `freshet sync` first.", path: path)
  }

  // MARK: Store

  public func read<Result: Sendable>(
    _ scope: Scope,
    _ body: @Sendable (any StoreSnapshot) throws -> Result
  ) async throws -> Result {
    guard scope == .everything else {
      throw FreshetError(.invalidArgument, "The collection knows no scope '\(scope.name)'.", path: path)
    }
    try Task.checkCancellation()
    try begin()
    defer { end() }
    return try await withTaskExecutorPreference(reading) { try await readOnThread(body) }
  }

  public func write<Result: Sendable>(
    _ body: @Sendable (any StoreTransaction) throws -> Result
  ) async throws -> Result {
    guard !isReadOnly else {
      throw FreshetError(.storeFailed, "The collection was opened to read only.", path: path)
    }
    try Task.checkCancellation()
    try begin()
    defer { end() }
    return try await withTaskExecutorPreference(writing) { try await writeOnThread(body) }
  }

  public func close() async {
    await withCheckedContinuation { continuation in
      let isIdle = state.withLock { state in
        state.isClosed = true
        if state.running > 0 { state.waitingForEnd.append(continuation) }
        return state.running == 0
      }
      if isIdle { continuation.resume() }
    }
    // Readers first, so that the writer is the last connection of this process and empties the log.
    let (readers, writer) = state.withLock { state in
      let connections = (state.idleReaders, state.writer)
      state.idleReaders = []
      state.writer = nil
      return connections
    }
    // A checkpoint blocks, so they are closed on the writer's thread.
    try? await writing.run {
      for reader in readers { reader.content.connection.close() }
      writer?.content.close()
    }
  }

  public func releaseMemory() async {
    let idle = state.withLock { state in
      defer { state.idleReaders = [] }
      return state.idleReaders
    }
    try? await reading.run { for reader in idle { reader.content.connection.close() } }
    // A store that is closed, or only reads, has no writer's cache. The pages that a transaction needs stay.
    try? await withWriter { try $0.execute("PRAGMA shrink_memory") }
  }

  // MARK: On the threads of the store

  private func readOnThread<Result: Sendable>(
    _ body: @Sendable (any StoreSnapshot) throws -> Result
  ) async throws -> Result {
    let idle = state.withLock { $0.idleReaders.popLast() }
    let box = try idle ?? Box(content: Self.openReader(path: path, writerLock: writerLock))
    let reader = box.content
    defer { if reader.isReusable { state.withLock { $0.idleReaders.append(box) } } }
    // It may hold the lock that keeps writers out, which must not go before the transaction has ended.
    return try withExtendedLifetime(reader) {
      try reader.connection.execute("BEGIN")
      defer { try? reader.connection.execute("ROLLBACK") }
      // Nothing is kept of what may prove torn only at the end.
      let result = try body(SQLiteSnapshot(reader.connection, caches: reader.isReusable ? caches : nil))
      try reader.confirm()
      return result
    }
  }

  private func writeOnThread<Result: Sendable>(
    _ body: @Sendable (any StoreTransaction) throws -> Result
  ) async throws -> Result {
    guard let connection = state.withLock({ $0.writer })?.content else { throw closed }
    try connection.execute("BEGIN IMMEDIATE")
    do {
      let transaction = try SQLiteTransaction(connection, clock: clock())
      let result = try body(transaction)
      try transaction.finish()
      try connection.execute("COMMIT")
      if transaction.hasNewKeywordIndex { caches.keywords.forget() }
      return result
    } catch {
      // After some errors SQLite has rolled back already.
      if connection.isInTransaction { try? connection.execute("ROLLBACK") }
      throw error
    }
  }

  /// Runs a body on the writer's thread with its connection, outside of any transaction.
  func withWriter<Result: Sendable>(_ body: @Sendable (Connection) throws -> Result) async throws -> Result {
    guard !isReadOnly else {
      throw FreshetError(.storeFailed, "The collection was opened to read only.", path: path)
    }
    try begin()
    defer { end() }
    return try await withTaskExecutorPreference(writing) { try await runOnThread(body) }
  }

  private func runOnThread<Result: Sendable>(_ body: @Sendable (Connection) throws -> Result) async throws -> Result {
    guard let connection = state.withLock({ $0.writer })?.content else { throw closed }
    return try body(connection)
  }

  private var closed: FreshetError { FreshetError(.storeFailed, "The store was closed.", path: path) }

  private func begin() throws {
    let isOpen = state.withLock { state in
      if !state.isClosed { state.running += 1 }
      return !state.isClosed
    }
    guard isOpen else { throw closed }
  }

  private func end() {
    let waiting = state.withLock { state in
      state.running -= 1
      guard state.isClosed, state.running == 0 else { return [CheckedContinuation<Void, Never>]() }
      defer { state.waitingForEnd = [] }
      return state.waitingForEnd
    }
    for continuation in waiting { continuation.resume() }
  }
}

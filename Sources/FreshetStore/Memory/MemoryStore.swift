import FreshetModel
import FreshetSystem
import Synchronization

/// A collection in memory, for tests and for what need not outlive the process.
///
/// The whole state is a value: a reader keeps the copy that was committed when it began, and a transaction changes a
/// copy of its own, which becomes the state when the body returns.
public final class MemoryStore: Store {
  private let clock: @Sendable () -> Timestamp
  private let writing = ThreadPool(name: "freshet-writer", threads: 1)
  private let reading = ThreadPool(name: "freshet-reader", threads: 2)
  private let state = Mutex(Shared())

  private struct Shared {
    var committed = MemoryState()
    var isClosed = false
  }

  /// Makes an empty collection.
  /// - Parameter clock: the time of what is written.
  public init(clock: @escaping @Sendable () -> Timestamp = SystemClock.now) {
    self.clock = clock
  }

  public func read<Result: Sendable>(
    _ scope: Scope,
    _ body: @Sendable (any StoreSnapshot) throws -> Result
  ) async throws -> Result {
    guard scope == .everything else {
      throw FreshetError(.invalidArgument, "The collection knows no scope '\(scope.name)'.")
    }
    try Task.checkCancellation()
    return try await withTaskExecutorPreference(reading) { try await readOnThread(body) }
  }

  public func write<Result: Sendable>(
    _ body: @Sendable (any StoreTransaction) throws -> Result
  ) async throws -> Result {
    try Task.checkCancellation()
    return try await withTaskExecutorPreference(writing) { try await writeOnThread(body) }
  }

  public func close() async {
    // Behind every transaction that is under way or waits.
    try? await writing.run { [self] in state.withLock { $0.isClosed = true } }
  }

  private func readOnThread<Result: Sendable>(
    _ body: @Sendable (any StoreSnapshot) throws -> Result
  ) async throws -> Result {
    try body(MemorySnapshot(committed()))
  }

  private func writeOnThread<Result: Sendable>(
    _ body: @Sendable (any StoreTransaction) throws -> Result
  ) async throws -> Result {
    let transaction = MemoryTransaction(try committed(), clock: clock())
    let result = try body(transaction)
    state.withLock { $0.committed = transaction.state }
    return result
  }

  private func committed() throws -> MemoryState {
    let (state, isClosed) = state.withLock { ($0.committed, $0.isClosed) }
    guard !isClosed else { throw FreshetError(.storeFailed, "The store was closed.") }
    return state
  }
}

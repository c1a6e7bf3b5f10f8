import FreshetModel
import Synchronization

/// A store whose n-th write fails: before it began, or after its body, so that everything is rolled back.
public final class FaultyStore: Store {
  private struct State {
    var writes = 0
    var failing: Int?
  }

  private let base: any Store
  private let state = Mutex(State())

  /// Wraps a store.
  public init(_ base: any Store) {
    self.base = base
  }

  /// Writes so far.
  public var writes: Int { state.withLock { $0.writes } }

  /// Lets the n-th write from now fail, from 1; `nil` lets all succeed.
  public func fail(atWrite number: Int?) {
    state.withLock { $0.failing = number.map { [writes = $0.writes] in writes + $0 } }
  }

  public func read<Result: Sendable>(
    _ scope: Scope,
    _ body: @Sendable (any StoreSnapshot) throws -> Result
  ) async throws -> Result {
    try await base.read(scope, body)
  }

  public func write<Result: Sendable>(_ body: @Sendable (any StoreTransaction) throws -> Result) async throws -> Result
  {
    let (number, fails) = state.withLock { state in
      state.writes += 1
      return (state.writes, state.writes == state.failing)
    }
    let error = FreshetError(.diskFull, "write \(number) failed as the test asked")
    if fails, number.isMultiple(of: 2) { throw error }
    return try await base.write { transaction in
      let result = try body(transaction)
      if fails { throw error }
      return result
    }
  }

  public func close() async { await base.close() }

  public func space() async throws -> StoreSpace? { try await base.space() }

  public func returnSpace(_ way: SpaceReturn) async throws -> Bool { try await base.returnSpace(way) }
}

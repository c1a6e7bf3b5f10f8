import Synchronization

/// Bytes of memory that tasks share: each takes what it is about to use and waits while the others use too much.
///
/// Tasks enter in the order in which they came. One that asks for more than the limit enters when nobody else is inside,
/// so that it passes alone.
public final class ByteBudget: Sendable {
  /// Bytes that are in use until the last reference to them goes.
  public final class Lease: Sendable {
    /// How many.
    public let bytes: Int
    private let budget: ByteBudget

    fileprivate init(_ bytes: Int, of budget: ByteBudget) {
      self.bytes = bytes
      self.budget = budget
    }

    deinit {
      budget.giveBack(bytes)
    }
  }

  private typealias Continuation = CheckedContinuation<Bool, Never>

  private struct State {
    var used = 0
    var lastID: UInt64 = 0
    var waiting: [(id: UInt64, bytes: Int, continuation: Continuation)] = []
    /// Calls that were cancelled before they began to wait.
    var cancelled: Set<UInt64> = []
  }

  private let limit: Int
  private let state = Mutex(State())

  /// - Parameter limit: the most bytes in use at a time.
  public init(limit: Int) {
    self.limit = max(1, limit)
  }

  /// Bytes in use now.
  public var used: Int { state.withLock { $0.used } }

  /// Takes bytes, waiting until they fit; they are given back with the last reference to the lease.
  /// - Throws: `CancellationError`; nothing was taken then.
  public func take(_ bytes: Int) async throws -> Lease {
    try Task.checkCancellation()
    let bytes = max(0, bytes)
    let id = state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    let isTaken = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in enter(id, bytes, continuation) }
    } onCancel: {
      cancel(id)
    }
    state.withLock { _ = $0.cancelled.remove(id) }
    guard isTaken else { throw CancellationError() }
    return Lease(bytes, of: self)
  }

  private func fits(_ bytes: Int, _ state: State) -> Bool {
    state.used == 0 || state.used + bytes <= limit
  }

  private func enter(_ id: UInt64, _ bytes: Int, _ continuation: Continuation) {
    let answer: Bool? = state.withLock { state in
      if state.cancelled.remove(id) != nil { return false }
      guard state.waiting.isEmpty, fits(bytes, state) else {
        state.waiting.append((id, bytes, continuation))
        return nil
      }
      state.used += bytes
      return true
    }
    if let answer { continuation.resume(returning: answer) }
  }

  private func cancel(_ id: UInt64) {
    let resumed = state.withLock { state -> [(Continuation, Bool)] in
      guard let index = state.waiting.firstIndex(where: { $0.id == id }) else {
        state.cancelled.insert(id)
        return []
      }
      // The one that leaves may have kept smaller ones out.
      return [(state.waiting.remove(at: index).continuation, false)] + admit(&state).map { ($0, true) }
    }
    for (continuation, isTaken) in resumed { continuation.resume(returning: isTaken) }
  }

  private func giveBack(_ bytes: Int) {
    let admitted = state.withLock { state in
      state.used -= bytes
      return admit(&state)
    }
    for continuation in admitted { continuation.resume(returning: true) }
  }

  private func admit(_ state: inout State) -> [Continuation] {
    var admitted: [Continuation] = []
    while let next = state.waiting.first, fits(next.bytes, state) {
      state.used += next.bytes
      admitted.append(next.continuation)
      state.waiting.removeFirst()
    }
    return admitted
  }
}

import Synchronization

/// Hands elements from many senders to many receivers, first in, first out, with a limit on the cost that waits.
///
/// A sender waits while the limit is reached; one element is always let in, whatever it costs. After `finish` the
/// elements that wait are still received, then `next` answers `nil`; after `finish(throwing:)` everything throws at once.
/// Cancelling a task that waits throws `CancellationError` in it and leaves the others alone.
public final class BoundedChannel<Element: Sendable>: Sendable {

  /// Every decision, without effects: continuations are resumed outside the lock.
  private struct State {
    var elements: [(element: Element, cost: Int)] = []
    var first = 0
    var cost = 0
    var senders: [(id: UInt64, element: Element, cost: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    var receivers: [(id: UInt64, continuation: CheckedContinuation<Element?, any Error>)] = []
    var nextID: UInt64 = 0
    var cancelled: Set<UInt64> = []
    var isFinished = false
    var failure: (any Error)?

    var isEmpty: Bool { first == elements.count }

    mutating func push(_ element: Element, _ elementCost: Int) {
      elements.append((element, elementCost))
      cost += elementCost
    }

    mutating func pop() -> Element? {
      guard first < elements.count else { return nil }
      let (element, elementCost) = elements[first]
      first += 1
      cost -= elementCost
      if first == elements.count || first > 1024 {
        elements.removeFirst(first)
        first = 0
      }
      return element
    }

    mutating func newID() -> UInt64 {
      nextID += 1
      return nextID
    }
  }

  private let limit: Int
  private let state = Mutex(State())

  /// Makes a channel in which elements of this cost may wait in all.
  public init(limit: Int) {
    self.limit = max(1, limit)
  }

  /// Hands an element over, waiting for room.
  /// - Throws: `CancellationError`; the error that the channel was finished with; `CancellationError` after `finish`.
  public func send(_ element: Element, cost: Int) async throws {
    let id = state.withLock { $0.newID() }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let action: (() -> Void)? = state.withLock { state in
          if state.cancelled.remove(id) != nil { return { continuation.resume(throwing: CancellationError()) } }
          if let failure = state.failure { return { continuation.resume(throwing: failure) } }
          if state.isFinished { return { continuation.resume(throwing: CancellationError()) } }
          if !state.receivers.isEmpty {
            let receiver = state.receivers.removeFirst()
            return {
              receiver.continuation.resume(returning: element)
              continuation.resume()
            }
          }
          if state.isEmpty || state.cost + cost <= limit {
            state.push(element, cost)
            return { continuation.resume() }
          }
          state.senders.append((id, element, cost, continuation))
          return nil
        }
        action?()
      }
    } onCancel: {
      cancel(id)
    }
  }

  /// The next element, waiting for one; `nil` once the channel is finished and empty.
  /// - Throws: `CancellationError`; the error that the channel was finished with.
  public func next() async throws -> Element? {
    let id = state.withLock { $0.newID() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Element?, any Error>) in
        let action: (() -> Void)? = state.withLock { state in
          if state.cancelled.remove(id) != nil { return { continuation.resume(throwing: CancellationError()) } }
          if let failure = state.failure { return { continuation.resume(throwing: failure) } }
          if let element = state.pop() {
            let admitted = admit(&state)
            return {
              for sender in admitted { sender.resume() }
              continuation.resume(returning: element)
            }
          }
          if state.isFinished { return { continuation.resume(returning: nil) } }
          state.receivers.append((id, continuation))
          return nil
        }
        action?()
      }
    } onCancel: {
      cancel(id)
    }
  }

  /// Ends the channel: what waits is still received, with an error nothing is. A second call changes nothing.
  public func finish(throwing error: (any Error)? = nil) {
    let (senders, receivers) = state.withLock { state in
      guard !state.isFinished else {
        return ([CheckedContinuation<Void, any Error>](), [CheckedContinuation<Element?, any Error>]())
      }
      state.isFinished = true
      state.failure = error
      defer {
        state.senders = []
        state.receivers = []
      }
      return (state.senders.map(\.continuation), state.receivers.map(\.continuation))
    }
    for sender in senders { sender.resume(throwing: error ?? CancellationError()) }
    for receiver in receivers {
      if let error { receiver.resume(throwing: error) } else { receiver.resume(returning: nil) }
    }
  }

  /// Lets waiting senders in while there is room.
  private func admit(_ state: inout State) -> [CheckedContinuation<Void, any Error>] {
    var admitted: [CheckedContinuation<Void, any Error>] = []
    while let sender = state.senders.first, state.isEmpty || state.cost + sender.cost <= limit {
      state.senders.removeFirst()
      state.push(sender.element, sender.cost)
      admitted.append(sender.continuation)
    }
    return admitted
  }

  private func cancel(_ id: UInt64) {
    let resume: (() -> Void)? = state.withLock { state in
      if let index = state.senders.firstIndex(where: { $0.id == id }) {
        let sender = state.senders.remove(at: index)
        return { sender.continuation.resume(throwing: CancellationError()) }
      }
      if let index = state.receivers.firstIndex(where: { $0.id == id }) {
        let receiver = state.receivers.remove(at: index)
        return { receiver.continuation.resume(throwing: CancellationError()) }
      }
      state.cancelled.insert(id)
      return nil
    }
    resume?()
  }
}

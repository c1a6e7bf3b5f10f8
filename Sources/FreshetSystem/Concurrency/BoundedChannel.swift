import Synchronization

/// A queue between tasks that holds elements up to a total cost; senders wait while it is full, receivers while it is
/// empty.
///
/// Any number of tasks may send and receive; each element goes to one receiver, in the order in which they came. An element
/// whose cost is above the limit passes alone.
public final class BoundedChannel<Element: Sendable>: Sendable {
  private typealias Sender = CheckedContinuation<Bool, Never>
  private typealias State = ChannelState<Element, Sender, Receiver>
  private typealias Receiver = CheckedContinuation<Element?, any Error>

  private let state: Mutex<State>
  private let cost: @Sendable (Element) -> Int

  /// - Parameters:
  ///   - limit: the most that the elements inside may cost together.
  ///   - cost: what an element costs, by default 1; negative counts as 0.
  public init(limit: Int, cost: @escaping @Sendable (Element) -> Int = { _ in 1 }) {
    state = Mutex(State(limit: limit))
    self.cost = cost
  }

  /// What the elements inside cost together.
  public var load: Int { state.withLock { $0.load } }

  /// Hands an element in, waiting for room.
  ///
  /// - Returns: whether it was taken; `false` once the channel is finished.
  /// - Throws: `CancellationError`; the element was not taken then.
  @discardableResult
  public func send(_ element: Element) async throws -> Bool {
    try Task.checkCancellation()
    let cost = Swift.max(0, cost(element))
    let id = state.withLock { $0.nextID() }
    let taken = await withTaskCancellationHandler {
      await withCheckedContinuation { sender in
        perform(state.withLock { $0.send(element, cost: cost, id: id, sender: sender) })
      }
    } onCancel: {
      perform(state.withLock { $0.cancel(id: id) })
    }
    state.withLock { $0.forget(id: id) }
    if !taken { try Task.checkCancellation() }
    return taken
  }

  /// The next element, waiting for one; `nil` once the channel is finished and empty.
  ///
  /// - Throws: what `finish(throwing:)` was given; `CancellationError` when no element was taken out.
  public func receive() async throws -> Element? {
    try Task.checkCancellation()
    let id = state.withLock { $0.nextID() }
    defer { state.withLock { $0.forget(id: id) } }
    let element = try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { receiver in
        perform(state.withLock { $0.receive(id: id, receiver: receiver) })
      }
    } onCancel: {
      perform(state.withLock { $0.cancel(id: id) })
    }
    if element == nil { try Task.checkCancellation() }
    return element
  }

  /// Takes nothing more. Without an error, what is inside is still handed out; with one it is dropped, and every receiver
  /// gets the error. A second call does nothing.
  public func finish(throwing error: (any Error)? = nil) {
    perform(state.withLock { $0.finish(throwing: error) })
  }

  private func perform(_ wakes: State.Wakes) {
    for (sender, taken) in wakes.senders { sender.resume(returning: taken) }
    for (receiver, outcome) in wakes.receivers {
      switch outcome {
      case .element(let element): receiver.resume(returning: element)
      case .ended: receiver.resume(returning: nil)
      case .failed(let error): receiver.resume(throwing: error)
      }
    }
  }
}

extension BoundedChannel: AsyncSequence {
  /// Receives until the end.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let channel: BoundedChannel

    /// The next element.
    public mutating func next() async throws -> Element? {
      try await channel.receive()
    }
  }

  /// Receives until the end; several iterators share the elements.
  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(channel: self)
  }
}

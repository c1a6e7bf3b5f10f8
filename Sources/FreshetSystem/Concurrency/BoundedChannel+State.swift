/// The decisions of a channel, without effects: each method answers whom to wake with what.
///
/// Invariants: `waitingReceivers` is empty while `elements` is not; `load` is the sum of the costs in `elements`; senders
/// enter in the order in which they came, also when a later one would fit.
struct ChannelState<Element: Sendable, Sender, Receiver> {
  /// What a receiver is told.
  enum Outcome {
    case element(Element)
    case ended
    case failed(any Error)
  }

  /// Whom a step wakes.
  struct Wakes {
    var receivers: [(Receiver, Outcome)] = []
    /// Senders with whether their element was taken.
    var senders: [(Sender, Bool)] = []
  }

  private struct WaitingSender {
    let id: UInt64
    let element: Element
    let cost: Int
    let sender: Sender
  }

  let limit: Int
  private(set) var load = 0
  private var elements: [(element: Element, cost: Int)] = []
  private var first = 0
  private var waitingSenders: [WaitingSender] = []
  private var waitingReceivers: [(id: UInt64, receiver: Receiver)] = []
  /// Set once: nothing is taken any more.
  private var end: (any Error)??
  private var cancelled: Set<UInt64> = []
  private var lastID: UInt64 = 0

  init(limit: Int) {
    self.limit = max(1, limit)
  }

  mutating func nextID() -> UInt64 {
    lastID += 1
    return lastID
  }

  /// An element comes. An element above the limit is let in when the channel is empty, or it would wait for ever.
  mutating func send(_ element: Element, cost: Int, id: UInt64, sender: Sender) -> Wakes {
    if end != nil || cancelled.remove(id) != nil { return Wakes(senders: [(sender, false)]) }
    if !waitingReceivers.isEmpty {
      return Wakes(
        receivers: [(waitingReceivers.removeFirst().receiver, .element(element))],
        senders: [(sender, true)]
      )
    }
    if waitingSenders.isEmpty, fits(cost) {
      append(element, cost)
      return Wakes(senders: [(sender, true)])
    }
    waitingSenders.append(WaitingSender(id: id, element: element, cost: cost, sender: sender))
    return Wakes()
  }

  mutating func receive(id: UInt64, receiver: Receiver) -> Wakes {
    if cancelled.remove(id) != nil { return Wakes(receivers: [(receiver, .ended)]) }
    if first < elements.count {
      let (element, cost) = elements[first]
      first += 1
      load -= cost
      if first == elements.count || first > 256 {
        elements.removeFirst(first)
        first = 0
      }
      return Wakes(receivers: [(receiver, .element(element))], senders: admit())
    }
    switch end {
    case .some(.some(let error)): return Wakes(receivers: [(receiver, .failed(error))])
    case .some(.none): return Wakes(receivers: [(receiver, .ended)])
    case .none:
      waitingReceivers.append((id, receiver))
      return Wakes()
    }
  }

  /// What was taken is still handed out after a plain end; a failure drops it, since nobody can use a part.
  mutating func finish(throwing error: (any Error)?) -> Wakes {
    guard end == nil else { return Wakes() }
    end = .some(error)
    var wakes = Wakes(senders: waitingSenders.map { ($0.sender, false) })
    waitingSenders = []
    if let error {
      elements = []
      (first, load) = (0, 0)
      wakes.receivers = waitingReceivers.map { ($0.receiver, .failed(error)) }
    } else {
      wakes.receivers = waitingReceivers.map { ($0.receiver, .ended) }
    }
    waitingReceivers = []
    return wakes
  }

  /// A waiting call is cancelled. One that has not begun to wait is remembered (cancellation may come first).
  mutating func cancel(id: UInt64) -> Wakes {
    if let index = waitingSenders.firstIndex(where: { $0.id == id }) {
      var wakes = Wakes(senders: [(waitingSenders.remove(at: index).sender, false)])
      // The one that was cancelled may have kept smaller ones out.
      wakes.senders += admit()
      return wakes
    }
    if let index = waitingReceivers.firstIndex(where: { $0.id == id }) {
      return Wakes(receivers: [(waitingReceivers.remove(at: index).receiver, .ended)])
    }
    cancelled.insert(id)
    return Wakes()
  }

  /// A call has ended: a cancellation that came too late is forgotten.
  mutating func forget(id: UInt64) {
    cancelled.remove(id)
  }

  private func fits(_ cost: Int) -> Bool {
    first == elements.count || load + cost <= limit
  }

  private mutating func append(_ element: Element, _ cost: Int) {
    elements.append((element, cost))
    load += cost
  }

  private mutating func admit() -> [(Sender, Bool)] {
    var admitted: [(Sender, Bool)] = []
    while let next = waitingSenders.first, fits(next.cost) {
      waitingSenders.removeFirst()
      append(next.element, next.cost)
      admitted.append((next.sender, true))
    }
    return admitted
  }
}

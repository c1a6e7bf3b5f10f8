import Freshet
import FreshetModel
import Synchronization

/// Work of somebody else on the collection that a live service keeps in step: done between two of its own units.
///
/// ```
/// waiting ──(its turn)──▶ working ──(its end)──▶ answered
///    └──(withdrawn, or the service ended)──────────▶ refused
/// ```
struct Guest: Sendable {
  /// Tells it from the others.
  var number: Int
  /// What the status calls it.
  var name: String
  /// Asks it to stop, because the service ends.
  var stop: @Sendable () -> Void
  /// Does the work; answers what tells who asked that it is done.
  var work: @Sendable (Collection) async -> @Sendable () -> Void
  /// Tells who asked that it will not be done.
  var refuse: @Sendable (any Error) -> Void
}

/// The guests of a live service, in the order in which they came: a pure value.
struct GuestQueue {
  /// Guests that may wait.
  static let waitingMax = 16

  private(set) var waiting: [Guest] = []
  private(set) var working: Guest?
  private var isClosed = false
  private var last = 0

  /// Takes one in.
  ///
  /// - Throws: `FreshetError` with `locked` when there are too many, or the service ends.
  mutating func add(_ make: (Int) -> Guest) throws -> Guest {
    if isClosed { throw Self.ending }
    guard waiting.count < Self.waitingMax else {
      throw FreshetError(
        .locked,
        "\(waiting.count) calls wait for the running service already; call again later",
        permanence: .transient(retryAfter: nil)
      )
    }
    last += 1
    let guest = make(last)
    waiting.append(guest)
    return guest
  }

  /// The next one, which works until `finished`.
  mutating func next() -> Guest? {
    guard working == nil, !waiting.isEmpty else { return nil }
    let guest = waiting.removeFirst()
    working = guest
    return guest
  }

  mutating func finished() { working = nil }

  /// Takes out one that waits no longer; `nil` when it has begun or is done.
  mutating func withdraw(_ number: Int) -> Guest? {
    guard let place = waiting.firstIndex(where: { $0.number == number }) else { return nil }
    return waiting.remove(at: place)
  }

  /// Takes nobody in any more; answers those whose turn will not come.
  mutating func close() -> [Guest] {
    isClosed = true
    defer { waiting = [] }
    return waiting
  }

  /// Why nobody is taken in any more.
  static var ending: FreshetError {
    FreshetError(
      .locked,
      "the running service is ending; call again when it has",
      permanence: .transient(retryAfter: nil)
    )
  }
}

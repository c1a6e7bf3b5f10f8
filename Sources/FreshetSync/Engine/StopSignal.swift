import Synchronization

/// Asks a run to end early: what is done is committed, nothing new is begun.
///
/// ```
/// going ──(give)──▶ ending: calls of the embedder that are under way are waited for ──(abandon)──▶ they are left
/// ```
///
/// A run that is not to end can be told to wait no longer for calls that take too long: their texts fail for now.
public final class StopSignal: Sendable {
  /// Why a call was left before it was answered.
  struct CallLeft: Error {
    /// How long it had taken by then.
    var duration: Duration
  }

  private struct Call {
    var since = ContinuousClock.now
    var texts: Int
    var leave: @Sendable (any Error) -> Void
  }

  private struct Calls {
    var isAbandoned = false
    var last = 0
    var underway: [Int: Call] = [:]
  }

  /// Calls under way, of all signals of a run.
  private final class CallRegister: Sendable {
    let calls = Mutex(Calls())
  }

  private let flag = Atomic<Bool>(false)
  private let leader: StopSignal?
  private let register: CallRegister

  /// Makes a signal that is not yet given.
  ///
  /// - Parameter leader: a signal that gives this one too when it is given; calls under way are of both.
  public init(following leader: StopSignal? = nil) {
    self.leader = leader
    register = leader?.register ?? CallRegister()
  }

  /// Whether the run is to end.
  public var isGiven: Bool { flag.load(ordering: .relaxed) || leader?.isGiven == true }

  /// Whether calls that are under way are left.
  public var isAbandoned: Bool { register.calls.withLock { $0.isAbandoned } }

  /// Gives the signal; giving it again changes nothing.
  public func give() { flag.store(true, ordering: .relaxed) }

  /// Gives the signal, and leaves the calls of others that are under way: an embedder that hangs holds nobody up. What was
  /// not answered is asked again by the next run.
  public func abandon() {
    give()
    let left = register.calls.withLock { calls in
      calls.isAbandoned = true
      defer { calls.underway = [:] }
      return Array(calls.underway.values)
    }
    for call in left { call.leave(CancellationError()) }
  }

  /// Leaves calls that take too long, because something else waits for the run: they count as failed, for a reason that may
  /// pass. The run itself goes on.
  ///
  /// - Parameter patience: how long a call of so many texts may take.
  public func leaveCalls(after patience: (_ texts: Int) -> Duration) {
    let now = ContinuousClock.now
    let left = register.calls.withLock { calls in
      let left = calls.underway.filter { now - $0.value.since >= patience($0.value.texts) }
      for number in left.keys { calls.underway[number] = nil }
      return Array(left.values)
    }
    for call in left { call.leave(CallLeft(duration: now - call.since)) }
  }

  /// What a call of somebody else answers.
  ///
  /// - Parameter texts: how many texts it is of.
  /// - Throws: what the call throws; `CancellationError` as soon as it is abandoned, `CallLeft` as soon as it is left: then
  ///   it is cancelled, and not waited for.
  func unlessAbandoned<Result: Sendable>(
    texts: Int,
    _ call: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    let answer = Answer<Result>()
    let task = Task {
      do {
        answer.settle(.success(try await call()))
      } catch {
        answer.settle(.failure(error))
      }
    }
    let leave: @Sendable (any Error) -> Void = { error in
      task.cancel()
      answer.settle(.failure(error))
    }
    let number: Int? = register.calls.withLock { calls in
      guard !calls.isAbandoned else { return nil }
      calls.last += 1
      calls.underway[calls.last] = Call(texts: texts, leave: leave)
      return calls.last
    }
    guard let number else {
      leave(CancellationError())
      throw CancellationError()
    }
    defer { register.calls.withLock { $0.underway[number] = nil } }
    return try await answer.value
  }
}

/// The first answer of several: the others are not heard.
private final class Answer<Value: Sendable>: Sendable {
  private struct State {
    var result: Result<Value, any Error>?
    var waiting: CheckedContinuation<Value, any Error>?
  }

  private let state = Mutex(State())

  func settle(_ result: Result<Value, any Error>) {
    let waiting = state.withLock { state in
      guard state.result == nil else { return nil as CheckedContinuation<Value, any Error>? }
      state.result = result
      defer { state.waiting = nil }
      return state.waiting
    }
    waiting?.resume(with: result)
  }

  /// For one task.
  var value: Value {
    get async throws {
      try await withCheckedThrowingContinuation { continuation in
        let result = state.withLock { state in
          if state.result == nil { state.waiting = continuation }
          return state.result
        }
        if let result { continuation.resume(with: result) }
      }
    }
  }
}

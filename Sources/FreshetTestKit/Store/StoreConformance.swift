import FreshetModel
import FreshetSystem
import Synchronization

/// What every `Store` must do, as checks that any store can run: each makes fresh stores and throws a
/// `ConformanceFailure` when a promise does not hold. Each ends with `problems`, which must find none.
///
/// ```swift
/// let conformance = StoreConformance { clock in try MyStore(clock: clock) }
/// for check in StoreConformance.checks { try await check.run(conformance) }
/// ```
public struct StoreConformance: Sendable {
  /// Makes an empty store that takes its time from the clock.
  public typealias Factory = @Sendable (_ clock: @escaping @Sendable () -> Timestamp) async throws -> any Store

  /// One promise.
  public struct Check: Sendable, CustomStringConvertible {
    /// The promise as a sentence.
    public let description: String
    private let body: @Sendable (StoreConformance) async throws -> Void

    init(_ description: String, _ body: @escaping @Sendable (StoreConformance) async throws -> Void) {
      self.description = description
      self.body = body
    }

    /// Checks the promise on a fresh store.
    public func run(_ conformance: StoreConformance) async throws {
      try await body(conformance)
    }
  }

  /// Every check.
  public static let checks =
    basics + changes + chunksAndVectors + searches + care + editions + past + audit + consumers + retention
    + renditions + logPruning

  let factory: Factory
  let seed: UInt64

  /// Takes what makes stores.
  /// - Parameter seed: of the random checks; printed when one fails.
  public init(seed: UInt64 = 0x5EED, factory: @escaping Factory) {
    self.seed = seed
    self.factory = factory
  }

  /// A clock that goes on by a second whenever it is asked.
  final class StepClock: Sendable {
    private let seconds = Mutex<Int64>(1_750_000_000)

    func now() -> Timestamp {
      seconds.withLock {
        $0 += 1
        return Timestamp(seconds: $0)
      }
    }

    func turnBack(by amount: Int64) { seconds.withLock { $0 -= amount } }
  }

  /// Runs a body on a fresh store with one source, then checks that the store has no problems, and closes it.
  func withStore(
    clock: StepClock = StepClock(),
    _ body: (_ store: any Store, _ source: SourceID) async throws -> Void
  ) async throws {
    let store = try await factory { clock.now() }
    let source = try await store.write { try $0.registerSource(name: "docs", location: "/docs").id }
    try await body(store, source)
    let problems = try await store.read(.everything) { try $0.problems(checkingContents: true) }
    try expect(problems.isEmpty, "problems after the check: \(problems)")
    let inside = try await store.write { try $0.problems(checkingContents: true) }
    try expect(inside.isEmpty, "problems as a transaction sees them: \(inside)")
    await store.close()
  }
}

/// An error that checks throw on purpose.
struct Abandoned: Error {}

func isFreshet(_ code: FreshetError.Code) -> (any Error) -> Bool {
  { error in (error as? FreshetError)?.code == code }
}

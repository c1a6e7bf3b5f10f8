import FreshetSystem
import FreshetTestKit
import Synchronization
import Testing

@Suite struct ByteBudgetTests {
  private final class Flag: Sendable {
    let isSet = Atomic(false)
  }

  private final class Tally: Sendable {
    let aboveLimit = Atomic(0)
  }

  @Test func aTaskWaitsUntilTheBytesFitAndLaterOnesWaitBehindIt() async throws {
    let budget = ByteBudget(limit: 10)
    var first: ByteBudget.Lease? = try await budget.take(6)
    let taken = Flag()
    let large = Task {
      let lease = try await budget.take(8)
      taken.isSet.store(true, ordering: .sequentiallyConsistent)
      return lease
    }
    for _ in 0..<200 { await Task.yield() }
    let small = Task { try await budget.take(2) }
    for _ in 0..<200 { await Task.yield() }
    let isTaken = taken.isSet.load(ordering: .sequentiallyConsistent)
    #expect(!isTaken && budget.used == 6 && first?.bytes == 6)
    first = nil
    let leases = [try await large.value, try await small.value]
    #expect(budget.used == 10 && leases.map(\.bytes) == [8, 2])
  }

  @Test func whoAsksForMoreThanTheLimitPassesAlone() async throws {
    let budget = ByteBudget(limit: 10)
    var small: ByteBudget.Lease? = try await budget.take(1)
    let huge = Task { try await budget.take(1000) }
    for _ in 0..<200 { await Task.yield() }
    #expect(budget.used == 1)
    small = nil
    #expect(try await huge.value.bytes == 1000 && small == nil)
  }

  @Test func aCancelledTaskTakesNothingAndLetsTheNextOneIn() async throws {
    let budget = ByteBudget(limit: 10)
    let first = try await budget.take(8)
    let large = Task { try await budget.take(9) }
    for _ in 0..<200 { await Task.yield() }
    let small = Task { try await budget.take(2) }
    for _ in 0..<200 { await Task.yield() }
    large.cancel()
    #expect(try await small.value.bytes == 2 && first.bytes == 8)
    await #expect(throws: CancellationError.self) { _ = try await large.value }
  }

  /// Many tasks, some cancelled at random: never above the limit unless one is alone, and nothing stays taken.
  @Test func nothingStaysTakenUnderCancellation() async throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed \(seed)")
    var random = SeededRandom(seed: seed)
    for _ in 0..<20 {
      let limit = Int.random(in: 1...20, using: &random)
      let budget = ByteBudget(limit: limit)
      let tally = Tally()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<100 {
          let bytes = Int.random(in: 1...25, using: &random)
          let isCancelled = Int.random(in: 0..<3, using: &random) == 0
          group.addTask {
            let task = Task {
              let lease = try await budget.take(bytes)
              if budget.used > max(limit, lease.bytes) { tally.aboveLimit.add(1, ordering: .relaxed) }
              await Task.yield()
              withExtendedLifetime(lease) {}
            }
            if isCancelled {
              await Task.yield()
              task.cancel()
            }
            _ = try? await task.value
          }
        }
        try await group.waitForAll()
      }
      let aboveLimit = tally.aboveLimit.load(ordering: .relaxed)
      #expect(aboveLimit == 0 && budget.used == 0, "seed \(seed)")
    }
  }
}

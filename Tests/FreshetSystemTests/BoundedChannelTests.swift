import FreshetSystem
import FreshetTestKit
import Synchronization
import Testing

@Suite struct BoundedChannelTests {
  private struct Fault: Error {}

  /// What a run of many tasks did.
  private final class Tally: Sendable {
    let taken = Mutex(Set<Int>())
    let received = Mutex([Int]())
    let aboveLimit = Atomic(0)
  }

  @Test func eachElementGoesToOneReceiver() async throws {
    let channel = BoundedChannel<Int>(limit: 10) { $0 % 5 }
    let total = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<3 {
        group.addTask {
          var sum = 0
          for try await element in channel { sum += element }
          return sum
        }
      }
      try await withThrowingTaskGroup(of: Void.self) { senders in
        for start in 0..<4 {
          senders.addTask { for value in stride(from: start, to: 2_000, by: 4) { try await channel.send(value) } }
        }
        try await senders.waitForAll()
      }
      channel.finish()
      return try await group.reduce(0, +)
    }
    #expect(total == 1_999_000)
  }

  @Test func aSenderWaitsWhileItIsFull() async throws {
    let channel = BoundedChannel<Int>(limit: 10) { $0 }
    for cost in [4, 6] { try await channel.send(cost) }
    #expect(channel.load == 10)
    let taken = Flag()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await channel.send(5)
        taken.isSet.store(true, ordering: .sequentiallyConsistent)
      }
      for _ in 0..<200 { await Task.yield() }
      #expect(!taken.isSet.load(ordering: .sequentiallyConsistent) && channel.load == 10)
      // Room for 4, and 5 waits: it stays outside until it fits.
      #expect(try await channel.receive() == 4)
      for _ in 0..<200 { await Task.yield() }
      #expect(!taken.isSet.load(ordering: .sequentiallyConsistent) && channel.load == 6)
      #expect(try await channel.receive() == 6)
      try await group.waitForAll()
    }
    #expect(taken.isSet.load(ordering: .sequentiallyConsistent) && channel.load == 5)
  }

  @Test func anElementAboveTheLimitPassesAlone() async throws {
    let channel = BoundedChannel<Int>(limit: 10) { $0 }
    try await channel.send(1)
    async let sent = channel.send(100)
    #expect(try await channel.receive() == 1)
    #expect(try await channel.receive() == 100)
    #expect(try await sent)
    #expect(channel.load == 0)
  }

  /// Many senders and receivers, some of which are cancelled at random: what a send said it handed in comes out once,
  /// what it said it did not never does, and the load never exceeds the limit.
  @Test func nothingIsLostTwiceOrAboveTheLimitUnderCancellation() async throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed \(seed)")
    var random = SeededRandom(seed: seed)
    for _ in 0..<20 {
      let limit = Int.random(in: 1...6, using: &random)
      let channel = BoundedChannel<Int>(limit: limit)
      let tally = Tally()
      let senders = (0..<120).map { value in
        Task {
          if (try? await channel.send(value)) == true { tally.taken.withLock { _ = $0.insert(value) } }
          if channel.load > limit { tally.aboveLimit.add(1, ordering: .relaxed) }
        }
      }
      let receivers = (0..<90).map { _ in
        Task {
          if let element = try? await channel.receive() { tally.received.withLock { $0.append(element) } }
          if channel.load > limit { tally.aboveLimit.add(1, ordering: .relaxed) }
        }
      }
      for task in (senders + receivers).shuffled(using: &random).prefix(100) {
        task.cancel()
        if Bool.random(using: &random) { await Task.yield() }
      }
      let rest = Task {
        while let element = try await channel.receive() { tally.received.withLock { $0.append(element) } }
      }
      for sender in senders { await sender.value }
      channel.finish()
      for receiver in receivers { await receiver.value }
      try await rest.value
      let (handedIn, cameOut) = (tally.taken.withLock { $0 }, tally.received.withLock { $0 })
      #expect(cameOut.count == handedIn.count && Set(cameOut) == handedIn, "seed \(seed)")
      #expect(tally.aboveLimit.load(ordering: .relaxed) == 0, "seed \(seed)")
      #expect(channel.load == 0, "seed \(seed)")
    }
  }

  @Test func aCancelledSenderHandsNothingIn() async throws {
    let channel = BoundedChannel<Int>(limit: 1)
    try await channel.send(1)
    let waiting = Task { try await channel.send(2) }
    for _ in 0..<50 { await Task.yield() }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { _ = try await waiting.value }
    channel.finish()
    #expect(try await channel.receive() == 1)
    #expect(try await channel.receive() == nil)
  }

  @Test func aCancelledSenderLetsTheNextOneIn() async throws {
    let channel = BoundedChannel<Int>(limit: 10) { $0 }
    try await channel.send(8)
    let large = Task { try await channel.send(9) }
    while channel.load != 8 { await Task.yield() }
    for _ in 0..<50 { await Task.yield() }
    let small = Task { try await channel.send(2) }
    for _ in 0..<50 { await Task.yield() }
    large.cancel()
    #expect(try await small.value)
    await #expect(throws: CancellationError.self) { _ = try await large.value }
    #expect(channel.load == 10)
  }

  @Test func aCancelledReceiverTakesNothingOut() async throws {
    let channel = BoundedChannel<Int>(limit: 1)
    let waiting = Task { try await channel.receive() }
    for _ in 0..<50 { await Task.yield() }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { _ = try await waiting.value }
    try await channel.send(1)
    #expect(try await channel.receive() == 1)
  }

  @Test func theEndLetsOutWhatIsInsideAndNothingMoreIn() async throws {
    let channel = BoundedChannel<Int>(limit: 2)
    for element in [1, 2] { try await channel.send(element) }
    let waiting = Task { try await channel.send(3) }
    for _ in 0..<50 { await Task.yield() }
    channel.finish()
    #expect(try await waiting.value == false)
    #expect(try await channel.send(4) == false)
    channel.finish(throwing: Fault())
    #expect(try await channel.receive() == 1)
    #expect(try await channel.receive() == 2)
    #expect(try await channel.receive() == nil)
    #expect(try await channel.receive() == nil)
  }

  @Test func theEndWakesEveryReceiver() async throws {
    let channel = BoundedChannel<Int>(limit: 2)
    let waiting = (0..<5).map { _ in Task { try await channel.receive() } }
    for _ in 0..<50 { await Task.yield() }
    channel.finish()
    for task in waiting { #expect(try await task.value == nil) }
  }

  @Test func aFailureDropsWhatIsInsideAndReachesEveryReceiver() async throws {
    let channel = BoundedChannel<Int>(limit: 2)
    try await channel.send(1)
    channel.finish(throwing: Fault())
    #expect(channel.load == 0)
    for _ in 0..<3 { await #expect(throws: Fault.self) { _ = try await channel.receive() } }
    #expect(try await channel.send(1) == false)
    let other = BoundedChannel<Int>(limit: 2)
    let waiting = (0..<5).map { _ in Task { try await other.receive() } }
    for _ in 0..<50 { await Task.yield() }
    other.finish(throwing: Fault())
    for task in waiting { await #expect(throws: Fault.self) { _ = try await task.value } }
  }
}

import FreshetModel
import FreshetSystem
import FreshetTestKit
import Glibc
import Synchronization
import Testing

@Suite struct LockTests {
  let tree = try? SampleTree()

  @Test func aSecondWriterIsToldWhoHoldsTheLock() async throws {
    let path = try #require(tree).path + "/lock"
    #expect(try FileLock.owner(path) == nil)
    do {
      let held = try FileLock.acquire(path)
      let error = await #expect(throws: FreshetError.self) {
        _ = try await FileLock.acquire(path, timeout: .milliseconds(1))
      }
      #expect(error?.code == .locked && error?.message.contains("\(getpid())") == true)
      #expect(try FileLock.owner(path) == getpid())
      withExtendedLifetime(held) {}
    }
    #expect(try FileLock.owner(path) == nil)
    _ = try FileLock.acquire(path)
  }

  @Test func aProcessThatIsKilledGivesItsLockBack() async throws {
    let path = try #require(tree).path + "/lock"
    var ends: [Int32] = [-1, -1]
    #expect(pipe(&ends) == 0)
    let (input, keepsOpen) = (Descriptor(owning: ends[0]), Descriptor(owning: ends[1]))
    let probe = try await TestProgram(beside: "system-probe", ["hold", path], input: input)
    #expect(probe.line() == "held")
    #expect(try FileLock.owner(path) == probe.process.number)
    #expect(throws: FreshetError.self) { _ = try FileLock.acquire(path) }
    #expect(probe.process.terminate() == .signalled(SIGKILL))
    // The dead process's number still stands in the file, and owns nothing.
    #expect(try FileLock.owner(path) == nil)
    _ = try FileLock.acquire(path)
    withExtendedLifetime(keepsOpen) {}
  }

  @Test func anOwnerThatIsBriefIsWaitedForWhateverTheTimeout() async throws {
    let path = try #require(tree).path + "/lock"
    var brief: FileLock? = try await FileLock.acquire(path, timeout: .zero, isBrief: true)
    withExtendedLifetime(brief) {}
    #expect(try FileLock.owner(path) == getpid())
    let (waits, waiting) = AsyncStream.makeStream(of: Void.self)
    let second = Task {
      waiting.finish()
      return try await FileLock.acquire(path, timeout: .zero)
    }
    for await _ in waits {}
    brief = nil
    let long = try await second.value
    await #expect(throws: FreshetError.self) { try await FileLock.acquire(path, timeout: .zero, isBrief: true) }
    withExtendedLifetime(long) {}
  }

  @Test func askingForTheOwnerNeverMakesAnAcquisitionFail() async throws {
    let path = try #require(tree).path + "/lock"
    _ = try FileLock.acquire(path)
    let done = Flag()
    let pool = ThreadPool(name: "asks", threads: 2)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask {
          try await pool.run { while !done.isSet.load(ordering: .relaxed) { _ = try FileLock.owner(path) } }
        }
      }
      defer { done.isSet.store(true, ordering: .relaxed) }
      for _ in 0..<3_000 { _ = try FileLock.acquire(path) }
    }
  }
}

/// Told from one task to another.
final class Flag: Sendable {
  let isSet = Atomic(false)
}

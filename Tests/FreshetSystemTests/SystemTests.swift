import FreshetModel
import FreshetSystem
import Glibc
import Testing

@Suite struct SystemTests {
  @Test func messagesAndDescriptorsGoBetweenProcesses() async throws {
    let (own, other) = try MessageSocket.pair()
    let file = try MemoryFile.sealed([1, 2, 3])
    try own.send([7], descriptor: file, within: .seconds(5))
    let message = try #require(try MessageSocket(other).receive(limit: 10, within: .seconds(5)))
    #expect(message.bytes == [7])
    #expect(try MemoryFile.contents(#require(message.descriptor), limit: 3) == [1, 2, 3])
    #expect(throws: MessageSocket.Timeout.self) { try own.receive(limit: 10, within: .milliseconds(5)) }
  }

  @Test func aChildEndsWithItsCodeOrBySignal() async throws {
    let done = try await ChildProcess.spawn(executable: "/bin/sh", arguments: ["-c", "exit 3"])
    #expect(done.wait(within: .seconds(20)) == .exited(3))
    let endless = try await ChildProcess.spawn(executable: "/bin/sleep", arguments: ["600"])
    #expect(endless.wait(within: .milliseconds(5)) == nil)
    #expect(endless.terminate() == .signalled(SIGKILL))
    await #expect(throws: FreshetError.self) { _ = try await ChildProcess.spawn(executable: "/nowhere") }
  }

  @Test func aSecondWriterIsToldWhoHoldsTheLock() async throws {
    let path = "/tmp/freshet-lock-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    defer { unlink(path) }
    do {
      let held = try FileLock.acquire(path)
      let error = await #expect(throws: FreshetError.self) {
        _ = try await FileLock.acquire(path, timeout: .milliseconds(1))
      }
      #expect(error?.code == .locked && error?.message.contains("\(getpid())") == true)
      withExtendedLifetime(held) {}
    }
    _ = try FileLock.acquire(path)
  }

  @Test func aChannelHandsEachElementToOneReceiverAndKeepsItsLimit() async throws {
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
}

import FreshetModel
import FreshetSystem
import FreshetTestKit
import Glibc
import Testing

@Suite struct SystemTests {
  @Test func messagesAndDescriptorsGoBetweenProcesses() async throws {
    let (own, other) = try MessageSocket.pair()
    let file = try MemoryFile.sealed([1, 2, 3])
    try own.send([7], descriptors: [file], within: .seconds(5))
    let message = try #require(try MessageSocket(other).receive(limit: 10, within: .seconds(5)))
    #expect(message.bytes == [7])
    #expect(try MemoryFile.contents(#require(message.descriptors.first), limit: 3) == [1, 2, 3])
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

  @Test func aChildWorksInTheFolderItIsGiven() async throws {
    let folder = try TemporaryDirectory()
    let said = try MemoryFile.empty()
    let child = try await ChildProcess.spawn(
      executable: "/bin/sh",
      arguments: ["-c", "pwd"],
      folder: folder.path,
      descriptors: [1: said]
    )
    #expect(child.wait(within: .seconds(20)) == .exited(0))
    let place = String(decoding: try MemoryFile.contents(said, limit: 4_096), as: UTF8.self)
    #expect(place == (try FileSystem.resolved(folder.path)) + "\n")
    await #expect(throws: FreshetError.self) {
      _ = try await ChildProcess.spawn(executable: "/bin/sh", folder: folder.file("none"))
    }
  }
}

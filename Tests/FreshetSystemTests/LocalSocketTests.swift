import FreshetModel
import FreshetSystem
import FreshetTestKit
import Glibc
import Testing

@Suite struct LocalSocketTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory() }

  private var path: String { folder.path + "/socket" }

  @Test func aSocketThatIsClosedLeavesTheNameToItsSuccessor() throws {
    let first = try LocalSocket(listeningAt: path)
    #expect(try first.isInPlace())
    let second = try LocalSocket(listeningAt: path)
    #expect(try !first.isInPlace() && second.isInPlace())
    first.close()
    #expect(try second.isInPlace())
    second.close()
    #expect(try !FileSystem.exists(path) && LocalSocket.connect(to: path) == nil)
  }

  @Test func aSocketIsRenewedInItsOwnFolderWhereverThatIs() throws {
    try FileSystem.createFolder(folder.path + "/a")
    let first = try LocalSocket(listeningAt: folder.path + "/a/socket")
    try folder.move("a", to: "b")
    #expect(try first.isInPlace())
    try FileSystem.remove(folder.path + "/b/socket")
    let second = try first.renewed()
    #expect(try second.isInPlace() && FileSystem.exists(folder.path + "/b/socket"))
    #expect(try !FileSystem.exists(folder.path + "/a"))
    first.close()
    #expect(try second.isInPlace())
    second.close()
  }

  @Test func whoSaysSomethingIsServedBeforeThoseWhoSayNothing() async throws {
    let socket = try LocalSocket(listeningAt: path)
    let silent = try (0..<12).compactMap { _ in try LocalSocket.connect(to: path) }
    let speaking = try #require(try LocalSocket.connect(to: path))
    try speaking.send([1, 2], within: .seconds(5))
    let connection = try #require(try await ThreadPool(name: "accept", threads: 1).run { try socket.accept() })
    #expect(try connection.receive(limit: 10, within: .seconds(5))?.bytes == [1, 2])
    // They are ended while others are waited for, and so is the waiting by `close`.
    let waiting = Task { try await ThreadPool(name: "accept", threads: 1).run { try socket.accept() } }
    for connection in silent { #expect(try connection.receive(limit: 10, within: .seconds(30)) == nil) }
    socket.close()
    #expect(try await waiting.value == nil)
    #expect(silent.count == 12)
  }
}

import FreshetModel
import FreshetSources
import FreshetSystem
import FreshetTestKit
import Glibc
import Synchronization
import Testing

/// Files that change between a listing and the reading, or during it.
@Suite struct ChangingFileTests {
  let tree = try? SampleTree()

  private func listed(_ name: String) async throws -> (DirectorySource, ListedItem) {
    let tree = try #require(tree)
    try tree.write(name)
    let source = try DirectorySource(DirectoryConfiguration(name: "s", path: tree.path, fileSizeMax: 100_000))
    return (source, try #require(try await list(source).items.first))
  }

  private func code(_ source: DirectorySource, _ item: ListedItem) async -> FreshetError.Code? {
    do {
      _ = try await source.fetch(item)
      return nil
    } catch {
      return (error as? FreshetError)?.code
    }
  }

  @Test func aFileThatVanishedIsNotFound() async throws {
    let (source, item) = try await listed("d/a.md")
    tree?.remove("d/a.md")
    #expect(await code(source, item) == .notFound)
    tree?.remove("d")
    #expect(await code(source, item) == .notFound)
    try tree?.write("d", "a file where a folder was")
    #expect(await code(source, item) == .notFound)
  }

  @Test func aFileThatBecameAFolderOrAPipeIsUnreadable() async throws {
    let (source, item) = try await listed("a.md")
    let tree = try #require(tree)
    tree.remove("a.md")
    try tree.makeFolder(item.path)
    #expect(await code(source, item) == .unreadable)
    tree.remove("a.md")
    mkfifo(tree.path + "/a.md", 0o644)
    #expect(await code(source, item) == .unreadable)
  }

  @Test func aFileThatBecameALinkOutIsUnreadable() async throws {
    let (source, item) = try await listed("a.md")
    tree?.remove("a.md")
    try tree?.link("a.md", to: "/etc/passwd")
    #expect(await code(source, item) == .unreadable)
    tree?.remove("a.md")
    try tree?.link("a.md", to: "../../../../../../etc/passwd")
    #expect(await code(source, item) == .unreadable)
  }

  @Test func aFileThatGrewIsReadAsItIsOrTooLarge() async throws {
    let (source, item) = try await listed("a.md")
    try tree?.write("a.md", String(repeating: "x", count: 100_000))
    let fetched = try await source.fetch(item)
    #expect(
      fetched.bytes.count == 100_000 && fetched.fingerprint.size == 100_000 && fetched.fingerprint != item.fingerprint
    )
    try tree?.write("a.md", String(repeating: "x", count: 100_001))
    #expect(await code(source, item) == .fileTooLarge)
  }

  /// The writer appends blocks of one letter without rest: what is read must be whole blocks, as many as its fingerprint
  /// says, or be refused.
  @Test func aFileThatIsAppendedToAllTheTimeIsReadConsistentlyOrRefused() async throws {
    let tree = try #require(tree)
    try tree.write("log.md", "")
    let path = tree.path + "/log.md"
    let source = try DirectorySource(DirectoryConfiguration(name: "s", path: tree.path))
    let item = try #require(try await list(source).items.first)
    let stops = Stop()
    let writer = ThreadPool(name: "writer", threads: 1)
    let writing = Task {
      try await writer.run {
        let file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        defer { close(file) }
        var letter = 0
        while !stops.isSet.load(ordering: .relaxed), letter < 60_000 {
          let block = [UInt8](repeating: UInt8(ascii: "a") + UInt8(letter % 26), count: 1_024)
          _ = write(file, block, block.count)
          letter += 1
        }
      }
    }
    var (consistent, refused) = (0, 0)
    for _ in 0..<150 {
      do {
        let fetched = try await source.fetch(item)
        consistent += 1
        #expect(Int64(fetched.bytes.count) == fetched.fingerprint.size && fetched.bytes.count % 1_024 == 0)
        var isWhole = true
        for (block, start) in stride(from: 0, to: fetched.bytes.count, by: 1_024).enumerated() {
          let letter = UInt8(ascii: "a") + UInt8(block % 26)
          if fetched.bytes[start] != letter || fetched.bytes[start + 1_023] != letter { isWhole = false }
        }
        #expect(isWhole)
      } catch let error as FreshetError {
        refused += 1
        #expect(error.code == .changedWhileRead && error.isTransient)
      }
    }
    stops.isSet.store(true, ordering: .relaxed)
    try await writing.value
    #expect(consistent + refused == 150)
    // Once it rests, it is read.
    #expect(try await source.fetch(item).bytes.count % 1_024 == 0)
  }

  private final class Stop: Sendable {
    let isSet = Atomic(false)
  }
}

import CSystem
import FreshetModel
import FreshetSystem
import FreshetTestKit
import Glibc
import Testing

@Suite struct FileTests {
  let tree = try? SampleTree()

  @Test func aReplacedFileIsTheOldOrTheNewOneWhenTheWriterIsKilled() async throws {
    let tree = try #require(tree)
    let path = tree.path + "/file"
    let seed = UInt64.random(in: 0 ... .max)
    print("seed \(seed)")
    var random = SeededRandom(seed: seed)
    for _ in 0..<12 {
      let probe = try await TestProgram(beside: "system-probe", ["replace", path])
      let count = Int.random(in: 1...6, using: &random)
      var letters: [String] = []
      for _ in 0..<count { letters.append(try #require(probe.line())) }
      _ = probe.process.terminate()
      while let letter = probe.line() { letters.append(letter) }
      let bytes = try FileSystem.read(path)
      #expect(bytes.count == 200_000 && Set(bytes).count == 1, "seed \(seed)")
      // What was said to be on the disk is there, or what came after it.
      let last = try #require(letters.last?.utf8.first)
      let next = last == UInt8(ascii: "z") ? UInt8(ascii: "a") : last + 1
      #expect(bytes[0] == last || bytes[0] == next, "seed \(seed)")
    }
  }

  @Test func exchangedFoldersChangePlaces() throws {
    let tree = try #require(tree)
    try tree.write("one/file", "1")
    try tree.write("two/file", "2")
    try FileSystem.exchange(tree.path + "/one", with: tree.path + "/two")
    #expect(try FileSystem.read(tree.path + "/one/file") == Array("2".utf8))
    #expect(try FileSystem.read(tree.path + "/two/file") == Array("1".utf8))
    let error = #expect(throws: FreshetError.self) {
      try FileSystem.exchange(tree.path + "/one", with: tree.path + "/nothing")
    }
    #expect(error?.code == .notFound)
    #expect(try FileSystem.read(tree.path + "/one/file") == Array("2".utf8))
  }

  @Test func aReplacementThatFailsLeavesTheOldFileAndNothingElse() throws {
    struct Fault: Error {}
    let tree = try #require(tree)
    try tree.write("file", "old")
    #expect(throws: Fault.self) {
      try FileSystem.replace(tree.path + "/file") { file in
        try Array("half".utf8).withUnsafeBytes { try file.write($0) }
        throw Fault()
      }
    }
    #expect(try FileSystem.read(tree.path + "/file") == Array("old".utf8))
    #expect(try FileSystem.names(in: tree.path) == [Array("file".utf8)])
    #expect(throws: FreshetError.self) { try FileSystem.replace(tree.path + "/absent/file", with: []) }
  }

  @Test func aReplacedFileHasThePermissionsAskedFor() throws {
    let tree = try #require(tree)
    try FileSystem.replace(tree.path + "/secret", with: [1], permissions: 0o600)
    #expect(try FileStatus(of: tree.path + "/secret").permissions == 0o600)
  }

  @Test func appendsOfManyWritersStayWhole() async throws {
    let tree = try #require(tree)
    let path = tree.path + "/log"
    let pool = ThreadPool(name: "append", threads: 4)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<4 {
        group.addTask {
          try await pool.run {
            let file = try AppendFile(path)
            for _ in 0..<200 {
              try file.append([UInt8](repeating: UInt8(ascii: "a") + UInt8(writer), count: 99) + [10])
            }
            try file.synchronize()
          }
        }
      }
      try await group.waitForAll()
    }
    let lines = try FileSystem.read(path).split(separator: 10)
    #expect(lines.count == 800 && lines.allSatisfy { $0.count == 99 && Set($0).count == 1 })
    #expect(try AppendFile(path).size() == 80_000)
  }

  @Test func appendingGoesOnWhereItEnded() throws {
    let path = try #require(tree).path + "/log"
    try AppendFile(path).append([1, 2])
    try AppendFile(path).append([3])
    #expect(try FileSystem.read(path) == [1, 2, 3])
  }

  @Test func aTimeThatNanosecondsCannotTellIsTheNearest() throws {
    let tree = try #require(tree)
    try tree.write("file")
    for (year2300, nearest) in [(10_413_792_000, Int64.max), (-10_413_792_000, Int64.min)] {
      let times = [timespec](repeating: timespec(tv_sec: year2300, tv_nsec: 0), count: 2)
      #expect(utimensat(AT_FDCWD, tree.path + "/file", times, 0) == 0)
      var status = stat()
      #expect(stat(tree.path + "/file", &status) == 0)
      // Not every file system keeps such a time.
      guard status.st_mtim.tv_sec == year2300 else { continue }
      #expect(try FileStatus(of: tree.path + "/file").fingerprint.modified == nearest)
    }
  }

  @Test func aFullDiskIsSaid() throws {
    let file = try Descriptor(opening: "/dev/full", flags: O_WRONLY)
    let error = #expect(throws: FreshetError.self) {
      try [UInt8](repeating: 0, count: 10).withUnsafeBytes { try file.write($0) }
    }
    #expect(error?.code == .diskFull && error?.isTransient == true)
  }

  @Test func aPathWithoutLinksKeepsItsBytes() throws {
    let tree = try #require(tree)
    let name: [UInt8] = [0x61, 0xFF]
    try tree.makeFolder(name)
    try tree.link(Array("link".utf8), to: name)
    #expect(FileSystem.resolved(Array((tree.path + "/link/../link").utf8)) == tree.absolute(name))
    #expect(FileSystem.resolved(Array((tree.path + "/absent").utf8)) == nil)
  }

  /// A refusal of the file system itself must not look like a kernel without the call. Only the owner may open a file
  /// without leaving a trace of the time (O_NOATIME): as root, anything may be.
  @Test func aRefusalOfTheFileSystemIsToldFromAMissingCall() throws {
    let tree = try #require(tree)
    try tree.write("a")
    let folder = try Descriptor(opening: tree.path, flags: O_RDONLY | O_DIRECTORY)
    let opened = freshet_open_beneath(folder.number, "a", O_RDONLY)
    #expect(opened >= 0)
    if opened >= 0 { close(opened) }
    #expect(freshet_open_beneath(folder.number, "../a", O_RDONLY) == -EXDEV)
    #expect(freshet_open_beneath(folder.number, "b", O_RDONLY) == -ENOENT)
    // Nobody may write what is marked unchangeable, not even root.
    guard let made = Self.makeImmutable(tree.path + "/a"), made else { return }
    defer { _ = Self.setFlags(tree.path + "/a", 0) }
    #expect(freshet_open_beneath(folder.number, "a", O_WRONLY) == -EPERM)
  }

  private static func makeImmutable(_ path: String) -> Bool? { setFlags(path, 0x10) }

  /// FS_IOC_SETFLAGS; `nil` when the file cannot be opened. False where the file system or the user cannot.
  private static func setFlags(_ path: String, _ flags: Int32) -> Bool? {
    guard let file = try? Descriptor(opening: path, flags: O_RDONLY) else { return nil }
    var flags = Int(flags)
    return ioctl(file.number, 0x4008_6602, &flags) == 0
  }
}

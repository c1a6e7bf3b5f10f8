import FreshetModel
import FreshetSources
import FreshetSystem
import Glibc
import Testing

@Suite struct DirectorySourceTests {
  let tree = try? SampleFolder()

  private func list(_ configuration: DirectoryConfiguration, _ paths: [String] = []) async throws -> ListingBatch {
    let source = try DirectorySource(configuration)
    let listing = try await source.listing(of: paths.map { Array($0.utf8) })
    var whole = ListingBatch()
    while let batch = try await listing.next() {
      whole.items += batch.items
      whole.problems += batch.problems
      whole.skipped += batch.skipped
    }
    return whole
  }

  private func names(_ batch: ListingBatch) -> [String] { batch.items.map { String(decoding: $0.path, as: UTF8.self) } }

  @Test func itemsComeInTheByteOrderOfTheirWholePaths() async throws {
    let tree = try #require(tree)
    for name in ["a/z", "a.txt", "a0", "a/b/c", "B", "ä", "a b/x"] { try tree.write(name) }
    let found = try await list(DirectoryConfiguration(name: "s", path: tree.path))
    let paths = found.items.map(\.path)
    #expect(paths == paths.sorted { $0.lexicographicallyPrecedes($1) })
    #expect(paths.count == 7 && found.problems.isEmpty)
  }

  @Test func hiddenIgnoredAndExcludedFilesAreLeftOut() async throws {
    let tree = try #require(tree)
    for name in ["a.md", ".h.md", ".freshet/x.md", "build/x.md", "drafts/d.md", "keep.log", "x.log", "n/y.log"] {
      try tree.write(name)
    }
    try tree.write(".gitignore", "*.log\n!keep.log\n/build/\n")
    var configuration = DirectoryConfiguration(name: "s", path: tree.path, exclude: ["drafts/**"])
    #expect(try await names(list(configuration)) == ["a.md", "keep.log"])
    configuration.include = ["**/*.{log,txt}"]
    #expect(try await names(list(configuration)) == ["keep.log"])
    configuration.respectsIgnoreFiles = false
    #expect(try await names(list(configuration)) == ["keep.log", "n/y.log", "x.log"])
    #expect(try await names(list(configuration, ["n"])) == ["n/y.log"])
  }

  @Test func linksStayInsideTheRootAndPipesAreReported() async throws {
    let tree = try #require(tree)
    try tree.write("d/a.md")
    symlink("/etc/passwd", tree.path + "/out")
    symlink(tree.path + "/d/a.md", tree.path + "/absolute")
    symlink("d/a.md", tree.path + "/relative")
    symlink(".", tree.path + "/d/loop")
    mkfifo(tree.path + "/pipe", 0o644)
    var configuration = DirectoryConfiguration(name: "s", path: tree.path)
    let found = try await list(configuration)
    #expect(names(found) == ["absolute", "d/a.md", "relative"])
    #expect(found.skipped.map { String(decoding: $0.path, as: UTF8.self) } == ["out", "pipe"])
    configuration.links = .foldersWithinRoot
    #expect(try await names(list(configuration)) == ["absolute", "d/a.md", "relative"])
    let source = try DirectorySource(configuration)
    var item = found.items[0]
    #expect(try await source.fetch(item).bytes == Array("text".utf8))
    item.path = Array("out".utf8)
    await #expect(throws: FreshetError.self) { _ = try await source.fetch(item) }
    item.path = Array("pipe".utf8)
    await #expect(throws: FreshetError.self) { _ = try await source.fetch(item) }
  }

  @Test func absenceTellsVanishedFromOutOfScopeFromUnknown() async throws {
    let tree = try #require(tree)
    for name in ["a.md", "b.md", "c/d.md"] { try tree.write(name) }
    let found = try await list(DirectoryConfiguration(name: "s", path: tree.path))
    unlink(tree.path + "/a.md")
    let source = try DirectorySource(DirectoryConfiguration(name: "s", path: tree.path, exclude: ["b.*"]))
    guard case .vanished = await source.absence(of: found.items[0].path, fingerprint: found.items[0].fingerprint),
      case .outOfScope(let sentence) = await source.absence(
        of: found.items[1].path,
        fingerprint: found.items[1].fingerprint
      )
    else {
      Issue.record("wrong absence")
      return
    }
    #expect(sentence.contains("b.*"))
    var elsewhere = found.items[0].fingerprint
    elsewhere.device += 1
    guard case .unknown = await source.absence(of: found.items[0].path, fingerprint: elsewhere) else {
      Issue.record("a file of another disk counts as vanished")
      return
    }
  }

  @Test func aThousandFoldersDeepIsListed() async throws {
    let tree = try #require(tree)
    let deep = Array(repeating: "n", count: 1_000).joined(separator: "/")
    try tree.write(deep + "/leaf.md")
    try tree.write("n/z.md")
    let found = try await list(DirectoryConfiguration(name: "s", path: tree.path))
    #expect(names(found) == [deep + "/leaf.md", "n/z.md"])
    #expect(found.problems.isEmpty)
  }

  @Test func differentPathsHaveDifferentOriginsThatLeadBack() {
    let seed = UInt64.random(in: 0 ... .max)
    var state = seed
    let pieces: [[UInt8]] = [
      [0xFF], Array("%".utf8), Array("%FF".utf8), Array("25".utf8), Array("é".utf8), [0xC3], [0x61],
    ]
    var origins: [String: [UInt8]] = [:]
    for _ in 0..<20_000 {
      var path: [UInt8] = []
      for _ in 0..<(1 + Int(state >> 60) % 6) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        path += pieces[Int(state >> 33) % pieces.count]
      }
      let origin = PathEncoding.origin(of: path)
      #expect(PathEncoding.path(of: origin) == path, "seed \(seed)")
      #expect(origins.updateValue(path, forKey: origin) ?? path == path, "seed \(seed)")
    }
  }
}

/// A folder that goes with the test.
final class SampleFolder: Sendable {
  let path: String

  init() throws {
    path = try FileSystem.resolved("/tmp") + "/freshet-sources-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    try FileSystem.createFolder(path)
  }

  deinit {
    Self.remove(path)
  }

  private static func remove(_ path: String) {
    for name in (try? FileSystem.names(in: path)) ?? [] {
      let inner = path + "/" + String(decoding: name, as: UTF8.self)
      if (try? FileStatus(of: inner, followingLinks: false).kind) == .folder { remove(inner) } else { unlink(inner) }
    }
    rmdir(path)
  }

  func write(_ name: String, _ text: String = "text") throws {
    try FileSystem.createFolder(FileSystem.split(path + "/" + name).folder)
    try FileSystem.replace(path + "/" + name, with: Array(text.utf8))
  }
}

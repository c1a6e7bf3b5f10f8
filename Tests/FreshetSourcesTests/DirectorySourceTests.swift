import FreshetModel
import FreshetSources
import FreshetSystem
import FreshetTestKit
import Glibc
import Synchronization
import Testing

@Suite struct DirectorySourceTests {
  let tree = try? SampleTree()

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
    configuration.respectsGitignore = false
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

  @Test func aPatternOfAFolderIncludesEverythingBelowIt() async throws {
    let tree = try #require(tree)
    for name in ["docs/a.md", "docs/b/c.md", "other/docs/d.md", "docs.md", "x.md"] { try tree.write(name) }
    var configuration = DirectoryConfiguration(name: "s", path: tree.path)
    let everyDocs = ["docs/a.md", "docs/b/c.md", "other/docs/d.md"]
    for (pattern, expected) in [
      ("docs/", everyDocs), ("docs", everyDocs), ("/docs/", ["docs/a.md", "docs/b/c.md"]), ("./docs/", everyDocs),
      ("docs/b/", ["docs/b/c.md"]), ("{docs,none}/", everyDocs), ("d*cs/", everyDocs), ("x.md", ["x.md"]),
    ] {
      configuration.include = [pattern]
      #expect(try await names(list(configuration)) == expected, "\(pattern)")
    }
  }

  @Test func aRootBehindALinkMayHaveAnyBytesInItsName() async throws {
    let tree = try #require(tree)
    let name = Array("r\u{E4}".utf8) + [0xFF, 0xFE]
    try tree.write(name + Array("/d/a.md".utf8), [1])
    try tree.link(Array("root".utf8), to: name)
    try tree.link(name + Array("/absolute".utf8), to: tree.absolute(name + Array("/d/a.md".utf8)))
    try tree.link(name + Array("/out".utf8), to: tree.absolute(name) + Array("-other".utf8))
    try tree.write(name + Array("-other".utf8), [2])
    let configuration = DirectoryConfiguration(name: "s", path: tree.path + "/root")
    let found = try await list(configuration)
    #expect(names(found) == ["absolute", "d/a.md"])
    #expect(found.skipped.count == 1 && found.problems.isEmpty)
    #expect(try await DirectorySource(configuration).fetch(found.items[0]).bytes == [1])
  }

  @Test func aRootThatIsReplacedIsOpenedAnew() async throws {
    let tree = try #require(tree)
    try tree.write("root/a.md", "old")
    let source = try DirectorySource(DirectoryConfiguration(name: "s", path: tree.path + "/root"))
    let item = try #require(try await list(source).items.first)
    #expect(try await source.fetch(item).bytes == Array("old".utf8))
    #expect(rename(tree.path + "/root", tree.path + "/aside") == 0)
    await #expect { _ = try await source.fetch(item) } throws: { ($0 as? FreshetError)?.code == .sourceUnavailable }
    guard case .unknown = await source.absence(of: item.path, fingerprint: item.fingerprint) else {
      Issue.record("a file of a root that is gone counts as absent")
      return
    }
    try tree.write("root/a.md", "new")
    #expect(try await source.fetch(item).bytes == Array("new".utf8))
  }

  @Test func aFolderThatBecameALinkHoldsItsFilesNoMore() async throws {
    let tree = try #require(tree)
    try tree.write("docs/a.md")
    var configuration = DirectoryConfiguration(name: "s", path: tree.path)
    let item = try #require(try await list(configuration).items.first)
    #expect(rename(tree.path + "/docs", tree.path + "/docs2") == 0)
    try tree.link("docs", to: "docs2")
    #expect(try await names(list(configuration)) == ["docs2/a.md"])
    guard
      case .outOfScope = try await DirectorySource(configuration).absence(of: item.path, fingerprint: item.fingerprint)
    else {
      Issue.record("the file is held back for ever")
      return
    }
    configuration.links = .foldersWithinRoot
    #expect(try await names(list(configuration)) == ["docs/a.md", "docs2/a.md"])
  }

  @Test func linksBetweenFoldersAreFollowedOnceAndEnd() async throws {
    let tree = try #require(tree)
    for name in ["a/f.md", "b/g.md"] { try tree.write(name) }
    try tree.link("a/x", to: "../b")
    try tree.link("b/y", to: "../a")
    try tree.link("self", to: "self")
    try tree.link("nowhere", to: "absent.md")
    try tree.link("up", to: "..")
    let configuration = DirectoryConfiguration(name: "s", path: tree.path, links: .foldersWithinRoot)
    let found = try await list(configuration)
    #expect(names(found) == ["a/f.md", "a/x/g.md", "b/g.md", "b/y/f.md"])
    #expect(
      found.skipped.map { String(decoding: $0.path, as: UTF8.self) } == ["a/x/y", "b/y/x", "nowhere", "self", "up"]
    )
    #expect(found.problems.isEmpty)
    let source = try DirectorySource(configuration)
    for item in found.items { #expect(try await source.fetch(item).bytes == Array("text".utf8)) }
  }

  @Test func aListingStopsWithinABatchWhenItIsCancelled() async throws {
    let tree = try #require(tree)
    for folder in 0..<20 { for file in 0..<5 { try tree.write("\(folder)/\(file).md") } }
    let clock = CancellingClock(calls: 4)
    let source = try DirectorySource(DirectoryConfiguration(name: "s", path: tree.path), clock: clock)
    let task = Task {
      let listing = try await source.listing(of: [])
      return try await listing.next()?.items.count
    }
    await #expect(throws: CancellationError.self) { _ = try await task.value }
    #expect(clock.calls.load(ordering: .relaxed) < 0 && clock.calls.load(ordering: .relaxed) > -10)
  }

  @Test func aFileOfAFileSystemThatCountsInSecondsIsSuspectForTwo() {
    let second: Int64 = 1_000_000_000
    let exact = ItemFingerprint(device: 1, inode: 1, size: 1, modified: 0, changed: 50 * second + 1)
    let coarse = ItemFingerprint(device: 1, inode: 1, size: 1, modified: 0, changed: 50 * second)
    for (fingerprint, age, expected) in [
      (exact, second / 100, true), (exact, second / 2, false), (coarse, second / 2, true), (coarse, 3 * second, false),
      (exact, -second, true),
    ] {
      let observed = fingerprint.changed + age
      #expect(
        fingerprint.isRacy(observed: observed, granularity: 20_000_000) == expected,
        "\(fingerprint.changed) \(age)"
      )
    }
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
      Array("!".utf8), Array("!/".utf8), Array("%21/".utf8), Array("/".utf8),
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
      #expect(!origin.contains("!/"), "seed \(seed)")
      #expect(PathEncoding.path(of: origin + "!/%FF") == path + Array("!/%FF".utf8), "seed \(seed)")
    }
  }

  @Test func aFolderThatEndsWithAnExclamationMarkIsEscapedAndAFileIsNot() {
    for (path, origin) in [
      ("a!/b", "a%21/b"), ("a!", "a!"), ("really!.md", "really!.md"), ("!/!/!", "%21/%21/!"), ("a%21/b", "a%2521/b"),
      ("a!/100%", "a%21/100%25"), ("100%", "100%"),
    ] {
      #expect(PathEncoding.origin(of: Array(path.utf8)) == origin)
    }
  }
}

/// Cancels the task that asks for the time when its calls are used up.
final class CancellingClock: WallClock {
  let calls: Atomic<Int>

  init(calls: Int) {
    self.calls = Atomic(calls)
  }

  func now() -> Timestamp {
    if calls.subtract(1, ordering: .relaxed).newValue < 0 { withUnsafeCurrentTask { $0?.cancel() } }
    return SystemWallClock().now()
  }
}

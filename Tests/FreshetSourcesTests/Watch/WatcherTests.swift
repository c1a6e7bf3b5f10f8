import FreshetModel
import FreshetSources
import FreshetSystem
import FreshetTestKit
import Glibc
import Testing

/// A real tree that is really watched.
@Suite(.serialized) struct WatcherTests {
  let tree = try? SampleTree()

  static let quick = WatchOptions(
    settle: .milliseconds(150),
    folderHoldLimit: .seconds(1),
    pollInterval: .milliseconds(60),
    pollRestFactor: 2,
    rootInterval: .milliseconds(50)
  )

  static func polling() -> WatchOptions {
    var options = quick
    options.mode = .polling
    return options
  }

  private func observe(
    _ options: WatchOptions = quick,
    system: WatchSystem = WatchSystem(),
    _ change: (inout DirectoryConfiguration) -> Void = { _ in }
  ) async throws -> Observer {
    let tree = try #require(tree)
    var configuration = DirectoryConfiguration(name: "s", path: tree.path)
    change(&configuration)
    return try await Observer(configuration, options, system)
  }

  @Test(arguments: [quick, polling()]) func aSaveADeleteAndARenameAreReleased(_ options: WatchOptions) async throws {
    let tree = try #require(tree)
    try tree.write("docs/old.md")
    let observer = try await observe(options)
    try tree.write("docs/a.md")
    #expect(await observer.saw("docs/a.md"))
    rename(tree.path + "/docs/old.md", tree.path + "/docs/new.md")
    let renamed = await observer.releases(until: "docs/new.md")
    #expect(Set(["docs/new.md", "docs/old.md"].map { Array($0.utf8) }).isSubset(of: renamed.last?.files ?? []))
    tree.remove("docs/a.md")
    #expect(await observer.releases(until: "docs/a.md").last?.source == "s")
    await observer.stop()
  }

  @Test func foldersThatComeAreWatchedWithoutAGap() async throws {
    let tree = try #require(tree)
    let observer = try await observe()
    for round in 0..<20 { try tree.write("new\(round)/deep/er/a.md") }
    for round in 0..<20 { #expect(await observer.saw("new\(round)/deep/er/a.md")) }
    try tree.write("new7/deep/er/b.md")
    #expect(await observer.saw("new7/deep/er/b.md"))
    await observer.stop()
  }

  @Test func aRenamedFolderLeavesWithBothNamesAndIsWatchedUnderTheNewOne() async throws {
    let tree = try #require(tree)
    try tree.write("old/deep/a.md")
    let observer = try await observe()
    let watches = observer.status.watches
    rename(tree.path + "/old", tree.path + "/new")
    let releases = await observer.releases(until: "new")
    #expect(releases.last?.folders == ["new", "old"].map { Array($0.utf8) })
    try tree.write("new/deep/b.md")
    #expect(await observer.releases(until: "new/deep/b.md").last?.files == [Array("new/deep/b.md".utf8)])
    #expect(observer.status.watches == watches)
    await observer.stop()
  }

  @Test func aFolderThatMovedOutIsForgottenAndOneThatMovedInIsWatched() async throws {
    let tree = try #require(tree)
    let outside = try SampleTree()
    try tree.write("out/deep/a.md")
    try outside.write("in/deep/b.md")
    let observer = try await observe()
    rename(tree.path + "/out", outside.path + "/out")
    #expect(await observer.saw("out"))
    rename(outside.path + "/in", tree.path + "/in")
    #expect(await observer.saw("in"))
    #expect(await observer.becomes { $0.watches == 3 })
    try outside.write("out/deep/c.md")
    try tree.write("in/deep/d.md")
    let releases = await observer.releases(until: "in/deep/d.md")
    #expect(releases.flatMap(\.paths) == [Array("in/deep/d.md".utf8)])
    await observer.stop()
  }

  @Test func whatTheSourceDoesNotEnterIsNotWatched() async throws {
    let tree = try #require(tree)
    for name in ["a.md", "docs/a.md", ".hidden/a.md", "node/a.md", "ignored/a.md", "other/a.md", "docs/x.tmp"] {
      try tree.write(name)
    }
    try tree.write(".gitignore", "ignored/\n*.tmp\n")
    let observer = try await observe {
      $0.exclude = ["node/**"]
      $0.excludedFolders = [tree.path + "/other"]
    }
    #expect(observer.status.watches == 2)
    for name in [".hidden/b.md", "node/b.md", "ignored/b.md", "other/b.md", "docs/b.tmp", "docs/.b"] {
      try tree.write(name)
    }
    try tree.write("docs/b.md")
    #expect(await observer.releases(until: "docs/b.md").flatMap(\.paths) == [Array("docs/b.md".utf8)])
    await observer.stop()
  }

  @Test func withoutRecursionOnlyTheRootIsWatched() async throws {
    let tree = try #require(tree)
    try tree.write("docs/a.md")
    let observer = try await observe { $0.isRecursive = false }
    try tree.write("docs/b.md")
    try tree.write("more/c.md")
    try tree.write("d.md")
    #expect(await observer.releases(until: "d.md").flatMap(\.paths) == [Array("d.md".utf8)])
    #expect(observer.status.watches == 1)
    await observer.stop()
  }

  @Test func anIgnoreFileThatChangesMakesItsFolderDirtyAndTheWatchesRight() async throws {
    let tree = try #require(tree)
    try tree.write("docs/drafts/a.md")
    try tree.write("docs/.gitignore", "drafts/\n")
    let observer = try await observe()
    #expect(observer.status.watches == 2)
    try tree.write("docs/.gitignore", "\n")
    #expect(await observer.releases(until: "docs").last?.folders == [Array("docs".utf8)])
    try tree.write("docs/drafts/b.md")
    #expect(await observer.saw("docs/drafts/b.md"))
    try tree.write("docs/.freshetignore", "drafts/\n")
    #expect(await observer.saw("docs"))
    #expect(await observer.becomes { $0.watches == 2 })
    await observer.stop()
  }

  @Test func anIgnoreFileAboveTheRootMakesEverythingDirty() async throws {
    let tree = try #require(tree)
    try tree.makeFolder(Array(".git".utf8))
    try tree.write("docs/guide/a.md")
    try tree.write("docs/guide/build/a.md")
    let observer = try await observe { $0.path = tree.path + "/docs/guide" }
    try tree.write("docs/.gitignore", "build/\n")
    #expect(await observer.releases(until: "").last?.isEverything == true)
    #expect(await observer.becomes { $0.watches == 1 })
    await observer.stop()
  }

  @Test(arguments: [quick, polling()]) func aRootThatGoesAndComesBackIsEverything(_ options: WatchOptions) async throws
  {
    let tree = try #require(tree)
    try tree.write("root/docs/a.md")
    let observer = try await observe(options) { $0.path = tree.path + "/root" }
    rename(tree.path + "/root", tree.path + "/away")
    #expect(await observer.releases(until: "").last?.isEverything == true)
    #expect(await observer.becomes { $0.mode == .waiting })
    try tree.write("root/docs/b.md")
    #expect(await observer.releases(until: "").last?.isEverything == true)
    #expect(await observer.becomes { $0.mode != .waiting })
    try tree.write("root/docs/c.md")
    #expect(await observer.saw("docs/c.md"))
    await observer.stop()
  }

  @Test func aLinkIsReleasedWhenItsTargetChanges() async throws {
    let tree = try #require(tree)
    try tree.write("docs/a.md")
    try tree.link("before.md", to: "docs/a.md")
    let observer = try await observe()
    try tree.link("after.md", to: tree.path + "/docs/a.md")
    #expect(await observer.saw("after.md"))
    for _ in 0..<2 {
      try tree.write("docs/a.md", "other")
      observer.forget()
      for name in ["docs/a.md", "before.md", "after.md"] { #expect(await observer.saw(name)) }
    }
    observer.forget()
    rename(tree.path + "/docs", tree.path + "/away")
    for name in ["docs", "before.md", "after.md"] { #expect(await observer.saw(name)) }
    await observer.stop()
  }

  @Test func aLinkThatLeadsNowhereIsReleasedWhenItsTargetComes() async throws {
    let tree = try #require(tree)
    try tree.link("file.md", to: "later.md")
    try tree.link("deep.md", to: "new/deep/a.md")
    try tree.link("absolute.md", to: tree.path + "/new/b.md")
    let observer = try await observe()
    try tree.write("later.md")
    #expect(await observer.saw("file.md"))
    try tree.write("new/deep/a.md")
    #expect(await observer.saw("deep.md"))
    try tree.write("new/b.md")
    #expect(await observer.saw("absolute.md"))
    for (target, link) in [("later.md", "file.md"), ("new/deep/a.md", "deep.md"), ("new/b.md", "absolute.md")] {
      #expect(await observer.comesToRest())
      try tree.write(target, "other")
      #expect(await observer.saw(link))
    }
    #expect(await observer.comesToRest())
    tree.remove("later.md")
    #expect(await observer.saw("file.md"))
    await observer.stop()
  }

  @Test func aLinkOverLinksIsReleasedWhenOneOfThemLeadsElsewhere() async throws {
    let tree = try #require(tree)
    for name in ["v1.md", "v2.md"] { try tree.write(name) }
    try tree.link("current.md", to: "v1.md")
    try tree.makeFolder(Array("docs".utf8))
    try tree.link("docs/middle.md", to: "../current.md")
    try tree.link("docs/chain.md", to: "middle.md")
    let observer = try await observe()
    #expect(observer.status.links == 3)
    try tree.write("v1.md", "other")
    #expect(await observer.saw("docs/chain.md"))
    for version in ["v2.md", "v1.md"] {
      #expect(await observer.comesToRest())
      try tree.relink("current.md", to: version)
      for name in ["current.md", "docs/middle.md", "docs/chain.md"] { #expect(await observer.saw(name)) }
      #expect(await observer.comesToRest())
      try tree.write(version, "text of \(version)")
      #expect(await observer.saw("docs/chain.md"))
    }
    #expect(await observer.comesToRest())
    // The version that it leads over no more is of no interest to it.
    try tree.write("v2.md", "more")
    #expect(await observer.releases(until: "v2.md").flatMap(\.paths) == [Array("v2.md".utf8)])
    await observer.stop()
  }

  @Test(arguments: [DirectoryConfiguration.LinkPolicy.filesWithinRoot, .foldersWithinRoot], ["r", ".r"])
  func aLinkThroughALinkedFolderIsReleasedWhenThatLeadsElsewhere(
    _ policy: DirectoryConfiguration.LinkPolicy,
    _ release: String
  ) async throws {
    let tree = try #require(tree)
    for number in 1...2 { try tree.write("\(release)\(number)/docs/x.md") }
    try tree.link("current", to: release + "1")
    try tree.link("again", to: "current")
    try tree.link("via.md", to: "current/docs/x.md")
    try tree.link("twice.md", to: "again/docs/../docs/x.md")
    let observer = try await observe { $0.links = policy }
    for number in [2, 1] {
      observer.forget()
      try tree.relink("current", to: "\(release)\(number)")
      for name in ["via.md", "twice.md"] { #expect(await observer.saw(name)) }
      if policy == .foldersWithinRoot {
        for name in ["current/docs/x.md", "again/docs/x.md"] { #expect(await observer.saw(name)) }
      }
      #expect(await observer.comesToRest())
      // A hidden folder is watched only where a link makes it part of the source.
      if policy == .filesWithinRoot, release.hasPrefix(".") { continue }
      try tree.write("\(release)\(number)/docs/x.md", "other")
      for name in ["via.md", "twice.md"] { #expect(await observer.saw(name)) }
      if policy == .foldersWithinRoot {
        for name in ["current/docs/x.md", "again/docs/x.md"] { #expect(await observer.saw(name)) }
      }
      #expect(await observer.comesToRest())
    }
    await observer.stop()
  }

  @Test func aLinkedFolderThatIsMadeAnewIsWatchedAgain() async throws {
    let tree = try #require(tree)
    try tree.write("r/x.md")
    try tree.link("current", to: "r")
    let observer = try await observe { $0.links = .foldersWithinRoot }
    rename(tree.path + "/r", tree.path + "/old")
    #expect(await observer.saw("current"))
    #expect(await observer.comesToRest())
    try tree.write("r/x.md")
    #expect(await observer.saw("current/x.md"))
    #expect(await observer.comesToRest())
    try tree.write("r/y.md")
    #expect(await observer.saw("current/y.md"))
    await observer.stop()
  }

  @Test func theLinksOfAFolderThatIsRemovedOrMovesOutAreForgotten() async throws {
    let tree = try #require(tree)
    let outside = try SampleTree()
    try tree.write("a.md")
    for folder in ["kept", "moved", "removed/deep", "out/deep"] {
      try tree.makeFolder(Array(folder.utf8))
      for number in 0..<5 { try tree.link("\(folder)/\(number).md", to: tree.path + "/a.md") }
    }
    let observer = try await observe()
    #expect(observer.status.links == 20)
    rename(tree.path + "/moved", tree.path + "/kept/moved")
    tree.remove("removed")
    rename(tree.path + "/out", outside.path + "/out")
    #expect(await observer.becomes { $0.links == 10 })
    tree.remove("kept/0.md")
    rename(tree.path + "/a.md", tree.path + "/kept/1.md")
    #expect(await observer.becomes { $0.links == 8 })
    #expect(await observer.saw("kept/moved/4.md"))
    #expect(await observer.comesToRest())
    try tree.write("a.md")
    for name in ["kept/2.md", "kept/moved/0.md"] { #expect(await observer.saw(name)) }
    await observer.stop()
  }

  @Test func linksInACircleHarmNobodyAndAreReleasedWhenItEnds() async throws {
    let tree = try #require(tree)
    try tree.write("a.md")
    try tree.link("one.md", to: "two.md")
    try tree.link("two.md", to: "one.md")
    try tree.link("self.md", to: "self.md")
    try tree.link("long.md", to: String(repeating: "./x/../", count: 580))
    let observer = try await observe()
    try tree.relink("two.md", to: "a.md")
    #expect(await observer.saw("one.md"))
    #expect(await observer.comesToRest())
    try tree.write("a.md", "other")
    #expect(await observer.saw("one.md"))
    await observer.stop()
  }

  @Test func aFileThatIsHeldOpenIsReleasedWhenItIsClosed() async throws {
    let tree = try #require(tree)
    let observer = try await observe()
    let file = open(tree.path + "/held.md", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    for round in 0..<3 {
      _ = write(file, "text", 4)
      try tree.write("other\(round).md")
      let before = await observer.releases(until: "other\(round).md")
      #expect(!before.flatMap(\.files).contains(Array("held.md".utf8)))
    }
    // Longer than the quiet time that a file needs of which nobody can say whether it is open.
    #expect(await observer.isQuiet(for: .milliseconds(400)))
    close(file)
    #expect(await observer.saw("held.md"))
    await observer.stop()
  }

  @Test func whenTheWatchesAreUsedUpTheRestIsPolled() async throws {
    let tree = try #require(tree)
    for folder in 0..<8 { try tree.write("f\(folder)/deep/a.md") }
    var system = WatchSystem()
    let limited = Limited(5)
    system.addWatch = { limited.add($0, $1, $2) }
    let observer = try await observe(system: system)
    #expect(observer.status.mode == .mixed && observer.status.watches == 5)
    for folder in 0..<8 {
      try tree.write("f\(folder)/deep/b.md")
      #expect(await observer.saw("f\(folder)/deep/b.md"))
    }
    let problem = await observer.problem()
    #expect(problem?.kind == .watchLimit && problem?.error.message.contains("fs.inotify.max_user_watches=") == true)
    await observer.stop()
  }

  @Test func whenThereAreWatchesAgainThePolledFoldersAreWatched() async throws {
    let tree = try #require(tree)
    for folder in 0..<8 { try tree.write("f\(folder)/deep/a.md") }
    var system = WatchSystem()
    let limited = Limited(5)
    system.addWatch = { limited.add($0, $1, $2) }
    var options = Self.quick
    options.limitRetryInterval = .milliseconds(50)
    let observer = try await observe(options, system: system)
    #expect(observer.status.mode == .mixed)
    limited.raise(by: 100)
    #expect(await observer.becomes { $0.mode == .events && $0.watches == 17 })
    try tree.write("f7/deep/b.md")
    #expect(await observer.saw("f7/deep/b.md"))
    await observer.stop()
  }

  @Test func pollingReleasesNothingWhileNothingChanges() async throws {
    let tree = try #require(tree)
    try tree.write("docs/a.md")
    // So long ago that nobody has to look twice.
    var times = [timespec(tv_sec: 1_000, tv_nsec: 1), timespec(tv_sec: 1_000, tv_nsec: 1)]
    utimensat(AT_FDCWD, tree.path + "/docs/a.md", &times, 0)
    let observer = try await observe(Self.polling())
    // What changed just before the first pass is named once, when its times tell it from a later change.
    _ = await observer.next(within: .milliseconds(150))
    #expect(await observer.isQuiet(for: .milliseconds(300)))
    await observer.stop()
  }

  @Test func whenThereIsNoQueueTheSourceIsPolled() async throws {
    let tree = try #require(tree)
    try tree.write("docs/a.md")
    var system = WatchSystem()
    system.openQueue = { -EMFILE }
    let observer = try await observe(system: system)
    #expect(observer.status.mode == .polling && observer.status.polledFiles == 1)
    try tree.write("docs/b.md")
    #expect(await observer.saw("docs/b.md"))
    let problem = await observer.problem()
    #expect(problem?.kind == .queueLimit && problem?.error.message.contains("max_user_instances=") == true)
    await observer.stop()
  }

  @Test func whoReadsLateGetsFoldersAndLosesNothing() async throws {
    let tree = try #require(tree)
    var options = Self.quick
    options.pathsMax = 50
    let observer = try await observe(options)
    for file in 0..<400 { try tree.write("f\(file % 4)/\(file).md") }
    #expect(await observer.becomes { $0.events > 400 && $0.pendingPaths > 0 })
    #expect(observer.status.pendingPaths <= 50)
    for file in 0..<400 { #expect(await observer.saw("f\(file % 4)/\(file).md")) }
    await observer.stop()
  }

  @Test func stoppingAndCancellingEndTheReading() async throws {
    let observer = try await observe()
    let watcher = observer.watcher
    let cancelled = Task { await watcher.first { _ in true } }
    cancelled.cancel()
    #expect(await cancelled.value == nil)
    let reading = Task { await watcher.first { _ in true } }
    await watcher.stop()
    #expect(await reading.value == nil)
    await watcher.stop()
  }
}

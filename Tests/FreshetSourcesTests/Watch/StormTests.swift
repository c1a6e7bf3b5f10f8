import FreshetModel
import FreshetSources
import FreshetSystem
import FreshetTestKit
import Glibc
import Testing

/// Whoever looks where the releases say, and nowhere else, sees in the end what is there.
///
/// `FRESHET_STORM_SEEDS=101-140` storms with these seeds instead of the usual few.
@Suite(.serialized) struct StormTests {
  private static func seeds(_ usual: ClosedRange<UInt64>) -> ClosedRange<UInt64> {
    let asked = getenv("FRESHET_STORM_SEEDS").map {
      String(cString: $0).split(separator: "-").compactMap { UInt64($0) }
    }
    guard let asked, asked.count == 2, asked[0] <= asked[1] else { return usual }
    return asked[0]...asked[1]
  }

  @Test(arguments: seeds(1...6)) func releasesCoverAStorm(_ seed: UInt64) async throws {
    try await storm(seed, WatcherTests.quick, changesRules: seed.isMultiple(of: 2))
  }

  @Test(arguments: seeds(11...13)) func releasesCoverAStormThatIsPolled(_ seed: UInt64) async throws {
    // Rules that change to and fro between two passes are seen by nobody.
    try await storm(seed, WatcherTests.polling(), changesRules: false)
  }

  @Test(arguments: seeds(21...22)) func releasesCoverAStormWithTooFewWatches(_ seed: UInt64)
    async throws
  {
    var system = WatchSystem()
    let limited = Limited(8)
    system.addWatch = { limited.add($0, $1, $2) }
    try await storm(seed, WatcherTests.quick, system, changesRules: false)
  }

  @Test(arguments: seeds(51...53), [DirectoryConfiguration.LinkPolicy.filesWithinRoot, .foldersWithinRoot])
  func releasesCoverAStormOfLinks(_ seed: UInt64, _ policy: DirectoryConfiguration.LinkPolicy) async throws {
    try await storm(seed, WatcherTests.quick, changesRules: false, links: policy)
  }

  /// Few operations, and a look at everything, again and again: what was not told of one is not covered by a later one.
  @Test(arguments: seeds(61...62), [DirectoryConfiguration.LinkPolicy.filesWithinRoot, .foldersWithinRoot])
  func releasesCoverEachChangeOfALink(_ seed: UInt64, _ policy: DirectoryConfiguration.LinkPolicy) async throws {
    let (tree, outside) = (try SampleTree(), try SampleTree())
    var storm = TreeStorm(tree, outside: outside, seed: seed, changesRules: false, changesLinks: true)
    for folder in 0..<4 { try tree.makeFolder(Array("d\(folder)".utf8)) }
    storm.run(300)
    var configuration = DirectoryConfiguration(name: "s", path: tree.path)
    configuration.links = policy
    let source = try DirectorySource(configuration)
    var options = WatcherTests.quick
    options.debounce = .milliseconds(4)
    options.step = .milliseconds(2)
    let watcher = try await DirectoryWatcher(source, options: options)
    var mirror = Mirror(source)
    try await mirror.take([])
    for round in 0..<100 {
      storm.run(2)
      try tree.write("end\(round).md")
      let deadline = Task {
        try await Task.sleep(for: Observer.deadline)
        await watcher.stop()
      }
      for await release in watcher {
        try await mirror.take(release.paths)
        if mirror.has("end\(round).md"), try await mirror.difference().isEmpty { break }
      }
      deadline.cancel()
      let difference = try await mirror.difference()
      #expect(difference.isEmpty, "seed \(seed), round \(round): \(difference)")
      if !difference.isEmpty { break }
    }
    await watcher.stop()
  }

  @Test func releasesCoverAStormThatCollapses() async throws {
    var options = WatcherTests.quick
    options.pathsMax = 20
    try await storm(31, options, changesRules: true)
  }

  /// The reader comes when the system's queue is full.
  @Test func releasesCoverAnOverflow() async throws {
    var system = WatchSystem()
    let gate = Gate()
    system.willRead = { gate.wait() }
    let events = WatchLimits.current().queuedEvents ?? 0
    let status = try await storm(41, WatcherTests.quick, system, changesRules: false) { tree in
      for file in 0...(events / 3) { try tree.write("many-\(file).md") }
      gate.open()
    }
    #expect(status.overflows > 0, "\(status)")
  }

  @discardableResult
  private func storm(
    _ seed: UInt64,
    _ options: WatchOptions,
    _ system: WatchSystem = WatchSystem(),
    changesRules: Bool,
    links: DirectoryConfiguration.LinkPolicy? = nil,
    operations: Int = 1_500,
    _ afterwards: @escaping @Sendable (SampleTree) throws -> Void = { _ in }
  ) async throws -> WatchStatus {
    let (tree, outside) = (try SampleTree(), try SampleTree())
    func makeStorm(_ seed: UInt64) -> TreeStorm {
      TreeStorm(tree, outside: outside, seed: seed, changesRules: changesRules, changesLinks: links != nil)
    }
    var before = makeStorm(seed)
    before.run(300)
    var configuration = DirectoryConfiguration(name: "s", path: tree.path)
    if let links { configuration.links = links }
    let source = try DirectorySource(configuration)
    let watcher = try await DirectoryWatcher(source, options: options, system: system)
    var mirror = Mirror(source)
    try await mirror.take([])
    let storms = (1...2).map { makeStorm(seed * 100 + $0) }
    let pool = ThreadPool(name: "storm", threads: 2)
    let stormy = Task {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for storm in storms {
          group.addTask {
            try await pool.run {
              var storm = storm
              storm.run(operations)
            }
          }
        }
        try await group.waitForAll()
      }
      try afterwards(tree)
      // The last change: from its release on the trees are compared.
      try tree.write("end.md")
    }
    let deadline = Task {
      try await Task.sleep(for: Observer.deadline)
      await watcher.stop()
    }
    var (isOver, releases) = (false, 0)
    for await release in watcher {
      releases += 1
      try await mirror.take(release.paths)
      isOver = isOver || mirror.has("end.md")
      if isOver, try await mirror.difference().isEmpty { break }
    }
    deadline.cancel()
    try await stormy.value
    let status = watcher.status
    await watcher.stop()
    let difference = try await mirror.difference()
    #expect(difference.isEmpty, "seed \(seed), after \(releases) releases: \(difference)")
    return status
  }
}

/// What a reader of releases knows of a source.
private struct Mirror {
  private let source: DirectorySource
  private var items: [[UInt8]: ItemFingerprint] = [:]

  init(_ source: DirectorySource) {
    self.source = source
  }

  /// Looks at some paths again, or at everything.
  mutating func take(_ paths: [[UInt8]]) async throws {
    while true {
      let named = Set(paths)
      items = items.filter { !paths.isEmpty && !Self.lies($0.key, in: named) }
      let batch = try await list(source, paths)
      for item in batch.items { items[item.path] = item.fingerprint }
      // What could not be seen, since it was replaced meanwhile, is neither there nor gone: it is looked at again.
      if batch.problems.isEmpty { return }
    }
  }

  private static func lies(_ path: [UInt8], in named: Set<[UInt8]>) -> Bool {
    if named.contains(path) { return true }
    return path.indices.contains { path[$0] == UInt8(ascii: "/") && named.contains(Array(path[..<$0])) }
  }

  func has(_ path: String) -> Bool { items[Array(path.utf8)] != nil }

  func difference() async throws -> [String] {
    var there: [[UInt8]: ItemFingerprint] = [:]
    for item in try await list(source).items { there[item.path] = item.fingerprint }
    return Set(there.keys).union(items.keys).filter { there[$0] != items[$0] }
      .map { String(decoding: $0, as: UTF8.self) }.sorted()
  }
}

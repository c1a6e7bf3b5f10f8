import Freshet
import FreshetSources
import FreshetTestKit
import Synchronization
import Testing

@testable import FreshetService

/// A suite about a service that keeps a collection of one folder in step, with changes told by the tests instead of the
/// system.
protocol LiveSuite {
  var fixture: LiveFixture { get }
}

/// The folder, the embedder and the feed of a suite.
struct LiveFixture {
  let folder: TemporaryDirectory
  let embedder = CountingEmbedder()
  let feed = ScriptedFeed()

  init(_ name: String = "freshet-test", files: KeyValuePairs<String, String>) throws {
    folder = try TemporaryDirectory(name)
    for (path, text) in files { try folder.write("docs/" + path, text) }
  }
}

extension LiveSuite {
  var folder: TemporaryDirectory { fixture.folder }
  var embedder: CountingEmbedder { fixture.embedder }
  var feed: ScriptedFeed { fixture.feed }

  /// Runs a body beside a service; what it leaves is verified.
  ///
  /// - Parameter checksSources: whether everything must be in step with the folder at the end.
  func with(
    _ change: (inout Configuration) -> Void = { _ in },
    options: (inout LiveOptions) -> Void = { _ in },
    checksSources: Bool = true,
    _ body: (Collection, LiveService, Told) async throws -> Void
  ) async throws {
    var configuration = Configuration(folder: folder.path)
    configuration.collection = folder.path + "/live.freshet"
    configuration.sources = [try .folder(folder.path + "/docs", name: "docs")]
    change(&configuration)
    var live = LiveOptions(configuration)
    options(&live)
    let settled = live
    try await withCollection(configuration, embedder: embedder) { (collection: Collection) async throws -> Void in
      let told = Told()
      let service = LiveService(collection: collection, feed: feed, options: settled) { told.hear($0) }
      let run = Task { await service.run() }
      try await body(collection, service, told)
      service.stop()
      await run.value
      embedder.trouble { $0.hangs = false }
      #expect(try await collection.verify(sources: checksSources).problems == [])
    }
  }

  /// Tells the service that files and folders have settled.
  func release(_ files: String..., folders: [String] = [], age: Duration = .zero) {
    feed.send(
      WatchRelease(
        source: "docs",
        files: files.map { Array($0.utf8) },
        folders: folders.map { Array($0.utf8) },
        age: age
      )
    )
  }
}

/// What a service told, to be waited for.
final class Told: Sendable {
  private struct State {
    var works: [LiveWork] = []
    var awaited: [LiveWork.Kind: Int] = [:]
    var isIdle = false
    var others: [LiveEvent] = []
  }

  private let state = Mutex(State())

  /// Everything that was done, in order.
  var works: [LiveWork] { state.withLock { $0.works } }

  /// What was told beside the work.
  var others: [LiveEvent] { state.withLock { $0.others } }
  var alerts: [LiveAlert] { others.compactMap { if case .alert(let alert) = $0 { alert } else { nil } } }
  var reports: [LiveReport] { others.compactMap { if case .reported(let report) = $0 { report } else { nil } } }
  var memories: [LiveMemory.Level] {
    others.compactMap { if case .memory(let memory) = $0 { memory.level } else { nil } }
  }

  func hear(_ event: LiveEvent) {
    state.withLock { state in
      switch event {
      case .worked(let work):
        state.works.append(work)
        state.isIdle = false
      case .idle: state.isIdle = true
      case .reported, .alert, .alertUndelivered, .memory, .figuresFailed: state.others.append(event)
      default: break
      }
    }
  }

  /// Waits until the service is idle, having done something since it was so.
  func idle() async { await until { self.state.withLock { $0.isIdle } } }

  /// Waits for one more unit of a kind than the last time.
  func worked(_ kind: LiveWork.Kind) async {
    let wanted = state.withLock { state in
      state.awaited[kind, default: 0] += 1
      return state.awaited[kind] ?? 1
    }
    await until { self.works.count { $0.kind == kind } >= wanted }
  }

  func until(_ holds: @Sendable () -> Bool) async {
    let deadline = ContinuousClock.now + .seconds(120)
    while !holds(), ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(5)) }
    if !holds() { Issue.record("it did not come") }
  }
}

/// Releases that a test sends.
final class ScriptedFeed: ChangeFeed {
  private let releases: AsyncStream<WatchRelease>
  private let sender: AsyncStream<WatchRelease>.Continuation
  private let written = Mutex<Set<[UInt8]>>([])
  private let beginning = Mutex<(isHeld: Bool, isUnderWay: Bool, hasEnded: Bool)>((false, false, false))

  init() { (releases, sender) = AsyncStream.makeStream() }

  func send(_ release: WatchRelease) { sender.yield(release) }

  /// Says which files of the source are being written from now on.
  func write(_ files: String...) { written.withLock { $0 = Set(files.map { Array($0.utf8) }) } }

  func unsettled(in source: String, listing: Bool) -> Set<[UInt8]> { written.withLock { $0 } }

  /// Lets the beginning take until `letBegin`.
  func holdBeginning() { beginning.withLock { $0.isHeld = true } }
  func letBegin() { beginning.withLock { $0.isHeld = false } }
  var isBeginning: Bool { beginning.withLock { $0.isUnderWay } }

  func begin() async throws {
    beginning.withLock { $0.isUnderWay = true }
    while beginning.withLock({ $0.isHeld }) { try await Task.sleep(for: .milliseconds(5)) }
    beginning.withLock { $0 = (false, false, true) }
  }

  func follow(_ receive: @escaping @Sendable (WatchRelease) -> Void) async {
    // As watchers that were not begun.
    guard beginning.withLock({ $0.hasEnded }) else { return }
    for await release in releases { receive(release) }
  }

  var status: [LiveStatus.WatchedSource] { [] }
}

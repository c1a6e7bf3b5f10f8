import Freshet
import FreshetSources
import FreshetSystem
import FreshetTestKit
import Synchronization
import Testing

@testable import FreshetService

/// What goes on beside the work of a service: figures, reports, alerts, memory.
@Suite(.timeLimit(.minutes(10))) struct LiveMonitorTests: LiveSuite {
  let fixture: LiveFixture

  init() throws {
    fixture = try LiveFixture(
      "fresh\"et",
      files: [
        "keys.md": "# Keys\n\nRotate the signing key once a quarter.\n",
        "notes.txt": "The vault is copied every night.\n",
      ]
    )
  }

  private func page(_ file: String) throws -> ExpositionReader {
    ExpositionReader(String(decoding: try FileSystem.read(file), as: UTF8.self))
  }

  @Test func figuresAreWrittenAsPrometheusReadsThem() async throws {
    let file = folder.path + "/state.prom"
    try await with({
      $0.metrics.file = file
      $0.metrics.interval = .milliseconds(50)
    }) { _, _, told in
      await told.idle()
      try folder.write("docs/keys.md", "# Keys\n\nThrow the keys away.\n")
      release("keys.md", age: .milliseconds(400))
      await told.worked(.fresh)
      await told.until {
        (try? page(file))?.value("freshet_documents_tracked_total", ["change": "modified"]) == 1
      }
    }
    let last = try page(file)
    #expect(last.value("freshet_up") == 0 && last.value("freshet_documents") == 2 && last.value("freshet_chunks") == 2)
    #expect(last.value("freshet_documents_tracked_total", ["change": "created"]) == 2)
    #expect(last.kinds["freshet_track_duration_seconds"] == "histogram")
    #expect(last.value("freshet_track_duration_seconds_count", ["work": "fresh"]) == 1)
    #expect(last.value("freshet_searchable_latency_seconds_count") == 1)
    #expect(last.value("freshet_searchable_latency_seconds_bucket", ["le": "0.3"]) == 0)
    #expect((last.value("freshet_searchable_latency_seconds_sum") ?? 0) >= 0.4)
    #expect(last.value("freshet_embeddings_computed_total") == 3 && last.value("freshet_failures") == 0)
    #expect(
      (last.value("freshet_read_bytes_total") ?? 0) > 60 && (last.value("freshet_memory_resident_bytes") ?? 0) > 0
    )
    #expect(last.value("freshet_memory_state", ["state": "normal"]) == 1 && last.value("freshet_queue_length") == 0)
    // The folder's name has a quote.
    #expect(last.samples.allSatisfy { $0.labels["collection"] == folder.path + "/live.freshet" })
  }

  @Test func aFileThatCannotBeWrittenIsSaidOnceAndHoldsNothingUp() async throws {
    let file = folder.path + "/nowhere/state.prom"
    try await with({
      $0.metrics.file = file
      $0.metrics.interval = .milliseconds(20)
    }) { collection, _, told in
      await told.idle()
      let count = try await collection.documents().count
      #expect(count == 2)
      await told.until { told.others.contains { if case .figuresFailed = $0 { true } else { false } } }
    }
    let exists = try FileSystem.exists(file)
    #expect(!exists)
  }

  @Test func whatTheServiceItselfWritesIsNoDocument() async throws {
    try folder.write("docs/own/fresh[et].log.txt", "Brought 1 change into step.\n")
    try folder.write("docs/own/fresh[et].log.txt.1", "Brought 2 changes into step.\n")
    try folder.write("docs/own/freshe.log.txt", "A document that is called alike.\n")
    try await with({
      $0.log.file = folder.path + "/docs/own/fresh[et].log.txt"
      $0.metrics.file = folder.path + "/docs/state.txt"
      $0.metrics.interval = .milliseconds(20)
    }) { collection, service, told in
      await told.until { (try? FileSystem.exists(folder.path + "/docs/state.txt")) == true }
      await told.idle()
      service.survey()
      await told.idle()
      let origins = try await collection.documents().map(\.origin)
      #expect(origins == ["keys.md", "notes.txt", "own/freshe.log.txt"])
    }
  }

  @Test func theConfigurationSaysHowChangesAreSeen() {
    var configuration = Configuration(folder: "/")
    configuration.watch.method = .polling
    configuration.watch.pollInterval = .seconds(7)
    configuration.watch.surveyInterval = .seconds(60)
    configuration.failures.attempts = 5
    let options = LiveOptions(configuration)
    #expect(options.watch.mode == .polling && options.watch.pollInterval == .seconds(7))
    #expect(options.surveyInterval == .seconds(60) && options.attempts == 5)
    for method in WatchConfiguration.Method.allCases { #expect(WatchOptions.Mode(rawValue: method.rawValue) != nil) }
  }

  @Test func aReportSaysWhatWasDoneSinceTheLastOne() async throws {
    try await with({ $0.statisticsInterval = .milliseconds(100) }) { _, _, told in
      await told.until { told.reports.reduce(0) { $0 + $1.work.documents.created } == 2 }
      try folder.write("docs/keys.md", "# Keys\n\nThrow the keys away.\n")
      release("keys.md")
      await told.until { told.reports.reduce(0) { $0 + $1.work.documents.modified } == 1 }
      #expect(told.reports.reduce(0) { $0 + $1.work.documents.created } == 2)
      #expect(told.reports.last?.status.totals.documents.created == 2)
    }
  }

  @Test func aReloadReachesFiguresReportsAlertsAndBounds() async throws {
    let (first, second) = (folder.path + "/first.prom", folder.path + "/second.prom")
    try await with({ $0.metrics.file = first }, checksSources: false) { collection, service, told in
      await told.idle()
      await told.until { (try? page(first))?.value("freshet_up") == 1 }
      #expect(told.reports.isEmpty && told.memories.isEmpty)
      var configuration = collection.configuration
      configuration.metrics.file = second
      configuration.metrics.interval = .milliseconds(20)
      configuration.statisticsInterval = .milliseconds(50)
      configuration.memory.warn = 1
      configuration.alerts.afterFailures = 1
      let next = try collection.reconfigured(configuration)
      try await service.exclusively("reload") { _ in service.adopt(next) }
      await told.until { (try? page(second))?.value("freshet_up") == 1 }
      await told.until { (try? page(first))?.value("freshet_up") == 0 }
      await told.until { !told.reports.isEmpty && told.memories == [.warned] }
      try folder.write("docs/broken.json", "{")
      release("broken.json")
      await told.until { told.alerts.map(\.cause) == [.failuresInARow] }
      // Nobody wants that alert any more.
      configuration.alerts.afterFailures = 0
      let last = try collection.reconfigured(configuration)
      try await service.exclusively("reload") { _ in service.adopt(last) }
      try folder.write("docs/notes.txt", "The vault is copied every day.\n")
      release("notes.txt")
      await told.until { told.alerts.map(\.isOver) == [false, true] }
    }
    #expect(try page(second).value("freshet_up") == 0)
  }

  @Test func statisticsSumUpTheRunsOfAPeriod() async throws {
    try await with { collection, _, told in
      await told.idle()
      try folder.write("docs/keys.md", "# Keys\n\nThrow the keys away.\n")
      release("keys.md")
      await told.worked(.fresh)
      try folder.move("docs/notes.txt", to: "docs/vault.txt")
      feed.send(WatchRelease(source: "docs", files: ["notes.txt", "vault.txt"].map { Array($0.utf8) }))
      await told.worked(.fresh)
      await told.idle()
      let day = try await collection.statistics(since: .ago(.seconds(86_400)))
      let documents = day.totals.documents
      #expect(day.runs == 1 && documents.created == 2 && documents.modified == 1 && documents.renamed == 1)
      #expect(day.totals.chunks.embedded == 3 && day.totals.chunks.moved == 1 && day.embeddingsSaved == 1)
      #expect(
        day.totals.bytesRead > 90 && day.totals.seconds.parse >= day.totals.seconds.read + day.totals.seconds.chunk
      )
      #expect((day.documentsPerSecond ?? 0) > 0 && day.failures == 0)
      // Of a time when nothing ran.
      let old = try await collection.statistics(since: .time(try #require(TimeSpan("2999-01-01"))))
      #expect(old.runs == 0 && old.totals.documents.changed == 0 && old.documentsPerSecond == nil)
      await #expect(throws: FreshetError.self) { try await collection.statistics(since: .sequence(1)) }
    }
  }

  @Test func oneWorkerTakesOneFileAfterTheOther() async throws {
    for number in 10..<40 { try folder.write("docs/z/\(number).txt", "Text number \(number).\n") }
    try await with({
      $0.sync.workers = 1
      $0.checkpointDocuments = 1
    }) { collection, _, told in
      await told.idle()
      var origins: [String] = []
      for try await change in collection.changes(after: 0, following: false) { origins.append(change.origin) }
      #expect(origins.count == 32 && origins == origins.sorted(), "\(origins)")
    }
  }

  // MARK: Alerts

  @Test func failuresInARowAreOneAlertAndItsEndAnother() async throws {
    try await with({
      $0.alerts.afterFailures = 3
      $0.alerts.failureRate = 0
    }) { _, service, told in
      await told.idle()
      for number in 0..<5 { try folder.write("docs/bad\(number).json", "{ not json \(number)") }
      feed.send(WatchRelease(source: "docs", files: (0..<5).map { Array("bad\($0).json".utf8) }))
      await told.until { told.alerts.count == 1 }
      #expect(told.alerts.first?.cause == .failuresInARow && told.alerts.first?.isOver == false)
      #expect(service.status.alerts.count == 1)
      try folder.write("docs/good.txt", "All is well.\n")
      release("good.txt")
      await told.until { told.alerts.count == 2 }
      #expect(told.alerts.last?.isOver == true && service.status.alerts.isEmpty)
      // Within the cool-down there is no other one.
      for number in 5..<10 { try folder.write("docs/bad\(number).json", "{ not json \(number)") }
      feed.send(WatchRelease(source: "docs", files: (5..<10).map { Array("bad\($0).json".utf8) }))
      await told.worked(.fresh)
      await told.until { service.status.totals.documents.failed >= 10 }
      #expect(told.alerts.count == 2)
    }
  }

  @Test func aReceiverThatIsNotThereHoldsNothingUp() async throws {
    var hook = WebhookConfiguration()
    hook.name = "ops"
    // Nobody listens on the port of discard.
    hook.url = "http://127.0.0.1:9/hook"
    hook.retries = 0
    let ops = hook
    try await with({
      $0.alerts.afterFailures = 1
      $0.webhooks = [ops]
    }) { collection, _, told in
      await told.idle()
      try folder.write("docs/bad.json", "{ not json")
      release("bad.json")
      await told.until { told.alerts.count == 1 }
      try folder.write("docs/good.txt", "All is well.\n")
      release("good.txt")
      await told.until { told.alerts.count == 2 }
      #expect(try await collection.search("well", limit: 1).first?.origin == "good.txt")
      await told.until {
        told.others.contains {
          if case .alertUndelivered(let consumer, _) = $0 { consumer == "webhook:ops" } else { false }
        }
      }
    }
  }

  @Test func theShareOfAWindowIsAnAlertUntilItIsHalfTheBound() {
    var options = AlertConfiguration()
    (options.afterFailures, options.failureRate, options.window, options.coolDown) =
      (0, 0.5, .seconds(100), .seconds(300))
    var alarm = FailureAlarm(options)
    let start = ContinuousClock.now
    func hear(_ second: Int, failed: Int, succeeded: Int) -> [LiveAlert] {
      var told: [LiveAlert] = []
      for number in 0..<failed {
        let failure = FailureRecord(
          source: "docs",
          itemPath: [],
          origin: "\(second)/\(number)",
          error: FreshetErrorRecord(FreshetError(.parserFailed, "no")),
          attempts: 1,
          firstAt: .epoch,
          lastAt: .epoch,
          contentHash: nil,
          pipeline: ""
        )
        told += alarm.hear(.sync(.failed(failure)), at: start + .seconds(second))
      }
      for number in 0..<succeeded {
        let outcome = DocumentOutcome(
          source: "docs",
          origin: "\(second)/well/\(number)",
          uri: "",
          document: DocumentID(high: 0, low: 0),
          change: .created,
          version: 1
        )
        told += alarm.hear(.sync(.changed(outcome)), at: start + .seconds(second))
      }
      return told
    }
    // Nine documents say nothing, however often they are tried.
    for _ in 0..<3 { #expect(hear(0, failed: 9, succeeded: 0).isEmpty) }
    let begun = hear(1, failed: 1, succeeded: 0)
    #expect(begun.map(\.failures) == [10] && begun.first?.documents == 10)
    // 10 of 30 is below the bound, and no end yet; 10 of 41 is.
    #expect(hear(2, failed: 0, succeeded: 20).isEmpty)
    #expect(hear(3, failed: 0, succeeded: 21).map(\.isOver) == [true])
    // Cooling down, and then noticed by the time alone.
    #expect(hear(150, failed: 20, succeeded: 0).isEmpty)
    #expect(hear(240, failed: 20, succeeded: 0).isEmpty)
    #expect(alarm.pass(to: start + .seconds(302)).map(\.isOver) == [false])
    // Nothing happens any more: the window is empty.
    #expect(alarm.pass(to: start + .seconds(500)).map(\.isOver) == [true])
    #expect(alarm.active.isEmpty)
  }

  /// - Parameter pause: seconds after an error; longer than anything here is waited for, or short.
  @Test(arguments: [300, 1])
  func brokenMaintenanceHoldsNoSavedFileUpAndItsErrorEndsWithIt(pause: Int) async throws {
    try await with(options: {
      $0.maintenanceQuiet = .milliseconds(50)
      $0.errorPause = .seconds(pause)
      $0.errorPauseMaximum = .seconds(pause)
    }) { _, service, told in
      await told.idle()
      folder.remove("live.freshet/index")
      try folder.write("live.freshet/index", "It is no folder.")
      for number in 0..<2 {
        try folder.write("docs/more\(number).txt", "More of number \(number).\n")
        release("more\(number).txt")
        await told.worked(.fresh)
        await told.until { service.status.error != nil }
      }
      folder.remove("live.freshet/index")
      if pause == 1 { await told.until { service.status.error == nil } }
    }
  }

  // MARK: Memory

  @Test func aMemoryThatMovesAboutABoundIsSaidOnceAndCachesAreGivenUpSeldomerWhenThatDoesNotHelp() {
    var options = MemoryConfiguration()
    (options.warn, options.limit) = (100, 200)
    var bounds = MemoryBounds(options, calm: .seconds(30))
    let start = ContinuousClock.now
    var told: [(Int, LiveMemory.Level)] = []
    var reliefs: [Int] = []
    func measure(_ second: Int, _ bytes: Int64) {
      let judged = bounds.judge(bytes, at: start + .seconds(second))
      if let change = judged.change { told.append((second, change.level)) }
      if judged.wantsRelief { reliefs.append(second) }
    }
    measure(0, 50)
    // Up and down about the limit, as when caches are given up and made again.
    for second in 1..<60 { measure(second, second.isMultiple(of: 2) ? 150 : 210) }
    #expect(told.map(\.0) == [1] && told.map(\.1) == [.limited])
    #expect(reliefs == [1, 11, 31])
    // Calm: first below the limit, then below the other bound.
    for second in 60..<100 { measure(second, 150) }
    for second in 100..<200 { measure(second, 80) }
    #expect(told.map(\.0) == [1, 90, 130] && told.map(\.1) == [.limited, .warned, .normal])
    // A new time begins anew.
    measure(300, 300)
    #expect(reliefs == [1, 11, 31, 300])
  }

  @Test func memoryAboveItsBoundsIsSaidOnceAndSlowsTheWorkDown() async throws {
    let box = ResidentBytes(resident: 50_000_000)
    try await with(
      {
        $0.memory.warn = 100_000_000
        $0.memory.limit = 200_000_000
      },
      options: {
        $0.memoryInterval = .milliseconds(10)
        $0.memoryCalm = .milliseconds(20)
        $0.residentBytes = { box.value }
      }
    ) { collection, service, told in
      await told.idle()
      box.value = 150_000_000
      await told.until { service.status.memory == .warned }
      // A little below the bound changes nothing.
      box.value = 95_000_000
      box.value = 250_000_000
      await told.until { service.status.memory == .limited }
      for number in 0..<30 { try folder.write("docs/z/\(number).txt", "Text number \(number).\n") }
      service.survey()
      await told.until { service.status.totals.documents.created == 32 }
      // One file at a time.
      let loads = told.works.suffix(30)
      #expect(loads.allSatisfy { $0.report.documents.changed <= 1 })
      #expect(try await collection.documents().count == 32)
      box.value = 60_000_000
      await told.until { service.status.memory == .normal }
      #expect(told.memories == [.warned, .limited, .normal])
    }
  }
}

/// What a process claims to have resident.
private final class ResidentBytes: Sendable {
  private let state: Mutex<Int64>

  init(resident: Int64) { state = Mutex(resident) }

  var value: Int64 {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}

/// What the allocator gives back.
@Suite(.serialized) struct AllocatorTests {
  @Test func manySmallBlocksGoBackToTheSystem() throws {
    let before = try #require(ProcessStatistics.residentBytes())
    var blocks: [[UInt8]] = []
    for number in 0..<200_000 { blocks.append([UInt8](repeating: UInt8(number & 0xFF), count: 400)) }
    // Every hundredth stays, at all places.
    let kept = blocks.indices.filter { $0.isMultiple(of: 100) }.map { blocks[$0] }
    blocks = []
    let freed = try #require(ProcessStatistics.residentBytes())
    Allocator.trim()
    let after = try #require(ProcessStatistics.residentBytes())
    #expect(kept.count == 2000 && freed - after > 30_000_000, "\(before) \(freed) \(after)")
  }
}

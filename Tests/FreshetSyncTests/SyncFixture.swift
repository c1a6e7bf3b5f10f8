import FreshetModel
import FreshetStore
import FreshetSync
import FreshetTestKit
import Synchronization
import Testing

/// A collection in a temporary directory with sources in memory.
final class SyncFixture {
  /// What a run did.
  struct Outcome {
    var report: SyncReport
    var changes: [DocumentOutcome]
    var failures: [FailureRecord]

    /// How often each kind occurs.
    var kinds: [ChangeKind: Int] { Dictionary(changes.map { ($0.change, 1) }, uniquingKeysWith: +) }

    func change(_ origin: String) -> DocumentOutcome? { changes.first { $0.origin == origin } }
  }

  let directory: TemporaryDirectory
  let store: SQLiteStore
  let faulty: FaultyStore
  let embedder: CountingEmbedder
  var sources: [SampleSource]
  var parsers = SampleParsers()
  var chunker = SampleChunker()
  /// The model that is configured; `nil` for none.
  var model: CountingEmbedder?
  var options = SyncOptions()

  init(_ names: String..., clock: @escaping @Sendable () -> Timestamp = SystemClock.now) throws {
    directory = try TemporaryDirectory("freshet-sync")
    store = try SQLiteStore.open(at: directory.file("collection.sqlite"), mode: .readWrite(create: true), clock: clock)
    faulty = FaultyStore(store)
    embedder = CountingEmbedder()
    model = embedder
    sources = (names.isEmpty ? ["docs"] : names).map { SampleSource($0) }
    options.actor = "tester"
  }

  /// The first source.
  var source: SampleSource { sources[0] }

  var stages: SyncStages {
    SyncStages(store: faulty, sources: sources, parsers: parsers, chunker: chunker, embedder: model)
  }

  /// Runs a sync with options that differ from the usual.
  @discardableResult
  func sync(
    stop: StopSignal = StopSignal(),
    _ change: (inout SyncOptions) -> Void = { _ in }
  ) async throws -> Outcome {
    var options = options
    change(&options)
    let seen = Mutex<(changes: [DocumentOutcome], failures: [FailureRecord])>(([], []))
    let report = try await SyncEngine(stages: stages, options: options).run(stop: stop) { event in
      seen.withLock { seen in
        switch event {
        case .changed(let outcome): seen.changes.append(outcome)
        case .failed(let failure): seen.failures.append(failure)
        default: break
        }
      }
    }
    let (changes, failures) = seen.withLock { $0 }
    return Outcome(report: report, changes: changes, failures: failures)
  }

  func forecast(_ change: (inout SyncOptions) -> Void = { _ in }) async throws -> SyncForecast {
    var options = options
    change(&options)
    return try await SyncEngine(stages: stages, options: options).forecast()
  }

  /// What the store holds live: content by `source:origin`.
  func live() async throws -> [String: String] {
    try await store.read(.everything) { snapshot in
      var live: [String: String] = [:]
      for document in try snapshot.documents(DocumentQuery()) {
        let content = try snapshot.content(document.contentHash) ?? []
        live["\(document.sourceName):\(document.origin)"] = String(decoding: content, as: UTF8.self)
      }
      return live
    }
  }

  /// The kinds of a document's versions, oldest first.
  func history(_ origin: String, source: Int = 0) async throws -> [ChangeKind] {
    let name = sources[source].name
    return try await store.read(.everything) { snapshot in
      var query = DocumentQuery()
      query.state = nil
      return try snapshot.documents(query).filter { $0.sourceName == name && $0.origin == origin }
        .flatMap { try snapshot.versions(of: $0.id).map(\.kind) }
    }
  }

  func document(_ origin: String) async throws -> DocumentRecord? {
    try await store.read(.everything) { snapshot in
      try snapshot.documents(DocumentQuery()).first { $0.origin == origin }
    }
  }

  func failures() async throws -> [FailureRecord] {
    try await store.read(.everything) { try $0.failures(source: nil, itemPath: nil) }
  }

  /// Expects that `verify` finds nothing.
  func expectVerified(sources: Bool = true, _ comment: Comment? = nil) async throws {
    let verifier = Verifier(stages: stages)
    let report = try await verifier.verify(contents: true, sources: sources, keepsVectors: model != nil)
    #expect(report.problems.map(\.message) == [], comment)
  }
}

/// What the sources hold, as documents: content by `source:origin`. Written without the engine's code.
func documents(of sources: [SampleSource], includingExcluded: Bool = false) -> [String: String] {
  var documents: [String: String] = [:]
  for source in sources {
    let excluded = source.currentTroubles.excluded
    for (path, text) in source.texts {
      if !includingExcluded, excluded.contains(where: { path == $0 || path.hasPrefix($0 + "/") }) { continue }
      if path.hasSuffix(".records") {
        for line in text.split(separator: "\n") {
          let parts = line.split(separator: "\t", maxSplits: 1)
          guard parts.count == 2 else { continue }
          let key = "\(source.name):\(path)!/\(parts[0])"
          if documents[key] == nil { documents[key] = String(parts[1]) }
        }
      } else if path.hasSuffix(".txt") || path.hasSuffix(".md") {
        documents["\(source.name):\(path)"] = text
      }
    }
  }
  return documents
}

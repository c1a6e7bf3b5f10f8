import FreshetConfiguration
import FreshetIndex
import FreshetModel
import FreshetStore
import FreshetSync
import FreshetSystem

/// What a collection is at this moment.
public struct CollectionStatus: Sendable {
  /// Where it is.
  public var path: String
  /// The state that the counts are of.
  public var head: Head
  /// How much it holds.
  public var counts: CollectionCounts
  /// The model that searches use; `nil` before the first sync, and without an embedder.
  public var model: ModelDescription?
  /// The process that writes the collection now.
  public var writer: Int32?
  /// The newest run.
  public var lastRun: RunRecord?
  /// The vector index; `nil` when there is none yet.
  public var index: IndexStatistics?
  /// The share of changed vectors from which the index is built anew.
  public var rebuildThreshold: Double
}

/// One check of `health`.
public struct HealthCheck: Sendable, Hashable {
  /// What is checked.
  public var name: String
  /// Whether it is well.
  public var isOK: Bool
  /// What was found, and the remedy when it is not well.
  public var message: String
}

extension Collection {
  /// Counts and states, read at one moment.
  public func status() async throws -> CollectionStatus {
    let (head, counts, models, runs) = try await store.read(.everything) { snapshot in
      (snapshot.head, try snapshot.counts(), try snapshot.models(), try snapshot.runs(limit: 1))
    }
    let owner = try FileLock.owner(folder.lock)
    return CollectionStatus(
      path: folder.path,
      head: head,
      counts: counts,
      model: models.first { $0.state == .serving }?.description,
      writer: owner == ProcessEnvironment.processNumber ? nil : owner,
      lastRun: runs.first?.withWholeReport,
      index: indexDirectory?.statistics(),
      rebuildThreshold: configuration.index.rebuildThreshold
    )
  }

  /// The last runs, newest first.
  public func runs(limit: Int = 20) async throws -> [RunRecord] {
    try await store.read(.everything) { try $0.runs(limit: limit).map(\.withWholeReport) }
  }

  /// The documents in quarantine.
  public func failures(source: String? = nil) async throws -> [FailureRecord] {
    try await store.read(.everything) { try $0.failures(source: source, itemPath: nil) }
  }

  /// The embedding models that the collection has vectors of.
  public func models() async throws -> [ModelRecord] {
    try await store.read(.everything) { try $0.models() }
  }

  /// Proves what the collection promises: sources and documents, chunks and passages, vectors and keyword rows agree, and
  /// every digest and chain holds.
  ///
  /// - Parameters:
  ///   - contents: whether every stored content is read and hashed too.
  ///   - sources: whether the sources are listed and compared.
  ///   - recorded: a head that was kept somewhere else (`VerificationReport.head`): the log must lead through it, so that
  ///     a history that was rewritten as a whole, cut, or put back is noticed too.
  ///   - embeddings: about how many vectors are made again and compared with the stored ones.
  public func verify(
    contents: Bool = true,
    sources: Bool = true,
    recorded: RecordedHead? = nil,
    embeddings: Int = 0
  ) async throws -> VerificationReport {
    let verifier = Verifier(stages: try await stages())
    var report = try await verifier.verify(
      contents: contents,
      sources: sources,
      keepsVectors: configuration.embedder.provider != .none,
      recorded: recorded
    )
    try await report.add { try await indexProblems() }
    if embeddings > 0 {
      var checked = 0
      try await report.add {
        let compared = try await verifier.differingVectors(sample: embeddings)
        checked = compared.checked
        return compared.problems
      }
      report.comparedVectors = checked
    }
    return report
  }

  /// Proves one document: its versions with their contents and chain, their places in the log, its editions, chunks,
  /// texts and vectors.
  ///
  /// - Parameter name: as `document(_:)` takes it; deleted documents too.
  /// - Throws: `FreshetError` with `not_found`, or `invalid_argument` when several documents fit.
  public func verify(document name: String) async throws -> DocumentVerification {
    let document = try await document(name)
    return try await Verifier(stages: try await stages()).verify(
      document: document.id,
      keepsVectors: configuration.embedder.provider != .none
    )
  }

  /// Whether the index, brought to the store's present, finds exactly the vectors that are live.
  private func indexProblems() async throws -> [IntegrityProblem] {
    guard let indexDirectory else { return [] }
    return try await store.read(.everything) { snapshot in
      guard let model = try snapshot.models().first(where: { $0.state == .serving }) else { return [] }
      let feed = SnapshotFeed(snapshot, model: model)
      guard let stored = indexDirectory.load(mode: .mapped) else { return [] }
      let view = try stored.advanced(to: feed, settings: indexDirectory.settings)
      let vectors = try snapshot.counts().vectors
      guard view.index.count != vectors else { return [] }
      return [
        IntegrityProblem(
          code: "index_differs",
          message: "the vector index finds \(view.index.count) of \(vectors) live vectors; `freshet reindex` mends it"
        )
      ]
    }
  }

  /// Checks that the collection can do its work: database, disk, index, embedder.
  public func health() async -> [HealthCheck] {
    var checks: [HealthCheck] = []
    func check(_ name: String, _ body: () async throws -> String) async {
      do {
        checks.append(HealthCheck(name: name, isOK: true, message: try await body()))
      } catch {
        checks.append(HealthCheck(name: name, isOK: false, message: "\(error)"))
      }
    }
    await check("database") {
      let head = try await store.read(.everything) { $0.head }
      return "readable, at change \(head.sequence)"
    }
    await check("disk") {
      let available = Int64(clamping: try Volume(of: folder.path).availableBytes)
      guard available > Self.leastFreeBytes else {
        throw FreshetError(
          .diskFull,
          "only \(Quantity.text(bytes: available)) are free; make room",
          path: folder.path
        )
      }
      return "\(Quantity.text(bytes: available)) free"
    }
    await check("index") {
      guard let statistics = indexDirectory?.statistics() else { return "not built yet; the next sync builds it" }
      guard indexDirectory?.load(mode: .mapped) != nil else {
        throw FreshetError(.indexFailed, "the index files are damaged; `freshet reindex` builds them again")
      }
      return "\(statistics.backend.rawValue), \(Quantity.text(bytes: Int64(statistics.byteCount)))"
    }
    await check("embedder") {
      guard let embedder = try await embedder() else { return "none: the collection keeps versions and keywords only" }
      let batch = try await embedder.embed(["Is anybody there?"], for: .query)
      return "\(embedder.model.name) answers with \(batch.dimension) components"
    }
    return checks
  }

  /// Free bytes below which `health` complains.
  static let leastFreeBytes: Int64 = 256 << 20

  /// Opens what a forecast needs: the collection for reading, or an empty one in memory where there is none yet.
  public static func openForForecast(
    _ configuration: Configuration,
    environment: [String: String]? = nil
  ) async throws -> Collection {
    let folder = CollectionFolder(path: configuration.collection)
    if try folder.exists() { return try await open(configuration, for: .reading, environment: environment) }
    return Collection(
      configuration: configuration,
      folder: folder,
      store: MemoryStore(),
      lock: nil,
      indexDirectory: nil,
      environment: environment
    )
  }
}

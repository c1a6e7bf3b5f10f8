import FreshetModel

/// What `verify` found.
public struct VerificationReport: Sendable, Hashable {
  /// Live documents.
  public var documents = 0
  /// Live chunks.
  public var chunks = 0
  /// Distinct passages of live chunks.
  public var passages = 0
  /// Vectors of the serving model whose passages are live.
  public var vectors = 0
  /// Documents whose texts are found by keywords, and not yet by meaning.
  public var awaitingVectors = 0
  /// Vectors that were compared with ones made anew.
  public var comparedVectors = 0
  /// The collection's head, to be kept somewhere else.
  public var head: RecordedHead?
  /// Whether the log leads through the head that was kept somewhere else; `nil` when none was given, or the log cannot be
  /// read.
  public var leadsThroughRecordedHead: Bool?
  /// Everything that does not hold.
  public var problems: [IntegrityProblem] = []

  /// Adds what a part of the check found; one that cannot read the database says that, and the others go on.
  public mutating func add(_ part: () async throws -> [IntegrityProblem]) async throws {
    do {
      problems += try await part()
    } catch let error as FreshetError where [.storeDamaged, .storeFailed].contains(error.code) {
      // What it is was found above, when it was altered; here it only stands in the way.
      if problems.isEmpty { problems.append(IntegrityProblem(code: "database_damaged", message: error.message)) }
    }
  }

  /// Whether everything holds.
  public var isOK: Bool { problems.isEmpty }

  /// The problem of the earliest change, where history first is not what was written; else the first one found.
  public var first: IntegrityProblem? {
    let placed = problems.filter { $0.sequence != nil }
    return placed.min { ($0.sequence ?? 0) < ($1.sequence ?? 0) } ?? problems.first
  }

  /// Starts with nothing.
  public init() {}
}

/// Proves from the outside that a collection is what it promises: the sources' items are the live documents, every
/// chunk has its passage, every passage its vector and keyword row, every digest and chain holds.
public struct Verifier: Sendable {
  let stages: SyncStages

  /// Takes the stages; the embedder is used to compare vectors only.
  public init(stages: SyncStages) {
    self.stages = stages
  }

  /// Checks the collection, and with `sources` that it is in step with them.
  ///
  /// - Parameter recorded: a head that was kept somewhere else: the log must lead through it.
  public func verify(
    contents: Bool,
    sources: Bool,
    keepsVectors: Bool,
    recorded: RecordedHead? = nil
  ) async throws -> VerificationReport {
    var report = try await stages.store.read(.everything) { snapshot in
      var report = VerificationReport()
      let counts = (try? snapshot.counts()) ?? CollectionCounts()
      report.documents = counts.documents
      report.chunks = counts.chunks
      report.passages = counts.passages
      report.vectors = counts.vectors
      report.awaitingVectors = counts.awaitingVectors
      report.head = try? RecordedHead(snapshot)
      do {
        if let recorded {
          let problem = try recorded.problem(in: snapshot)
          report.leadsThroughRecordedHead = problem == nil
          if let problem { report.problems.append(problem) }
        }
      } catch let error as FreshetError where error.code == .storeDamaged {
        report.problems.append(IntegrityProblem(code: "database_damaged", message: error.message))
      }
      report.problems += try snapshot.problems(checkingContents: contents)
      func expect(_ condition: Bool, _ code: String, _ message: @autoclosure () -> String) {
        if !condition { report.problems.append(IntegrityProblem(code: code, message: message())) }
      }
      expect(
        counts.keywordRows == counts.passages,
        "keyword_index",
        "the keyword index has \(counts.keywordRows) rows for \(counts.passages) live passages"
      )
      let serving = (try? snapshot.models())?.first { $0.state == .serving }
      if keepsVectors, serving != nil || counts.passages > 0, counts.awaitingVectors == 0,
        counts.vectors != counts.passages
      {
        report.problems += (try? Self.missingVectors(counts, snapshot)) ?? []
      }
      return report
    }
    try await report.add { try await misplaced() }
    if sources { try await report.add { try await outOfStep() } }
    return report
  }
}

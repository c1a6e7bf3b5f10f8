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
  /// Everything that does not hold.
  public var problems: [IntegrityProblem] = []

  /// Whether everything holds.
  public var isOK: Bool { problems.isEmpty }

  /// Starts with nothing.
  public init() {}
}

/// Proves from the outside that a collection is what it promises: the sources' items are the live documents, every
/// chunk has its passage, every passage its vector and keyword row, every digest and chain holds.
public struct Verifier: Sendable {
  let stages: SyncStages

  /// Takes the stages; the embedder is not used.
  public init(stages: SyncStages) {
    self.stages = stages
  }

  /// Checks the collection, and with `sources` that it is in step with them.
  public func verify(
    contents: Bool,
    sources: Bool,
    keepsVectors: Bool
  ) async throws -> VerificationReport {
    var report = try await stages.store.read(.everything) { snapshot in
      var report = VerificationReport()
      let counts = try snapshot.counts()
      report.documents = counts.documents
      report.chunks = counts.chunks
      report.passages = counts.passages
      report.vectors = counts.vectors
      report.problems = try snapshot.problems(checkingContents: contents)
      func expect(_ condition: Bool, _ code: String, _ message: @autoclosure () -> String) {
        if !condition { report.problems.append(IntegrityProblem(code: code, message: message())) }
      }
      expect(
        counts.keywordRows == counts.passages,
        "keyword_index",
        "the keyword index has \(counts.keywordRows) rows for \(counts.passages) live passages"
      )
      let serving = try snapshot.models().first { $0.state == .serving }
      if keepsVectors, serving != nil || counts.passages > 0, counts.awaitingVectors == 0 {
        expect(
          counts.vectors == counts.passages,
          "vectors_missing",
          "\(counts.passages - counts.vectors) of \(counts.passages) live passages have no vector; sync again, "
            + "or see `freshet failures` for texts that the model refused"
        )
      }
      return report
    }
    if sources { report.problems += try await outOfStep() }
    return report
  }
}

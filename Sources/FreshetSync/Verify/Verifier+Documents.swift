import FreshetModel

extension Verifier {
  /// Documents whose places are compared at once.
  private static let page = 500

  /// Checks one document: everything that the store can say of it, that it has its vectors, and that it stands at its
  /// item's path.
  public func verify(document: DocumentID, keepsVectors: Bool) async throws -> DocumentVerification {
    let sources = stages.sources
    return try await stages.store.read(.everything) { snapshot in
      var report = try snapshot.verification(of: document)
      guard let record = try snapshot.document(document) else { return report }
      report.problems += try Self.misplacements(of: record, sources, snapshot)
      if keepsVectors, record.state == .live, record.editionState == .complete,
        let serving = try snapshot.models().first(where: { $0.state == .serving })
      {
        let passages = Set(try snapshot.chunks(of: document).map(\.passage))
        let lacking = passages.count - (try snapshot.passagesWithVector(Array(passages), model: serving.id).count)
        if lacking > 0 {
          report.problems.append(
            IntegrityProblem(
              code: "vectors_missing",
              document: document,
              version: record.version,
              message: "'\(record.origin)': \(lacking) of \(passages.count) passages have no vector; sync again"
            )
          )
        }
      }
      return report
    }
  }

  /// Live documents that do not stand at their items' paths, so that the item is another's, or have no item.
  func misplaced() async throws -> [IntegrityProblem] {
    var problems: [IntegrityProblem] = []
    var last: DocumentID?
    let sources = stages.sources
    while true {
      let after = last
      let (found, next) = try await stages.store.read(.everything) { snapshot in
        let ids = try snapshot.liveDocumentIDs(after: after, limit: Self.page)
        let problems = try ids.flatMap { id in
          try snapshot.document(id).map { try Self.misplacements(of: $0, sources, snapshot) } ?? []
        }
        return (problems, ids.last)
      }
      problems += found
      guard let next else { return problems }
      last = next
    }
  }

  /// What is wrong with where a document says that it was read from.
  private static func misplacements(
    of document: DocumentRecord,
    _ sources: [any Source],
    _ snapshot: any StoreSnapshot
  ) throws -> [IntegrityProblem] {
    var problems: [IntegrityProblem] = []
    if let problem = misplacement(of: document, sources) { problems.append(problem) }
    if document.state == .live, try snapshot.item(of: document.source, at: document.itemPath) == nil {
      problems.append(
        IntegrityProblem(
          code: "item_missing",
          document: document.id,
          version: document.version,
          message:
            "'\(document.origin)': the file that it was read from is not on record, so that its deletion would not "
            + "be noticed; sync while the file is there (`freshet restore` brings it back)"
        )
      )
    }
    return problems
  }

  private static func misplacement(of document: DocumentRecord, _ sources: [any Source]) -> IntegrityProblem? {
    guard let source = sources.first(where: { $0.name == document.sourceName }) else { return nil }
    let origin = source.origin(of: document.itemPath)
    if document.origin.utf8.elementsEqual(origin.utf8) || document.origin.utf8.starts(with: (origin + "!/").utf8) {
      return nil
    }
    return IntegrityProblem(
      code: "document_altered",
      document: document.id,
      version: document.version,
      message: "'\(document.origin)': the document says that it was read from another file, '\(origin)'"
    )
  }

  /// The first live passages that have no vector, by the documents that they stand in.
  static func missingVectors(_ counts: CollectionCounts, _ snapshot: any StoreSnapshot) throws -> [IntegrityProblem] {
    let missing = counts.passages - counts.vectors
    let sentence = "\(missing) of \(counts.passages) live passages have no vector"
    guard missing > 0, let model = try snapshot.models().first(where: { $0.state == .serving }) else {
      return [IntegrityProblem(code: "vectors_missing", message: sentence + "; sync again")]
    }
    let passages = try snapshot.livePassagesWithoutVector(model: model.id, after: 0, limit: missingNamed)
    let places = try snapshot.occurrences(of: passages, filter: nil)
    return try passages.map { passage in
      let document = try places[passage]?.first.flatMap { try snapshot.document($0.document) }
      return IntegrityProblem(
        code: "vectors_missing",
        document: document?.id,
        version: document?.version,
        message: "\(sentence), among them passage \(passage)\(document.map { " in '\($0.origin)'" } ?? ""); sync again"
      )
    }
  }

  /// Passages without a vector that are named one by one.
  private static let missingNamed = 20
}

import FreshetModel

extension Verifier {
  /// The least cosine of a stored vector and the one made now: rounding and another machine's arithmetic stay far above.
  static let cosineMin: Float = 0.99
  /// Texts that are embedded at once.
  private static let batch = 32

  /// Embeds a sample of the live passages again and compares with what is stored: the one check that notices a vector
  /// which was replaced together with its checksum.
  ///
  /// - Parameter sample: about how many passages, chosen at random.
  public func differingVectors(sample: Int) async throws -> (checked: Int, problems: [IntegrityProblem]) {
    guard let embedder = stages.embedder else { return (0, []) }
    let store = stages.store
    let serving = try await store.read(.everything) { try $0.models().first { $0.state == .serving } }
    guard let serving else { return (0, []) }
    guard serving.description.fingerprint == embedder.model.fingerprint else {
      throw FreshetError(
        .modelMismatch,
        "the stored vectors are of '\(serving.description.name)', which is not the configured model; configure that one to "
          + "compare them"
      )
    }
    var checked = 0
    var problems: [IntegrityProblem] = []
    for start in try await starts(sample, serving) {
      let (page, passages) = try await store.read(.everything) { snapshot in
        let page = try snapshot.liveVectors(model: serving.id, after: start, limit: min(Self.batch, sample))
        return (page, try snapshot.passages(page.passages))
      }
      guard page.count == passages.count, page.count > 0 else { continue }
      let texts = passages.map { PassageText.embedded(heading: $0.heading, body: $0.body) }
      let made = try await embedder.embed(texts, for: .document)
      guard made.count == page.count, made.dimension == page.dimension else {
        throw FreshetError(.modelMismatch, "the embedder answers vectors of another dimension than the stored ones")
      }
      for (index, passage) in passages.enumerated() {
        let stored = page.halves[index * page.dimension..<(index + 1) * page.dimension]
          .map { Float(Float16(bitPattern: $0)) }
        checked += 1
        guard Self.cosine(stored, made[index]) < Self.cosineMin else { continue }
        problems.append(try await difference(of: passage, serving))
      }
    }
    return (checked, problems)
  }

  /// The passages after which pages of the sample are read, at random and each once.
  private func starts(_ sample: Int, _ model: ModelRecord) async throws -> [PassageID] {
    let pages = (sample + Self.batch - 1) / Self.batch
    return try await stages.store.read(.everything) { snapshot in
      var last: PassageID = 0
      var all: [PassageID] = [0]
      while true {
        let page = try snapshot.liveVectors(model: model.id, after: last, limit: Self.batch)
        guard page.count == Self.batch, let next = page.passages.last else { break }
        last = next
        all.append(next)
      }
      return Array(all.shuffled().prefix(pages)).sorted()
    }
  }

  private func difference(of passage: PassageRecord, _ model: ModelRecord) async throws -> IntegrityProblem {
    let document = try await stages.store.read(.everything) { snapshot in
      try snapshot.occurrences(of: [passage.id], filter: nil)[passage.id]?.first
        .flatMap { try snapshot.document($0.document) }
    }
    return IntegrityProblem(
      code: "vector_differs",
      document: document?.id,
      version: document?.version,
      message: "the vector of passage \(passage.id)\(document.map { " in '\($0.origin)'" } ?? "") is not the one that "
        + "'\(model.description.name)' makes of its text; `freshet sync --force --no-cache` makes it again"
    )
  }

  private static func cosine(_ left: [Float], _ right: ArraySlice<Float>) -> Float {
    var product: Float = 0
    var leftSquares: Float = 0
    var rightSquares: Float = 0
    for (first, second) in zip(left, right) {
      product += first * second
      leftSquares += first * first
      rightSquares += second * second
    }
    let length = (leftSquares * rightSquares).squareRoot()
    return length > 0 ? product / length : (leftSquares == rightSquares ? 1 : 0)
  }
}

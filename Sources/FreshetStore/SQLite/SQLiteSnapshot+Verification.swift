import FreshetModel
import FreshetSystem

extension SQLiteSnapshot {
  func verification(of document: DocumentID) throws -> DocumentVerification {
    try prepareChecks()
    guard let row = try row(of: document), let record = try documentRow(row) else {
      throw FreshetError(.notFound, "The collection has no document \(document).", path: connection.path)
    }
    var found = ProblemCollector()
    var report = DocumentVerification(id: document, source: record.source, origin: record.origin)
    try found.check { found in
      let (versions, editions, _) = try check(record, &found)
      report.versions = versions.count
      for version in versions where try check(contentOf: version, record, &found) { report.contents += 1 }
      try checkThatEditionsAreThere(of: record.row, &found)
      try checkThatVouchedEditionsAreThere(of: record.row, &found)
      try checkMarks(of: record.row, &found)
      let history = try collectedHistory(row: record.row)
      let sequences = Set(versions.map(\.sequence)).union(editions.map(\.from))
        .union(history?.logged.map(\.from) ?? [])
      try checkLinks(sequences.sorted(), record, &found)
      for edition in editions { try check(renditionOf: edition, record, &found) }
      let whole = editions.filter { !(history?.isCollected($0.version) ?? false) }
      try checkPassages(of: whole, record, &found)
      if let last = versions.last { _ = try checkFields(of: record, editions.last, last, &found) }
    }
    // The sort keeps the order of what is found at the same change.
    report.problems = found.problems.enumerated()
      .sorted { ($0.element.sequence ?? .max, $0.offset) < ($1.element.sequence ?? .max, $1.offset) }
      .map(\.element)
    return report
  }

  /// Hashes a version's content; whether it is kept.
  private func check(
    contentOf version: VersionRecord,
    _ document: DocumentRow,
    _ found: inout ProblemCollector
  ) throws -> Bool {
    let fits = try connection.row("SELECT codec, data FROM content WHERE hash = ?1", .hash(version.contentHash)) {
      try isWhatItsHashSays($0, version.contentHash, codec: 0, data: 1)
    }
    guard let fits else { return false }
    if !fits {
      found.add(
        "content_altered",
        document: document.id,
        version: version.number,
        sequence: version.sequence,
        "'\(document.origin)': the content of version \(version.number), \(version.contentHash), is not what was written."
      )
    }
    return true
  }

  /// Checks each change of a document against the link before it.
  private func checkLinks(
    _ sequences: [SequenceNumber],
    _ document: DocumentRow,
    _ found: inout ProblemCollector
  ) throws {
    for sequence in sequences {
      guard let change = try loggedChange(sequence), change.document == document.id else { continue }
      let before = try? chain(at: sequence - 1)
      if before.map({ SHA256.link($0, change.canonicalBytes) }) != change.chain {
        found.add(
          "chain_broken",
          document: document.id,
          version: change.version,
          sequence: sequence,
          "'\(document.origin)': change \(sequence), or the one before it, is not what was written: the log's chain breaks "
            + "there."
        )
      }
    }
  }

  private func check(
    renditionOf edition: EditionRow,
    _ document: DocumentRow,
    _ found: inout ProblemCollector
  ) throws {
    let problem = try connection.rows(
      composed: "SELECT \(Self.renditionColumns) FROM rendition WHERE id = ?1",
      [.integer(edition.rendition)]
    ) { try renditionProblem($0, content: edition.contentHash) }.first
    guard let problem = problem ?? nil else { return }
    found.add(
      problem.code,
      document: document.id,
      version: edition.version,
      sequence: edition.from,
      "'\(document.origin)': the rendition of version \(edition.version) by '\(edition.parser)' \(problem.message)."
    )
  }

  /// Checks the texts of the chunks and their vectors, each at the first edition that has it.
  private func checkPassages(
    of editions: [EditionRow],
    _ document: DocumentRow,
    _ found: inout ProblemCollector
  ) throws {
    var seen: Set<Int64> = []
    let find = try connection.statement(
      "SELECT p.id, p.key, p.heading, p.body FROM chunk c JOIN passage p ON p.id = c.passage WHERE c.id = ?1"
    )
    let models = try Self.modelRows(connection).map(\.record)
    for edition in editions {
      func problem(_ code: String, _ message: String) {
        found.add(
          code,
          document: document.id,
          version: edition.version,
          sequence: edition.from,
          "'\(document.origin)': \(message)"
        )
      }
      for placed in Layout.decode(edition.layout) ?? [] {
        find.bind(1, placed.row)
        defer { find.reset() }
        guard try find.step(), seen.insert(find.integer(0)).inserted else { continue }
        let passage = find.integer(0)
        if (try? find.hash(1)) != Self.passageKey(find, heading: 2, body: 3) {
          problem("passage_altered", "passage \(passage) is not the text that its key was made of.")
        }
        for model in models {
          let wrong = try connection.rows(
            composed: "SELECT passage, checksum, value FROM \(Self.vectorTable(model.id)) WHERE passage = ?1",
            [.integer(passage)]
          ) { vectorProblem($0, of: model) }
          if let wrong = wrong.first ?? nil {
            problem("vector_altered", "the vector of passage \(passage) by '\(model.description.name)' \(wrong).")
          }
        }
      }
    }
  }

  static func passageKey(_ row: Statement, heading: Int32, body: Int32) -> ContentHash {
    SHA256.digest(of: PassageText.keyBytes(heading: HeadingText.decode(row.text(heading)), body: row.text(body)))
  }
}

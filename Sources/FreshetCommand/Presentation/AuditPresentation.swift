import Freshet
import FreshetCommandLine
import FreshetModel

/// Writes an audit's report part by part, so that its length does not matter.
protocol AuditWriter {
  /// Writes the next part.
  mutating func write(_ part: AuditPart) throws
  /// Writes what stands at the end.
  mutating func finish() throws
}

extension AuditHeader {
  /// `SEQUENCE:CHAIN`, as `verify --head` takes it.
  var recordedHead: String { "\(head.sequence):\(head.chain)" }

  /// The period in words.
  var period: String {
    let from = since.map { $0.description } ?? (head.anchor.sequence > 0 ? "the log's beginning" : "the beginning")
    // The first moment after the period, so that a day ends with its last millisecond.
    let to = until.map { "before \($0)" } ?? "now"
    let changes =
      totals.changes == 0 ? "" : ", changes \(max(1, selection.first)) to \(min(selection.last, head.sequence))"
    return "from \(from) to \(to)\(changes)"
  }

  /// From where the log is kept; `nil` when it is whole.
  var keptLog: String? {
    guard head.anchor.sequence > 0 else { return nil }
    return "kept from change \(head.anchor.sequence + 1) on, after \(head.anchor.at)"
  }

  /// Counts by kind, in the order of the kinds.
  var kinds: [(kind: ChangeKind, count: Int)] {
    ChangeKind.allCases.compactMap { kind in totals.byKind[kind].map { (kind, $0) } }
  }

  /// Counts by actor, the busiest first.
  var actors: [(actor: String, count: Int)] {
    totals.byActor.map { ($0.key.isEmpty ? "unknown" : $0.key, $0.value) }
      .sorted { ($1.1, $0.0) < ($0.1, $1.0) }
  }

  /// What is known of the report as a whole, a line each.
  var lines: [String] {
    let counts = "\(Quantity.text(totals.changes, of: "change")) of \(Quantity.text(totals.documents, of: "document"))"
    let kinds = kinds.map { "\($0.count) \($0.kind.rawValue)" }.joined(separator: ", ")
    let actors = actors.map { "\($0.actor) \($0.count)" }.joined(separator: ", ")
    var lines = [
      "Collection  \(path)", "Generated   \(generatedAt)", "Period      \(period)", "Head        \(recordedHead)",
      "Changes     " + counts + (kinds.isEmpty ? "" : ": \(kinds)"),
    ]
    if !actors.isEmpty { lines.append("Actors      \(actors)") }
    if let keptLog { lines.append("Log         \(keptLog)") }
    return lines.map(\.displayable)
  }
}

extension RunRecord {
  /// How a run ended.
  enum Ending: String {
    case done, failures, held, unavailable, interrupted, unfinished
  }

  /// How the run ended, as far as its report says.
  var ending: Ending {
    guard let report else { return .unfinished }
    func count(_ name: String) -> Int64 {
      if case .integer(let count)? = report["documents"]?[name] { count } else { 0 }
    }
    func isEmpty(_ name: String) -> Bool {
      if case .array(let members)? = report[name] { members.isEmpty } else { true }
    }
    if report["interrupted"] == .boolean(true) { return .interrupted }
    if count("failed") > 0 { return .failures }
    if count("held") > 0 || !isEmpty("held") { return .held }
    return isEmpty("unavailable") ? .done : .unavailable
  }

  /// How the run ended and what it did, in words.
  var outcome: String {
    let words =
      switch ending {
      case .done: "done"
      case .failures: "done, with failures"
      case .held: "done, deletions held back"
      case .unavailable: "done, a source was unavailable"
      case .interrupted: "interrupted"
      case .unfinished: "not finished"
      }
    let counts = ["created", "modified", "renamed", "restored", "deleted", "refreshed", "failed"].compactMap { name in
      if case .integer(let count)? = report?["documents"]?[name], count > 0 { "\(count) \(name)" } else { nil }
    }
    return words + (counts.isEmpty ? "" : ": " + counts.joined(separator: ", "))
  }
}

// MARK: Text

/// The report for people.
struct AuditText: AuditWriter {
  let output: OutputWriter
  private var hasRuns = false
  private var hasDocuments = false

  init(output: OutputWriter) {
    self.output = output
  }

  mutating func write(_ part: AuditPart) throws {
    switch part {
    case .header(let header): for line in header.lines { try output.line(line) }
    case .run(let run):
      if !hasRuns { try output.line("\nRuns") }
      hasRuns = true
      try output.line("  \(run.startedAt)  \(run.id)  \(run.actor)  \(run.outcome)".displayable)
    case .document(let document):
      if !hasDocuments { try output.line("\nDocuments") }
      hasDocuments = true
      let state = document.state == .deleted ? " (deleted)" : ""
      try output.line(
        "\(document.source):\(document.origin)\(state)  \(Quantity.text(document.changes, of: "change"))".displayable
      )
    case .change(let entry):
      let change = entry.change
      let kind = change.kind.rawValue
      let notes = [
        change.reason.map { "(\($0.sentence))" }, change.previousOrigin.map { "from \($0)" },
      ].compactMap { $0 }.joined(separator: " ")
      let words = [
        "  \(change.at)", kind + String(repeating: " ", count: max(0, 11 - kind.utf8.count)),
        "version \(change.version)",
        String(change.contentHash.description.prefix(12)), "change \(change.sequence)",
        "run \(change.run.description.prefix(8))", entry.actor ?? "unknown", notes,
      ]
      try output.line(words.filter { !$0.isEmpty }.joined(separator: "  ").displayable)
    }
  }

  func finish() throws {}
}

// MARK: JSON

/// The report as JSON lines, each with its `type`: `audit`, `run`, `document`, `change`.
struct AuditLines: AuditWriter {
  let output: OutputWriter

  func write(_ part: AuditPart) throws {
    switch part {
    case .header(let header): try output.json(json(header))
    case .run(let run):
      guard case .object(let members) = run.json else { return }
      try output.json(
        .object([.init("type", "run")] + members + [.init("outcome", .string(run.ending.rawValue))])
      )
    case .document(let document):
      try output.json([
        "type": "document", "source": .string(document.source), "origin": .string(document.origin),
        "document": .string(document.id.description), "state": .string(document.state.rawValue),
        "changes": .integer(Int64(document.changes)),
      ])
    case .change(let entry):
      let change = entry.change
      try output.json([
        "type": "change", "sequence": .integer(change.sequence), "at": .string(change.at.description),
        "change": .string(change.kind.rawValue), "source": .string(change.source), "origin": .string(change.origin),
        "from": change.previousOrigin.map { .string($0) } ?? .null, "document": .string(change.document.description),
        "version": .integer(Int64(change.version)), "hash": .string(change.contentHash.description),
        "run": .string(change.run.description), "actor": entry.actor.map { .string($0) } ?? .null,
        "reason": change.reason.map { .string($0.rawValue) } ?? .null, "chain": .string(change.chain.description),
      ])
    }
  }

  func finish() throws {}

  private func json(_ header: AuditHeader) -> JSONValue {
    [
      "type": "audit", "generated_at": .string(header.generatedAt.description), "collection": .string(header.path),
      "period": [
        "since": header.since.map { .string($0.description) } ?? .null,
        "until": header.until.map { .string($0.description) } ?? .null, "first": .integer(header.selection.first),
        "last": .integer(header.selection.last),
      ],
      "head": header.head.json,
      "log": [
        "first": .integer(header.head.anchor.sequence + 1),
        "after": header.head.anchor.sequence > 0 ? .string(header.head.anchor.at.description) : .null,
      ],
      "documents": .integer(Int64(header.totals.documents)),
      "changes": .integer(Int64(header.totals.changes)),
      "by_change": .object(header.kinds.map { .init($0.kind.rawValue, .integer(Int64($0.count))) }),
      "by_actor": .object(header.actors.map { .init($0.actor, .integer(Int64($0.count))) }),
    ]
  }
}

extension Head {
  /// The head in JSON.
  var json: JSONValue {
    [
      "collection": .string(collection.description), "epoch": .string(epoch.description),
      "sequence": .integer(sequence), "chain": .string(chain.description),
      "at": sequence > 0 ? .string(at.description) : .null,
    ]
  }
}

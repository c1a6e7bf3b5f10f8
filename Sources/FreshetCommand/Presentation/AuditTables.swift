import Freshet
import FreshetCommandLine
import FreshetModel

/// The report's changes as a table in CSV (RFC 4180): a row each, after one with the columns' names.
///
/// Values are exactly those of the collection: a file name that begins with `=` is a formula to some spreadsheets, which
/// have to be told that the columns are text.
struct AuditTable: AuditWriter {
  let output: OutputWriter

  private static let columns = [
    "sequence", "at", "change", "source", "origin", "from", "document", "version", "hash", "run", "actor", "reason",
  ]

  func write(_ part: AuditPart) throws {
    switch part {
    case .header: try row(Self.columns)
    case .run, .document: break
    case .change(let entry):
      let change = entry.change
      try row([
        "\(change.sequence)", change.at.description, change.kind.rawValue, change.source, change.origin,
        change.previousOrigin ?? "", change.document.description, "\(change.version)", change.contentHash.description,
        change.run.description, entry.actor ?? "", change.reason?.rawValue ?? "",
      ])
    }
  }

  func finish() throws {}

  private func row(_ values: [String]) throws {
    try output.write(values.map(Self.field).joined(separator: ",") + "\r\n")
  }

  /// A value, in quotes where it has a separator, a quote, a line break, or space at an end that readers take away.
  static func field(_ value: String) -> String {
    let bytes = value.utf8
    let isPlain = !bytes.contains { byte in
      [UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\r"), UInt8(ascii: "\n")].contains(byte)
    }
    if isPlain, bytes.first != UInt8(ascii: " "), bytes.last != UInt8(ascii: " ") { return value }
    var text: [UInt8] = [UInt8(ascii: "\"")]
    for byte in bytes {
      if byte == UInt8(ascii: "\"") { text.append(byte) }
      text.append(byte)
    }
    text.append(UInt8(ascii: "\""))
    return String(decoding: text, as: UTF8.self)
  }
}

/// The report as Markdown, for wikis and issues.
///
/// Names and actors come from files and calls, and stand in code spans, in which nothing is a link, a tag or emphasis; what
/// would end a span or a table's cell is percent-encoded.
struct AuditMarkdown: AuditWriter {
  let output: OutputWriter
  private var hasRuns = false
  private var hasDocuments = false

  init(output: OutputWriter) {
    self.output = output
  }

  mutating func write(_ part: AuditPart) throws {
    switch part {
    case .header(let header): try write(header)
    case .run(let run):
      if !hasRuns { try output.line("\n## Runs\n\n| Started | Run | Actor | Outcome |\n|---|---|---|---|") }
      hasRuns = true
      try row([run.startedAt.description, Self.code(run.id.description), Self.code(run.actor), run.outcome])
    case .document(let document):
      if !hasDocuments { try output.line("\n## Documents") }
      hasDocuments = true
      let state = document.state == .deleted ? "deleted, " : ""
      try output.line(
        "\n### \(Self.code("\(document.source):\(document.origin)"))\n\n"
          + "\(state)\(Quantity.text(document.changes, of: "change"))\n\n"
          + "| Sequence | Time | Change | Version | Hash | Run | Actor | Reason | From |\n"
          + "|---:|---|---|---:|---|---|---|---|---|"
      )
    case .change(let entry):
      let change = entry.change
      try row([
        "\(change.sequence)", change.at.description, change.kind.rawValue, "\(change.version)",
        Self.code(String(change.contentHash.description.prefix(12))),
        Self.code(String(change.run.description.prefix(8))),
        Self.code(entry.actor ?? "unknown"), change.reason?.sentence ?? "", change.previousOrigin.map(Self.code) ?? "",
      ])
    }
  }

  func finish() throws {}

  private func write(_ header: AuditHeader) throws {
    try output.line(
      """
      # Audit

      - Collection: \(Self.code(header.path))
      - Generated: \(header.generatedAt)
      - Period: \(header.period)
      - Head: \(Self.code(header.recordedHead))
      - Changes: \(header.totals.changes)
      - Documents: \(header.totals.documents)
      """
    )
    if let keptLog = header.keptLog { try output.line("- Log: \(keptLog)") }
    guard header.totals.changes > 0 else { return }
    try output.line("\n| Change | Count |\n|---|---:|")
    for (kind, count) in header.kinds { try row([kind.rawValue, "\(count)"]) }
    try output.line("\n| Actor | Changes |\n|---|---:|")
    for (actor, count) in header.actors { try row([Self.code(actor), "\(count)"]) }
  }

  private func row(_ cells: [String]) throws {
    try output.line("| " + cells.joined(separator: " | ") + " |")
  }

  /// A text as a code span that no character of it can end.
  static func code(_ text: String) -> String {
    var span = ""
    for scalar in text.displayable.unicodeScalars {
      switch scalar {
      case "`": span += "%60"
      case "|": span += "%7C"
      default: span.unicodeScalars.append(scalar)
      }
    }
    // A span of spaces alone would be none, and one at each end would be taken away.
    return span.allSatisfy { $0 == " " } ? "` `" : "`\(span)`"
  }
}

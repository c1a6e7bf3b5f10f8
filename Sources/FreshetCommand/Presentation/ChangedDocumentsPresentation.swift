import Freshet
import FreshetCommandLine
import FreshetModel

/// Writes which documents changed between two moments.
struct ChangedDocumentsPresentation {
  let changes: [ChangedDocument]
  let session: Session

  func show() throws {
    if session.writesJSON {
      for change in changes { try session.output.json(change.json) }
      return
    }
    guard !changes.isEmpty else {
      if !session.isQuiet { session.diagnostics.line("No document changed.") }
      return
    }
    var table = TextTable([
      .left("CHANGE"), .right("LINES"), .right("VERSIONS"), .flexible("ORIGIN"), .left("SOURCE"),
    ])
    for change in changes {
      table.add([
        change.change.rawValue, change.lines,
        [change.from, change.to].compactMap { $0 }.map(String.init).joined(separator: "→"),
        change.origin + (change.previousOrigin.map { " (from \($0))" } ?? ""), change.source,
      ])
    }
    try session.output.write(table.text(session))
    let (additions, deletions) = changes.reduce((0, 0)) { ($0.0 + ($1.additions ?? 0), $0.1 + ($1.deletions ?? 0)) }
    let documents = Quantity.text(changes.count, of: "document")
    try session.output.line(
      "\(documents), \(DiffPresentation.counts(additions, deletions, Terminal(descriptor: 1).hasColour))"
    )
  }
}

extension ChangedDocument {
  fileprivate var lines: String {
    guard let additions, let deletions else { return "not kept" }
    return "+\(additions) −\(deletions)"
  }

  /// A line of `diff --since --json`.
  fileprivate var json: JSONValue {
    [
      "document": .string(document.description), "source": .string(source), "origin": .string(origin),
      "change": .string(change.rawValue), "previous_origin": previousOrigin.map { .string($0) } ?? .null,
      "from": from.map { .integer(Int64($0)) } ?? .null, "to": .integer(Int64(to)),
      "additions": additions.map { .integer(Int64($0)) } ?? .null,
      "deletions": deletions.map { .integer(Int64($0)) } ?? .null,
    ]
  }
}

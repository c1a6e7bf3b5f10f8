import Freshet
import FreshetCommandLine
import FreshetModel

extension CollectionStatistics {
  /// The line of `stats --json`.
  var json: JSONValue {
    let chunks = totals.chunks
    return [
      "since": since.map { .string($0.description) } ?? .null, "until": .string(until.description),
      "runs": .integer(Int64(runs)), "unfinished_runs": .integer(Int64(unfinishedRuns)),
      "first_run": firstRunAt.map { .string($0.description) } ?? .null,
      "documents": totals.documents.json.without("held"),
      "chunks": ["added": .integer(Int64(chunks.added)), "removed": .integer(Int64(chunks.removed))],
      "embeddings": [
        "computed": .integer(Int64(chunks.embedded)), "saved": .integer(Int64(embeddingsSaved)),
        "kept": .integer(Int64(chunks.kept)), "moved": .integer(Int64(chunks.moved)),
        "cached": .integer(Int64(chunks.reused)),
      ],
      "embedder": ["calls": .integer(Int64(totals.embedderCalls)), "tokens": .integer(Int64(totals.embedderTokens))],
      "bytes": ["read": .integer(Int64(totals.bytesRead))],
      "seconds": .object(
        [.init("total", .thousandths(totals.seconds.total))]
          + secondsByStage.map { .init($0.stage, .thousandths($0.seconds)) }
      ),
      "documents_per_second": documentsPerSecond.map { .thousandths($0) } ?? .null,
      "failures": .integer(Int64(failures)),
    ]
  }

  /// The lines for people.
  var text: String {
    let (documents, chunks) = (totals.documents, totals.chunks)
    let from = since.map { "since \($0.description.prefix(16))" } ?? "since the first run"
    var changes = [
      "\(Quantity.text(count: documents.created)) created", "\(Quantity.text(count: documents.modified)) modified",
      "\(Quantity.text(count: documents.renamed)) renamed", "\(Quantity.text(count: documents.deleted)) deleted",
    ]
    if documents.restored > 0 { changes.append("\(Quantity.text(count: documents.restored)) restored") }
    if documents.refreshed > 0 { changes.append("\(Quantity.text(count: documents.refreshed)) refreshed") }
    var lines = [
      ("Period", "\(from), \(Quantity.text(runs, of: "run"))"),
      ("Documents", changes.joined(separator: ", ")),
      ("Failures", "\(Quantity.text(documents.failed, of: "failed attempt")); \(failures) in quarantine now"),
      ("Chunks", "\(Quantity.text(count: chunks.added)) made, \(Quantity.text(count: chunks.removed)) removed"),
      (
        "Embeddings",
        "\(Quantity.text(count: chunks.embedded)) computed, \(Quantity.text(count: embeddingsSaved)) saved ("
          + "\(Quantity.text(count: chunks.kept)) kept, \(Quantity.text(count: chunks.moved)) moved, "
          + "\(Quantity.text(count: chunks.reused)) from the cache)"
      ),
      ("Read", Quantity.text(bytes: Int64(totals.bytesRead))),
      (
        "Time",
        "\(Quantity.text(.seconds(totals.seconds.total))): "
          + secondsByStage.map { "\($0.stage) \(Quantity.text(.seconds($0.seconds)))" }.joined(separator: ", ")
      ),
    ]
    if let rate = documentsPerSecond { lines.append(("Rate", "\((rate * 10).rounded() / 10) documents a second")) }
    if documents.failed == 0, failures == 0 { lines[2].1 = "none" }
    return lines.map { name, value in
      name + String(repeating: " ", count: max(1, 12 - name.count)) + value.displayable + "\n"
    }.joined()
  }
}

extension JSONValue {
  /// The object without one member.
  fileprivate func without(_ name: String) -> JSONValue {
    guard case .object(let members) = self else { return self }
    return .object(members.filter { $0.name != name })
  }
}

import FreshetCommandLine
import FreshetModel

extension DocumentOutcome {
  /// A line of `sync --json`.
  var json: JSONValue {
    [
      "type": "document", "source": .string(source), "origin": .string(origin), "uri": .string(uri),
      "document": .string(document.description), "change": .string(change.rawValue),
      "from": previousOrigin.map { .string($0) } ?? .null, "reason": reason.map { .string($0.rawValue) } ?? .null,
      "version": .integer(Int64(version)),
      "chunks": [
        "added": .integer(Int64(chunksAdded)), "removed": .integer(Int64(chunksRemoved)),
        "embedded": .integer(Int64(chunksEmbedded)),
      ],
    ]
  }

  /// A line for people.
  var line: String {
    let from = previousOrigin.map { " (from \($0))" } ?? ""
    let why = reason.map { " (\($0.sentence))" } ?? ""
    return "\(change.rawValue) \(source):\(origin)\(from)\(why)".displayable
  }
}

extension DeletionReason {
  /// Why, in words.
  var sentence: String {
    switch self {
    case .vanished: "gone from its source"
    case .outOfScope: "left out by the rules now: patterns, ignore files, size or links"
    case .sourceRemoved: "its source is no longer configured"
    case .memberRemoved: "no longer in its file"
    }
  }
}

extension FailureRecord {
  /// A failure line.
  var json: JSONValue {
    [
      "type": "failure", "source": .string(source), "origin": .string(origin),
      "error": ["code": .string(error.code.rawValue), "message": .string(error.message)],
      "attempts": .integer(Int64(attempts)), "first_at": .string(firstAt.description),
      "last_at": .string(lastAt.description),
    ]
  }
}

extension SyncReport {
  /// One line that says what happened.
  var summary: String {
    let counts: [(Int, String)] = [
      (documents.created, "created"), (documents.modified, "modified"), (documents.renamed, "renamed"),
      (documents.restored, "restored"), (documents.deleted, "deleted"), (documents.refreshed, "refreshed"),
      (documents.unchanged, "unchanged"), (documents.skipped, "skipped"), (documents.failed, "failed"),
      (documents.held, "held back"),
    ]
    let said = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    let what = said.isEmpty ? "no documents" : said.joined(separator: ", ")
    let all = Quantity.text(chunks.total, of: "chunk")
    return "\(interrupted ? "Interrupted" : "Done"): \(what); \(all), \(chunks.embedded) embedded"
      + ", in \(Self.time(seconds.total))"
  }

  static func time(_ seconds: Double) -> String {
    if seconds < 1 { return "\(Int((seconds * 1000).rounded(.up))) ms" }
    return seconds < 10
      ? "\((seconds * 100).rounded() / 100) s" : Quantity.text(.seconds(Int64(seconds.rounded())))
  }
}

extension SyncForecast {
  /// The last line of `sync --dry-run --json`.
  var json: JSONValue {
    [
      "type": "forecast", "documents": documents.json,
      "chunks": ["added": .integer(Int64(chunksAdded)), "embedded": .integer(Int64(passagesToEmbed))],
      "embedder": ["tokens": .integer(Int64(tokens))], "seconds": seconds.map { .number($0) } ?? .null,
      "held": .array(
        held.map {
          ["source": .string($0.source), "count": .integer(Int64($0.count)), "message": .string($0.sentence)]
        }
      ),
    ]
  }

  /// One line for people.
  var summary: String {
    let counts: [(Int, String)] = [
      (documents.created, "created"), (documents.modified, "modified"), (documents.renamed, "renamed"),
      (documents.restored, "restored"), (documents.deleted, "deleted"), (documents.refreshed, "refreshed"),
      (documents.unchanged, "unchanged"), (documents.failed, "failed"),
    ]
    let said = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    let time = seconds.map { ", about " + SyncReport.time($0) } ?? ""
    return "Would be: \(said.isEmpty ? "nothing" : said.joined(separator: ", ")); "
      + "\(Quantity.text(passagesToEmbed, of: "text")) to embed, \(Quantity.text(tokens, of: "token"))\(time). "
      + "Nothing was changed."
  }
}

extension DocumentRecord {
  /// A line of `list --json`.
  func json(uri: String) -> JSONValue {
    [
      "source": .string(sourceName), "origin": .string(origin), "uri": .string(uri),
      "document": .string(id.description), "name": metadata["name"] ?? .string(origin),
      "type": metadata["type"] ?? .null, "title": .string(title), "state": .string(state.rawValue),
      "version": .integer(Int64(version)), "versions": .integer(Int64(version)),
      "hash": .string(contentHash.description), "size": .integer(size), "chunks": .integer(Int64(chunkCount)),
      "file_modified": .string(fileModified.description), "created_at": .string(createdAt.description),
      "updated_at": .string(updatedAt.description), "metadata": JSONValue(metadata),
    ]
  }
}

extension VersionRecord {
  /// A line of `history --json`.
  ///
  /// - Parameter hasContent: whether the content is kept, and not its hash alone.
  func json(hasContent: Bool) -> JSONValue {
    [
      "version": .integer(Int64(number)), "change": .string(kind.rawValue), "hash": .string(contentHash.description),
      "size": .integer(size), "at": .string(at.description), "sequence": .integer(sequence),
      "run": .string(run.description), "actor": .string(actor), "owner": owner.map { .string($0) } ?? .null,
      "file_modified": .string(fileModified.description), "origin": .string(origin),
      "from": previousOrigin.map { .string($0) } ?? .null,
      "same_as": sameAs.map { .integer(Int64($0)) } ?? .null,
      "reason": reason.map { .string($0.rawValue) } ?? .null, "has_content": .boolean(hasContent),
    ]
  }
}

extension RunRecord {
  /// A line of `runs --json`.
  var json: JSONValue {
    [
      "run": .string(id.description), "started_at": .string(startedAt.description),
      "finished_at": finishedAt.map { .string($0.description) } ?? .null, "actor": .string(actor),
      "first_sequence": .integer(firstSequence), "last_sequence": lastSequence.map { .integer($0) } ?? .null,
      "report": report ?? .null,
    ]
  }
}

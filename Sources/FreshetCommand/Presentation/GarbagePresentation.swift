import FreshetCommandLine
import FreshetModel
import FreshetSync

extension ReclaimedAmounts {
  /// The counts by name, for JSON.
  var members: [JSONValue.Member] {
    [
      .init("versions", .integer(Int64(versions))), .init("editions", .integer(Int64(editions))),
      .init("chunks", .integer(Int64(chunks))), .init("passages", .integer(Int64(passages))),
      .init("vectors", .integer(Int64(vectors))), .init("renditions", .integer(Int64(renditions))),
      .init("texts", .integer(Int64(texts))),
      .init("contents", .integer(Int64(contents))), .init("models", .integer(Int64(models))),
      .init("changes", .integer(Int64(changes))), .init("runs", .integer(Int64(runs))),
      .init("bytes", .integer(bytes)),
    ]
  }

  /// `12 versions, 3 contents (45 kB)`; `nothing`.
  var sentence: String {
    let counts: [(Int, String)] = [
      (versions, "version"), (contents, "content"), (renditions, "rendition"), (texts, "superseded text"),
      (chunks, "chunk"),
      (passages, "passage"), (vectors, "vector"), (models, "model"), (changes, "change"), (runs, "run"),
    ]
    let said = counts.filter { $0.0 > 0 }.map { Quantity.text(count: $0.0) + " \($0.1)\($0.0 == 1 ? "" : "s")" }
    if said.isEmpty { return "nothing" }
    return said.joined(separator: ", ") + (bytes > 0 ? " (\(Quantity.text(bytes: bytes)))" : "")
  }
}

extension GarbageReport {
  /// The result of `gc --json`.
  var json: JSONValue {
    var members = removed.members
    members += [
      .init("complete", .boolean(isComplete)), .init("history_floor", .integer(historyFloor)),
      .init("log_anchor", .integer(logAnchor)),
      .init("file_before", .integer((before?.bytes ?? 0) + (before?.logBytes ?? 0))),
      .init("file_after", .integer((after?.bytes ?? 0) + (after?.logBytes ?? 0))),
      .init("free_after", .integer(after?.freeBytes ?? 0)), .init("notice", notice.map { .string($0) } ?? .null),
      .init("seconds", .number(seconds)),
    ]
    return .object(members)
  }

  /// One line that says what happened.
  var summary: String {
    let size = (after?.bytes ?? 0) + (after?.logBytes ?? 0)
    return "\(isComplete ? "Removed" : "Not done yet, removed so far"): \(removed.sentence); the database is now "
      + "\(Quantity.text(bytes: size)), \(Quantity.text(bytes: returnedBytes)) less, in \(SyncReport.time(seconds))"
  }
}

extension GarbageForecast {
  /// The result of `gc --dry-run --json`.
  var json: JSONValue {
    var members = removable.members
    members += [
      .init("dry_run", .boolean(true)), .init("history_floor", .integer(historyFloor)),
      .init("log_anchor", .integer(logAnchor)),
      .init("file_before", .integer((space?.bytes ?? 0) + (space?.logBytes ?? 0))),
      .init("free_before", .integer(space?.freeBytes ?? 0)),
    ]
    return .object(members)
  }

  /// One line for people.
  var summary: String {
    "Would be removed: \(removable.sentence). Nothing was changed."
  }
}

extension GarbageProgress {
  /// What a progress bar shows.
  var shown: ProgressState {
    switch stage {
    case .marking:
      ProgressState(activity: "Applying the rules", completed: completed, isTotalFinal: false, unit: "documents")
    case .removing: ProgressState(activity: "Removing", completed: completed, total: total, unit: "versions")
    case .pruning:
      ProgressState(activity: "Pruning the log", completed: completed, isTotalFinal: false, unit: "changes")
    case .returning:
      ProgressState(activity: "Returning space", completed: completed >> 20, total: total.map { $0 >> 20 }, unit: "MiB")
    }
  }
}

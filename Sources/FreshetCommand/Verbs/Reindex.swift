import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet reindex`.
  static let reindex = Verb(
    "reindex",
    overview: "Build the vector index anew from the stored vectors; nothing is embedded.",
    options: [
      .flag("backup-restore", "Put the index's backup in its place instead."),
      .value("wait", "duration", .duration, default: "0s", "Wait so long for another writer to end."),
    ],
    run: { invocation in
      let session = Session(invocation)
      return try await session.writing { collection in
        if invocation.flag("backup-restore") {
          try await collection.restoreIndexBackup()
        } else {
          try await collection.reindex()
        }
        let status = try await collection.status()
        if session.writesJSON {
          try session.output.json(status.json(service: nil))
        } else if !session.isQuiet {
          try session.output.line("The index is at change \(status.head.sequence).")
        }
        return .success
      }
    }
  )
}

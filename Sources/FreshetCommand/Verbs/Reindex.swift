import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet reindex`.
  static let reindex = Verb(
    "reindex",
    overview: "Build the vector index anew from the stored vectors; nothing is embedded.",
    discussion: """
      The keyword index is checked, and built anew from the stored passages when it is damaged. What `freshet verify` finds \
      in either index is mended so.
      """,
    options: [
      .flag("backup-restore", "Put the index's backup in its place instead."),
      .value("wait", "duration", .duration, default: "0s", "Wait so long for another writer to end."),
    ],
    run: { invocation in
      let session = Session(invocation)
      return try await session.writing { collection in
        var keywordProblems: [IntegrityProblem] = []
        if invocation.flag("backup-restore") {
          try await collection.restoreIndexBackup()
        } else {
          keywordProblems = try await collection.reindex().keywordProblems
        }
        let status = try await collection.status()
        if session.writesJSON {
          let json = status.json(service: nil)
          try session.output.json(json.adding("keyword_index_rebuilt", .boolean(!keywordProblems.isEmpty)))
        } else if !session.isQuiet {
          if !keywordProblems.isEmpty {
            try session.output.line("The keyword index was damaged; it is built anew.")
          }
          try session.output.line("The index is at change \(status.head.sequence).")
        }
        return .success
      }
    }
  )
}

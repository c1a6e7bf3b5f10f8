import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet runs`.
  static let runs = Verb(
    "runs",
    overview: "Show the last syncs.",
    options: [.value("limit", "n", .integer(1...100_000), default: "20", "At most so many.")],
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let runs = try await collection.runs(limit: invocation.integer("limit") ?? 20)
        if session.writesJSON {
          for run in runs { try session.output.json(run.json) }
          return .success
        }
        var table = TextTable([
          .left("STARTED"), .left("ACTOR"), .right("CREATED"), .right("MODIFIED"), .right("RENAMED"),
          .right("DELETED"), .right("FAILED"), .right("EMBEDDED"), .right("SECONDS"),
        ])
        for run in runs {
          func number(_ group: String, _ name: String) -> String { run.report?[group]?[name]?.description ?? "-" }
          table.add([
            String(run.startedAt.description.prefix(19)), run.actor, number("documents", "created"),
            number("documents", "modified"), number("documents", "renamed"), number("documents", "deleted"),
            number("documents", "failed"), number("chunks", "embedded"), number("seconds", "total"),
          ])
        }
        try session.output.write(table.text(session))
        return .success
      }
    }
  )
}

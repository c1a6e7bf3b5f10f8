import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet verify`.
  static let verify = Verb(
    "verify",
    overview: "Prove that the collection is exactly what its sources are.",
    discussion: "Ends with 0 when everything holds, and with 1 when something does not.",
    options: [
      .flag("quick", "Do not read the stored contents."),
      .flag("offline", "Do not list the sources."),
    ],
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let report = try await collection.verify(
          contents: !invocation.flag("quick"),
          sources: !invocation.flag("offline")
        )
        if session.writesJSON {
          try session.output.json(report.json)
        } else {
          for problem in report.problems { try session.output.line("\(problem.code): \(problem.message)".displayable) }
          let counts =
            "\(report.documents) documents, \(report.chunks) chunks, \(report.passages) passages, \(report.vectors) vectors"
          try session.output.line(
            report.isOK
              ? "Verified: \(counts)." : "Not as it should be: \(report.problems.count) problems in \(counts)."
          )
        }
        return report.isOK ? .success : .failure
      }
    }
  )
}

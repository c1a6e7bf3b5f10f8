import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSearch

extension Verb {
  /// `freshet failures`.
  static let failures = Verb(
    "failures",
    overview: "List the documents that failed.",
    discussion: "They are tried again when their content or the parser changes, and by `freshet sync --retry`.",
    options: [.value("source", "name", .text, "Only this source.")],
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let failures = try await collection.failures(source: invocation.value("source"))
        if session.writesJSON {
          for failure in failures { try session.output.json(failure.json) }
          return .success
        }
        var table = TextTable([
          .flexible("ORIGIN"), .left("SOURCE"), .left("CODE"), .right("ATTEMPTS"), .left("LAST"), .flexible("ERROR"),
        ])
        for failure in failures {
          table.add([
            failure.origin, failure.source, failure.error.code.rawValue, "\(failure.attempts)",
            String(failure.lastAt.description.prefix(16)), failure.error.message,
          ])
        }
        if !failures.isEmpty {
          try session.output.write(table.text(session))
        } else if !session.isQuiet {
          session.diagnostics.line("No document has failed.")
        }
        return .success
      }
    }
  )
}

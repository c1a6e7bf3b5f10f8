import Freshet
import FreshetCommandLine
import FreshetConfiguration
import FreshetModel
import FreshetSearch

extension Verb {
  /// `freshet failures`.
  static let failures = Verb(
    "failures",
    overview: "List the documents that failed; try them again, or forget that they did.",
    discussion: """
      They are tried again when their content or the parser changes, by `freshet failures retry`, and with everything \
      else by `freshet sync --retry`.
      """,
    options: [.value("source", "name", .text, "Only this source.")],
    verbs: [failuresRetry, failuresClear],
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

  private static let failedDocument = Argument(
    "document",
    .text,
    isOptional: true,
    isRepeated: true,
    "Paths, origins, source:origin, URIs, or starts of identities; all that failed without any."
  )

  private static let wait = Option.value(
    "wait",
    "duration",
    .duration,
    default: "0s",
    "Wait so long for another writer to end."
  )

  /// `freshet failures retry`.
  static let failuresRetry = Verb(
    "retry",
    overview: "Try documents again that failed; look at nothing else.",
    discussion: "Ends as `freshet sync` does: with 3 when some failed again.",
    arguments: [failedDocument],
    options: [wait],
    run: { invocation in
      let session = Session(invocation)
      let configuration = try session.configuration()
      let log = SyncLog(try session.logger(configuration), session.diagnostics, hasFile: configuration.log.file != nil)
      return try await session.writing { collection in
        let failures = try await failures(invocation, collection)
        guard !failures.isEmpty else { return nothing(session) }
        return try await SyncVerb(session: session).sync(collection, SyncRequest(retrying: failures), log)
      }
    }
  )

  /// `freshet failures clear`.
  static let failuresClear = Verb(
    "clear",
    overview: "Forget that documents failed.",
    discussion: """
      The next sync tries them as if it saw them for the first time. To leave a document out for good, exclude it by a \
      pattern.

      Where files that failed are moved away (failures.folder), a document whose file lies there stays on record: freshet \
      failures retry moves the file back, and removing it there has the document deleted. Ends with 3 then.
      """,
    arguments: [failedDocument],
    options: [wait],
    run: { invocation in
      let session = Session(invocation)
      return try await session.writing { collection in
        let failures = try await failures(invocation, collection)
        let kept = try await collection.clear(failures)
        let cleared = failures.count - kept.count
        if session.writesJSON {
          try session.output.json([
            "cleared": .integer(Int64(cleared)),
            "kept": .array(
              kept.map {
                [
                  "source": .string($0.source), "origin": .string($0.origin),
                  "set_aside": $0.place.map { .string($0) } ?? .null,
                ]
              }
            ),
          ])
          return kept.isEmpty ? .success : .documentsFailed
        }
        guard !failures.isEmpty else { return nothing(session) }
        for file in kept {
          session.diagnostics.warning(
            ("\(file.origin): stays on record, since its file lies in \(file.place ?? ""); `freshet failures retry` moves it "
              + "back and tries it again, and removing it there has its document deleted").displayable
          )
        }
        if !session.isQuiet, cleared > 0 { session.diagnostics.line("\(cleared) forgotten.") }
        return kept.isEmpty ? .success : .documentsFailed
      }
    }
  )

  private static func failures(_ invocation: Invocation, _ collection: Collection) async throws -> [FailureRecord] {
    try await collection.failures(of: invocation.arguments("document"), source: invocation.value("source"))
  }

  private static func nothing(_ session: Session) -> ExitCode {
    if !session.isQuiet { session.diagnostics.line("No document has failed.") }
    return .success
  }
}

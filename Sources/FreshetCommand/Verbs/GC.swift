import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync
import FreshetSystem

extension Verb {
  /// `freshet gc`.
  static let gc = Verb(
    "gc",
    overview: "Remove what the rules of `history` let go, and return the space.",
    discussion: """
      Contents, texts, passages and vectors that only such versions had are removed, and those of models that are no \
      longer used. Of every version the row stays, with its hash. Without rules every version keeps everything. \
      The log of changes is cut to `history.keep_log`.

      Searches go on meanwhile. What is done is done when it is interrupted; the next call goes on there.
      """,
    options: [
      .flag("dry-run", short: "n", "Say what would be removed; change nothing."),
      .flag("rewrite", "Write the database anew, as small as can be; needs its size twice more meanwhile."),
      .value("time-limit", "duration", .duration, "End after this time, and go on with the next call."),
      .value("wait", "duration", .duration, default: "0s", "Wait so long for another writer to end."),
    ],
    run: { invocation in
      let session = Session(invocation)
      if invocation.flag("dry-run") {
        return try await session.reading { collection in
          try show(try await collection.garbageForecast(), session)
          return .success
        }
      }
      return try await session.writing { try await collectGarbage($0, session) }
    }
  )

  private static func collectGarbage(_ collection: Collection, _ session: Session) async throws -> ExitCode {
    var request = GarbageRequest()
    request.timeLimit = session.invocation.duration("time-limit")
    request.rewritesDatabase = session.invocation.flag("rewrite")
    let stop = StopSignal()
    let received = try session.interruptions()
    let signals = Task {
      for await _ in received {
        if stop.isGiven { break }
        stop.give()
        session.diagnostics.line("Interrupted: finishing the step under way …")
      }
    }
    defer { signals.cancel() }
    let progress = ProgressReporter(session.diagnostics, style: session.isQuiet ? .silent : nil)
    let report = try await collection.collectGarbage(request, stop: stop) { progress.update($0.shown) }
    progress.finish()
    if let notice = report.notice { session.diagnostics.warning(notice.displayable) }
    if session.writesJSON {
      try session.output.json(report.json)
    } else if !session.isQuiet {
      try session.output.line(report.summary)
    }
    return stop.isGiven && !report.isComplete ? .interrupted : .success
  }

  private static func show(_ forecast: GarbageForecast, _ session: Session) throws {
    if session.writesJSON {
      try session.output.json(forecast.json)
    } else {
      try session.output.line(forecast.summary)
    }
  }
}

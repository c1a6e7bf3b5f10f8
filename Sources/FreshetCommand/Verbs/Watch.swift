import Freshet
import FreshetCommandLine
import FreshetConfiguration
import FreshetModel
import FreshetService
import FreshetSync
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension Verb {
  /// `freshet watch`.
  static let watch = Verb(
    "watch",
    overview: "Keep the collection in step while its sources change, until Ctrl-C.",
    discussion: """
      Goes through all sources first, and takes up each change a moment after it was made. What is being written is left \
      alone until it is done. `freshet search` and everything else that reads works meanwhile. `freshet start` does the \
      same in the background.
      """,
    options: [
      .value("actor", "name", .text, default: "user@host", "Who makes the versions."),
      .value("wait", "duration", .duration, default: "0s", "Wait so long for another writer to end."),
    ],
    run: { invocation in
      let session = Session(invocation)
      let configuration = try session.configuration()
      let collection = try await session.open(
        .writing(creating: true, waiting: invocation.duration("wait") ?? .zero),
        configuration,
        isService: true
      )
      return try await session.closing(collection) { collection in
        try await WatchVerb(session: session, collection: collection).run()
      }
    }
  )
}

/// Runs a live service in the foreground, and says what it does.
struct WatchVerb: Sendable {
  let session: Session
  let collection: Collection

  /// Between two renewals of the status line.
  private static let statusInterval = Duration.seconds(1)

  func run() async throws -> ExitCode {
    let log = LiveLog(try session.logger(collection.configuration), session)
    var options = LiveOptions(collection.configuration)
    options.actor = session.invocation.value("actor")
    let process = try LiveProcess(
      collection,
      options: options,
      manager: ServiceManager(environment: try session.environment()),
      duties: duties(log)
    ) { log.tell($0) }
    let signals = try ServiceSignals.stream()
    let stopping = Task { await ServiceSignals.follow(signals, process) { end(.interrupted) } }
    defer { stopping.cancel() }
    let status = Task { await showStatus(process) }
    defer { status.cancel() }
    try await process.run()
    status.cancel()
    session.diagnostics.show(progress: "")
    return process.loss.map { ExitCode($0) } ?? .success
  }

  private func duties(_ log: LiveLog) -> LiveProcess.Duties {
    LiveProcess.Duties(
      configuration: { (try session.configuration(), try session.environment()) },
      run: ServedCall.run,
      overdue: {
        log.overdue()
        end(.failure)
      }
    )
  }

  /// Ends the process at once: what is not committed is done again by the next one.
  private func end(_ code: ExitCode) {
    session.diagnostics.show(progress: "")
    try? session.output.flush()
    // Not `exit`, whose handlers would take away what other threads still use.
    _exit(code.rawValue)
  }

  /// A line at the bottom of the terminal that says what goes on.
  private func showStatus(_ process: LiveProcess) async {
    guard session.diagnostics.terminal.isInteractive, !session.isQuiet else { return }
    while !Task.isCancelled {
      session.diagnostics.show(progress: process.status.line)
      try? await Task.sleep(for: Self.statusInterval)
    }
  }
}

/// What a live service does, as lines of a log, and of the output where the call asks for it.
struct LiveLog: Sendable {
  let logger: Logger
  private let session: Session

  init(_ logger: Logger, _ session: Session) {
    self.logger = logger
    self.session = session
  }

  func tell(_ event: LiveEvent) {
    switch event {
    case .started(let sources): logger.info("The service has started.", [.init("sources", .integer(Int64(sources)))])
    case .sync(.changed(let outcome)): changed(outcome)
    case .sync(.failed(let failure)):
      warn("\(failure.origin): \(failure.error.message)", [.init("code", .string(failure.error.code.rawValue))])
    case .sync(.unavailable(let problem)): warn("\(problem.source): \(problem.error.message)", [])
    case .sync(.held(let held)): warn("\(held.source): \(held.sentence)", [])
    case .sync(.setAside(let file)): warn("\(file.source): \(file.sentence)", [])
    case .sync: break
    case .worked(let work): worked(work)
    case .watchProblem(let source, let error): warn(source.isEmpty ? error.message : "\(source): \(error.message)", [])
    case .failed(let error, let pause):
      logger.error(
        "\(error.message); trying again in \(Quantity.text(pause))",
        [.init("code", .string(error.code.rawValue))]
      )
    case .maintained: logger.debug("Index files and old versions were seen to.")
    case .reported(let report): reported(report)
    case .alert(let alert): raised(alert)
    case .alertUndelivered(let consumer, let error):
      warn("An alert did not reach \(consumer): \(error.message)", [.init("code", .string(error.code.rawValue))])
    case .memory(let memory): measured(memory)
    case .figuresFailed(let error): warn("The figures cannot be written: \(error)", [])
    case .reloaded(let left):
      logger.info("The configuration was read anew.")
      for sentence in left { warn(sentence, []) }
    case .reloadRefused(let error):
      logger.error(
        "The configuration was read anew and is refused; the one before stays in force. \(error)",
        [.init("code", .string(error.code.rawValue))]
      )
    case .controlSocketRemoved(nil): logger.info("The control socket was removed, and is made again.")
    case .controlSocketRemoved(let error?):
      warn("The control socket was removed, and cannot be made again, so no call finds the service: \(error)", [])
    case .lost(let error): logger.error("\(error). The service ends.", [.init("code", .string(error.code.rawValue))])
    case .idle: logger.debug("Everything is in step.")
    case .stopping: logger.info("The service ends.")
    }
  }

  /// Says that the service ends without what is under way.
  func overdue() {
    logger.error("What is under way does not end, so the service ends without it; what is committed holds.")
  }

  private func changed(_ outcome: DocumentOutcome) {
    // When nobody reads the lines any more, the service itself goes on.
    if session.writesJSON {
      try? session.output.json(outcome.json)
      try? session.output.flush()
    } else if session.isVerbose {
      try? session.output.line(outcome.line)
      try? session.output.flush()
    }
  }

  private func worked(_ work: LiveWork) {
    let documents = work.report.documents
    guard documents.changed + documents.refreshed + documents.failed > 0 else { return }
    logger.info(
      "Brought \(Quantity.text(documents.changed, of: "change")) into step.",
      [
        .init("work", .string(work.kind.rawValue)), .init("failed", .integer(Int64(documents.failed))),
        .init("embedded", .integer(Int64(work.report.chunks.embedded))),
        .init("seconds", .number(work.duration.inSeconds)),
      ]
    )
  }

  private func warn(_ message: String, _ fields: [JSONValue.Member]) {
    logger.warning(message, fields)
  }
}

extension LiveStatus {
  /// The status in one line.
  var line: String {
    var parts: [String] = []
    let documents = totals.documents
    parts.append(working.map { "at work (\($0))" } ?? "in step")
    if queued > 0 { parts.append("\(queued) queued") }
    parts.append(Quantity.text(documents.changed, of: "change"))
    if documents.failed > 0 { parts.append("\(documents.failed) failed") }
    let heldCount = held.reduce(0) { $0 + $1.count }
    if heldCount > 0 { parts.append("\(Quantity.text(heldCount, of: "deletion")) held") }
    if let error { parts.append(error.message) }
    return "Watching: " + parts.joined(separator: ", ")
  }
}

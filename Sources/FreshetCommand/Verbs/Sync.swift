import Freshet
import FreshetCommandLine
import FreshetConfiguration
import FreshetModel
import FreshetSync
import FreshetSystem

extension Verb {
  /// `freshet sync`.
  static let sync = Verb(
    "sync",
    overview: "Bring the collection in step with its sources.",
    discussion: """
      Unchanged files are not read, unchanged text is not embedded again. Without a configuration, `freshet sync FOLDER` \
      makes a collection in FOLDER/.freshet.

      Ends with 0; 3 when some documents failed; 4 when deletions were held back or a source could not be listed; 11 when \
      another process writes the collection; 130 when it was interrupted (what was done is committed).

      Of the paths named, those that nothing is known of are warned of, and the others synced; when there are no others, it \
      ends with 1, or with 64 when no source holds them.
      """,
    arguments: [
      Argument("path", .file, isOptional: true, isRepeated: true, "Only these files and folders.")
    ],
    options: [
      .flag("dry-run", short: "n", "Say what would change and what it would cost; change nothing."),
      .flag("force", "Read, parse and chunk everything anew, and build the index anew."),
      .flag("no-cache", "Embed texts again that have a vector."),
      .flag("checksum", "Read every file, whatever its time and size."),
      .flag("retry", "Try documents again that failed."),
      .flag("allow-mass-delete", "Delete also when much of a source is gone."),
      .flag(
        "no-recursive",
        "Take only the files right in the sources' folders; what was taken from below leaves the collection."
      ),
      .value("workers", "n", .integer(1...256), "Files read at the same time."),
      .value("checkpoint", "n", .integer(1...100_000), default: "50", "Documents of one commit."),
      .value("actor", "name", .text, default: "user@host", "Who makes the versions."),
      .value("wait", "duration", .duration, default: "0s", "Wait so long for another writer to end."),
    ],
    run: { try await SyncVerb(session: Session($0)).run() }
  )
}

/// A sync with its progress, its log and its exit code; also for the verbs that retry.
struct SyncVerb: Sendable {
  let session: Session

  private var invocation: Invocation { session.invocation }

  func run() async throws -> ExitCode {
    let paths = invocation.arguments("path")
    var configuration = try session.configuration(for: paths)
    if invocation.flag("no-recursive") {
      for index in configuration.sources.indices { configuration.sources[index].isRecursive = false }
    }
    let request = request(paths)
    if invocation.flag("dry-run") {
      let collection = try await Collection.openForForecast(configuration, environment: try session.environment())
      try await session.requireOwn(collection)
      return try await session.closing(collection) { collection in
        try await tellExcluded(paths, collection)
        return try await show(try await collection.forecast(request))
      }
    }
    let log = SyncLog(try session.logger(configuration), session.diagnostics, hasFile: configuration.log.file != nil)
    let collection = try await session.open(
      .writing(creating: true, waiting: invocation.duration("wait") ?? .zero),
      configuration
    )
    return try await session.closing(collection) { collection in
      try await tellExcluded(paths, collection)
      return try await sync(collection, request, log)
    }
  }

  /// Warns of paths that the call names and nothing is taken from.
  private func tellExcluded(_ paths: [String], _ collection: Collection) async throws {
    for excluded in try await collection.excluded(among: paths) {
      let reason = excluded.cause == .rule ? "left out: \(excluded.reason)" : excluded.reason
      session.diagnostics.warning("\(excluded.path): \(reason)".displayable)
    }
  }

  /// What the verb asks for beside what its options say.
  var preset = SyncRequest()

  private func request(_ paths: [String]) -> SyncRequest {
    var request = preset
    request.paths = paths
    request.force = invocation.flag("force")
    request.ignoresEmbeddingCache = invocation.flag("no-cache")
    request.checksum = invocation.flag("checksum")
    request.retriesFailures = invocation.flag("retry")
    request.allowMassDelete = invocation.flag("allow-mass-delete")
    request.actor = invocation.value("actor")
    request.workers = invocation.integer("workers")
    request.checkpointDocuments = invocation.integer("checkpoint")
    return request
  }

  func sync(
    _ collection: Collection,
    _ request: SyncRequest,
    _ log: SyncLog
  ) async throws -> ExitCode {
    let stop = StopSignal()
    let received = try session.interruptions()
    let signals = Task {
      for await _ in received {
        // Asked again: what an embedder has under way is left.
        if stop.isGiven {
          stop.abandon()
          break
        }
        stop.give()
        session.diagnostics.line("Interrupted: committing what is done …")
      }
    }
    defer { signals.cancel() }
    let style: ProgressReporter.Style? = session.isQuiet ? .silent : nil
    let progress = ProgressReporter(session.diagnostics, style: style)
    log.started(collection)
    var report = try await collection.sync(request, stop: stop) { event in
      // When nobody reads the results any more, the sync itself goes on; the last line tells.
      try? tell(event, progress, log)
    }
    progress.finish()
    try await deliver(collection, stop, &report)
    log.ended(report)
    if session.writesJSON {
      try session.output.json(report.json)
    } else if !session.isQuiet {
      try session.output.line(report.summary)
    }
    try await tellStandingFailures(collection, report)
    return exitCode(report)
  }

  /// Hands the run's events over within the configured time; what is left stays for the next run. Ctrl-C ends it.
  private func deliver(_ collection: Collection, _ stop: StopSignal, _ report: inout SyncReport) async throws {
    let limit = collection.configuration.events.deliverWithin
    guard limit > .zero, !stop.isGiven, collection.hasEventChannels else { return }
    let work = Task { try await collection.deliverEvents(within: limit) }
    let watch = Task {
      while !stop.isGiven, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(100)) }
      if stop.isGiven { work.cancel() }
    }
    defer { watch.cancel() }
    do {
      report.deliveries = try await work.value
    } catch {
      session.diagnostics.warning("Events were not delivered: \(error)".displayable)
    }
    for delivery in report.deliveries where delivery.state != .delivered && delivery.state != .elsewhere {
      session.diagnostics.warning(delivery.sentence)
    }
  }

  /// Says how many documents failed before, and were not tried again now.
  private func tellStandingFailures(_ collection: Collection, _ report: SyncReport) async throws {
    let standing = try await collection.failures().count - report.documents.failed
    guard standing > 0, !session.isQuiet else { return }
    session.diagnostics.line(
      "\(Quantity.text(standing, of: "document")) still \(standing == 1 ? "fails" : "fail"); `freshet failures` says why."
    )
  }

  private func exitCode(_ report: SyncReport) -> ExitCode {
    if report.interrupted { return .interrupted }
    if !report.held.isEmpty || !report.unavailable.isEmpty || report.documents.held > 0 { return .deletionsHeld }
    return report.documents.failed > 0 ? .documentsFailed : .success
  }

  private func tell(_ event: SyncEvent, _ progress: ProgressReporter, _ log: SyncLog) throws {
    switch event {
    case .progress(let state): progress.update(state.shown)
    case .changed(let outcome):
      if session.writesJSON {
        try session.output.json(outcome.json)
      } else if session.isVerbose {
        try session.output.line(outcome.line)
      }
    case .failed(let failure):
      if session.writesJSON { try session.output.json(failure.json) }
      log.failed(failure)
    case .skipped(_, let origin, let reason):
      if session.isVerbose { session.diagnostics.line("Skipped \(origin): \(reason.message)".displayable) }
    case .setAside(let file):
      log.warning(file.sentence)
    case .unavailable(let problem):
      let place = problem.path.isEmpty ? problem.source : "\(problem.source):\(problem.path)"
      log.warning("\(place): \(problem.error.message)")
    case .held(let held): log.warning("\(held.source): \(held.sentence)")
    }
  }

  private func show(_ forecast: SyncForecast) async throws -> ExitCode {
    if session.writesJSON {
      for change in forecast.changes { try session.output.json(change.json) }
      for failure in forecast.failures { try session.output.json(failure.json) }
      try session.output.json(forecast.json)
    } else {
      for change in forecast.changes { try session.output.line(change.line) }
      for failure in forecast.failures {
        session.diagnostics.warning("\(failure.origin): \(failure.error.message)".displayable)
      }
      for held in forecast.held { session.diagnostics.warning("\(held.source): \(held.sentence)".displayable) }
      try session.output.line(forecast.summary)
    }
    return forecast.held.isEmpty && forecast.unavailable.isEmpty ? .success : .deletionsHeld
  }
}

extension SyncProgress {
  /// What a progress bar shows: chunks, since documents differ in size too much to tell the time from.
  var shown: ProgressState {
    if itemsToRead == 0, chunksFound > 0 {
      return ProgressState(
        activity: "Embedding with another model",
        completed: chunksDone,
        total: chunksFound,
        isTotalFinal: false,
        unit: "chunks"
      )
    }
    if itemsToRead == 0 {
      return ProgressState(activity: "Listing", completed: itemsListed, total: nil, isTotalFinal: false, unit: "files")
    }
    // Chunks of files that were not read yet are guessed from the bytes of those that were.
    let known = Double(max(chunksFound, 1))
    let guess = bytesRead > 0 ? known * Double(bytesToRead) / Double(bytesRead) : known
    return ProgressState(
      activity: "Syncing",
      completed: chunksDone,
      total: Int(max(guess, known)),
      isTotalFinal: listingFinished && itemsRead >= itemsToRead,
      unit: "chunks",
      // A file may hold many documents: both numbers are of files.
      note: "\(Quantity.text(count: min(itemsRead, itemsToRead))) of \(Quantity.text(count: itemsToRead)) files"
    )
  }
}

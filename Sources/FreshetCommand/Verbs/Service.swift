import Freshet
import FreshetCommandLine
import FreshetConfiguration
import FreshetModel
import FreshetService
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension Verb {
  /// `freshet start`.
  static let start = Verb(
    "start",
    overview: "Keep the collection in step in the background: `freshet watch` as a service.",
    discussion: """
      Returns when the service is at work. One service runs for a collection at a time; a second start ends with 11 and \
      names the process. What it has to say goes to the configured log, else to service.log in the collection.
      """,
    run: { try await ServiceVerb(session: Session($0)).start() }
  )

  /// `freshet stop`.
  static let stop = Verb(
    "stop",
    overview: "End the collection's service, once what is under way is done.",
    discussion: """
      A configuration that cannot be used does not keep the service from ending; it is warned of. When it breaks off before \
      the place of the collection is known, name that: FRESHET_COLLECTION=FOLDER freshet stop.
      """,
    run: { try await ServiceVerb(session: Session($0)).stop() }
  )

  /// `freshet reload`.
  static let reload = Verb(
    "reload",
    overview: "Have the collection's service read its configuration anew, as SIGHUP does.",
    discussion: """
      A faulty configuration is told, and the one before stays in force. What cannot change while the service runs, the \
      collection's folder, the embedding model and the log, is told and left as it is.
      """,
    run: { try await ServiceVerb(session: Session($0)).reload() }
  )

  /// `freshet service`.
  static let service = Verb(
    "service",
    overview: "Print a systemd unit that runs the service.",
    discussion: """
      For one user: freshet service > ~/.config/systemd/user/freshet.service, then systemctl --user enable --now freshet.
      """,
    options: [.flag("print", "Print the unit; the default.")],
    run: { invocation in
      let session = Session(invocation)
      let configuration = try session.configuration()
      guard let file = configuration.file else {
        throw FreshetError(
          .invalidConfiguration,
          "a service needs a configuration file; `freshet init` writes one",
          path: configuration.collection
        )
      }
      let text = try ServiceUnit.text(executable: try FileSystem.resolved("/proc/self/exe"), configuration: file)
      if session.writesJSON {
        try session.output.json(["unit": .string(text)])
      } else {
        try session.output.write(text)
      }
      return .success
    }
  )
}

/// Starts and ends the service of a collection.
struct ServiceVerb: Sendable {
  let session: Session

  /// How long a service may take to come up, and to end.
  static let patience = Duration.seconds(60)
  /// Between two looks whether it has.
  static let interval = Duration.milliseconds(50)
  /// Bytes of the log that are shown when it does not come up.
  private static let excerpt = 2_000

  func start() async throws -> ExitCode {
    let configuration = try session.configuration()
    let folder = CollectionFolder(path: configuration.collection)
    let client = ControlClient(folder: folder)
    if let code = try await tellPresent(in: folder) { return code }
    try FileSystem.createFolder(folder.path)
    let logFile = folder.path + "/service.log"
    let log = try Descriptor(opening: logFile, flags: O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
    let start = try FileStatus(at: log.number).fingerprint.size
    let child = try ChildProcess.spawnDetached(
      executable: try FileSystem.resolved("/proc/self/exe"),
      arguments: arguments(configuration),
      environment: try serviceEnvironment(configuration, logFile: logFile),
      descriptors: [1: log, 2: log]
    )
    let deadline = ContinuousClock.now + Self.patience
    while ContinuousClock.now < deadline {
      if let status = try await client.ask(.status) {
        guard status["pid"] == .integer(Int64(child)) else {
          try await end(child)
          return try tellRunning(status)
        }
        return try tellStarted(child)
      }
      var ending: Int32 = 0
      if waitpid(child, &ending, WNOHANG) == child {
        let isLocked = ending >> 8 & 0xFF == ExitCode.locked.rawValue
        // Another one may have been first, whose socket is not there yet.
        if isLocked {
          try await Task.sleep(for: Self.interval)
          if let code = try await tellPresent(in: folder) { return code }
        }
        throw FreshetError(
          isLocked ? .locked : .inputOutput,
          "the service did not come up: \(try said(in: logFile, since: start))",
          path: logFile
        )
      }
      try await Task.sleep(for: Self.interval)
    }
    throw FreshetError(
      .inputOutput,
      "the service (process \(child)) has not answered within \(Quantity.text(Self.patience)); look at its log",
      path: logFile
    )
  }

  /// Ends a child that came second: should the first service end before the child has looked at the lock, there would be
  /// a service that nobody was told of.
  private func end(_ child: pid_t) async throws {
    kill(child, SIGTERM)
    let deadline = ContinuousClock.now + Self.patience
    var ending: Int32 = 0
    while waitpid(child, &ending, WNOHANG) == 0, ContinuousClock.now < deadline {
      try await Task.sleep(for: Self.interval)
    }
  }

  /// The service writes its log into the file itself, so that it can begin a new one; what is said beside it (a crash)
  /// goes there by stderr.
  private func serviceEnvironment(_ configuration: Configuration, logFile: String) throws -> [String: String] {
    var environment = try session.environment()
    if configuration.log.file == nil { environment["FRESHET_LOG_FILE"] = logFile }
    return environment
  }

  /// The call that the service's process is.
  private func arguments(_ configuration: Configuration) -> [String] {
    // Without a file, the folder of the one source is named.
    var words = ["watch", "--quiet", "--config", configuration.file ?? configuration.folder]
    for option in ["env-file", "log-level", "log-format"] {
      if let value = session.invocation.value(option) { words += ["--" + option, value] }
    }
    if session.invocation.value("log-level") == nil { words += ["--log-level", "info"] }
    if session.invocation.flag("trust") { words.append("--trust") }
    return words
  }

  func tellRunning(_ status: JSONValue) throws -> ExitCode {
    let process = status["pid"]?.description ?? "?"
    if session.writesJSON {
      try session.output.json(["running": true, "pid": status["pid"] ?? .null, "started": false])
    }
    session.diagnostics.error("The service runs already: process \(process).")
    return .locked
  }

  private func tellStarted(_ process: pid_t) throws -> ExitCode {
    if session.writesJSON {
      try session.output.json(["running": true, "pid": .integer(Int64(process)), "started": true])
    } else if !session.isQuiet {
      session.diagnostics.line("Started: process \(process). `freshet status` shows what it does.")
    }
    return .success
  }

  func reload() async throws -> ExitCode {
    // Its own configuration may be the faulty one: only the place is asked for, which is what the service has.
    let configuration = try session.untrustedConfiguration()
    let folder = CollectionFolder(path: configuration.collection)
    let answer: JSONValue
    switch try await ask(.reload, in: folder, within: Self.patience) {
    case .answering(let said): answer = said
    case .silent(let process): return try reload(bySignal: process, folder)
    case .none:
      throw FreshetError(
        .notFound,
        "no service runs here; `freshet start` starts one. When `collection` was changed while a service ran, end that first: "
          + "`FRESHET_COLLECTION=FOLDER freshet stop` with the folder from before",
        path: configuration.collection
      )
    }
    let left: [JSONValue] = if case .array(let sentences)? = answer["left"] { sentences } else { [] }
    if session.writesJSON {
      try session.output.json(["reloaded": true, "left": .array(left)])
      return .success
    }
    for case .string(let sentence) in left { session.diagnostics.warning(sentence.displayable) }
    if !session.isQuiet { session.diagnostics.line("The service has read its configuration anew.") }
    return .success
  }

  private func said(in file: String, since start: Int64) throws -> String {
    let bytes = try FileSystem.read(file, limit: 64 << 20).dropFirst(Int(start)).suffix(Self.excerpt)
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.split(separator: "\n").suffix(5).map {
      $0.hasPrefix("Error: ") ? $0.dropFirst("Error: ".count) : $0
    }
    return lines.joined(separator: "; ").displayable
  }

  func stop() async throws -> ExitCode {
    let partial = try session.partialConfiguration()
    let folder = CollectionFolder(path: partial.configuration.collection)
    let client = ControlClient(folder: folder)
    try await session.requireOwnService(partial, client)
    let process: JSONValue
    switch try await ask(.stop, in: folder) {
    case .answering(let answer): process = answer["pid"] ?? .null
    case .silent(let number):
      try stop(bySignal: number, folder, partial)
      process = .integer(Int64(number))
    case .none: return try tellNone(in: folder)
    }
    let deadline = ContinuousClock.now + Self.patience
    while ContinuousClock.now < deadline {
      if try await client.ask(.status) == nil, try FileLock.owner(folder.lock) == nil {
        if session.writesJSON {
          try session.output.json(["running": false, "stopped": true])
        } else if !session.isQuiet {
          session.diagnostics.line("Stopped.")
        }
        return .success
      }
      try await Task.sleep(for: Self.interval)
    }
    throw FreshetError(
      .inputOutput,
      "the service (process \(process.description)) is still finishing what is under way; call again to wait on",
      path: folder.path
    )
  }
}

import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetService
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Services that have the collection and cannot be asked: somebody removed the control socket, and it cannot be made again.
/// The lock says which process they are.
extension ServiceVerb {
  /// How long a service may take to make its control socket again, or one that is ending to give the collection back.
  private static let silence = Duration.seconds(12)

  /// What the service of a collection says, if there is one.
  enum Presence {
    case none
    case answering(JSONValue)
    /// It holds the lock, and nobody listens at its control socket: its process.
    case silent(Int32)
  }

  /// Asks the service of a collection, and looks for one that cannot be asked by the lock.
  ///
  /// - Parameter timeout: how long it may take to answer.
  func ask(
    _ request: ControlRequest,
    in folder: CollectionFolder,
    within timeout: Duration = ControlClient.timeout
  ) async throws -> Presence {
    let client = ControlClient(folder: folder)
    let deadline = ContinuousClock.now + Self.silence
    while true {
      if let answer = try await client.ask(request, within: timeout) { return .answering(answer) }
      guard let writer = try folder.writer(), writer.isService else { return .none }
      if ContinuousClock.now >= deadline { return .silent(writer.process) }
      try await Task.sleep(for: Self.interval)
    }
  }

  /// Says that a service has the collection already; `nil` when none has.
  func tellPresent(in folder: CollectionFolder) async throws -> ExitCode? {
    switch try await ask(.status, in: folder) {
    case .none: return nil
    case .answering(let status): return try tellRunning(status)
    case .silent(let process): return try tellSilent(process)
    }
  }

  /// Says that a service has the collection which cannot be asked.
  private func tellSilent(_ process: Int32) throws -> ExitCode {
    if session.writesJSON {
      try session.output.json(["running": true, "pid": .integer(Int64(process)), "started": false])
    }
    session.diagnostics.error(
      "The service runs already: process \(process). Nobody listens at its control socket; `freshet stop` ends it by a "
        + "signal, and then it can be started anew."
    )
    return .locked
  }

  /// Says that no service has the collection.
  func tellNone(in folder: CollectionFolder) throws -> ExitCode {
    let writer = try folder.writer()?.process
    if session.writesJSON {
      let number: JSONValue = writer.map { .integer(Int64($0)) } ?? .null
      try session.output.json([
        "running": false, "stopped": false, "collection": .string(folder.path), "writer": number,
      ])
    }
    guard !session.isQuiet else { return .success }
    let writing = writer.map { ", in which process \($0) is writing" } ?? ""
    session.diagnostics.line("No service runs. The collection that was asked is \(folder.path)\(writing).".displayable)
    return .success
  }

  /// Asks a service to end by SIGTERM.
  ///
  /// - Throws: `FreshetError` when it is not certain that the process is the service, or the collection the call's.
  func stop(bySignal process: Int32, _ folder: CollectionFolder, _ partial: PartialConfiguration) throws {
    if let fault = partial.fault, partial.knowledge != .environment {
      throw FreshetError(
        fault.code,
        "\(fault.message); and the service in \(folder.path) (process \(process)), at whose control socket nobody listens, "
          + "cannot be asked whether it is this file's. Mend the file, or name the collection: "
          + "`FRESHET_COLLECTION=\(folder.path) freshet stop`",
        path: fault.path
      )
    }
    try signal(SIGTERM, process, folder)
    session.diagnostics.warning(
      "Nobody listens at the control socket of the service, so its process \(process) was asked to end by a signal."
    )
  }

  /// Asks a service to read its configuration anew by SIGHUP; what comes of it only its log says.
  ///
  /// - Throws: `FreshetError` when it is not certain that the process is the service.
  func reload(bySignal process: Int32, _ folder: CollectionFolder) throws -> ExitCode {
    try signal(SIGHUP, process, folder)
    if session.writesJSON {
      try session.output.json(["reloaded": .null, "pid": .integer(Int64(process)), "left": []])
    }
    session.diagnostics.warning(
      "Nobody listens at the control socket of the service, so its process \(process) was asked by a signal to read its "
        + "configuration anew; its log says whether it did."
    )
    return .success
  }

  private func signal(_ signal: Int32, _ process: Int32, _ folder: CollectionFolder) throws {
    guard try FileLock.signalOwner(of: folder.lock, signal) == nil else { return }
    throw FreshetError(
      .inputOutput,
      "a service (process \(process)) has this collection, but nobody listens at its control socket, and it cannot be "
        + "signalled from here: it is another user's, or in another container. End it there",
      path: folder.path
    )
  }
}

import Freshet
import FreshetModel
import FreshetSystem
import Synchronization

/// Asks the service that runs for a collection.
public struct ControlClient: Sendable {
  /// How long a service may take to answer when nothing else is said.
  public static let timeout = Duration.seconds(30)

  /// How long a process that was killed may take to give the collection back, and between two looks whether it has.
  private static let (deathTime, deathInterval) = (Duration.seconds(5), Duration.milliseconds(20))

  private let folder: CollectionFolder
  private var path: String { folder.controlSocket }
  private let pool = ThreadPool(name: "freshet-ask", threads: 1)

  /// - Parameter folder: the collection's.
  public init(folder: CollectionFolder) {
    self.folder = folder
  }

  /// Asks, and waits for the answer.
  ///
  /// - Parameter timeout: how long the service may take.
  /// - Returns: the answer; `nil` when no service runs.
  /// - Throws: `FreshetError`: what the service answered, or with `input_output` when it does not answer in time.
  public func ask(_ request: ControlRequest, within timeout: Duration = timeout) async throws -> JSONValue? {
    let reply: JSONValue? = try await pool.run { [path] in
      guard let socket = try LocalSocket.connect(to: path) else { return nil }
      do {
        try ControlMessage.send(request.json, to: socket)
        return try ControlMessage.receive(from: socket, within: timeout)
      } catch is MessageSocket.Timeout {
        throw FreshetError(
          .inputOutput,
          "the running service does not answer; look at its log, or end its process",
          path: path
        )
      }
    }
    return try reply.map(Self.checked)
  }

  /// Has the service run a call, with this process's descriptors for what it writes, and waits for its end.
  ///
  /// The first interruption is passed on, and the call ends as its verb sees fit; the second ends the waiting.
  /// - Parameters:
  ///   - output: takes the results.
  ///   - diagnostics: takes everything else.
  /// - Returns: the code that the call ended with; `nil` when no service of this user runs.
  /// - Throws: `FreshetError`: `locked` when the service takes no calls (any more), `input_output` when it was killed.
  public func run(
    _ call: ForwardedCall,
    output: Descriptor,
    diagnostics: Descriptor,
    interruptions: () throws -> AsyncStream<Int32>
  ) async throws -> Int32? {
    let connection: MessageSocket? = try await pool.run { [path] in
      // What a call carries is for nobody else; a service of another user, which may not even be asked, is none of ours.
      guard let socket = try? LocalSocket.connect(to: path), socket.isTrusted else { return nil }
      try ControlMessage.send(call.json, descriptors: [output, diagnostics], to: socket)
      return socket
    }
    guard let connection else { return nil }
    let received = try interruptions()
    let isInterrupted = Mutex(false)
    let sending = ThreadPool(name: "freshet-interrupt", threads: 1)
    let passing = Task {
      for await _ in received {
        let isFirst = isInterrupted.withLock { interrupted in
          defer { interrupted = true }
          return !interrupted
        }
        guard isFirst else { return connection.endReceiving() }
        try? await sending.run { try ControlMessage.send(["request": "interrupt"], to: connection) }
      }
    }
    defer { passing.cancel() }
    let reply: JSONValue?
    do {
      reply = try await pool.run {
        let first = try ControlMessage.receive(from: connection)
        guard first == ControlMessage.accepted else { return first }
        return try ControlMessage.receive(from: connection, within: ControlMessage.callTimeMax)
      }
    } catch is MessageSocket.Timeout {
      throw FreshetError(
        .locked,
        "the running service does not take the call; look at its log, or end its process",
        path: path
      )
    } catch let error as FreshetError where error.code == .inputOutput {
      reply = nil
    }
    if let reply {
      if reply["cancelled"] == true { throw CancellationError() }
      guard case .integer(let code)? = try Self.checked(reply)["code"] else { throw ControlRequest.unknown }
      return Int32(clamping: code)
    }
    if isInterrupted.withLock({ $0 }) { throw CancellationError() }
    // The system takes a process's connections before its locks; the next call must not find it half there.
    let deadline = ContinuousClock.now + Self.deathTime
    while try folder.writer() != nil, ContinuousClock.now < deadline { try await Task.sleep(for: Self.deathInterval) }
    throw FreshetError(
      .inputOutput,
      "the running service ended before the call did; what it had committed holds, so call again",
      path: path
    )
  }

  private static func checked(_ reply: JSONValue) throws -> JSONValue {
    guard let error = reply["error"], case .string(let code)? = error["code"],
      case .string(let text)? = error["message"]
    else { return reply }
    throw FreshetError(FreshetError.Code(rawValue: code), text)
  }
}

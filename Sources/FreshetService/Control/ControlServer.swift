import Freshet
import FreshetModel
import FreshetSystem
import Synchronization

/// Answers requests to a running service, each connection by itself.
final class ControlServer: Sendable {
  /// Connections that are served at the same time: more than calls may wait for their turn.
  private static let connectionsMax = 64
  /// Messages that are on their way at the same time.
  private static let messagesMax = 8
  /// The pause after a connection that could not be accepted.
  private static let acceptPause = Duration.milliseconds(100)

  private struct State {
    var socket: LocalSocket
    var isClosed = false
  }

  private let state: Mutex<State>
  private let places = ByteBudget(limit: connectionsMax)
  private let answer: @Sendable (ControlRequest) async throws -> JSONValue
  private let perform: Performance
  private let listening = ThreadPool(name: "freshet-listen", threads: 1)
  private let serving = ThreadPool(name: "freshet-control", threads: messagesMax)

  /// Runs a forwarded call with the descriptors that came with it, and answers the code that it ends with.
  typealias Performance = @Sendable (ForwardedCall, [Descriptor], CallInterruption) async throws -> Int32

  /// Listens at the collection's control socket; the caller holds the collection's lock.
  ///
  /// - Throws: `FreshetError`.
  init(
    folder: CollectionFolder,
    answer: @escaping @Sendable (ControlRequest) async throws -> JSONValue,
    perform: @escaping Performance
  ) throws {
    state = Mutex(State(socket: try LocalSocket(listeningAt: folder.controlSocket)))
    self.answer = answer
    self.perform = perform
  }

  /// Serves until the task is cancelled.
  func run() async {
    await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group in
        while !Task.isCancelled {
          do {
            // Who comes when all places are taken waits to be accepted.
            let place = try await places.take(1)
            let socket = state.withLock { $0.socket }
            guard let connection = try await listening.run({ try socket.accept() }) else {
              if state.withLock({ $0.isClosed }) { return }
              continue
            }
            group.addTask {
              await self.serve(connection)
              withExtendedLifetime(place) {}
            }
          } catch {
            // Too many open files, for a while.
            try? await Task.sleep(for: Self.acceptPause)
          }
        }
      }
    } onCancel: {
      let socket = state.withLock { state in
        state.isClosed = true
        return state.socket
      }
      socket.close()
    }
  }

  /// Whether nobody finds the socket any more, because somebody (a cleaner of temporary files) removed its name. Blocks.
  ///
  /// - Throws: `FreshetError` where that cannot be told.
  func isLost() throws -> Bool {
    let (socket, isClosed) = state.withLock { ($0.socket, $0.isClosed) }
    return try !isClosed && !socket.isInPlace()
  }

  /// Listens anew, in the place of whatever has the name; the caller holds the collection's lock, and its folder is in
  /// place. Blocks.
  ///
  /// - Throws: `FreshetError`; then it listens as before.
  func renew() throws {
    let old = try state.withLock { state -> LocalSocket? in
      guard !state.isClosed else { return nil }
      let old = state.socket
      state.socket = try old.renewed()
      return old
    }
    // It takes nothing away: the name is no longer its own.
    old?.close()
  }

  private func serve(_ connection: MessageSocket) async {
    do {
      guard let message = try await serving.run({ try ControlMessage.receiveAll(from: connection) }) else { return }
      // Not cancelled with the server: whoever asked learns how it ended, also when the service ends.
      try await Task {
        let reply = await self.reply(to: message.json, message.descriptors, connection)
        try await self.serving.run { try ControlMessage.send(reply, to: connection) }
      }.value
    } catch {
      // Who asked is gone, or speaks something else: nothing is owed to it.
    }
  }

  private func reply(
    to json: JSONValue,
    _ descriptors: [Descriptor],
    _ connection: MessageSocket
  ) async -> JSONValue {
    do {
      let request = try ControlRequest(json)
      guard case .run(let call) = request else { return try await answer(request) }
      return ["code": .integer(Int64(try await run(call, descriptors, connection)))]
    } catch is CancellationError {
      return ["cancelled": true]
    } catch {
      let cause = FreshetError.describing(error)
      return ["error": ["code": .string(cause.code.rawValue), "message": .string(cause.message)]]
    }
  }

  /// Runs a call, which is interrupted by each further message, and by the connection's end.
  private func run(
    _ call: ForwardedCall,
    _ descriptors: [Descriptor],
    _ connection: MessageSocket
  ) async throws -> Int32 {
    try await serving.run { try ControlMessage.send(ControlMessage.accepted, to: connection) }
    let interruption = CallInterruption()
    let pool = ThreadPool(name: "freshet-caller", threads: 1)
    let caller = Task {
      try? await pool.run {
        while try ControlMessage.receive(from: connection, within: ControlMessage.callTimeMax) != nil {
          interruption.give()
        }
      }
      interruption.give()
    }
    let work = Task { try await perform(call, descriptors, interruption) }
    interruption.cancels { work.cancel() }
    let result = await work.result
    connection.endReceiving()
    await caller.value
    return try result.get()
  }
}

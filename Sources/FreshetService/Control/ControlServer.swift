import Freshet
import FreshetModel
import FreshetSystem

/// Answers requests to a running service, each connection by itself.
final class ControlServer: Sendable {
  /// Connections that are served at the same time.
  private static let connectionsMax = 4

  private let socket: LocalSocket
  private let answer: @Sendable (ControlRequest) async throws -> JSONValue
  private let listening = ThreadPool(name: "freshet-listen", threads: 1)
  private let serving = ThreadPool(name: "freshet-control", threads: connectionsMax)

  /// Listens at the collection's control socket; the caller holds the collection's lock.
  ///
  /// - Throws: `FreshetError`.
  init(folder: CollectionFolder, answer: @escaping @Sendable (ControlRequest) async throws -> JSONValue) throws {
    socket = try LocalSocket(listeningAt: folder.controlSocket)
    self.answer = answer
  }

  /// Serves until the task is cancelled.
  func run() async {
    await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group in
        while let connection = try? await listening.run({ [socket] in try socket.accept() }) {
          group.addTask { await self.serve(connection) }
        }
      }
    } onCancel: {
      socket.close()
    }
  }

  private func serve(_ connection: MessageSocket) async {
    do {
      guard let json = try await serving.run({ try ControlMessage.receive(from: connection) }) else { return }
      let reply: JSONValue
      do {
        reply = try await answer(try ControlRequest(json))
      } catch {
        let cause = FreshetError.describing(error)
        reply = ["error": ["code": .string(cause.code.rawValue), "message": .string(cause.message)]]
      }
      try await serving.run { try ControlMessage.send(reply, to: connection) }
    } catch {
      // Who asked is gone, or speaks something else: nothing is owed to it.
    }
  }
}

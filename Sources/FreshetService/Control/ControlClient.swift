import Freshet
import FreshetModel
import FreshetSystem

/// Asks the service that runs for a collection.
public struct ControlClient: Sendable {
  private let path: String
  private let pool = ThreadPool(name: "freshet-ask", threads: 1)

  /// - Parameter folder: the collection's.
  public init(folder: CollectionFolder) {
    path = folder.controlSocket
  }

  /// Asks, and waits for the answer.
  ///
  /// - Parameter timeout: how long the service may take.
  /// - Returns: the answer; `nil` when no service runs.
  /// - Throws: `FreshetError`: what the service answered, or with `input_output` when it does not answer in time.
  public func ask(_ request: ControlRequest, within timeout: Duration = .seconds(30)) async throws -> JSONValue? {
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
    guard let error = reply?["error"], case .string(let code)? = error["code"],
      case .string(let text)? = error["message"]
    else { return reply }
    throw FreshetError(FreshetError.Code(rawValue: code), text)
  }
}

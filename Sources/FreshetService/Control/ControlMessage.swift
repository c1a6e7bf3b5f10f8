import FreshetFormats
import FreshetModel
import FreshetSystem

/// How requests and answers go: JSON in messages.
enum ControlMessage {
  /// Bytes of a message at most.
  static let sizeMax = 16 << 20
  /// How long a message may take on its way.
  static let timeout = Duration.seconds(10)

  static func send(_ json: JSONValue, to socket: MessageSocket) throws {
    try socket.send(Array(json.description.utf8), within: timeout)
  }

  /// The next message; `nil` when the other side is done.
  static func receive(from socket: MessageSocket, within timeout: Duration = timeout) throws -> JSONValue? {
    guard let message = try socket.receive(limit: sizeMax, within: timeout) else { return nil }
    return try JSONReader.value(message.bytes)
  }
}

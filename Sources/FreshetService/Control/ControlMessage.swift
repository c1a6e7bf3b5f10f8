import FreshetFormats
import FreshetModel
import FreshetSystem

/// How requests and answers go: JSON in messages.
enum ControlMessage {
  /// Bytes of a message at most.
  static let sizeMax = 16 << 20
  /// How long a message may take on its way.
  static let timeout = Duration.seconds(10)
  /// How long a forwarded call may take: longer than any.
  static let callTimeMax = Duration.seconds(366 * 86_400)

  /// What a service says at once to a call, which it may do much later.
  static let accepted: JSONValue = ["accepted": true]

  static func send(_ json: JSONValue, descriptors: [Descriptor] = [], to socket: MessageSocket) throws {
    try socket.send(Array(json.description.utf8), descriptors: descriptors, within: timeout)
  }

  /// The next message; `nil` when the other side is done.
  static func receive(from socket: MessageSocket, within timeout: Duration = timeout) throws -> JSONValue? {
    try receiveAll(from: socket, within: timeout)?.json
  }

  /// The next message with its descriptors; `nil` when the other side is done.
  static func receiveAll(
    from socket: MessageSocket,
    within timeout: Duration = timeout
  ) throws -> (json: JSONValue, descriptors: [Descriptor])? {
    guard let message = try socket.receive(limit: sizeMax, within: timeout) else { return nil }
    return (try JSONReader.value(message.bytes), message.descriptors)
  }
}

import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// One end of a connection between two processes of one machine, on which whole messages go, each with descriptors if
/// wanted.
///
/// A message is its length (4 bytes, little endian) and its bytes. One thread may send while another receives; neither
/// direction may be used by two threads at once. After an error the connection is of no use any more: a part of a
/// message may have gone. All calls block until their deadline.
public final class MessageSocket: Sendable {
  /// The most bytes of a message that `send` takes.
  public static let messageSizeMax = Int(UInt32.max)
  /// The most descriptors that go with a message.
  public static let descriptorsMax = Int(FRESHET_DESCRIPTORS_MAX)
  private let socket: Descriptor

  /// What came.
  public struct Message: Sendable {
    /// The bytes.
    public var bytes: [UInt8]
    /// The descriptors that came with them, in their order.
    public var descriptors: [Descriptor] = []
  }

  /// Takes over one end: in a helper, the descriptor that its parent mapped for it.
  public init(_ socket: Descriptor) {
    self.socket = socket
  }

  /// A connected pair: one end to keep, one for a child.
  ///
  /// - Throws: `FreshetError`.
  public static func pair() throws -> (own: MessageSocket, other: Descriptor) {
    var numbers: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &numbers) == 0 else {
      throw FreshetError.system(errno, "make a socket pair")
    }
    return (MessageSocket(Descriptor(owning: numbers[0])), Descriptor(owning: numbers[1]))
  }

  /// Sends a message.
  ///
  /// - Throws: `Timeout` when the deadline passed; `FreshetError` when the other side is gone.
  public func send(_ bytes: [UInt8], descriptors: [Descriptor] = [], within timeout: Duration) throws {
    guard bytes.count <= Self.messageSizeMax else {
      throw FreshetError(.invalidArgument, "a message of \(bytes.count) bytes is above the limit of 4 GiB")
    }
    let deadline = ContinuousClock.now + timeout
    let header = withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { Array($0) }
    try send(header, descriptors: descriptors, until: deadline)
    try send(bytes, descriptors: [], until: deadline)
  }

  /// The next message; `nil` when the other side closed the connection between two messages.
  ///
  /// - Parameter limit: the most bytes that a message may have.
  /// - Throws: `Timeout` when the deadline passed; `FreshetError`: `too_complex` for a message above the limit,
  ///   `input_output` when the connection broke within a message.
  public func receive(limit: Int, within timeout: Duration) throws -> Message? {
    let deadline = ContinuousClock.now + timeout
    var descriptors: [Descriptor] = []
    guard let header = try receive(4, descriptors: &descriptors, until: deadline, mayEnd: true) else { return nil }
    let count = header.withUnsafeBytes { Int(UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self))) }
    guard count <= limit else {
      throw FreshetError(.tooComplex, "a message of \(count) bytes is above the limit of \(limit)")
    }
    let bytes = try receive(count, descriptors: &descriptors, until: deadline, mayEnd: false) ?? []
    return Message(bytes: bytes, descriptors: descriptors)
  }

  /// Ends a `receive` that waits, and every later one, as if the other side were done; sending goes on.
  public func endReceiving() {
    shutdown(socket.number, Int32(SHUT_RD))
  }

  /// Whether the process at the other end is this user's, or root's.
  public var isTrusted: Bool { freshet_is_trusted_peer(socket.number) == 1 }

  /// The error that says that a deadline passed.
  public struct Timeout: Error, Sendable, CustomStringConvertible {
    /// A sentence.
    public var description: String { "the other process did not answer in time" }
  }

  private func send(_ bytes: [UInt8], descriptors: [Descriptor], until deadline: ContinuousClock.Instant) throws {
    var sent = 0
    var numbers = descriptors.map(\.number)
    defer { withExtendedLifetime(descriptors) {} }
    while sent < bytes.count {
      let result = bytes.withUnsafeBytes { buffer in
        freshet_send(
          socket.number,
          buffer.baseAddress.map { $0 + sent },
          min(buffer.count - sent, 1 << 20),
          numbers,
          Int32(numbers.count)
        )
      }
      if result > 0 {
        sent += result
        numbers = []
      } else if result == -Int(EAGAIN) {
        try wait(for: Int16(POLLOUT), until: deadline)
      } else {
        throw FreshetError.system(Int32(-result), "send to the other process")
      }
    }
  }

  private func receive(
    _ count: Int,
    descriptors: inout [Descriptor],
    until deadline: ContinuousClock.Instant,
    mayEnd: Bool
  ) throws -> [UInt8]? {
    // Room for all that was announced, which the limit bounds; only what comes is written and so takes memory.
    let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while initialized < count {
        var received = [Int32](repeating: -1, count: Self.descriptorsMax)
        var receivedCount: Int32 = 0
        let result = freshet_receive(
          socket.number,
          buffer.baseAddress.map { $0 + initialized },
          count - initialized,
          &received,
          &receivedCount
        )
        descriptors += received.prefix(Int(receivedCount)).map { Descriptor(owning: $0) }
        if result > 0 {
          initialized += result
        } else if result == -Int(EAGAIN) {
          try wait(for: Int16(POLLIN), until: deadline)
        } else if result == 0 || result == -Int(ECONNRESET), mayEnd, initialized == 0 {
          return
        } else {
          throw FreshetError.system(result == 0 ? ECONNRESET : Int32(-result), "receive from the other process")
        }
      }
    }
    return bytes.count == count ? bytes : nil
  }

  private func wait(for events: Int16, until deadline: ContinuousClock.Instant) throws {
    guard try Self.wait(socket.number, for: events, until: deadline) else { throw Timeout() }
  }

  /// Waits until a listener has a connection, or one of some connections has something to receive.
  ///
  /// - Returns: whether the listener has, and the place of the first connection that has; neither after the deadline.
  static func ready(
    _ listener: Descriptor,
    _ connections: [MessageSocket],
    until deadline: ContinuousClock.Instant?
  ) throws -> (listener: Bool, connection: Int?) {
    let numbers = [listener.number] + connections.map(\.socket.number)
    var requests = numbers.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    // Rounded up, or the last millisecond would spin.
    let wait = deadline.map { min(max(0, ($0 - ContinuousClock.now) / .milliseconds(1) + 1), 3_600_000) } ?? -1
    let result = poll(&requests, nfds_t(requests.count), Int32(wait))
    if result < 0, errno != EINTR { throw FreshetError.system(errno, "wait for a connection") }
    guard result > 0 else { return (false, nil) }
    return (requests[0].revents != 0, requests.dropFirst().firstIndex { $0.revents != 0 }.map { $0 - 1 })
  }

  /// Whether the descriptor became ready before the deadline.
  static func wait(_ descriptor: Int32, for events: Int16, until deadline: ContinuousClock.Instant) throws -> Bool {
    while true {
      let left = deadline - ContinuousClock.now
      guard left > .zero else { return false }
      var request = pollfd(fd: descriptor, events: events, revents: 0)
      // Rounded up, or the last millisecond would spin.
      let milliseconds = min(left / .milliseconds(1) + 1, 3_600_000)
      let result = poll(&request, 1, Int32(milliseconds))
      if result > 0 { return true }
      if result < 0, errno != EINTR { throw FreshetError.system(errno, "wait for the other process") }
    }
  }
}

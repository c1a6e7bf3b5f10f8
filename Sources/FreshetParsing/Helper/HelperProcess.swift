import CSystem
import FreshetFormats
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// One running helper. Used by one thread at a time; the pool hands it from one to the next.
struct HelperProcess: Sendable {
  let identifier: pid_t
  private let socket: Int32
  private(set) var documents = 0
  private(set) var peakBytes = 0

  /// Starts the helper. It dies with the thread that calls this.
  /// - Throws: `FreshetError` with `parser_failed`.
  init(executable: String, memoryBytes: Int) throws {
    var pair: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
      throw Self.failure("its socket cannot be opened", errno)
    }
    defer { close(pair[1]) }
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { if null >= 0 { close(null) } }
    var child: pid_t = 0
    let arguments = [executable, "\(memoryBytes)"]
    let environment = getenv("LD_LIBRARY_PATH").map { ["LD_LIBRARY_PATH=" + String(cString: $0)] } ?? []
    let status = Self.withCStrings(arguments) { arguments in
      Self.withCStrings(environment) { environment in
        freshet_spawn(
          executable,
          arguments,
          environment,
          [null, null, 2, pair[1]],
          [0, 1, 2, HelperWire.socket],
          4,
          &child
        )
      }
    }
    guard status >= 0, child > 0 else {
      close(pair[0])
      throw Self.failure("\(executable) cannot be started", -status)
    }
    socket = pair[0]
    identifier = child
  }

  /// Closes the socket of a helper that has ended.
  func closeSocket() { close(socket) }

  /// Ends the helper at once.
  func end() {
    kill(identifier, SIGKILL)
    _ = reap()
    close(socket)
  }

  /// Sends a document and receives what the helper made of it.
  ///
  /// Throws `HelperFailure` when the helper is of no more use, `FreshetError` when it refused the document.
  mutating func parse(
    _ bytes: [UInt8],
    _ request: HelperWire.Request,
    deadline: Duration
  ) throws -> Rendition {
    let end = ContinuousClock.now.advanced(by: deadline)
    documents += 1
    try send(bytes, request)
    let head = try receive(HelperWire.replyBytes, until: end)
    let limit = HelperOptions.replyLimit(documentBytes: bytes.count)
    guard let reply = HelperWire.Reply(head, limit: limit) else { throw HelperFailure.malformed }
    peakBytes = reply.peakKibibytes << 10
    var parts: [[UInt8]] = []
    for length in reply.lengths { parts.append(try receive(length, until: end)) }
    return try reply.isError ? Self.refusal(parts) : Self.rendition(parts)
  }

  private static func rendition(_ parts: [[UInt8]]) throws -> Rendition {
    guard let blocks = [Block](encoded: parts[1]), UTF8Scan.isValid(parts[2]) else { throw HelperFailure.malformed }
    var metadata: Metadata = [:]
    if !parts[3].isEmpty {
      guard case .object(let members)? = try? JSONReader.value(parts[3]) else { throw HelperFailure.malformed }
      for member in members { metadata[member.name] = member.value }
    }
    let title = parts[2].isEmpty ? nil : String(decoding: parts[2], as: UTF8.self)
    let rendition = Rendition(markdown: parts[0], blocks: blocks, title: title, metadata: metadata)
    guard rendition.isWellFormed else { throw HelperFailure.malformed }
    return rendition
  }

  private static func refusal(_ parts: [[UInt8]]) throws -> Rendition {
    let code = FreshetError.Code(rawValue: String(decoding: parts[0].prefix(64), as: UTF8.self))
    let known: [FreshetError.Code] = [.noText, .tooComplex, .unsupportedType, .encrypted, .parserFailed, .unreadable]
    guard known.contains(code) else { throw HelperFailure.malformed }
    throw FreshetError(code, String(decoding: parts[1].prefix(1024), as: UTF8.self))
  }

  private func send(_ bytes: [UInt8], _ request: HelperWire.Request) throws {
    let file = freshet_memory_file("document")
    guard file >= 0 else { throw Self.failure("memory for the document cannot be had", -file) }
    defer { close(file) }
    try bytes.withUnsafeBytes { buffer in
      var written = 0
      while written < buffer.count {
        let count = write(file, buffer.baseAddress.map { $0 + written }, buffer.count - written)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw Self.failure("memory for the document cannot be had", errno) }
        written += count
      }
    }
    let sealed = freshet_seal(file)
    guard sealed >= 0 else { throw Self.failure("the document cannot be sealed", -sealed) }
    let message = request.bytes
    let sent = message.withUnsafeBytes { freshet_send(socket, $0.baseAddress, $0.count, file) }
    guard sent == message.count else { throw HelperFailure.died }
  }

  private func receive(_ count: Int, until end: ContinuousClock.Instant) throws -> [UInt8] {
    var failure: HelperFailure?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, taken in
      while taken < count {
        let part = recv(socket, buffer.baseAddress.map { $0 + taken }, count - taken, Int32(MSG_DONTWAIT))
        if part > 0 {
          taken += part
        } else if part < 0, errno == EAGAIN || errno == EINTR {
          let left = ContinuousClock.now.duration(to: end).components
          let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
          var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
          if milliseconds < 0 || poll(&waiting, 1, Int32(clamping: milliseconds + 1)) == 0 {
            failure = .timedOut
            return
          }
        } else {
          failure = .died
          return
        }
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// How the helper ended, after its socket was closed from the other side: the signal's number, or 0.
  func reap() -> Int32 {
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
    return status & 0x7F
  }

  private static func failure(_ what: String, _ number: Int32) -> FreshetError {
    FreshetError(
      .parserFailed,
      "the helper process could not be used: \(what) (\(String(cString: strerror(number)))); try again",
      permanence: .transient(retryAfter: nil)
    )
  }

  private static func withCStrings(
    _ strings: [String],
    _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
  ) -> Int32 {
    let copies = strings.map { strdup($0) } + [nil]
    defer { for copy in copies { free(copy) } }
    return copies.withUnsafeBufferPointer { buffer in buffer.baseAddress.map { body($0) } ?? -EINVAL }
  }
}

/// Why a helper is of no more use.
enum HelperFailure: Error {
  /// It ended, or closed its socket.
  case died
  /// It did not answer in time.
  case timedOut
  /// It answered what cannot be.
  case malformed
}

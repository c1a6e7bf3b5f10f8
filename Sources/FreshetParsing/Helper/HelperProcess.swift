import FreshetFormats
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// One running helper. Used by one thread at a time; the pool hands it from one to the next.
struct HelperProcess: Sendable {
  private let child: ChildProcess
  private let socket: MessageSocket
  /// How many documents it was given.
  private(set) var documents = 0
  /// The memory that it held after its last document.
  private(set) var residentBytes = 0

  /// Starts the helper, which ends with this process at the latest.
  /// - Throws: `FreshetError`.
  static func start(executable: String, memoryBytes: Int) async throws -> HelperProcess {
    let (own, other) = try MessageSocket.pair()
    let path = ProcessEnvironment.value("LD_LIBRARY_PATH").map { ["LD_LIBRARY_PATH": $0] } ?? [:]
    let child = try await ChildProcess.spawn(
      executable: executable,
      arguments: ["\(memoryBytes)"],
      environment: path,
      descriptors: [HelperWire.socket: other]
    )
    return HelperProcess(child: child, socket: own)
  }

  private init(child: ChildProcess, socket: MessageSocket) {
    self.child = child
    self.socket = socket
  }

  /// Ends the helper at once. Blocks until it is gone.
  func end() { child.terminate() }

  /// How the helper ended; kills it if it has not.
  func ending() -> ChildProcess.Ending { child.wait(within: .seconds(1)) ?? child.terminate() }

  /// Sends a document and receives what the helper made of it. Blocks.
  /// - Throws: `HelperFailure` when the helper is of no more use, `FreshetError` when it refused the document.
  mutating func parse(_ bytes: [UInt8], _ request: HelperWire.Request, deadline: Duration) throws -> Rendition {
    documents += 1
    let file = try MemoryFile.sealed(bytes, name: "document")
    var message = try exchange(request.bytes, file, HelperOptions.replyLimit(documentBytes: bytes.count), deadline)
    var rendition: Rendition
    let markdown: Range<Int>
    do {
      guard let reply = HelperWire.Reply(message) else { throw HelperFailure.malformed }
      residentBytes = reply.residentBytes
      rendition = try reply.isError ? Self.refusal(reply.parts) : Self.rendition(reply.parts)
      markdown = reply.parts[0].indices
    }
    // The Markdown stays where it came: a large one is not held twice.
    message.removeSubrange(markdown.upperBound...)
    message.removeSubrange(..<markdown.lowerBound)
    rendition.markdown = message
    guard rendition.isWellFormed else { throw HelperFailure.malformed }
    return rendition
  }

  private func exchange(
    _ request: [UInt8],
    _ file: Descriptor,
    _ limit: Int,
    _ deadline: Duration
  ) throws -> [UInt8] {
    do {
      try socket.send(request, descriptors: [file], within: deadline)
      guard let message = try socket.receive(limit: limit, within: deadline) else { throw HelperFailure.died }
      return message.bytes
    } catch is MessageSocket.Timeout {
      throw HelperFailure.timedOut
    } catch let error as FreshetError {
      throw error.code == .tooComplex ? HelperFailure.malformed : HelperFailure.died
    }
  }

  /// What the parts say, without the Markdown.
  private static func rendition(_ parts: [ArraySlice<UInt8>]) throws -> Rendition {
    guard let blocks = [Block](encoded: Array(parts[1])), UTF8Scan.isValid(Array(parts[2])) else {
      throw HelperFailure.malformed
    }
    var metadata: Metadata = [:]
    if !parts[3].isEmpty {
      guard case .object(let members)? = try? JSONReader.value(Array(parts[3])) else { throw HelperFailure.malformed }
      for member in members { metadata[member.name] = member.value }
    }
    let title = parts[2].isEmpty ? nil : String(decoding: parts[2], as: UTF8.self)
    return Rendition(markdown: [], blocks: blocks, title: title, metadata: metadata)
  }

  private static func refusal(_ parts: [ArraySlice<UInt8>]) throws -> Rendition {
    let code = FreshetError.Code(rawValue: String(decoding: parts[0].prefix(64), as: UTF8.self))
    let known: [FreshetError.Code] = [.noText, .tooComplex, .unsupportedType, .encrypted, .parserFailed, .unreadable]
    guard known.contains(code) else { throw HelperFailure.malformed }
    throw FreshetError(code, String(decoding: parts[1].prefix(1024), as: UTF8.self))
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

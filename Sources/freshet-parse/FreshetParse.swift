import CSystem
import FreshetFormats
import FreshetMarkup
import FreshetModel
import Glibc

/// The helper: reads documents that C libraries parse, in a process that can reach nothing and may die.
@main
enum FreshetParse {
  /// Descriptors that the helper may hold; a document's is the only one beside those that it starts with.
  private static let descriptorLimit: UInt64 = 16

  static func main() {
    guard CommandLine.arguments.count == 2, let memory = UInt64(CommandLine.arguments[1]) else {
      let usage = "freshet-parse is started by freshet, which hands documents to it; it has no use of its own.\n"
      _ = usage.withCString { Glibc.write(STDERR_FILENO, $0, strlen($0)) }
      exit(64)
    }
    let parser = MarkupParser()
    parser.prepare()
    var limits = freshet_sandbox_limits(
      data_bytes: memory,
      descriptors: descriptorLimit,
      dies_with_parent: true,
      filters_calls: true
    )
    var isFiltered = false
    guard freshet_sandbox_enter(&limits, &isFiltered) == 0 else { exit(70) }
    while let (request, document) = receive() {
      guard freshet_limit_cpu(UInt64(request.cpuSeconds)) == 0, let bytes = read(document, size: request.size) else {
        exit(71)
      }
      answer(bytes, request, parser)
    }
  }

  private static func answer(_ bytes: [UInt8], _ request: HelperWire.Request, _ parser: MarkupParser) {
    do {
      let rendition = try parser.rendition(of: bytes, format: request.format, declared: request.encoding)
      let metadata = rendition.metadata.isEmpty ? [] : Array(JSONValue(rendition.metadata).description.utf8)
      reply(false, [rendition.markdown, rendition.blocks.encoded, Array((rendition.title ?? "").utf8), metadata])
    } catch let error as FreshetError {
      reply(true, [Array(error.code.rawValue.utf8), Array(error.message.utf8)])
    } catch {
      reply(true, [Array("parser_failed".utf8), Array("\(error)".utf8)])
    }
  }

  private static func reply(_ isError: Bool, _ parts: [[UInt8]]) {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let head = HelperWire.Reply(isError: isError, lengths: parts.map(\.count), peakKibibytes: usage.ru_maxrss)
    write(head.bytes)
    for part in parts { write(part) }
  }

  private static func write(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { buffer in
      var sent = 0
      while sent < buffer.count {
        let count = Glibc.write(HelperWire.socket, buffer.baseAddress.map { $0 + sent }, buffer.count - sent)
        if count < 0, errno == EINTR { continue }
        // The client is gone.
        guard count > 0 else { exit(0) }
        sent += count
      }
    }
  }

  /// The next request with its descriptor; `nil` once the client is gone.
  private static func receive() -> (HelperWire.Request, Int32)? {
    var descriptor: Int32 = -1
    var message = [UInt8](repeating: 0, count: HelperWire.requestBytes)
    while true {
      let count = message.withUnsafeMutableBytes {
        freshet_receive(HelperWire.socket, $0.baseAddress, $0.count, &descriptor)
      }
      if count == -Int(EAGAIN) {
        var waiting = pollfd(fd: HelperWire.socket, events: Int16(POLLIN), revents: 0)
        poll(&waiting, 1, -1)
        continue
      }
      guard count == HelperWire.requestBytes, descriptor >= 0, let request = HelperWire.Request(message) else { return nil }
      return (request, descriptor)
    }
  }

  private static func read(_ descriptor: Int32, size: Int) -> [UInt8]? {
    defer { close(descriptor) }
    var isWhole = true
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let taken = pread(descriptor, buffer.baseAddress.map { $0 + count }, size - count, off_t(count))
        if taken < 0, errno == EINTR { continue }
        guard taken > 0 else {
          isWhole = false
          return
        }
        count += taken
      }
    }
    return isWhole ? bytes : nil
  }
}

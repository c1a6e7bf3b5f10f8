import FreshetFormats
import FreshetMarkup
import FreshetModel
import FreshetSystem
import Glibc

/// The helper: reads documents that C libraries parse, in a process that can reach nothing and may die.
@main
enum FreshetParse {
  /// Descriptors that the helper may hold; a document's is the only one beside those that it starts with.
  private static let descriptorLimit: UInt64 = 16
  /// How long the helper waits for the next document, or for its client to take an answer.
  private static let patience = Duration.seconds(7 * 24 * 3600)

  static func main() {
    guard CommandLine.arguments.count == 2, let memory = UInt64(CommandLine.arguments[1]) else {
      let usage = "freshet-parse is started by freshet, which hands documents to it; it has no use of its own.\n"
      _ = usage.withCString { write(STDERR_FILENO, $0, strlen($0)) }
      exit(64)
    }
    let parser = MarkupParser()
    parser.prepare()
    _ = residentBytes()
    let socket = MessageSocket(Descriptor(owning: HelperWire.socket))
    do {
      _ = try ResourceLimits.enter(ResourceLimits.Cage(dataBytes: memory, descriptors: descriptorLimit))
      // Without a message the client has closed the connection.
      while let message = try socket.receive(limit: HelperWire.requestBytes, within: patience) {
        guard let request = HelperWire.Request(message.bytes), let file = message.descriptors.first else { exit(65) }
        try ResourceLimits.limitCPU(seconds: UInt64(request.cpuSeconds))
        let bytes = try MemoryFile.contents(file, limit: request.size)
        try socket.send(answer(bytes, request, parser), within: patience)
      }
    } catch {
      exit(70)
    }
  }

  private static func answer(_ bytes: [UInt8], _ request: HelperWire.Request, _ parser: MarkupParser) -> [UInt8] {
    do {
      let rendition = try parser.rendition(of: bytes, format: request.format, declared: request.encoding)
      let metadata = rendition.metadata.isEmpty ? [] : Array(JSONValue(rendition.metadata).description.utf8)
      let title = Array((rendition.title ?? "").utf8)
      return reply(false, [rendition.markdown, rendition.blocks.encoded, title, metadata])
    } catch let error as FreshetError {
      return reply(true, [Array(error.code.rawValue.utf8), Array(error.message.utf8)])
    } catch {
      return reply(true, [Array("parser_failed".utf8), Array("\(error)".utf8)])
    }
  }

  private static func reply(_ isError: Bool, _ parts: [[UInt8]]) -> [UInt8] {
    HelperWire.Reply.message(isError: isError, residentBytes: residentBytes(), parts: parts)
  }

  /// This process's entry of `/proc`, opened before the cage. `getrusage` would tell the peak, and count the parent's
  /// memory before `exec` into it.
  private static let memoryStatus = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)

  /// The resident set: the second number of `/proc/self/statm`, in pages; 0 where there is none.
  private static func residentBytes() -> Int {
    withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) { buffer in
      let count = pread(memoryStatus, buffer.baseAddress, buffer.count, 0)
      guard count > 0 else { return 0 }
      let numbers = buffer[..<count].split(separator: 0x20)
      guard numbers.count > 1, let pages = Int(String(decoding: numbers[1], as: UTF8.self)) else { return 0 }
      return pages * Int(getpagesize())
    }
  }
}

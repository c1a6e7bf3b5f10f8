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
    let socket = MessageSocket(Descriptor(owning: HelperWire.socket))
    do {
      _ = try ResourceLimits.enter(ResourceLimits.Cage(dataBytes: memory, descriptors: descriptorLimit))
      // Without a message the client has closed the connection.
      while let message = try socket.receive(limit: HelperWire.requestBytes, within: patience) {
        guard let request = HelperWire.Request(message.bytes), let file = message.descriptor else { exit(65) }
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
    let peak = Int(ProcessStatistics.current().peakMemoryBytes >> 10)
    return HelperWire.Reply.message(isError: isError, peakKibibytes: peak, parts: parts)
  }
}

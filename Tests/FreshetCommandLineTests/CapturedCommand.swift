import Foundation
import FreshetCommandLine
import Testing

/// What a call wrote and how it ended.
struct Captured {
  var code: ExitCode
  var output: String
  var errors: String
}

/// A descriptor of a file without a name, to write to and read back.
final class CapturedDescriptor {
  private let file: UnsafeMutablePointer<FILE>
  var descriptor: Int32 { fileno(file) }

  init() throws {
    file = try #require(tmpfile())
  }

  deinit {
    fclose(file)
  }

  var text: String {
    lseek(descriptor, 0, SEEK_SET)
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = read(descriptor, &bytes, bytes.count)
    lseek(descriptor, 0, SEEK_END)
    return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
  }
}

func capture(_ root: Verb, _ words: [String]) async throws -> Captured {
  let output = try CapturedDescriptor()
  let errors = try CapturedDescriptor()
  let application = CommandLineApplication(
    root,
    version: "1.2.3",
    output: OutputWriter(descriptor: output.descriptor),
    diagnostics: DiagnosticWriter(descriptor: errors.descriptor),
    width: 80
  )
  let code = await application.run(words)
  return Captured(code: code, output: output.text, errors: errors.text)
}

/// Compares with a file in `Snapshots`; with `FRESHET_UPDATE_SNAPSHOTS=1` in the environment writes it.
func expectSnapshot(_ name: String, _ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
  let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Snapshots/\(name)")
  if ProcessInfo.processInfo.environment["FRESHET_UPDATE_SNAPSHOTS"] != nil {
    try Data(text.utf8).write(to: file)
  }
  let expected = String(decoding: try Data(contentsOf: file), as: UTF8.self)
  #expect(
    text == expected,
    "\(name) differs; look, then run with FRESHET_UPDATE_SNAPSHOTS=1",
    sourceLocation: sourceLocation
  )
}

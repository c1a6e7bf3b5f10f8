import FreshetCommandLine
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where `export` writes: stdout, a file that appears whole or not at all, or a pipe or device as it is.
enum ExportFile {
  /// Names that stand for stdout itself. What it leads to may be a file that a shell appends to: it is not replaced.
  static let standardOutput: Set<String> = ["-", "/dev/stdout"]

  static func write(
    to path: String?,
    _ output: OutputWriter,
    _ body: (OutputWriter) async throws -> Void
  ) async throws {
    guard let path, !standardOutput.contains(path) else { return try await body(output) }
    let target = try OutputTarget(of: path)
    guard let replacement = try target.replacement() else {
      let stream = try Descriptor(opening: path, flags: O_WRONLY | O_NOCTTY)
      let writer = OutputWriter(descriptor: stream.number)
      try await body(writer)
      try writer.flush()
      return withExtendedLifetime(stream) {}
    }
    do {
      let writer = OutputWriter(descriptor: replacement.file.number)
      try await body(writer)
      try writer.flush()
      try replacement.commit()
    } catch {
      replacement.discard()
      throw error
    }
  }
}

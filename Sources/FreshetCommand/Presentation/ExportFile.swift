import FreshetCommandLine
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where `export` writes: stdout, or a file that appears whole or not at all.
enum ExportFile {
  static func write(
    to path: String?,
    _ output: OutputWriter,
    _ body: (OutputWriter) async throws -> Void
  ) async throws {
    guard let path else { return try await body(output) }
    let temporary = path + ".partial"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw FreshetError(
        .inputOutput,
        "cannot be written (\(String(cString: strerror(errno)))); choose another file",
        path: path
      )
    }
    defer { close(descriptor) }
    let file = OutputWriter(descriptor: descriptor)
    do {
      try await body(file)
      try file.flush()
      guard fsync(descriptor) == 0, rename(temporary, path) == 0 else {
        throw FreshetError(
          .inputOutput,
          "cannot be written (\(String(cString: strerror(errno)))); make room or choose another file",
          path: path
        )
      }
    } catch {
      unlink(temporary)
      throw error
    }
  }
}

import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A file that takes the place of another when everything in it is on the disk.
struct DurableFile {
  private let descriptor: Descriptor
  private let path: String

  /// Puts what the body writes in the place of `path`: a crash at any instant leaves the old file, or the new one whole.
  /// - Throws: `FreshetError` with `disk_full` or `input_output`; what `body` throws. The old file then stays.
  static func replace(_ path: String, _ body: (DurableFile) throws -> Void) throws {
    try FileSystem.replace(path) { try body(DurableFile(descriptor: $0, path: path)) }
  }

  /// The same for a path that a person named: a link there stands for the file that it leads to, which keeps its
  /// permissions.
  /// - Throws: as `replace`, and `FreshetError` with `invalid_argument` for what is no regular file.
  static func replace(named path: String, _ body: (DurableFile) throws -> Void) throws {
    guard let replacement = try OutputTarget(of: path).replacement() else {
      throw FreshetError(
        .invalidArgument,
        "it is a device or a pipe, and the parts of this file are not written in their order; name a file",
        path: path
      )
    }
    do {
      try body(DurableFile(descriptor: replacement.file, path: path))
      try replacement.commit()
    } catch {
      replacement.discard()
      throw error
    }
  }

  /// Appends bytes.
  func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try descriptor.write($0, path: path) }
  }

  /// Overwrites bytes that were written before.
  func overwrite(_ bytes: [UInt8], at offset: Int) throws {
    try bytes.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count, let start = bytes.baseAddress {
        let result = pwrite(descriptor.number, start + done, bytes.count - done, off_t(offset + done))
        if result < 0 {
          if errno == EINTR { continue }
          throw FreshetError.system(errno, "write", path: path)
        }
        done += result
      }
    }
  }
}

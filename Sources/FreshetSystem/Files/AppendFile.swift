import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A file that only grows: logs, journals.
public final class AppendFile: Sendable {
  private let file: Descriptor
  private let path: String

  /// Opens the file for appending, and makes it when it is not there.
  ///
  /// - Throws: `FreshetError`.
  public init(_ path: String, permissions: mode_t = 0o644) throws {
    self.path = path
    let existed = try FileSystem.exists(path)
    file = try Descriptor(opening: path, flags: O_WRONLY | O_APPEND | O_CREAT, mode: permissions)
    if !existed { try FileSystem.synchronizeFolder(FileSystem.split(path).folder) }
  }

  /// Appends the bytes; those of one call stay together as long as the disk has room.
  ///
  /// - Throws: `FreshetError`; a part may have been written.
  public func append(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try file.write($0, path: path) }
  }

  /// Returns once everything appended is on the disk.
  ///
  /// - Throws: `FreshetError`.
  public func synchronize() throws {
    try file.synchronize(path: path)
  }

  /// The file's size in bytes.
  ///
  /// - Throws: `FreshetError`.
  public func size() throws -> Int64 {
    try file.status().fingerprint.size
  }
}

import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A fresh empty directory that is removed, with everything in it, when the value is released.
public final class TemporaryDirectory: Sendable {
  /// The directory's absolute path, without a slash at its end.
  public let path: String

  /// Makes a directory in `TMPDIR`, or in `/tmp`.
  /// - Throws: `FreshetError` with `input_output`.
  public init(_ name: String = "freshet-test") throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/\(name)-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map { mkdtemp($0) != nil } ?? false
    }
    guard made else {
      throw FreshetError(.inputOutput, "A directory cannot be made in \(parent) (errno \(errno)). Set TMPDIR.")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    Self.remove(path)
  }

  /// The path of a file of that name in the directory.
  public func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file, with the folders that its name asks for; one that is there is replaced.
  /// - Throws: `FreshetError` with `input_output`.
  public func write(_ name: String, _ text: String) throws {
    try FileSystem.createFolder(FileSystem.split(file(name)).folder)
    try FileSystem.replace(file(name), with: Array(text.utf8))
  }

  /// Moves a file or folder within the directory, with the folders that its new name asks for.
  /// - Throws: `FreshetError` with `input_output`.
  public func move(_ name: String, to newName: String) throws {
    try FileSystem.createFolder(FileSystem.split(file(newName)).folder)
    try FileSystem.move(file(name), to: file(newName))
  }

  /// Removes a file or a folder with everything in it; nothing happens when it is not there.
  public func remove(_ name: String) {
    Self.remove(file(name))
  }

  /// Removes a file, or a directory with everything in it; links are removed, not followed.
  private static func remove(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      chmod(path, 0o700)
      if let directory = opendir(path) {
        var names: [String] = []
        while let entry = readdir(directory) {
          let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
          }
          if name != ".", name != ".." { names.append(name) }
        }
        closedir(directory)
        for name in names { remove("\(path)/\(name)") }
      }
      rmdir(path)
    } else {
      unlink(path)
    }
  }
}

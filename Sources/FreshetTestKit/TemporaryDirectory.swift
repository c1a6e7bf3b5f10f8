#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A fresh empty directory that is removed with everything in it when the value is released.
public final class TemporaryDirectory: Sendable {
  /// The absolute path.
  public let path: String

  /// Makes the directory below the system's temporary one.
  /// - Throws: `POSIXFailure` when it cannot be made.
  public init() throws {
    var template = Array("/tmp/freshet-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw POSIXFailure(number: errno) }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// A failed system call.
  public struct POSIXFailure: Error {
    /// The value of `errno`.
    public let number: Int32
  }

  deinit {
    Self.removeTree(path)
  }

  private static func removeTree(_ path: String) {
    if let folder = opendir(path) {
      var names: [String] = []
      while let entry = readdir(folder) {
        names.append(
          withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
          }
        )
      }
      closedir(folder)
      for name in names where name != "." && name != ".." {
        let child = path + "/" + name
        // A link is removed, not followed.
        if unlink(child) != 0 { removeTree(child) }
      }
    }
    rmdir(path)
  }
}

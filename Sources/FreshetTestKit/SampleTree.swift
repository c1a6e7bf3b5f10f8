import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A fresh folder to put files into, for tests of sources; it is removed, with everything in it, when the value is
/// released.
///
/// Paths are bytes relative to the folder, so that names need not be UTF-8.
public final class SampleTree: Sendable {
  /// The folder's absolute path, without links and without a slash at its end; other users may enter it.
  public let path: String

  /// Makes a folder in `TMPDIR`, or in `/tmp`.
  ///
  /// - Throws: `FreshetError` with `input_output`.
  public init(_ name: String = "freshet-tree") throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    guard let resolved = realpath(parent, nil) else { throw Self.failure("find \(parent); set TMPDIR") }
    defer { free(resolved) }
    var template = Array((String(cString: resolved) + "/\(name)-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw Self.failure("make a folder in \(parent); set TMPDIR") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    chmod(path, 0o755)
  }

  deinit {
    Self.remove(Array(path.utf8))
  }

  /// The absolute path of one in the folder, as bytes.
  public func absolute(_ path: [UInt8]) -> [UInt8] {
    path.isEmpty ? Array(self.path.utf8) : Array(self.path.utf8) + [UInt8(ascii: "/")] + path
  }

  /// Writes a file with a text, and the folders above it; a file that is there is written anew.
  public func write(_ path: String, _ text: String = "text") throws {
    try write(Array(path.utf8), Array(text.utf8))
  }

  /// Writes a file, and the folders above it; a file that is there is written anew.
  public func write(_ path: [UInt8], _ bytes: [UInt8]) throws {
    if let slash = path.lastIndex(of: UInt8(ascii: "/")) { try makeFolder(Array(path[..<slash])) }
    let file = Self.withPath(absolute(path)) { open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644) }
    guard file >= 0 else { throw Self.failure("make a file") }
    defer { close(file) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { rest in
        #if canImport(Glibc)
          Glibc.write(file, rest.baseAddress.map { $0 + written }, bytes.count - written)
        #else
          Darwin.write(file, rest.baseAddress.map { $0 + written }, bytes.count - written)
        #endif
      }
      guard count > 0 else { throw Self.failure("write a file") }
      written += count
    }
  }

  /// Makes a folder, and those above it.
  public func makeFolder(_ path: [UInt8]) throws {
    var end = path.startIndex
    while end < path.endIndex {
      end = path[(end + 1)...].firstIndex(of: UInt8(ascii: "/")) ?? path.endIndex
      let made = Self.withPath(absolute(Array(path[..<end]))) { mkdir($0, 0o755) }
      guard made == 0 || errno == EEXIST else { throw Self.failure("make a folder") }
    }
  }

  /// Makes a symbolic link.
  public func link(_ path: String, to target: String) throws {
    guard symlink(target, self.path + "/" + path) == 0 else { throw Self.failure("make a link") }
  }

  /// Makes a symbolic link, in one step instead of what has the name.
  public func relink(_ path: String, to target: String) throws {
    let new = path + ".new"
    try link(new, to: target)
    guard rename(self.path + "/" + new, self.path + "/" + path) == 0 else { throw Self.failure("replace a link") }
  }

  /// Makes a symbolic link whose path or target is not UTF-8.
  public func link(_ path: [UInt8], to target: [UInt8]) throws {
    let made = Self.withPath(target) { target in Self.withPath(absolute(path)) { symlink(target, $0) } }
    guard made == 0 else { throw Self.failure("make a link") }
  }

  /// Sets the permission bits of a file or folder.
  public func setPermissions(_ path: String, _ permissions: mode_t) throws {
    guard chmod(self.path + "/" + path, permissions) == 0 else { throw Self.failure("set permissions") }
  }

  /// Removes a file, a link or a folder with everything in it; one that is not there is no failure.
  public func remove(_ path: String) {
    Self.remove(absolute(Array(path.utf8)))
  }

  /// Removes a file, a link or a folder with everything in it; one that is not there is no failure.
  public func remove(_ path: [UInt8]) {
    Self.remove(absolute(path))
  }

  /// The names in a folder of the tree as bytes, in no order; `nil` when it cannot be read.
  public func names(in path: [UInt8]) -> [[UInt8]]? {
    Self.names(in: absolute(path))
  }

  private static func names(in path: [UInt8]) -> [[UInt8]]? {
    guard let folder = withPath(path, { opendir($0) }) else { return nil }
    defer { closedir(folder) }
    var names: [[UInt8]] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
    }
    return names
  }

  private static func remove(_ path: [UInt8]) {
    var status = stat()
    guard withPath(path, { lstat($0, &status) }) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      _ = withPath(path) { unlink($0) }
      return
    }
    _ = withPath(path) { chmod($0, 0o700) }
    for name in names(in: path) ?? [] { remove(path + [UInt8(ascii: "/")] + name) }
    _ = withPath(path) { rmdir($0) }
  }

  private static func withPath<Result>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    (path + [0]).withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: CChar.self) { characters in
        guard let start = characters.baseAddress else { return body("") }
        return body(start)
      }
    }
  }

  private static func failure(_ action: String) -> FreshetError {
    FreshetError(.inputOutput, "cannot \(action) (errno \(errno))")
  }
}

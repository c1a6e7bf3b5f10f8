import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The file system, in calls that say what failed and what to do about it.
///
/// All of them block.
public enum FileSystem {
  /// The most that `read` takes when it is not told otherwise.
  public static let defaultReadLimit = 256 << 20

  /// A file's content, read whole.
  ///
  /// - Throws: `FreshetError` with `not_found`, `unreadable`, or `file_too_large` above the limit.
  public static func read(_ path: String, limit: Int = defaultReadLimit) throws -> [UInt8] {
    let file = try Descriptor(opening: path, flags: O_RDONLY)
    let status = try file.status()
    guard status.kind != .folder else { throw FreshetError.system(EISDIR, "read", path: path) }
    let size = Int(clamping: status.fingerprint.size)
    var bytes: [UInt8] = []
    guard size <= limit, try file.read(into: &bytes, limit: limit, expected: size, path: path) else {
      throw FreshetError(.fileTooLarge, "the file is larger than the \(limit) bytes allowed here", path: path)
    }
    return bytes
  }

  /// Whether something is at the path; a link that leads nowhere is not.
  ///
  /// - Throws: `FreshetError` when that cannot be known.
  public static func exists(_ path: String) throws -> Bool {
    do {
      _ = try FileStatus(of: path)
      return true
    } catch let error as FreshetError where error.code == .notFound {
      return false
    }
  }

  /// Replaces a file, or makes it, so that a reader and a crash at any moment see either the old content or the new.
  ///
  /// The new content is on the disk when this returns.
  /// - Throws: `FreshetError`; the old file then stands as it was.
  public static func replace(_ path: String, with bytes: [UInt8], permissions: mode_t = 0o644) throws {
    try replace(path, permissions: permissions) { file in
      try bytes.withUnsafeBytes { try file.write($0, path: path) }
    }
  }

  /// Replaces a file by what the body writes, so that a reader and a crash at any moment see either the old content or
  /// the new.
  ///
  /// - Throws: `FreshetError`, or what the body throws; the old file then stands as it was.
  public static func replace(_ path: String, permissions: mode_t = 0o644, by body: (Descriptor) throws -> Void) throws {
    let replacement = try FileReplacement(of: path, permissions: permissions)
    do {
      try body(replacement.file)
      try replacement.commit()
    } catch {
      replacement.discard()
      throw error
    }
  }

  /// Moves a file or folder over another within a file system, durably.
  ///
  /// - Throws: `FreshetError`; nothing moved then.
  public static func move(_ path: String, to target: String) throws {
    guard rename(path, target) == 0 else { throw FreshetError.system(errno, "move it to \(target)", path: path) }
    let (from, to) = (split(path).folder, split(target).folder)
    try synchronizeFolder(to)
    if from != to { try synchronizeFolder(from) }
  }

  /// Lets two files or folders of one file system change places, durably, so that both paths lead somewhere at every
  /// moment.
  ///
  /// - Throws: `FreshetError`, also where the file system cannot; nothing moved then.
  public static func exchange(_ path: String, with other: String) throws {
    let result = freshet_exchange(path, other)
    guard result == 0 else { throw FreshetError.system(result, "exchange it with \(other)", path: path) }
    let (from, to) = (split(path).folder, split(other).folder)
    try synchronizeFolder(to)
    if from != to { try synchronizeFolder(from) }
  }

  /// Makes a folder with all folders above it; one that exists is left as it is.
  ///
  /// - Parameter mask: what new folders do not get of the permissions; `nil` for the process's own.
  /// - Throws: `FreshetError`.
  public static func createFolder(_ path: String, permissions: mode_t = 0o755, mask: FileMask? = nil) throws {
    func make() throws -> Bool {
      guard mkdir(path, mask?.remaining(of: permissions) ?? permissions) == 0 else { return false }
      if let mask {
        let made = try Descriptor(opening: path, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        try mask.settle(permissions, of: made, path: path)
      }
      return true
    }
    if try make() { return try synchronizeFolder(split(path).folder) }
    switch errno {
    case EEXIST:
      guard try FileStatus(of: path).kind == .folder else {
        throw FreshetError.system(EEXIST, "make a folder", path: path)
      }
    case ENOENT:
      let (folder, _) = split(path)
      guard folder != path, folder != "." else { throw FreshetError.system(ENOENT, "make a folder", path: path) }
      try createFolder(folder, permissions: permissions, mask: mask)
      guard try make() || errno == EEXIST else {
        throw FreshetError.system(errno, "make a folder", path: path)
      }
      try synchronizeFolder(folder)
    default:
      throw FreshetError.system(errno, "make a folder", path: path)
    }
  }

  /// Removes a file, a link or an empty folder; one that is not there is no failure.
  ///
  /// - Throws: `FreshetError`.
  public static func remove(_ path: String) throws {
    if unlink(path) == 0 || errno == ENOENT { return }
    let failure = errno
    if failure == EISDIR || failure == EPERM {
      if rmdir(path) == 0 || errno == ENOENT { return }
      throw FreshetError.system(errno, "remove it", path: path)
    }
    throw FreshetError.system(failure, "remove it", path: path)
  }

  /// The names in a folder, as bytes, without `.` and `..`, in byte order.
  ///
  /// - Throws: `FreshetError`.
  public static func names(in path: String) throws -> [[UInt8]] {
    let folder = try Descriptor(opening: path, flags: O_RDONLY | O_DIRECTORY)
    var names: [[UInt8]] = []
    var reader = FolderReader()
    try reader.forEach(in: folder.number, path: path) { name, _ in names.append(Array(name)) }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// The path made absolute from the current folder, without `.`, `..` and doubled slashes; nothing has to be there, and
  /// links stay, except before `..`: that is the folder above the one that the link leads to, as it is for the system.
  ///
  /// - Parameter folder: an absolute folder to start from instead of the current one.
  /// - Throws: `FreshetError` when the current folder no longer exists.
  public static func absolutePath(_ path: String, from folder: String? = nil) throws -> String {
    var base = ""
    if path.utf8.first == UInt8(ascii: "/") {
      base = ""
    } else if let folder {
      base = folder + "/"
    } else {
      guard let current = getcwd(nil, 0) else {
        throw FreshetError.system(errno, "find the current folder", path: path)
      }
      defer { free(current) }
      base = String(cString: current) + "/"
    }
    var parts: [Substring] = []
    for part in (base + path).split(separator: "/") {
      if part == ".." {
        let path = "/" + parts.joined(separator: "/")
        if let status = try? FileStatus(of: path, followingLinks: false), status.kind == .link,
          let target = try? resolved(path)
        {
          parts = target.split(separator: "/")
        }
        _ = parts.popLast()
      } else if part != "." {
        parts.append(part)
      }
    }
    return "/" + parts.joined(separator: "/")
  }

  /// Whether a folder is there; links are followed.
  ///
  /// - Throws: `FreshetError` when that cannot be told.
  public static func isFolder(_ path: String) throws -> Bool {
    guard try exists(path) else { return false }
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether a folder is at a path of any bytes, `nil` when nothing is; a link at its end is not followed.
  ///
  /// - Throws: `FreshetError` when that cannot be told.
  public static func isFolder(at path: [UInt8]) throws -> Bool? {
    var status = stat()
    let result = (path + [0]).withUnsafeBytes { bytes in
      bytes.baseAddress.map { lstat($0.assumingMemoryBound(to: CChar.self), &status) } ?? -1
    }
    if result == 0 { return status.st_mode & S_IFMT == S_IFDIR }
    guard errno == ENOENT || errno == ENOTDIR else {
      throw FreshetError.system(errno, "examine it", path: String(decoding: path, as: UTF8.self))
    }
    return nil
  }

  /// The absolute path without links, `.` and `..`.
  ///
  /// - Throws: `FreshetError` when nothing is there.
  public static func resolved(_ path: String) throws -> String {
    guard let resolved = realpath(path, nil) else { throw FreshetError.system(errno, "find the path", path: path) }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// The absolute path without links, `.` and `..`, as the bytes that the file system has; `nil` when nothing is there or
  /// that cannot be told.
  public static func resolved(_ path: [UInt8]) -> [UInt8]? {
    (path + [0]).withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self), let resolved = realpath(start, nil)
      else { return nil }
      defer { free(resolved) }
      return Array(UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
    }
  }

  /// Makes what was created, renamed or removed in a folder durable.
  ///
  /// - Throws: `FreshetError`.
  public static func synchronizeFolder(_ path: String) throws {
    try Descriptor(opening: path, flags: O_RDONLY | O_DIRECTORY).synchronize(path: path)
  }

  /// The folder and the last name of a path.
  public static func split(_ path: String) -> (folder: String, name: String) {
    var bytes = Array(path.utf8)
    while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else {
      return (".", String(decoding: bytes, as: UTF8.self))
    }
    let folder = slash == 0 ? "/" : String(decoding: bytes[..<slash], as: UTF8.self)
    return (folder, String(decoding: bytes[(slash + 1)...], as: UTF8.self))
  }
}

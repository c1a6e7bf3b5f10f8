import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Puts bytes in the place of a file after looking at what is there, so that nothing else is ever overwritten.
///
/// Readers, and a crash at any moment, see the old file or the new one whole; the new one is on the disk when `write`
/// returns. No link is followed at the file's own name.
public struct GuardedReplacement: Sendable {
  /// What is at the place.
  public enum Present: Sendable {
    /// Nothing.
    case missing
    /// A file of so many bytes; its hash costs reading it.
    case file(size: Int64, hash: @Sendable () throws -> ContentHash)
  }

  /// The permissions of a file where nothing was, less the mask.
  private static let newPermissions: mode_t = 0o666

  private let folder: Descriptor
  private let name: [UInt8]
  private let path: String
  private let mask: FileMask?

  /// Names a place.
  ///
  /// - Parameters:
  ///   - name: a single name in the folder, as the file system's bytes.
  ///   - folder: the folder, opened for reading.
  ///   - path: what errors call the place.
  ///   - mask: what a new file does not get; `nil` for the process's own.
  public init(name: [UInt8], in folder: Descriptor, path: String, mask: FileMask? = nil) {
    self.name = name
    self.folder = folder
    self.path = path
    self.mask = mask
  }

  /// Names a place by its path; folders that are missing above it are made.
  ///
  /// - Parameter mask: what new folders and a new file do not get; `nil` for the process's own.
  /// - Throws: `FreshetError`.
  public init(path: String, mask: FileMask? = nil) throws {
    let (folder, name) = FileSystem.split(path)
    try FileSystem.createFolder(folder, mask: mask)
    self.init(
      name: Array(name.utf8),
      in: try Descriptor(opening: folder, flags: O_RDONLY | O_DIRECTORY),
      path: path,
      mask: mask
    )
  }

  /// Writes the bytes. The permissions of a file that was there are kept, and its owner where this user may.
  ///
  /// - Parameter accepts: sees what is there and throws when it must stay; the file is written only if the place is still
  ///   as it was seen.
  /// - Returns: whether something was written: a file that has these bytes already is left as it is.
  /// - Throws: what `accepts` throws; `FreshetError` with `changed_while_read` when the place changed meanwhile, with
  ///   `invalid_argument` when it is a folder, a link or a device, or for a failed call. The place is then as it was.
  public func write(_ bytes: [UInt8], accepts: (Present) throws -> Void) throws -> Bool {
    let file = try openPresent()
    let status = try file?.status()
    if let file, let status {
      let path = path
      let size = Int(clamping: status.fingerprint.size)
      let hash: @Sendable () throws -> ContentHash = {
        guard lseek(file.number, 0, SEEK_SET) == 0 else { throw FreshetError.system(errno, "read", path: path) }
        var content: [UInt8] = []
        guard try file.read(into: &content, limit: size, expected: size, path: path) else { throw Self.changed(path) }
        return SHA256.digest(of: content)
      }
      try accepts(.file(size: status.fingerprint.size, hash: hash))
      if size == bytes.count, try hash() == SHA256.digest(of: bytes) { return false }
    } else {
      try accepts(.missing)
    }
    try put(bytes, over: status)
    return true
  }

  private static func changed(_ path: String) -> FreshetError {
    FreshetError(
      .changedWhileRead,
      "the file was changed by another program in the same moment; nothing was written, try again",
      path: path,
      permanence: .transient(retryAfter: nil)
    )
  }

  private func openPresent() throws -> Descriptor? {
    // A pipe must not make the opening wait.
    let number = Self.withName(name) {
      freshet_open_at(folder.number, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0)
    }
    if number == -ENOENT { return nil }
    if number == -ELOOP { throw notAFile("a symbolic link") }
    guard number >= 0 else { throw FreshetError.system(number, "open the file", path: path) }
    let file = Descriptor(owning: number)
    switch try file.status().kind {
    case .file: return file
    case .folder: throw notAFile("a folder")
    default: throw notAFile("a pipe, socket or device")
    }
  }

  private func notAFile(_ what: String) -> FreshetError {
    FreshetError(.invalidArgument, "\(what) is there, which is never overwritten; choose another place", path: path)
  }

  private func put(_ bytes: [UInt8], over before: FileStatus?) throws {
    let temporary = Array(".freshet.\(getpid()).\(UInt64.random(in: 0 ... .max)).new".utf8)
    let permissions = before == nil ? mask?.remaining(of: Self.newPermissions) ?? Self.newPermissions : 0o600
    let number = Self.withName(temporary) {
      freshet_open_at(folder.number, $0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, permissions)
    }
    guard number >= 0 else { throw FreshetError.system(number, "write a file beside it", path: path) }
    let file = Descriptor(owning: number)
    do {
      try bytes.withUnsafeBytes { try file.write($0, path: path) }
      if let before {
        // The owner first: it takes special bits away. Only a privileged user may, and the others write as themselves.
        if before.owner != geteuid() { _ = fchown(number, before.owner, gid_t.max) }
        guard fchmod(number, mode_t(before.permissions)) == 0 else {
          throw FreshetError.system(errno, "set the permissions", path: path)
        }
      } else {
        try mask?.settle(Self.newPermissions, of: file, path: path)
      }
      try file.synchronize(path: path)
      if let before { try move(temporary, over: before) } else { try moveWhereNothingIs(temporary) }
    } catch {
      _ = Self.withName(temporary) { unlinkat(folder.number, $0, 0) }
      throw error
    }
    try folder.synchronize(path: path)
  }

  private func move(_ temporary: [UInt8], over before: FileStatus) throws {
    var now = freshet_status()
    let result = Self.withName(name) { freshet_status_at(folder.number, $0, false, &now) }
    guard result == 0, FileStatus(now).fingerprint == before.fingerprint else { throw Self.changed(path) }
    try rename(temporary)
  }

  private func moveWhereNothingIs(_ temporary: [UInt8]) throws {
    // A link, unlike a rename, never takes the place of something that appeared meanwhile.
    let result = Self.withName(temporary) { from in
      Self.withName(name) { linkat(folder.number, from, folder.number, $0, 0) == 0 ? 0 : errno }
    }
    switch result {
    case 0: _ = Self.withName(temporary) { unlinkat(folder.number, $0, 0) }
    case EEXIST: throw Self.changed(path)
    case EPERM, EOPNOTSUPP, ENOSYS, EMLINK:
      // A file system without links.
      var now = freshet_status()
      guard Self.withName(name, { freshet_status_at(folder.number, $0, false, &now) }) == -ENOENT else {
        throw Self.changed(path)
      }
      try rename(temporary)
    default: throw FreshetError.system(result, "put the file there", path: path)
    }
  }

  private func rename(_ temporary: [UInt8]) throws {
    let result = Self.withName(temporary) { from in
      Self.withName(name) { renameat(folder.number, from, folder.number, $0) == 0 ? 0 : errno }
    }
    guard result == 0 else { throw FreshetError.system(result, "replace the file", path: path) }
  }

  private static func withName<Result>(_ name: [UInt8], _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    (name + [0]).withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: CChar.self) { characters in
        guard let start = characters.baseAddress else { return body("") }
        return body(start)
      }
    }
  }
}

import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A file that is written beside another and takes its place once everything in it is on the disk: a reader and a crash
/// at any moment see either the old content or the new.
///
/// `FileSystem.replace` is the same in one call, for bodies that do not wait.
public final class FileReplacement: Sendable {
  /// The new file, open for writing.
  public let file: Descriptor

  private let directory: Descriptor
  private let folder: String
  private let name: String
  private let temporary: String
  private let path: String

  /// Makes the new file under a name that nothing has, in the folder of the one that it is to replace.
  ///
  /// - Parameters:
  ///   - path: the file to replace; a link there is replaced itself (see `OutputTarget`).
  ///   - permissions: of the new file, as far as the process's mask allows.
  ///   - ignoresMask: whether it gets exactly these permissions.
  /// - Throws: `FreshetError`; nothing was made then.
  public init(of path: String, permissions: mode_t = 0o644, ignoresMask: Bool = false) throws {
    self.path = path
    (folder, name) = FileSystem.split(path)
    directory = try Descriptor(opening: folder, flags: O_RDONLY | O_DIRECTORY)
    temporary = ".\(name.prefix(100)).\(getpid()).\(UInt64.random(in: 0 ... .max)).new"
    file = try Descriptor(
      opening: temporary,
      flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
      mode: permissions,
      in: directory
    )
    guard ignoresMask, fchmod(file.number, permissions) != 0 else { return }
    let failure = errno
    discard()
    throw FreshetError.system(failure, "set the permissions", path: path)
  }

  /// Puts the new file in its place, durably.
  ///
  /// - Throws: `FreshetError`; unless only the folder could not be synchronised, the old file stands as it was, and
  ///   `discard` is still to be called.
  public func commit() throws {
    try file.synchronize(path: path)
    guard renameat(directory.number, temporary, directory.number, name) == 0 else {
      throw FreshetError.system(errno, "replace the file", path: path)
    }
    try directory.synchronize(path: folder)
  }

  /// Removes the new file, unless it has taken its place.
  public func discard() {
    unlinkat(directory.number, temporary, 0)
  }
}

import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Keeps every `FileLock` on a file away until this object goes or the process ends. Any number of them live at a time.
///
/// Taking it writes nothing, so it can be had on a full disk, in a folder without permission to write, and on a read-only
/// file system.
public final class SharedFileLock: Sendable {
  /// What came of trying to take it.
  public enum Attempt: Sendable {
    /// It is held.
    case held(SharedFileLock)
    /// A `FileLock` is held.
    case owned
    /// There is no such file; whoever wants a `FileLock` has to make it first.
    case missing
  }

  private let file: Descriptor

  private init(file: Descriptor) {
    self.file = file
  }

  deinit {
    // At once, also while a process that is just being started has a copy of the descriptor.
    _ = freshet_unlock(file.number)
  }

  /// Tries to take it, and does not wait.
  ///
  /// - Throws: `FreshetError` when the file cannot be opened or locked.
  public static func attempt(_ path: String) throws -> Attempt {
    let file: Descriptor
    do {
      file = try Descriptor(opening: path, flags: O_RDONLY)
    } catch let error as FreshetError where error.code == .notFound {
      return .missing
    }
    let status = freshet_lock_shared(file.number)
    if status == -EAGAIN { return .owned }
    guard status == 0 else { throw FreshetError.system(status, "lock the file", path: path) }
    return .held(SharedFileLock(file: file))
  }
}

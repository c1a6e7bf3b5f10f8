import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension FreshetError {
  /// The failure of a system call, as a code and a sentence with the cause and what to do about it.
  ///
  /// - Parameters:
  ///   - number: the value of `errno`, positive or negated.
  ///   - action: what was tried, to complete "cannot …".
  public static func system(_ number: Int32, _ action: String, path: String? = nil) -> FreshetError {
    let number = abs(number)
    let (code, cause, permanence) = explain(number)
    return FreshetError(code, "cannot \(action): \(cause)", path: path, permanence: permanence)
  }

  private static func explain(_ number: Int32) -> (Code, String, Permanence) {
    switch number {
    case ENOENT: (.notFound, "there is no such file or folder; check the path", .permanent)
    case ENOTDIR: (.notFound, "a part of the path is not a folder; check the path", .permanent)
    case EACCES, EPERM:
      (.unreadable, "permission denied; allow this user to read it (chmod, chown) or run as its owner", .permanent)
    case ENOSPC: (.diskFull, "the disk is full; free some space and run again", .transient(retryAfter: nil))
    case EDQUOT:
      (.diskFull, "the disk quota is used up; free some space or raise it", .transient(retryAfter: nil))
    case EROFS: (.inputOutput, "the file system is read-only; mount it writable or choose another folder", .permanent)
    case EMFILE:
      (
        .inputOutput, "this process has too many open files; raise the limit (ulimit -n)",
        .transient(retryAfter: nil)
      )
    case ENFILE:
      (
        .inputOutput, "the system has too many open files; close programs or raise fs.file-max",
        .transient(retryAfter: nil)
      )
    case ENOMEM: (.inputOutput, "out of memory; close programs or raise the limit", .transient(retryAfter: nil))
    case EIO:
      (.inputOutput, "the device failed (I/O error); check the disk and the system log", .transient(retryAfter: nil))
    case EINTR, EAGAIN: (.inputOutput, "the system was busy; try again", .transient(retryAfter: nil))
    case ETIMEDOUT: (.inputOutput, "it took too long; try again", .transient(retryAfter: nil))
    case ESTALE, EHOSTDOWN, ENOTCONN:
      (.inputOutput, "the network file system does not answer; check the mount", .transient(retryAfter: nil))
    case ELOOP: (.unreadable, "too many symbolic links, or a link where none is allowed", .permanent)
    case EXDEV: (.unreadable, "it leads out of its folder or to another file system", .permanent)
    case ENAMETOOLONG: (.unreadable, "the path is too long; move it closer to the root", .permanent)
    case EISDIR: (.unreadable, "it is a folder, and a file was expected", .permanent)
    case EEXIST: (.inputOutput, "it exists already; remove it or choose another name", .permanent)
    case ENOTEMPTY: (.inputOutput, "the folder is not empty", .permanent)
    case EPIPE, ECONNRESET: (.inputOutput, "the other side closed the connection", .transient(retryAfter: nil))
    default: (.inputOutput, sentence(number), .permanent)
    }
  }

  private static func sentence(_ number: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let start = buffer.baseAddress else { return "error \(number)" }
      start.initialize(repeating: 0, count: buffer.count)
      freshet_error_text(number, start, buffer.count)
      return String(cString: start) + " (error \(number))"
    }
  }
}

import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The permission bits that new files and folders do not get (umask(2)), for those that a process makes for another one.
///
/// The system's own mask is the whole process's; this one is applied to each file that is made.
public struct FileMask: Hashable, Sendable {
  /// The bits that are taken away.
  public let bits: UInt32

  /// Takes bits away, of `0o777`.
  public init(bits: UInt32) {
    self.bits = bits & 0o777
  }

  /// The process's own mask.
  ///
  /// There is no call that only asks: for a moment, what other threads make is for this user alone.
  public static func ofProcess() -> FileMask {
    let mask = umask(0o077)
    umask(mask)
    return FileMask(bits: UInt32(mask))
  }

  /// Gives a file or folder that was just made with these permissions what the mask leaves of them, whatever the process's
  /// own mask left. Special bits stay, which a folder has from the one above it.
  ///
  /// The file was to be made with no more than `remaining(of:)`.
  /// - Throws: `FreshetError`.
  public func settle(_ permissions: mode_t, of file: Descriptor, path: String) throws {
    let present = mode_t(try file.status().permissions)
    let wanted = remaining(of: permissions)
    guard present & 0o777 != wanted else { return }
    guard fchmod(file.number, present & ~0o777 | wanted) == 0 else {
      throw FreshetError.system(errno, "set the permissions", path: path)
    }
  }

  /// What it leaves of permissions.
  public func remaining(of permissions: mode_t) -> mode_t { permissions & ~mode_t(bits) }
}

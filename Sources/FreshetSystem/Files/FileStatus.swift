import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What the file system says of a file without reading it.
public struct FileStatus: Hashable, Sendable {
  /// What kind of thing a path names.
  public enum Kind: Sendable {
    case file, folder, link, pipe, socket, device, unknown

    /// Reads the type bits of a mode.
    public init(mode: UInt32) {
      switch mode & UInt32(S_IFMT) {
      case UInt32(S_IFREG): self = .file
      case UInt32(S_IFDIR): self = .folder
      case UInt32(S_IFLNK): self = .link
      case UInt32(S_IFIFO): self = .pipe
      case UInt32(S_IFSOCK): self = .socket
      case UInt32(S_IFCHR), UInt32(S_IFBLK): self = .device
      default: self = .unknown
      }
    }
  }

  /// Device, inode, size and times.
  public var fingerprint: ItemFingerprint
  /// What it is.
  public var kind: Kind
  /// The permission bits.
  public var permissions: UInt32
  /// The number of the owner.
  public var owner: UInt32

  /// Which file it is, whatever it is called.
  public var identity: FileIdentity { FileIdentity(device: fingerprint.device, inode: fingerprint.inode) }

  /// Takes over what the system filled in.
  public init(_ status: freshet_status) {
    fingerprint = ItemFingerprint(
      device: status.device,
      inode: status.inode,
      size: status.size,
      modified: status.modified,
      changed: status.changed
    )
    kind = Kind(mode: status.mode)
    permissions = status.mode & 0o7777
    owner = status.owner
  }

  /// Asks for an open descriptor.
  ///
  /// - Throws: `FreshetError`.
  public init(at descriptor: Int32) throws {
    var status = freshet_status()
    let result = freshet_status_at(descriptor, "", false, &status)
    guard result == 0 else { throw FreshetError.system(result, "examine the file") }
    self.init(status)
  }

  /// Asks for a path, relative to a folder when one is given.
  ///
  /// - Throws: `FreshetError` with `not_found` when there is nothing.
  public init(of path: String, in folder: Descriptor? = nil, followingLinks: Bool = true) throws {
    var status = freshet_status()
    let result = freshet_status_at(folder?.number ?? AT_FDCWD, path.isEmpty ? "." : path, followingLinks, &status)
    guard result == 0 else { throw FreshetError.system(result, "examine the file", path: path) }
    self.init(status)
  }
}

import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The file system that a file or folder is on.
public struct Volume: Sendable {
  /// The kinds that behave differently.
  public enum Kind: String, Sendable {
    /// A disk or memory of this machine, with exact times.
    case local
    /// A server's, or the host's of a virtual machine (NFS, SMB, AFS, Ceph, 9P).
    case network
    /// FAT: times in steps of two seconds.
    case fat
    /// A program outside the kernel (FUSE): what stands behind it, a server or a disk, cannot be told.
    case program
    /// None that is known here.
    case unknown
  }

  /// Two seconds in nanoseconds: no file system has coarser times.
  public static let coarseGranularity: Int64 = 2_000_000_000

  /// The system's number for the type (`f_type` of `statfs`).
  public let type: UInt64
  /// What it means for us.
  public let kind: Kind
  /// What the file system calls itself (`f_fsid` of `statfs`); 0 when it has no name.
  public let identity: UInt64
  /// Bytes that this user may still write.
  public let availableBytes: UInt64

  /// Asks for an open file or folder.
  ///
  /// - Throws: `FreshetError`.
  public init(of descriptor: Int32) throws {
    var (type, identity, available): (UInt64, UInt64, UInt64) = (0, 0, 0)
    let result = freshet_volume(descriptor, &type, &identity, &available)
    guard result == 0 else { throw FreshetError.system(result, "examine the file system") }
    self.type = type
    self.identity = identity
    availableBytes = available
    kind = Self.kind(ofType: type)
  }

  /// Asks for a path.
  ///
  /// - Throws: `FreshetError`.
  public init(of path: String) throws {
    let descriptor = try Descriptor(opening: path, flags: O_RDONLY | O_NONBLOCK)
    try self.init(of: descriptor.number)
  }

  /// What a type of file system means for us.
  public static func kind(ofType type: UInt64) -> Kind {
    kinds[type] ?? .unknown
  }

  /// How close to its change a file must be seen for a second change to leave its times as they are, nanoseconds.
  public var granularity: Int64 { Self.granularity(of: kind) }

  /// Only a local disk has times as exact as the kernel's clock, whose steps are at most 10 ms; for all others the coarsest
  /// is assumed, which costs no more than reading a file again that has just changed.
  public static func granularity(of kind: Kind) -> Int64 {
    switch kind {
    case .local: 20_000_000
    case .network, .fat, .program, .unknown: coarseGranularity
    }
  }

  /// Refuses a folder that a collection cannot be kept in: a database needs locks and a memory map that other machines
  /// see too. An unknown kind is let in: those that are known to be unfit are listed, and new kinds are mostly local.
  ///
  /// - Throws: `FreshetError` with `invalid_configuration`.
  public func requireLocal(path: String) throws {
    switch kind {
    case .local, .unknown: return
    case .network:
      throw FreshetError(
        .invalidConfiguration,
        "a collection cannot be kept on a network file system, since its locks do not hold there; choose a folder on a "
          + "disk of this machine (collection: in freshet.yaml)",
        path: path
      )
    case .program:
      throw FreshetError(
        .invalidConfiguration,
        "a collection cannot be kept on a FUSE file system, which may be another machine's, where its locks do not hold; "
          + "choose a folder on a disk of this machine (collection: in freshet.yaml)",
        path: path
      )
    case .fat:
      throw FreshetError(
        .invalidConfiguration,
        "a collection cannot be kept on a FAT file system, which loses data in a crash; choose a folder on another disk",
        path: path
      )
    }
  }

  /// From `linux/magic.h`, and the sources of the file systems that are not listed there.
  private static let kinds: [UInt64: Kind] = [
    0xEF53: .local,  // ext2, ext3, ext4
    0x9123_683E: .local,  // Btrfs
    0x5846_5342: .local,  // XFS
    0x794C_7630: .local,  // overlayfs
    0x0102_1994: .local,  // tmpfs
    0x8584_58F6: .local,  // ramfs
    0x2FC1_2FC1: .local,  // ZFS
    0xF2F5_2010: .local,  // F2FS
    0xCA45_1A4E: .local,  // bcachefs
    0x3153_464A: .local,  // JFS
    0x3434: .local,  // NILFS
    0x7366_746E: .local,  // NTFS (ntfs3)
    0xF15F: .local,  // eCryptfs
    0x7371_7368: .local,  // SquashFS
    0xE0F5_E1E2: .local,  // EROFS
    0x6573_5546: .program,  // FUSE
    0x786F_4256: .network,  // folders of VirtualBox's host
    0xBACB_ACBC: .network,  // folders of VMware's host
    0x7C7C_6673: .network,  // folders of Parallels' host
    0x6969: .network,  // NFS
    0x517B: .network,  // SMB
    0xFF53_4D42: .network,  // CIFS
    0xFE53_4D42: .network,  // SMB2
    0x5346_414F: .network,  // AFS
    0x6B41_4653: .network,  // kAFS
    0x7375_7245: .network,  // Coda
    0x00C3_6400: .network,  // Ceph
    0x0102_1997: .network,  // 9P
    0x564C: .network,  // NCP
    0x0BD0_0BD0: .network,  // Lustre
    0x4750_4653: .network,  // GPFS
    0x4D44: .fat,  // FAT
    0x2011_BAB0: .fat,  // exFAT
  ]
}

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
    /// A disk or memory of this machine.
    case local
    /// A server's (NFS, SMB, AFS, Ceph, 9P, FUSE over a network cannot be told from other FUSE).
    case network
    /// FAT: times in steps of two seconds.
    case fat
  }

  /// The system's number for the type (`f_type` of `statfs`).
  public let type: UInt64
  /// What it means for us.
  public let kind: Kind
  /// Bytes that this user may still write.
  public let availableBytes: UInt64

  /// Asks for an open file or folder.
  ///
  /// - Throws: `FreshetError`.
  public init(of descriptor: Int32) throws {
    var (type, available): (UInt64, UInt64) = (0, 0)
    let result = freshet_volume(descriptor, &type, &available)
    guard result == 0 else { throw FreshetError.system(result, "examine the file system") }
    self.type = type
    availableBytes = available
    kind = Self.kinds[type] ?? .local
  }

  /// Asks for a path.
  ///
  /// - Throws: `FreshetError`.
  public init(of path: String) throws {
    let descriptor = try Descriptor(opening: path, flags: O_RDONLY | O_NONBLOCK)
    try self.init(of: descriptor.number)
  }

  /// How close to its change a file must be seen for a second change to leave its times as they are, nanoseconds.
  public var granularity: Int64 {
    switch kind {
    case .local: 20_000_000
    case .network, .fat: 2_000_000_000
    }
  }

  /// Refuses a folder that a collection cannot be kept in: a database needs locks and a memory map that other machines
  /// see too.
  ///
  /// - Throws: `FreshetError` with `invalid_configuration`.
  public func requireLocal(path: String) throws {
    switch kind {
    case .local: return
    case .network:
      throw FreshetError(
        .invalidConfiguration,
        "a collection cannot be kept on a network file system, since its locks do not hold there; choose a folder on a "
          + "disk of this machine (collection: in freshet.yaml)",
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

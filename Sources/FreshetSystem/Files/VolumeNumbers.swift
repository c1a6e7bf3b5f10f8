import FreshetModel
import Synchronization

/// Numbers of file systems that outlast their mounting: device numbers (`st_dev`) are given anew each time a network, FUSE
/// or Btrfs file system is mounted, and to whatever is mounted next.
///
/// A number is made of the file system's own identity (`f_fsid` of `statfs(2)`: of the UUID on ext4 and Btrfs, of the
/// mount on tmpfs, of the device on XFS and FAT), else of what was mounted, as `/proc/self/mountinfo` names it
/// (`server:/export`), else it is the device number.
public final class VolumeNumbers: Sendable {
  private let known = Mutex<[UInt64: UInt64]>([:])

  /// Knows no file system yet.
  public init() {}

  /// The number of the file system with this device number, which the descriptor is on. Asks the system once for each
  /// device.
  public func number(of device: UInt64, at descriptor: Int32) -> UInt64 {
    if let number = known.withLock({ $0[device] }) { return number }
    let number = Self.find(device, descriptor)
    known.withLock { $0[device] = number }
    return number
  }

  private static func find(_ device: UInt64, _ descriptor: Int32) -> UInt64 {
    guard let volume = try? Volume(of: descriptor) else { return device }
    if volume.identity != 0 { return mix(volume.type, with: volume.identity) }
    let table = (try? FileSystem.read("/proc/self/mountinfo", limit: 16 << 20)) ?? []
    guard let source = mountedSource(of: device, in: table) else { return device }
    return source.reduce(mix(volume.type, with: 0)) { mix($0, with: UInt64($1)) }
  }

  /// One step of FNV-1a in words.
  private static func mix(_ number: UInt64, with other: UInt64) -> UInt64 {
    ((number ^ 0xcbf2_9ce4_8422_2325) &* 0x0000_0100_0000_01b3 ^ other) &* 0x0000_0100_0000_01b3
  }

  /// What is mounted under a device number, as a table in the form of proc(5), `mountinfo`, names it; `nil` when it names
  /// nothing that tells it from others.
  static func mountedSource(of device: UInt64, in table: [UInt8]) -> [UInt8]? {
    // As glibc's `major` and `minor`.
    let major = (device >> 8) & 0xfff | (device >> 32) & ~0xfff
    let minor = device & 0xff | (device >> 12) & ~0xff
    let wanted = Array("\(major):\(minor)".utf8)
    for line in table.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "))
      guard fields.count > 2, fields[2].elementsEqual(wanted),
        let dash = fields.firstIndex(where: { $0.elementsEqual("-".utf8) }), dash + 2 < fields.count
      else { continue }
      let (type, source) = (fields[dash + 1], fields[dash + 2])
      return source.elementsEqual("none".utf8) || source.elementsEqual(type) ? nil : Array(source)
    }
    return nil
  }
}

extension ItemFingerprint {
  /// The same with the number of its file system in the place of its device.
  public func on(volume number: UInt64) -> ItemFingerprint {
    var fingerprint = self
    fingerprint.device = number
    return fingerprint
  }
}

import CSystem
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Finds out whether somebody has a file of a source open for writing.
///
/// A read lease is refused exactly then (fcntl(2), F_SETLEASE). Only local file systems are asked: NFS and SMB refuse
/// leases with the same error for reasons of their own.
struct WriterProbe {
  private let source: DirectorySource

  /// For the calling thread alone: a lease that is broken sends its thread SIGIO, which is blocked here, since what it does
  /// by default is to end the process.
  init(_ source: DirectorySource) {
    self.source = source
    _ = freshet_block_lease_signal()
  }

  func writers(of path: [UInt8]) -> FileWriters {
    guard let root = try? source.roots.current() else { return .unknown }
    let number = root.open(path, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY)
    // Gone, or a link that leads nowhere or out: nobody writes to what the source would read.
    if number == -ENOENT || number == -ENOTDIR || number == -ELOOP || number == -EXDEV { return .none }
    guard number >= 0 else { return .unknown }
    let file = Descriptor(owning: number)
    guard let status = try? file.status() else { return .unknown }
    guard status.kind == .file else { return .none }
    guard let volume = try? Volume(of: number), volume.kind == .local || volume.kind == .fat else { return .unknown }
    switch freshet_has_writer(number) {
    case 1: return .some
    case 0: return .none
    default: return .unknown
    }
  }
}

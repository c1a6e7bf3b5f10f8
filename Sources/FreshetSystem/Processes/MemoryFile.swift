import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Bytes in an anonymous file of memory, to hand to another process as a descriptor.
public enum MemoryFile {
  /// A sealed file with the bytes: nobody can change it any more. Its position is at the start.
  ///
  /// - Throws: `FreshetError`.
  public static func sealed(_ bytes: [UInt8], name: String = "freshet") throws -> Descriptor {
    let file = try empty(name: name)
    try bytes.withUnsafeBytes { try file.write($0) }
    let status = freshet_seal(file.number)
    guard status == 0 else { throw FreshetError.system(status, "seal a file in memory") }
    lseek(file.number, 0, SEEK_SET)
    return file
  }

  /// A file without bytes, for another process to write into.
  ///
  /// - Throws: `FreshetError`.
  public static func empty(name: String = "freshet") throws -> Descriptor {
    let number = freshet_memory_file(name)
    guard number >= 0 else { throw FreshetError.system(number, "make a file in memory") }
    return Descriptor(owning: number)
  }

  /// The bytes of a file of memory that came from another process.
  ///
  /// - Throws: `FreshetError` with `file_too_large` above the limit.
  public static func contents(_ file: Descriptor, limit: Int) throws -> [UInt8] {
    let size = Int(clamping: try file.status().fingerprint.size)
    guard size <= limit else {
      throw FreshetError(.fileTooLarge, "\(size) bytes are above the limit of \(limit)")
    }
    // The sender may have left the position anywhere.
    return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size, let start = buffer.baseAddress {
        let result = pread(file.number, start + count, size - count, off_t(count))
        if result < 0 {
          if errno == EINTR { continue }
          throw FreshetError.system(errno, "read a file in memory")
        }
        if result == 0 { return }
        count += result
      }
    }
  }
}

import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Reads the names in folders through one buffer that is used again.
public struct FolderReader: ~Copyable {
  private static let bufferSize = 64 << 10
  private let buffer: UnsafeMutableRawPointer

  /// Allocates the buffer.
  public init() {
    buffer = .allocate(byteCount: Self.bufferSize, alignment: 16)
  }

  deinit {
    buffer.deallocate()
  }

  /// Calls the body for each name but `.` and `..`, in the system's order; `nil` as the kind means that the file system
  /// does not say.
  ///
  /// The name's bytes are followed by a zero byte and hold until the body returns.
  /// - Throws: `FreshetError` when the folder cannot be read; what the body throws.
  public mutating func forEach(
    in folder: Int32,
    path: @autoclosure () -> String?,
    _ body: (UnsafeRawBufferPointer, FileStatus.Kind?) throws -> Void
  ) throws {
    let failure = try read(folder, body)
    if failure != 0 { throw FreshetError.system(failure, "read the folder", path: path()) }
  }

  /// As `forEach`, but answers the errno instead of throwing it: listings meet failures as a matter of course.
  @inlinable
  public mutating func read(
    _ folder: Int32,
    _ body: (UnsafeRawBufferPointer, FileStatus.Kind?) throws -> Void
  ) rethrows -> Int32 {
    while true {
      let count = fill(folder)
      if count <= 0 { return Int32(-count) }
      var offset = 0
      while offset < count {
        let (name, kind, length) = record(at: offset)
        offset += length
        if name[0] == UInt8(ascii: "."), name.count == 1 || (name.count == 2 && name[1] == UInt8(ascii: ".")) {
          continue
        }
        try body(name, kind)
      }
    }
  }

  @usableFromInline
  func fill(_ folder: Int32) -> Int {
    var count = 0
    repeat {
      count = freshet_directory_records(folder, buffer, Self.bufferSize)
    } while count == -Int(EINTR)
    return count
  }

  /// A `linux_dirent64`: inode (8 bytes), offset (8), record length (2), type (1), name with its zero byte.
  @usableFromInline
  func record(at offset: Int) -> (name: UnsafeRawBufferPointer, kind: FileStatus.Kind?, length: Int) {
    let record = buffer + offset
    let length = Int(record.loadUnaligned(fromByteOffset: 16, as: UInt16.self))
    let kind: FileStatus.Kind? =
      switch Int(record.load(fromByteOffset: 18, as: UInt8.self)) {
      case Int(DT_REG): .file
      case Int(DT_DIR): .folder
      case Int(DT_LNK): .link
      case Int(DT_FIFO): .pipe
      case Int(DT_SOCK): .socket
      case Int(DT_CHR), Int(DT_BLK): .device
      default: nil
      }
    let name = record + 19
    let bytes = UnsafeRawBufferPointer(start: name, count: strlen(name.assumingMemoryBound(to: CChar.self)))
    return (bytes, kind, length)
  }
}

import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A new file under a temporary name that gets its own name only when everything in it is on the disk.
final class DurableFile {
  /// Temporary files start so; whoever writes next removes those that a crash left.
  static let temporaryPrefix = ".tmp-"

  private let descriptor: Int32
  private let path: String

  private init(descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  /// Writes a file and puts it in the place of `path`, durably: a crash at any instant leaves the old file, or the new
  /// one whole.
  /// - Throws: `FreshetError` with `disk_full` or `index_failed`; what `body` throws. The old file then stays.
  static func replace(_ path: String, _ body: (DurableFile) throws -> Void) throws {
    let folder = folder(of: path)
    let temporary = folder + "/" + temporaryPrefix + randomName()
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure("cannot be created", path) }
    var isInPlace = false
    defer {
      close(descriptor)
      if !isInPlace { unlink(temporary) }
    }
    try body(DurableFile(descriptor: descriptor, path: path))
    guard fsync(descriptor) == 0 else { throw failure("cannot be written to the disk", path) }
    guard rename(temporary, path) == 0 else { throw failure("cannot be put in its place", path) }
    isInPlace = true
    try synchronize(folder: folder)
  }

  /// Appends bytes.
  func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { bytes in
      try writeAll(bytes) { systemWrite(descriptor, $0, $1) }
    }
  }

  /// Overwrites bytes.
  func write(_ bytes: [UInt8], at offset: Int) throws {
    try bytes.withUnsafeBytes { bytes in
      var done = 0
      try writeAll(bytes) { start, count in
        let result = pwrite(descriptor, start, count, off_t(offset + done))
        if result > 0 { done += result }
        return result
      }
    }
  }

  private func writeAll(
    _ bytes: UnsafeRawBufferPointer,
    _ call: (UnsafeRawPointer, Int) -> Int
  ) throws {
    var done = 0
    while done < bytes.count, let start = bytes.baseAddress {
      let result = call(start + done, bytes.count - done)
      if result < 0 {
        if errno == EINTR { continue }
        throw Self.failure("cannot be written", path)
      }
      done += result
    }
  }

  /// Makes the names in a folder durable.
  static func synchronize(folder: String) throws {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("cannot be opened", folder) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("cannot be written to the disk", folder) }
  }

  /// Makes the names in a folder durable where that is allowed: a folder above ours may not be readable.
  static func synchronizeIfPossible(folder: String) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    let folder = String(path[..<slash])
    return folder.isEmpty ? "/" : folder
  }

  static func randomName() -> String {
    Hexadecimal.encode((0..<8).map { _ in UInt8.random(in: .min ... .max) })
  }

  /// The failure of the last system call, said of a path.
  static func failure(_ what: String, _ path: String) -> FreshetError {
    let number = errno
    let cause = String(cString: strerror(number))
    if number == ENOSPC || number == EDQUOT {
      return FreshetError(
        .diskFull,
        "The vector index \(what) (\(cause)); free some space and run the command again.",
        path: path,
        permanence: .transient(retryAfter: nil)
      )
    }
    return FreshetError(.indexFailed, "The vector index \(what) (\(cause)).", path: path)
  }
}

/// `write(2)`, out of the reach of the methods of that name.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}

import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Small files read whole.
enum BoundedFile {
  /// The file's bytes.
  ///
  /// - Throws: `FreshetError` with `not_found` when it is not there, `invalid_configuration` when it is no regular file,
  ///   is larger than the limit or cannot be read.
  static func read(_ path: String, limit: Int) throws -> [UInt8] {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let code = errno
      throw FreshetError(
        code == ENOENT || code == ENOTDIR ? .notFound : .invalidConfiguration,
        "cannot be opened: \(String(cString: strerror(code))).",
        path: path
      )
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw FreshetError(.invalidConfiguration, "is not a regular file.", path: path)
    }
    var bytes: [UInt8] = []
    while bytes.count <= limit {
      let room = min(limit + 1 - bytes.count, 65_536)
      let part = try [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
        var received = readBytes(descriptor, buffer.baseAddress, room)
        while received < 0, errno == EINTR { received = readBytes(descriptor, buffer.baseAddress, room) }
        guard received >= 0 else {
          throw FreshetError(
            .invalidConfiguration,
            "cannot be read: \(String(cString: strerror(errno))).",
            path: path
          )
        }
        count = received
      }
      if part.isEmpty { return bytes }
      bytes += part
    }
    throw FreshetError(
      .invalidConfiguration,
      "is larger than \(Quantity.text(bytes: Int64(limit))), too large for a configuration.",
      path: path
    )
  }
}

/// `read(2)`, which `BoundedFile.read` hides.
private func readBytes(_ descriptor: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ count: Int) -> Int {
  read(descriptor, buffer, count)
}

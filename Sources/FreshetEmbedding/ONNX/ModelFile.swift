import FreshetModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Files of a model, read whole.
enum ModelFile {
  /// The bytes of a file.
  /// - Throws: `FreshetError` with `model_unavailable` when it is absent, unreadable, or above the size.
  static func bytes(of path: String, maximumSize: Int) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unreadable(path, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw unreadable(path, errno) }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= maximumSize else {
      throw FreshetError(
        .modelUnavailable,
        "not a regular file of at most \(maximumSize) bytes; fetch the model again",
        path: path
      )
    }
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
      while count < buffer.count {
        let got = read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
        if got < 0, errno == EINTR { continue }
        if got < 0 { failure = errno }
        if got <= 0 { break }
        count += got
      }
    }
    guard failure == 0 else { throw unreadable(path, failure) }
    return bytes
  }

  private static func unreadable(_ path: String, _ code: Int32) -> FreshetError {
    let remedy = code == ENOENT ? "set FRESHET_MODELS or run set-up" : "check its permissions and the disk"
    return FreshetError(
      .modelUnavailable,
      "the model's file cannot be read (\(String(cString: strerror(code)))); \(remedy)",
      path: path
    )
  }
}

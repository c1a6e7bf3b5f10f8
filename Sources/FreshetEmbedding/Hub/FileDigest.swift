import CCrypto
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Hashes of files that are too large to be read whole.
enum FileDigest {
  private static let bufferBytes = 1 << 20

  /// SHA-256 in lower-case hexadecimal. Blocks for the length of the file.
  static func sha256(of path: String) throws -> String {
    try digest(of: path, EVP_sha256(), prefix: [])
  }

  /// The name that git gives a file's content: SHA-1 of `blob SIZE`, a zero byte and the content (git-hash-object).
  static func gitObject(of path: String, size: Int) throws -> String {
    try digest(of: path, EVP_sha1(), prefix: Array("blob \(size)".utf8) + [0])
  }

  private static func digest(of path: String, _ kind: OpaquePointer?, prefix: [UInt8]) throws -> String {
    let file = try Descriptor(opening: path, flags: O_RDONLY)
    let context = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(context) }
    var isDone = EVP_DigestInit_ex(context, kind, nil) == 1 && EVP_DigestUpdate(context, prefix, prefix.count) == 1
    var buffer = [UInt8](repeating: 0, count: bufferBytes)
    while isDone {
      let count = read(file.number, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FreshetError.system(errno, "read", path: path) }
      if count == 0 { break }
      isDone = EVP_DigestUpdate(context, buffer, count) == 1
    }
    var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var length: UInt32 = 0
    guard isDone, EVP_DigestFinal_ex(context, &bytes, &length) == 1 else {
      throw FreshetError(.inputOutput, "the file's hash cannot be computed", path: path)
    }
    return Hexadecimal.encode(bytes[..<Int(length)])
  }
}

import CCrypto
import FreshetModel

/// HMAC with SHA-256 (RFC 2104, FIPS 198-1), computed by OpenSSL.
public enum HMACSHA256 {
  /// The code that authenticates the bytes to whoever has the key.
  ///
  /// - Throws: `FreshetError` with `input_output` when OpenSSL cannot compute it (its providers are missing).
  public static func code(of bytes: [UInt8], key: [UInt8]) throws -> [UInt8] {
    var code = [UInt8](repeating: 0, count: ContentHash.byteCount)
    var count: UInt32 = 0
    let done = key.withUnsafeBytes { key in
      bytes.withUnsafeBytes { bytes in
        // An empty key has no address, and OpenSSL takes no address for "the key before".
        var nothing: UInt8 = 0
        return withUnsafePointer(to: &nothing) { empty in
          HMAC(
            EVP_sha256(),
            key.baseAddress ?? UnsafeRawPointer(empty),
            Int32(key.count),
            bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
            bytes.count,
            &code,
            &count
          )
        }
      }
    }
    guard done != nil, Int(count) == code.count else {
      throw FreshetError(.inputOutput, "OpenSSL cannot compute HMAC-SHA256; is it installed whole?")
    }
    return code
  }
}

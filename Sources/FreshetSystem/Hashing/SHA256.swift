import CCrypto
import FreshetModel

/// SHA-256 (FIPS 180-4), computed by OpenSSL.
public enum SHA256 {
  /// The digest of the bytes.
  public static func digest(of bytes: UnsafeRawBufferPointer) -> ContentHash {
    withUnsafeTemporaryAllocation(byteCount: ContentHash.byteCount, alignment: 8) { output in
      // OpenSSL's one-shot function cannot fail for SHA-256 unless its providers are missing; then the digest stays zero
      // and every comparison with a real one fails.
      output.initializeMemory(as: UInt8.self, repeating: 0)
      _ = CCrypto.SHA256(
        bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
        bytes.count,
        output.baseAddress?.assumingMemoryBound(to: UInt8.self)
      )
      return ContentHash(bytes: UnsafeRawBufferPointer(output)) ?? .zero
    }
  }

  /// The digest of the bytes.
  public static func digest(of bytes: [UInt8]) -> ContentHash {
    bytes.withUnsafeBytes { digest(of: $0) }
  }

  /// The digest of a link's bytes and what follows them: one step of a hash chain.
  public static func link(_ previous: ContentHash, _ bytes: [UInt8]) -> ContentHash {
    digest(of: previous.bytes + bytes)
  }
}

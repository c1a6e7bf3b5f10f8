import FreshetModel
import FreshetSystem

/// What tells a secret from another one, and may be stored beside what is not secret.
enum SecretFingerprint {
  /// The first 16 bits of its SHA-256: enough to notice that it was changed, too few to tell whether a guess was right.
  static func text(of secret: some Sequence<UInt8>) -> String {
    String("\(SHA256.digest(of: Array("freshet-secret/1".utf8) + secret))".prefix(4))
  }
}

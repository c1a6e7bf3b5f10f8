import FreshetModel
import FreshetSystem

/// The secret that a webhook and its receiver share.
public struct WebhookSecret: Sendable {
  private let key: [UInt8]

  /// Reads a secret: `whsec_` and base64, as Standard Webhooks writes it, or else the text's own bytes.
  ///
  /// - Throws: `FreshetError` with `invalid_configuration` for one that is empty, or not base64 after `whsec_`.
  public init(_ text: String) throws {
    if text.hasPrefix("whsec_") {
      guard let key = Base64.decode(text.dropFirst(6)), !key.isEmpty else {
        throw FreshetError(.invalidConfiguration, "the webhook's secret is not base64 after `whsec_`")
      }
      self.key = key
    } else {
      guard !text.isEmpty else { throw FreshetError(.invalidConfiguration, "the webhook's secret is empty") }
      key = Array(text.utf8)
    }
  }

  /// What tells the secret from another one.
  var fingerprint: String { SecretFingerprint.text(of: key) }

  /// The value of `webhook-signature` (Standard Webhooks, "Signature scheme"): `v1,` and the base64 of the HMAC-SHA256 of
  /// `id.timestamp.body`.
  public func signature(id: String, timestamp: Int64, body: [UInt8]) throws -> String {
    "v1," + Base64.encode(try HMACSHA256.code(of: Array("\(id).\(timestamp).".utf8) + body, key: key))
  }
}

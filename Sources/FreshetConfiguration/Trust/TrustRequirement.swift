import FreshetModel
import FreshetSystem

/// A value of a configuration file that reaches beyond the file's own folder, and needs the user's word.
public struct TrustRequirement: Hashable, Sendable {
  /// The key: `embedder.url`, `sources[2].path`.
  public var key: String
  /// The value as it takes effect: an address, or a real absolute path.
  public var value: String
  /// What it would do: "sends text to this address".
  public var effect: String

  /// Describes a requirement.
  public init(key: String, value: String, effect: String) {
    self.key = key
    self.value = value
    self.effect = effect
  }

  /// SHA-256 of the requirements in one unambiguous form, independent of their order.
  static func digest(of requirements: [TrustRequirement]) -> ContentHash {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: "freshet-trust/1".utf8)
    for requirement in requirements.sorted(by: { ($0.key, $0.value) < ($1.key, $1.value) }) {
      encoder.append(bytes: requirement.key.utf8)
      encoder.append(bytes: requirement.value.utf8)
    }
    return SHA256.digest(of: encoder.bytes)
  }
}

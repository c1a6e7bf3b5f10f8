import FreshetSources

/// Words of a call that may name files.
public enum PathArgument {
  /// The word as text. A word that is no UTF-8 has its offending bytes and every `%` as `%XX`, as a document's origin has
  /// them, and names the same file in every call that takes a path.
  public static func text(_ bytes: [UInt8]) -> String {
    String(validating: bytes, as: UTF8.self) ?? PathEncoding.origin(of: bytes)
  }
}

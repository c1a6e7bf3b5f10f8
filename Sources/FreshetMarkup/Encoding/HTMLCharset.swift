/// The encoding that a page declares in its first bytes.
enum HTMLCharset {
  /// Bytes within which HTML wants the declaration.
  private static let prefixBytes = 1024

  /// The name after `charset=`, also in `<?xml encoding="…"?>`.
  static func declared(in bytes: [UInt8]) -> String? {
    let prefix = bytes.prefix(prefixBytes).map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
    for mark in ["charset", "encoding"] {
      guard let found = position(of: Array(mark.utf8), in: prefix) else { continue }
      var rest = prefix[(found + mark.utf8.count)...].drop { $0 <= 0x20 }
      guard rest.first == UInt8(ascii: "=") else { continue }
      rest = rest.dropFirst().drop { $0 <= 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") }
      let name = rest.prefix { byte in
        (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x7A) || byte == 0x2D || byte == 0x5F
      }
      if !name.isEmpty, !name.starts(with: "utf".utf8) { return String(decoding: name, as: UTF8.self) }
    }
    return nil
  }

  private static func position(of mark: [UInt8], in bytes: [UInt8]) -> Int? {
    guard bytes.count >= mark.count else { return nil }
    return (0...(bytes.count - mark.count)).first { bytes[$0..<$0 + mark.count].elementsEqual(mark) }
  }
}

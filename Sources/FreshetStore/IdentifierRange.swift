import FreshetModel

/// The identifiers whose text form starts with a prefix.
enum IdentifierRange {
  /// The lowest and the highest one; `nil` for a prefix of no identifier.
  static func of(prefix: String) -> (DocumentID, DocumentID)? {
    var digits: [UInt8] = []
    for (index, byte) in prefix.utf8.enumerated() {
      let isHyphenPlace = [8, 13, 18, 23].contains(index)
      if byte == UInt8(ascii: "-") {
        guard isHyphenPlace else { return nil }
        continue
      }
      guard !isHyphenPlace || !prefix.utf8.contains(UInt8(ascii: "-")), digits.count < 32 else { return nil }
      digits.append(byte)
    }
    func padded(_ digit: Character) -> DocumentID? {
      let text = String(decoding: digits, as: UTF8.self)
      return DocumentID(text + String(repeating: digit, count: 32 - digits.count))
    }
    guard let low = padded("0"), let high = padded("f") else { return nil }
    return (low, high)
  }
}

import FreshetModel

/// The stored form of a heading path: each part with an end mark, as in `PassageText.keyBytes`, so that the key can be
/// computed again from the stored bytes, and no part and one empty part differ.
enum HeadingText {
  private static let end = UInt8(0x1F)

  static func encode(_ heading: [String]) -> String {
    guard !heading.isEmpty else { return "" }
    var bytes: [UInt8] = []
    for part in heading {
      bytes.append(contentsOf: part.utf8)
      bytes.append(end)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func decode(_ text: String) -> [String] {
    guard !text.isEmpty else { return [] }
    return text.utf8.dropLast().split(separator: end, omittingEmptySubsequences: false).map { String(Substring($0)) }
  }
}

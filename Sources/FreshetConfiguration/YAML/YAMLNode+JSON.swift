import FreshetModel

extension YAMLNode {
  /// The value as JSON: plain scalars by YAML 1.2's core schema (`true`, `12`, `1.5`, `null`), all others texts.
  var json: JSONValue {
    switch content {
    case .scalar(let text, let isPlain): isPlain ? Self.plain(text) : .string(text)
    case .sequence(let elements): .array(elements.map(\.json))
    case .mapping(let entries): .object(entries.map { JSONValue.Member($0.key, $0.value.json) })
    }
  }

  private static func plain(_ text: String) -> JSONValue {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .boolean(true)
    case "false", "False", "FALSE": return .boolean(false)
    default: break
    }
    // A leading zero marks a code (a postal code, an article number), not a number.
    let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
    guard let first = digits.utf8.first, (0x30...0x39).contains(first) || first == UInt8(ascii: ".") else {
      return .string(text)
    }
    let isCode = first == 0x30 && digits.utf8.count > 1 && digits.utf8.dropFirst().first != UInt8(ascii: ".")
    guard !isCode, digits.utf8.allSatisfy({ isNumeric($0) }) else { return .string(text) }
    if let integer = Int64(text) { return .integer(integer) }
    if let number = Double(text), number.isFinite { return .number(number) }
    return .string(text)
  }

  private static func isNumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte)
  }
}

import FreshetModel

/// The stored form of metadata: the text of a JSON object, its members sorted by name.
enum MetadataText {
  /// The deepest nesting that is stored; deeper metadata is refused before anything is written.
  static let depthMax = 64

  static func encode(_ metadata: Metadata) -> [UInt8] {
    var text: [UInt8] = []
    JSONValue(metadata).write(to: &text)
    return text
  }

  /// Reads metadata; `nil` when the text is no JSON object.
  static func decode(_ text: UnsafeRawBufferPointer) -> Metadata? {
    guard case .object(let members)? = decodeValue(text) else { return nil }
    var metadata: Metadata = [:]
    metadata.reserveCapacity(members.count)
    for member in members { metadata[member.name] = member.value }
    return metadata
  }

  /// Reads any JSON value; `nil` when the text is none.
  static func decodeValue(_ text: UnsafeRawBufferPointer) -> JSONValue? {
    var reader = JSONReader(text: text)
    guard let value = reader.value(depth: 0), reader.isAtEnd else { return nil }
    return value
  }

  /// Whether no value is nested deeper than can be stored.
  static func isShallow(_ metadata: Metadata) -> Bool {
    metadata.values.allSatisfy { isShallow($0, depth: 2) }
  }

  private static func isShallow(_ value: JSONValue, depth: Int) -> Bool {
    guard depth <= depthMax else { return false }
    switch value {
    case .array(let elements): return elements.allSatisfy { isShallow($0, depth: depth + 1) }
    case .object(let members): return members.allSatisfy { isShallow($0.value, depth: depth + 1) }
    default: return true
    }
  }
}

/// Reads JSON (RFC 8259) from UTF-8 bytes.
private struct JSONReader {
  let text: UnsafeRawBufferPointer
  var index = 0

  init(text: UnsafeRawBufferPointer) {
    self.text = text
  }

  var isAtEnd: Bool {
    mutating get {
      skipSpace()
      return index == text.count
    }
  }

  private mutating func skipSpace() {
    while index < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[index]) { index += 1 }
  }

  private mutating func skip(_ byte: UInt8) -> Bool {
    skipSpace()
    guard index < text.count, text[index] == byte else { return false }
    index += 1
    return true
  }

  private mutating func skip(word: StaticString) -> Bool {
    guard text.count - index >= word.utf8CodeUnitCount else { return false }
    for offset in 0..<word.utf8CodeUnitCount where text[index + offset] != word.utf8Start[offset] { return false }
    index += word.utf8CodeUnitCount
    return true
  }

  mutating func value(depth: Int) -> JSONValue? {
    skipSpace()
    guard index < text.count, depth <= MetadataText.depthMax else { return nil }
    switch text[index] {
    case UInt8(ascii: "{"): return object(depth: depth)
    case UInt8(ascii: "["): return array(depth: depth)
    case UInt8(ascii: "\""): return string().map { .string($0) }
    case UInt8(ascii: "t"): return skip(word: "true") ? .boolean(true) : nil
    case UInt8(ascii: "f"): return skip(word: "false") ? .boolean(false) : nil
    case UInt8(ascii: "n"): return skip(word: "null") ? .null : nil
    default: return number()
    }
  }

  private mutating func object(depth: Int) -> JSONValue? {
    index += 1
    var members: [JSONValue.Member] = []
    if skip(UInt8(ascii: "}")) { return .object(members) }
    repeat {
      skipSpace()
      guard index < text.count, text[index] == UInt8(ascii: "\""), let name = string(), skip(UInt8(ascii: ":")),
        let value = value(depth: depth + 1)
      else { return nil }
      members.append(JSONValue.Member(name, value))
    } while skip(UInt8(ascii: ","))
    return skip(UInt8(ascii: "}")) ? .object(members) : nil
  }

  private mutating func array(depth: Int) -> JSONValue? {
    index += 1
    var elements: [JSONValue] = []
    if skip(UInt8(ascii: "]")) { return .array(elements) }
    repeat {
      guard let value = value(depth: depth + 1) else { return nil }
      elements.append(value)
    } while skip(UInt8(ascii: ","))
    return skip(UInt8(ascii: "]")) ? .array(elements) : nil
  }

  private mutating func number() -> JSONValue? {
    let start = index
    var isInteger = true
    while index < text.count {
      switch text[index] {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"): break
      case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): isInteger = false
      default:
        return Self.number(String(decoding: text[start..<index], as: UTF8.self), isInteger: isInteger)
      }
      index += 1
    }
    return Self.number(String(decoding: text[start..<index], as: UTF8.self), isInteger: isInteger)
  }

  private static func number(_ digits: String, isInteger: Bool) -> JSONValue? {
    if isInteger, let value = Int64(digits) { return .integer(value) }
    return Double(digits).map { .number($0) }
  }

  private mutating func string() -> String? {
    index += 1
    let start = index
    while index < text.count, text[index] != UInt8(ascii: "\""), text[index] != UInt8(ascii: "\\") { index += 1 }
    guard index < text.count else { return nil }
    if text[index] == UInt8(ascii: "\"") {
      defer { index += 1 }
      return String(decoding: text[start..<index], as: UTF8.self)
    }
    var bytes = Array(text[start..<index])
    while index < text.count {
      let byte = text[index]
      index += 1
      if byte == UInt8(ascii: "\"") { return String(decoding: bytes, as: UTF8.self) }
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      guard index < text.count else { return nil }
      let escape = text[index]
      index += 1
      switch escape {
      case UInt8(ascii: "n"): bytes.append(0x0A)
      case UInt8(ascii: "r"): bytes.append(0x0D)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "b"): bytes.append(0x08)
      case UInt8(ascii: "f"): bytes.append(0x0C)
      case UInt8(ascii: "u"):
        guard let scalar = scalar() else { return nil }
        bytes.append(contentsOf: String(Character(scalar)).utf8)
      default: bytes.append(escape)
      }
    }
    return nil
  }

  private mutating func unit() -> UInt32? {
    guard text.count - index >= 4,
      let bytes = Hexadecimal.decode(String(decoding: text[index..<index + 4], as: UTF8.self))
    else { return nil }
    index += 4
    return UInt32(bytes[0]) << 8 | UInt32(bytes[1])
  }

  /// The scalar of a `\u` escape, or of two that are a surrogate pair.
  private mutating func scalar() -> Unicode.Scalar? {
    guard let first = unit() else { return nil }
    guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
    guard skip(word: "\\u"), let second = unit(), (0xDC00..<0xE000).contains(second) else { return nil }
    return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
  }
}

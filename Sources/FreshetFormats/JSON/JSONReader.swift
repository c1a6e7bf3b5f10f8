import FreshetModel

/// Reads JSON (RFC 8259) from bytes, value by value, so that a caller holds one value at a time.
///
/// Nesting beyond `FormatLimits.jsonDepth` is refused; recursion is bounded by it.
public struct JSONReader {
  /// What is wrong with the bytes.
  public enum Problem: Error {
    /// Not JSON, at this offset.
    case malformed(at: Int)
    /// Nested beyond the limit.
    case tooDeep
  }

  private let bytes: UnsafeBufferPointer<UInt8>
  /// The offset of the next byte.
  public private(set) var position: Int

  /// Reads from an offset of bytes that outlive the reader.
  public init(_ bytes: UnsafeBufferPointer<UInt8>, at position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  /// The one value that the bytes hold.
  /// - Throws: `Problem`.
  public static func value(_ bytes: [UInt8]) throws -> JSONValue {
    try bytes.withUnsafeBufferPointer { buffer in
      var reader = JSONReader(buffer)
      let value = try reader.value()
      guard reader.isAtEnd() else { throw Problem.malformed(at: reader.position) }
      return value
    }
  }

  /// Skips white space and tells whether nothing else is left.
  public mutating func isAtEnd() -> Bool {
    skipSpace()
    return position == bytes.count
  }

  /// The next byte that is not white space, without reading it; 0 at the end.
  public mutating func peek() -> UInt8 {
    skipSpace()
    return position < bytes.count ? bytes[position] : 0
  }

  /// Reads the byte if it comes next.
  public mutating func skip(_ byte: UInt8) -> Bool {
    guard peek() == byte, position < bytes.count else { return false }
    position += 1
    return true
  }

  /// Reads the next value.
  /// - Throws: `Problem`.
  public mutating func value(depth: Int = 0) throws -> JSONValue {
    guard depth < FormatLimits.jsonDepth else { throw Problem.tooDeep }
    switch peek() {
    case UInt8(ascii: "{"):
      position += 1
      var members: [JSONValue.Member] = []
      if skip(UInt8(ascii: "}")) { return .object(members) }
      repeat {
        guard peek() == UInt8(ascii: "\"") else { throw malformed }
        let name = try string()
        guard skip(UInt8(ascii: ":")) else { throw malformed }
        members.append(JSONValue.Member(name, try value(depth: depth + 1)))
      } while skip(UInt8(ascii: ","))
      guard skip(UInt8(ascii: "}")) else { throw malformed }
      return .object(members)
    case UInt8(ascii: "["):
      position += 1
      var values: [JSONValue] = []
      if skip(UInt8(ascii: "]")) { return .array(values) }
      repeat { values.append(try value(depth: depth + 1)) } while skip(UInt8(ascii: ","))
      guard skip(UInt8(ascii: "]")) else { throw malformed }
      return .array(values)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .boolean(true))
    case UInt8(ascii: "f"): return try literal("false", .boolean(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: return try number()
    }
  }

  /// Goes to the first element of the array at a path of member names, from an object that comes next.
  ///
  /// Of names that stand twice the first counts; what comes before the array is checked, what follows is not.
  /// - Returns: whether there is such an array.
  /// - Throws: `Problem`.
  public mutating func enterArray(at path: some Swift.Collection<Substring>) throws -> Bool {
    guard let name = path.first else { return skip(UInt8(ascii: "[")) }
    guard skip(UInt8(ascii: "{")), peek() == UInt8(ascii: "\"") else { return false }
    repeat {
      guard peek() == UInt8(ascii: "\"") else { throw malformed }
      let found = try string()
      guard skip(UInt8(ascii: ":")) else { throw malformed }
      if found == name { return try enterArray(at: path.dropFirst()) }
      _ = try value(depth: 1)
    } while skip(UInt8(ascii: ","))
    return false
  }

  private var malformed: Problem { .malformed(at: position) }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func literal(_ text: StaticString, _ value: JSONValue) throws -> JSONValue {
    let length = text.utf8CodeUnitCount
    guard position + length <= bytes.count,
      (0..<length).allSatisfy({ bytes[position + $0] == text.utf8Start[$0] })
    else { throw malformed }
    position += length
    return value
  }

  private mutating func number() throws -> JSONValue {
    let start = position
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) { guard digits() > 0 else { throw malformed } }
    var isInteger = true
    if take(UInt8(ascii: ".")) {
      isInteger = false
      guard digits() > 0 else { throw malformed }
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isInteger = false
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      guard digits() > 0 else { throw malformed }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let integer = Int64(text) { return .integer(integer) }
    guard let number = Double(text) else { throw malformed }
    return .number(number)
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func digits() -> Int {
    let start = position
    while position < bytes.count, bytes[position] >= 0x30, bytes[position] <= 0x39 { position += 1 }
    return position - start
  }

  private mutating func string() throws -> String {
    position += 1
    let start = position
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        defer { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
      case UInt8(ascii: "\\"): return try escapedString(from: start)
      case 0..<0x20: throw malformed
      default: position += 1
      }
    }
    throw malformed
  }

  private mutating func escapedString(from start: Int) throws -> String {
    var text = Array(bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): try escape(into: &text)
      case 0..<0x20: throw malformed
      default: text.append(byte)
      }
    }
    throw malformed
  }

  private mutating func escape(into text: inout [UInt8]) throws {
    guard position < bytes.count else { throw malformed }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if code & 0xFC00 == 0xD800, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
        bytes[position + 1] == UInt8(ascii: "u")
      {
        let mark = position
        position += 2
        let low = try hexadecimal()
        if low & 0xFC00 == 0xDC00 {
          code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        } else {
          position = mark
        }
      }
      // A lone surrogate stands for nothing.
      let scalar = Unicode.Scalar(code) ?? "\u{FFFD}"
      text.append(contentsOf: String(scalar).utf8)
    default: throw malformed
    }
  }

  private mutating func hexadecimal() throws -> UInt32 {
    guard position + 4 <= bytes.count else { throw malformed }
    var code: UInt32 = 0
    for byte in bytes[position..<position + 4] {
      switch byte {
      case 0x30...0x39: code = code << 4 | UInt32(byte - 0x30)
      case 0x41...0x46: code = code << 4 | UInt32(byte - 0x41 + 10)
      case 0x61...0x66: code = code << 4 | UInt32(byte - 0x61 + 10)
      default: throw malformed
      }
    }
    position += 4
    return code
  }
}

import FreshetModel

/// Reads JSON (RFC 8259) from bytes; fast enough for a tokenizer's vocabulary at every start.
///
/// Strings are kept byte for byte: two names that Unicode holds to be equivalent stay two.
struct JSONReader {
  /// Nesting above which a file is refused.
  static let maximumDepth = 64

  /// What is wrong, and where in the bytes.
  struct Malformed: Error {
    var offset: Int
  }

  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0

  /// The value that the bytes hold.
  static func value(of bytes: [UInt8]) throws(Malformed) -> JSONValue {
    let result: Result<JSONValue, Malformed> = bytes.withUnsafeBufferPointer { buffer in
      Result { () throws(Malformed) in
        var reader = JSONReader(bytes: buffer)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.position == buffer.count else { throw Malformed(offset: reader.position) }
        return value
      }
    }
    return try result.get()
  }

  private init(bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
  }

  private mutating func next() throws(Malformed) -> UInt8 {
    guard position < bytes.count else { throw Malformed(offset: position) }
    position += 1
    return bytes[position - 1]
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ text: StaticString) throws(Malformed) {
    for index in 0..<text.utf8CodeUnitCount where try next() != text.utf8Start[index] {
      throw Malformed(offset: position - 1)
    }
  }

  private mutating func value(depth: Int) throws(Malformed) -> JSONValue {
    guard depth < Self.maximumDepth else { throw Malformed(offset: position) }
    skipSpace()
    guard position < bytes.count else { throw Malformed(offset: position) }
    switch bytes[position] {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"):
      try expect("true")
      return .boolean(true)
    case UInt8(ascii: "f"):
      try expect("false")
      return .boolean(false)
    case UInt8(ascii: "n"):
      try expect("null")
      return .null
    default: return try number()
    }
  }

  private mutating func object(depth: Int) throws(Malformed) -> JSONValue {
    position += 1
    var members: [JSONValue.Member] = []
    if take(UInt8(ascii: "}")) { return .object(members) }
    repeat {
      skipSpace()
      let name = try string()
      guard take(UInt8(ascii: ":")) else { throw Malformed(offset: position) }
      members.append(.init(name, try value(depth: depth + 1)))
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else { throw Malformed(offset: position) }
    return .object(members)
  }

  private mutating func array(depth: Int) throws(Malformed) -> JSONValue {
    position += 1
    var values: [JSONValue] = []
    if take(UInt8(ascii: "]")) { return .array(values) }
    repeat { values.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw Malformed(offset: position) }
    return .array(values)
  }

  private mutating func number() throws(Malformed) -> JSONValue {
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      guard byte >= 0x30 && byte <= 0x39 || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte) else { break }
      position += 1
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if let integer = Int64(text) { return .integer(integer) }
    guard let number = Double(text), number.isFinite else { throw Malformed(offset: start) }
    return .number(number)
  }

  private mutating func string() throws(Malformed) -> String {
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw Malformed(offset: position) }
    position += 1
    let start = position
    while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\") {
      position += 1
    }
    var text = String(decoding: bytes[start..<position], as: UTF8.self)
    while true {
      let byte = try next()
      if byte == UInt8(ascii: "\"") { return text }
      guard byte == UInt8(ascii: "\\") else { throw Malformed(offset: position - 1) }
      text.unicodeScalars.append(try escape())
      let start = position
      while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\") {
        position += 1
      }
      text += String(decoding: bytes[start..<position], as: UTF8.self)
    }
  }

  private mutating func escape() throws(Malformed) -> Unicode.Scalar {
    switch try next() {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let unit = try fourDigits()
      if let scalar = Unicode.Scalar(unit) { return scalar }
      // A lone surrogate is no scalar; it reads as the replacement character.
      guard unit < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
        bytes[position + 1] == UInt8(ascii: "u")
      else { return "\u{FFFD}" }
      position += 2
      let low = try fourDigits()
      guard low >= 0xDC00, low < 0xE000 else { return "\u{FFFD}" }
      return Unicode.Scalar(0x1_0000 + (unit - 0xD800) << 10 + (low - 0xDC00)) ?? "\u{FFFD}"
    default: throw Malformed(offset: position - 1)
    }
  }

  private mutating func fourDigits() throws(Malformed) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      let byte = try next()
      switch byte {
      case 0x30...0x39: unit = unit << 4 | UInt32(byte - 0x30)
      case 0x41...0x46: unit = unit << 4 | UInt32(byte - 0x41 + 10)
      case 0x61...0x66: unit = unit << 4 | UInt32(byte - 0x61 + 10)
      default: throw Malformed(offset: position - 1)
      }
    }
    return unit
  }
}

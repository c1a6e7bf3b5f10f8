import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The part of an answer of `POST /v1/embeddings` that matters, read without building a tree of it.
struct EmbeddingResponse {
  /// Vectors by their `index`, or in the order of the list when they have none.
  var vectors: [Int: [Float]] = [:]
  /// `usage.prompt_tokens` or `usage.total_tokens`.
  var tokens: Int?
  /// `error.code` or `error.type`, when it is a plain word: anything longer could hold a text or a key.
  var errorWord: String?

  /// - Throws: `Malformed` when it is not JSON of the expected shape.
  init(_ body: [UInt8]) throws {
    var reader = Reader(bytes: body + [0])
    try reader.object { name, reader in
      switch name {
      case "data": try readData(&reader)
      case "usage" where try reader.peek() == UInt8(ascii: "{"): try readUsage(&reader)
      case "error" where try reader.peek() == UInt8(ascii: "{"): try readError(&reader)
      default: try reader.skip()
      }
    }
    try reader.end()
  }

  struct Malformed: Error {}

  private mutating func readData(_ reader: inout Reader) throws {
    var position = 0
    try reader.array { reader in
      var vector: [Float]?
      var index: Int?
      try reader.object { name, reader in
        switch name {
        case "embedding":
          vector =
            try reader.peek() == UInt8(ascii: "\"") ? Self.decode(try reader.rawString()) : try reader.numbers()
        case "index": index = Int(exactly: try reader.number())
        default: try reader.skip()
        }
      }
      guard let vector, vectors.updateValue(vector, forKey: index ?? position) == nil else { throw Malformed() }
      position += 1
    }
  }

  private mutating func readUsage(_ reader: inout Reader) throws {
    try reader.object { name, reader in
      guard name == "prompt_tokens" || name == "total_tokens", try reader.peek() != UInt8(ascii: "n") else {
        return try reader.skip()
      }
      let value = Int(exactly: try reader.number())
      if tokens == nil || name == "prompt_tokens" { tokens = value }
    }
  }

  private mutating func readError(_ reader: inout Reader) throws {
    try reader.object { name, reader in
      guard name == "code" || name == "type", try reader.peek() == UInt8(ascii: "\"") else { return try reader.skip() }
      let word = try reader.rawString()
      let isPlain = word.count <= 50 && word.allSatisfy { $0 == 0x5F || (0x61...0x7A).contains($0) }
      if isPlain, !word.isEmpty { errorWord = String(decoding: word, as: UTF8.self) }
    }
  }

  /// Little-endian 32-bit floats in base64 (RFC 4648 § 4).
  private static func decode(_ text: ArraySlice<UInt8>) throws -> [Float] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var bits: UInt32 = 0
    var count = 0
    for character in text where character != UInt8(ascii: "=") && character != UInt8(ascii: "\\") {
      let value: UInt8
      switch character {
      case 0x41...0x5A: value = character - 0x41
      case 0x61...0x7A: value = character - 0x61 + 26
      case 0x30...0x39: value = character - 0x30 + 52
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      default: throw Malformed()
      }
      bits = bits << 6 | UInt32(value)
      count += 1
      guard count == 4 else { continue }
      bytes += [
        UInt8(truncatingIfNeeded: bits >> 16), UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits),
      ]
      (bits, count) = (0, 0)
    }
    if count == 2 { bytes.append(UInt8(truncatingIfNeeded: bits >> 4)) }
    if count == 3 { bytes += [UInt8(truncatingIfNeeded: bits >> 10), UInt8(truncatingIfNeeded: bits >> 2)] }
    guard count != 1, bytes.count.isMultiple(of: 4) else { throw Malformed() }
    return bytes.withUnsafeBytes { raw in
      stride(from: 0, to: raw.count, by: 4).map {
        Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: $0, as: UInt32.self)))
      }
    }
  }
}

extension EmbeddingResponse {
  /// Goes through JSON (RFC 8259) byte by byte; depth is bounded, strings are not decoded.
  struct Reader {
    static let maximumDepth = 32

    /// The text and a zero byte, at which every step stops.
    let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    init(bytes: [UInt8]) {
      self.bytes = bytes
    }

    /// The next byte that is no white space.
    mutating func peek() throws -> UInt8 {
      while [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
      return bytes[position]
    }

    mutating func end() throws {
      guard try peek() == 0, position == bytes.count - 1 else { throw Malformed() }
    }

    mutating func object(_ member: (String, inout Reader) throws -> Void) throws {
      try list(UInt8(ascii: "{"), UInt8(ascii: "}")) { reader in
        guard try reader.peek() == UInt8(ascii: "\"") else { throw Malformed() }
        let name = String(decoding: try reader.rawString(), as: UTF8.self)
        try reader.take(UInt8(ascii: ":"))
        try member(name, &reader)
      }
    }

    mutating func array(_ element: (inout Reader) throws -> Void) throws {
      try list(UInt8(ascii: "["), UInt8(ascii: "]"), element)
    }

    private mutating func list(_ open: UInt8, _ close: UInt8, _ element: (inout Reader) throws -> Void) throws {
      try take(open)
      depth += 1
      guard depth <= Self.maximumDepth else { throw Malformed() }
      defer { depth -= 1 }
      if try peek() == close { return try take(close) }
      while true {
        try element(&self)
        if try peek() == close { return try take(close) }
        try take(UInt8(ascii: ","))
      }
    }

    private mutating func take(_ byte: UInt8) throws {
      guard try peek() == byte else { throw Malformed() }
      position += 1
    }

    /// A string's bytes between the quotes, escapes left as they are.
    mutating func rawString() throws -> ArraySlice<UInt8> {
      try take(UInt8(ascii: "\""))
      let start = position
      while bytes[position] != UInt8(ascii: "\"") {
        guard bytes[position] >= 0x20 else { throw Malformed() }
        position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        guard position < bytes.count else { throw Malformed() }
      }
      position += 1
      return bytes[start..<position - 1]
    }

    mutating func number() throws -> Double {
      let first = try peek()
      guard first == UInt8(ascii: "-") || (0x30...0x39).contains(first) else { throw Malformed() }
      let start = position
      let (value, length) = bytes.withUnsafeBytes { raw -> (Double, Int) in
        guard let base = raw.baseAddress?.assumingMemoryBound(to: CChar.self) else { return (0, 0) }
        var end: UnsafeMutablePointer<CChar>?
        // The zero byte at the end stops it.
        let value = strtod(base + start, &end)
        return (value, end.map { UnsafePointer($0) - (base + start) } ?? 0)
      }
      guard length > 0, value.isFinite else { throw Malformed() }
      position += length
      return value
    }

    mutating func numbers() throws -> [Float] {
      var values: [Float] = []
      try array { values.append(Float(try $0.number())) }
      return values
    }

    mutating func skip() throws {
      switch try peek() {
      case UInt8(ascii: "{"): try object { try $1.skip() }
      case UInt8(ascii: "["): try array { try $0.skip() }
      case UInt8(ascii: "\""): _ = try rawString()
      case UInt8(ascii: "t"): try word("true")
      case UInt8(ascii: "f"): try word("false")
      case UInt8(ascii: "n"): try word("null")
      default: _ = try number()
      }
    }

    private mutating func word(_ text: String) throws {
      for byte in text.utf8 {
        guard bytes[position] == byte else { throw Malformed() }
        position += 1
      }
    }
  }
}

import FreshetModel

/// Text as every parser takes it: valid UTF-8, `\n` line ends, no byte order mark, no NUL.
public struct DecodedText: Sendable {
  /// The text.
  public var bytes: [UInt8]
  /// The encoding that it came in, as the IANA names it.
  public var encoding: String
  /// How many invalid sequences became U+FFFD.
  public var replaced: Int

  /// Describes a text.
  public init(bytes: [UInt8], encoding: String, replaced: Int) {
    self.bytes = bytes
    self.encoding = encoding
    self.replaced = replaced
  }
}

/// Turns bytes of Unicode encodings into text; older encodings need a detector (`FreshetMarkup`).
public enum TextDecoder {
  /// The text of UTF-8 (also with a few invalid bytes), UTF-16 and UTF-32; `nil` when the bytes are in an older
  /// encoding.
  ///
  /// Bytes that are clean already are handed back without a copy.
  /// - Throws: `FreshetError` with `unsupported_type` for binary data.
  public static func decode(_ bytes: [UInt8]) throws -> DecodedText? {
    if let text = bytes.withUnsafeBytes({ decodeMarked($0) }) { return text }
    let scan = bytes.withUnsafeBytes { UTF8Scan($0) }
    if scan.zeros > 0 {
      if let text = bytes.withUnsafeBytes({ decodeUnmarkedWide($0) }) { return text }
      try refuseBinary(bytes, zeros: scan.zeros)
    }
    if scan.isValid, !scan.hasCarriageReturn, scan.zeros == 0 {
      return DecodedText(bytes: bytes, encoding: "UTF-8", replaced: 0)
    }
    // Mostly UTF-8 with some damage stays UTF-8; text of an older encoding hardly forms valid sequences by chance.
    guard scan.isValid || (scan.multibyte > 0 && scan.multibyte >= scan.invalid * 2) else { return nil }
    return bytes.withUnsafeBytes { clean($0, encoding: "UTF-8") }
  }

  /// The bytes as UTF-8 whatever they are: line ends normalised, invalid sequences and NULs replaced.
  public static func clean(_ bytes: UnsafeRawBufferPointer, encoding: String) -> DecodedText {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    var replaced = 0
    var index = 0
    var pending = 0
    func flush(to end: Int) {
      if end > pending { output.append(contentsOf: bytes[pending..<end]) }
    }
    while index < bytes.count {
      let byte = bytes[index]
      if byte >= 0x80 {
        let (length, isValid) = UTF8Scan.sequence(in: bytes, at: index)
        if !isValid {
          flush(to: index)
          output.append(contentsOf: replacement)
          replaced += 1
          pending = index + length
        }
        index += length
      } else if byte == 0x0D {
        flush(to: index)
        output.append(0x0A)
        index += index + 1 < bytes.count && bytes[index + 1] == 0x0A ? 2 : 1
        pending = index
      } else if byte == 0 {
        flush(to: index)
        output.append(contentsOf: replacement)
        replaced += 1
        index += 1
        pending = index
      } else {
        index += 1
      }
    }
    flush(to: bytes.count)
    return DecodedText(bytes: output, encoding: encoding, replaced: replaced)
  }

  static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

  /// Decodes by byte order mark.
  private static func decodeMarked(_ bytes: UnsafeRawBufferPointer) -> DecodedText? {
    func starts(_ mark: [UInt8]) -> Bool { bytes.starts(with: mark) }
    if starts([0xEF, 0xBB, 0xBF]) {
      return clean(UnsafeRawBufferPointer(rebasing: bytes[3...]), encoding: "UTF-8")
    }
    if starts([0xFF, 0xFE, 0, 0]) { return wide(bytes, from: 4, unit: 4, isBig: false) }
    if starts([0, 0, 0xFE, 0xFF]) { return wide(bytes, from: 4, unit: 4, isBig: true) }
    if starts([0xFF, 0xFE]) { return wide(bytes, from: 2, unit: 2, isBig: false) }
    if starts([0xFE, 0xFF]) { return wide(bytes, from: 2, unit: 2, isBig: true) }
    return nil
  }

  /// Decodes UTF-16 without a mark, told by the NULs in one half of the units of Latin text.
  private static func decodeUnmarkedWide(_ bytes: UnsafeRawBufferPointer) -> DecodedText? {
    let sample = bytes.prefix(4096)
    guard sample.count >= 8 else { return nil }
    var even = 0
    var odd = 0
    for (offset, byte) in sample.enumerated() where byte == 0 {
      if offset & 1 == 0 { even += 1 } else { odd += 1 }
    }
    let units = sample.count / 2
    if odd * 10 >= units * 7, even * 50 <= units { return wide(bytes, from: 0, unit: 2, isBig: false) }
    if even * 10 >= units * 7, odd * 50 <= units { return wide(bytes, from: 0, unit: 2, isBig: true) }
    return nil
  }

  private static func wide(_ bytes: UnsafeRawBufferPointer, from start: Int, unit: Int, isBig: Bool) -> DecodedText {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    var replaced = 0
    func append(_ value: UInt32) {
      if value != 0, let scalar = Unicode.Scalar(value) {
        output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      } else {
        output.append(contentsOf: replacement)
        replaced += 1
      }
    }
    func value(at index: Int) -> UInt32 {
      var value: UInt32 = 0
      for offset in 0..<unit {
        value |= UInt32(bytes[index + offset]) << UInt32(8 * (isBig ? unit - 1 - offset : offset))
      }
      return value
    }
    var index = start
    while index + unit <= bytes.count {
      var code = value(at: index)
      index += unit
      if unit == 2, code & 0xFC00 == 0xD800, index + 2 <= bytes.count {
        let second = value(at: index)
        if second & 0xFC00 == 0xDC00 {
          code = 0x10000 + (code - 0xD800) << 10 + (second - 0xDC00)
          index += 2
        }
      }
      if code == 0x0D {
        if index + unit <= bytes.count, value(at: index) == 0x0A { index += unit }
        code = 0x0A
      }
      append(code)
    }
    if index < bytes.count { append(0) }
    let name = (unit == 2 ? "UTF-16" : "UTF-32") + (isBig ? "BE" : "LE")
    return DecodedText(bytes: output, encoding: name, replaced: replaced)
  }

  /// Refuses bytes with more NULs than a slip could leave.
  private static func refuseBinary(_ bytes: [UInt8], zeros: Int) throws {
    if zeros * 1000 > bytes.count || bytes.prefix(4096).contains(0) && zeros > 3 {
      throw FreshetError(
        .unsupportedType,
        "the file is binary data, not text; exclude it, or name its format under `parsers` in the configuration"
      )
    }
  }
}

import CUchardet
import FreshetFormats
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Decodes text of older encodings: the declared one, else uchardet's guess, else Windows-1252.
public final class CharsetDecoder {
  /// Encodings whose converters are loaded before the process gives up opening files.
  public static let prepared = [
    "WINDOWS-1250", "WINDOWS-1251", "WINDOWS-1252", "WINDOWS-1253", "WINDOWS-1254", "WINDOWS-1255", "WINDOWS-1256",
    "WINDOWS-1257", "WINDOWS-1258", "ISO-8859-1", "ISO-8859-2", "ISO-8859-3", "ISO-8859-4", "ISO-8859-5",
    "ISO-8859-6", "ISO-8859-7", "ISO-8859-8", "ISO-8859-9", "ISO-8859-10", "ISO-8859-11", "ISO-8859-13",
    "ISO-8859-14", "ISO-8859-15", "ISO-8859-16", "KOI8-R", "KOI8-U", "IBM852", "IBM855", "IBM866", "MACINTOSH",
    "MAC-CYRILLIC", "TIS-620", "GB18030", "GBK", "BIG5", "EUC-JP", "EUC-KR", "EUC-TW", "SHIFT_JIS", "UHC",
    "ISO-2022-JP", "ISO-2022-KR", "VISCII",
  ]

  private var converters: [String: iconv_t] = [:]

  /// Makes a decoder that loads converters as it needs them.
  public init() {}

  deinit {
    for converter in converters.values { iconv_close(converter) }
  }

  /// Loads every prepared converter.
  public func prepare() {
    for name in Self.prepared { _ = converter(name) }
  }

  /// The text of the bytes.
  /// - Parameter declared: the encoding that the document or its source names.
  /// - Throws: `FreshetError` with `unsupported_type` for binary data.
  public func decode(_ bytes: [UInt8], declared: String? = nil) throws -> DecodedText {
    if let text = try TextDecoder.decode(bytes) { return text }
    let name = declared.flatMap { converter($0) == nil ? nil : $0 } ?? detect(bytes) ?? "WINDOWS-1252"
    guard let converter = converter(name) ?? converter("WINDOWS-1252") else {
      throw FreshetError(.parserFailed, "the encoding \(name) cannot be converted on this machine; convert it to UTF-8")
    }
    return convert(bytes, with: converter, encoding: name)
  }

  /// uchardet's guess from the beginning of the bytes, starting at the first one that is not ASCII.
  private func detect(_ bytes: [UInt8]) -> String? {
    let isEncoded: (UInt8) -> Bool = { $0 >= 0x80 || $0 == 0x1B }
    guard let first = bytes.firstIndex(where: isEncoded), let detector = uchardet_new() else { return nil }
    defer { uchardet_delete(detector) }
    let start = max(0, first - 1024)
    let prefix = bytes[start..<min(bytes.count, start + FormatLimits.encodingPrefixBytes)]
    let status = prefix.withUnsafeBytes {
      uchardet_handle_data(detector, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
    }
    guard status == 0 else { return nil }
    uchardet_data_end(detector)
    guard let name = uchardet_get_charset(detector) else { return nil }
    let text = String(cString: name)
    return text.isEmpty || text == "ASCII" || converter(text) == nil ? nil : text
  }

  private func converter(_ name: String) -> iconv_t? {
    let key = name.uppercased()
    if let known = converters[key] { return known }
    guard key.utf8.count <= 40, key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }),
      let converter = iconv_open("UTF-8", key), converter != iconv_t(bitPattern: -1)
    else { return nil }
    converters[key] = converter
    return converter
  }

  private func convert(_ bytes: [UInt8], with converter: iconv_t, encoding: String) -> DecodedText {
    iconv(converter, nil, nil, nil, nil)
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count + bytes.count / 2)
    var replaced = 0
    bytes.withUnsafeBytes { input in
      var buffer = [CChar](repeating: 0, count: 32 << 10)
      var source = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: CChar.self))
      var left = input.count
      while left > 0 {
        let capacity = buffer.count
        var room = capacity
        let status = buffer.withUnsafeMutableBufferPointer { target -> Int in
          var next = target.baseAddress
          return iconv(converter, &source, &left, &next, &room)
        }
        let cause = errno
        buffer.withUnsafeBytes { output.append(contentsOf: $0[..<(capacity - room)]) }
        if status == -1, cause != E2BIG {
          // One byte that stands for nothing; at the end of the text an incomplete sequence.
          output.append(contentsOf: [0xEF, 0xBF, 0xBD])
          replaced += 1
          if cause == EINVAL { break }
          source = source.map { $0 + 1 }
          left -= 1
        }
      }
    }
    var text = output.withUnsafeBytes { TextDecoder.clean($0, encoding: encoding) }
    text.replaced += replaced
    return text
  }
}

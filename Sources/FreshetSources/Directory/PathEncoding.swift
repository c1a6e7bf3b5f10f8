/// Paths as text, so that no two paths have the same text.
///
/// **Origins.** A path is its own origin when it is valid UTF-8 and no folder's name ends with `!`. Any other has its
/// offending bytes, each `!` before a `/`, and every `%` as `%XX`: `!/` stands between a file and the name of a document in
/// it (`notes.jsonl!/7`), and in no other place. A path that looks like such a result (every `%` starts an escape, and
/// undoing the escapes gives a path that is not its own origin) has its `%` escaped once more. So what is escaped can be
/// told from what is not, and undone. `100%.md` and `really!.md` stay as they are.
public enum PathEncoding {
  /// The origin of a path; it never has a `!/`.
  public static func origin(of path: [UInt8]) -> String {
    // Most names have none of them.
    let needsCare = path.contains { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "!") || $0 >= 0x80 }
    if !needsCare { return String(decoding: path, as: UTF8.self) }
    guard isPlain(path), !isEscaped(path) else { return String(decoding: escape(path), as: UTF8.self) }
    return String(decoding: path, as: UTF8.self)
  }

  /// The path of an origin: the inverse of `origin(of:)`. The name of a document within a file stays as it is.
  public static func path(of origin: String) -> [UInt8] {
    let bytes = Array(origin.utf8)
    let end = bytes.indices.first { isMark(bytes, $0) } ?? bytes.count
    let file = Array(bytes[..<end])
    return isEscaped(file) ? (unescape(file) ?? file) + bytes[end...] : bytes
  }

  /// The `file:` URI (RFC 8089) of an absolute path.
  public static func uri(ofAbsolute path: [UInt8]) -> String {
    var text = Array("file://".utf8)
    for byte in path {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"), UInt8(ascii: "/"):
        text.append(byte)
      default: text.append(contentsOf: escaped(byte))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The absolute path of a `file:` URI without a host or with `localhost`; `nil` for anything else.
  public static func absolutePath(ofURI uri: String) -> [UInt8]? {
    var rest = Array(uri.utf8)[...]
    guard rest.starts(with: "file://".utf8) else { return nil }
    rest = rest.dropFirst(7)
    if rest.starts(with: "localhost/".utf8) { rest = rest.dropFirst(9) }
    guard rest.first == UInt8(ascii: "/") else { return nil }
    return unescape(Array(rest))
  }

  private static func isEscaped(_ text: [UInt8]) -> Bool {
    var text = text
    // Each turn makes the text shorter.
    while text.contains(UInt8(ascii: "%")), let path = unescape(text), escape(path) == text {
      if !isPlain(path) { return true }
      text = path
    }
    return false
  }

  private static func isPlain(_ path: [UInt8]) -> Bool {
    !path.indices.contains { isMark(path, $0) } && String(validating: path, as: UTF8.self) != nil
  }

  /// Whether `!/` stands there.
  private static func isMark(_ bytes: [UInt8], _ index: Int) -> Bool {
    bytes[index] == UInt8(ascii: "!") && index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "/")
  }

  /// Invalid bytes, `!` before `/`, and `%` as `%XX`.
  private static func escape(_ path: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(path.count + 16)
    var index = 0
    while index < path.count {
      let length = sequenceLength(path, index)
      if length == 0 || path[index] == UInt8(ascii: "%") || isMark(path, index) {
        text.append(contentsOf: escaped(path[index]))
        index += 1
      } else {
        text.append(contentsOf: path[index..<index + length])
        index += length
      }
    }
    return text
  }

  /// The length of the well-formed sequence that starts here; 0 when none does (Unicode, table 3-7).
  private static func sequenceLength(_ bytes: [UInt8], _ index: Int) -> Int {
    let (length, second): (Int, ClosedRange<UInt8>)
    switch bytes[index] {
    case 0x00...0x7F: return 1
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xE1...0xEC, 0xEE, 0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: return 0
    }
    guard index + length <= bytes.count, second.contains(bytes[index + 1]) else { return 0 }
    for next in bytes[(index + 2)..<max(index + 2, index + length)] where next & 0xC0 != 0x80 { return 0 }
    return length
  }

  private static func escaped(_ byte: UInt8) -> [UInt8] {
    [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)]
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
  }

  private static func unescape(_ text: [UInt8]) -> [UInt8]? {
    var path: [UInt8] = []
    path.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      if text[index] == UInt8(ascii: "%") {
        guard index + 2 < text.count, let high = value(text[index + 1]), let low = value(text[index + 2]) else {
          return nil
        }
        path.append(high << 4 | low)
        index += 3
      } else {
        path.append(text[index])
        index += 1
      }
    }
    return path
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}

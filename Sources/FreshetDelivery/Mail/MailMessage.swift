import FreshetModel
import FreshetSystem

/// A message of text (RFC 5322, RFC 2045), whose header fields nothing in a subject or name can add to.
struct MailMessage {
  var from: String
  var to: [String]
  var subject: String
  /// Lines of the text.
  var lines: [String]
  /// The part of `Message-ID` before the `@`.
  var identity: String
  var at: Timestamp

  /// Base64 digits of an encoded body's line (RFC 2045 § 6.8).
  private static let lineLength = 76

  /// The message with CRLF line ends.
  var bytes: [UInt8] {
    let domain = from.split(separator: "@").last.map(String.init) ?? "localhost"
    var text = ""
    for (name, value) in [
      ("From", from), ("To", to.joined(separator: ",\r\n ")), ("Subject", Self.encoded(subject)),
      ("Date", Self.date(at)), ("Message-ID", "<\(identity)@\(domain)>"), ("Auto-Submitted", "auto-generated"),
      ("MIME-Version", "1.0"), ("Content-Type", "text/plain; charset=utf-8"),
      ("Content-Transfer-Encoding", "base64"),
    ] {
      text += "\(name): \(value)\r\n"
    }
    text += "\r\n"
    let body = lines.map { $0 + "\r\n" }.joined()
    var digits = Base64.encode(Array(body.utf8))[...]
    while !digits.isEmpty {
      text += digits.prefix(Self.lineLength) + "\r\n"
      digits = digits.dropFirst(Self.lineLength)
    }
    return Array(text.utf8)
  }

  /// A header field's text: as it is when it is printable ASCII and short, else as encoded words (RFC 2047) of whole
  /// characters, one a line.
  static func encoded(_ text: String) -> String {
    let plain = PlainName.text(text, limit: 300)
    if plain.utf8.count <= 60, plain.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), !plain.contains("=?") {
      return plain
    }
    var words: [String] = []
    var word: [UInt8] = []
    for scalar in plain.unicodeScalars {
      let bytes = Array(String(scalar).utf8)
      // 76 characters a line with the field's name, `=?UTF-8?B?` and `?=` leave 36 bytes and more.
      if word.count + bytes.count > 36 {
        words.append(Base64.encode(word))
        word = []
      }
      word += bytes
    }
    words.append(Base64.encode(word))
    return words.map { "=?UTF-8?B?\($0)?=" }.joined(separator: "\r\n ")
  }

  /// `Sat, 21 Nov 2026 14:57:36 +0000` (RFC 5322 § 3.3).
  static func date(_ at: Timestamp) -> String {
    let text = at.description
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    // 1970-01-01 was a Thursday.
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let parts = text.split(whereSeparator: { $0 == "-" || $0 == "T" || $0 == "." })
    guard parts.count >= 4, let month = Int(parts[1]), months.indices.contains(month - 1), let day = Int(parts[2])
    else {
      return text
    }
    let number = at.nanoseconds / 86_400_000_000_000 - (at.nanoseconds % 86_400_000_000_000 < 0 ? 1 : 0)
    let weekday = days[Int((number % 7 + 7) % 7)]
    return "\(weekday), \(day) \(months[month - 1]) \(parts[0]) \(parts[3]) +0000"
  }
}

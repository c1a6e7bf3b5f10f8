/// A media type as HTTP writes it: `text/html; charset=utf-8`.
struct MediaType {
  /// `text/html`, in lower case.
  var essence: String
  /// The value of the parameter `charset`.
  var charset: String?

  /// Reads a header's value; `nil` when there is none.
  init?(_ text: String?) {
    guard let text else { return nil }
    let parts = text.split(separator: ";").map { part in
      String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()).lowercased()
    }
    guard let first = parts.first, first.contains("/") else { return nil }
    essence = first
    charset = parts.dropFirst().first { $0.hasPrefix("charset=") }.map { $0.dropFirst(8).filter { $0 != "\"" } }
  }
}

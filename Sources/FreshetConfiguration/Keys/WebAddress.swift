/// What an address of a configuration must look like before anything connects to it.
enum WebAddress {
  /// Why the text is no base address (the rest of a sentence about its key), or `nil` when it is one.
  ///
  /// - Parameters:
  ///   - allowsQuery: whether the address is a whole one instead.
  ///   - credentials: the key that names the variable of what must not stand in the address.
  static func problem(
    of text: String,
    allowsQuery: Bool = false,
    credentials: String = "`embedder.api_key_env`"
  ) -> String? {
    let lowered = text.lowercased()
    guard lowered.hasPrefix("http://") || lowered.hasPrefix("https://") else {
      return "must start with `https://` or `http://`."
    }
    guard text.utf8.count <= 2000, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
      return "must be an address of printable ASCII without spaces."
    }
    let authority = text.drop { $0 != "/" }.dropFirst(2).prefix { !"/?#".contains($0) }
    guard !authority.contains("@") else {
      return "must not hold a name or password; put the key into an environment variable and name it in "
        + "\(credentials)."
    }
    guard let first = authority.first, first != ":" else { return "must name a host." }
    guard !text.contains("#"), allowsQuery || !text.contains("?") else {
      return "must not have a \(allowsQuery ? "" : "query or ")fragment."
    }
    return nil
  }

  /// The address without a name and password between `//` and `@`.
  static func withoutCredentials(_ text: String) -> String {
    guard let slashes = text.range(of: "//") else { return text }
    let authority = text[slashes.upperBound...].prefix { !"/?#".contains($0) }
    guard let at = authority.lastIndex(of: "@") else { return text }
    return String(text[..<slashes.upperBound]) + String(text[text.index(after: at)...])
  }
}

extension String {
  /// The first place of an ASCII text, without Foundation.
  fileprivate func range(of needle: String) -> Range<String.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
      start = index(after: start)
    }
    return nil
  }
}

import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where the helper's program is.
enum HelperLocation {
  /// Beside the running program, then in `../libexec/freshet`, then where `FRESHET_PARSE` says.
  /// - Throws: `FreshetError` with `parser_failed` when it is nowhere.
  static func find() throws -> String {
    var candidates: [String] = []
    if let folder = programFolder() {
      candidates.append(folder + "/freshet-parse")
      candidates.append(folder + "/../libexec/freshet/freshet-parse")
    }
    if let named = getenv("FRESHET_PARSE") { candidates.append(String(cString: named)) }
    for candidate in candidates where access(candidate, X_OK) == 0 { return candidate }
    throw FreshetError(
      .parserFailed,
      "the program freshet-parse, which parses HTML and Markdown, is missing; install it beside freshet or in "
        + "../libexec/freshet, or name it in FRESHET_PARSE (looked at \(candidates.joined(separator: ", ")))",
      // The document is well: it is tried again.
      permanence: .transient(retryAfter: nil)
    )
  }

  private static func programFolder() -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX) + 1) { buffer in
      guard let start = buffer.baseAddress else { return nil }
      let length = readlink("/proc/self/exe", start, buffer.count - 1)
      guard length > 0, length < buffer.count else { return nil }
      let path = buffer[..<length].map { UInt8(bitPattern: $0) }
      guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return nil }
      return String(decoding: path[..<slash], as: UTF8.self)
    }
  }
}

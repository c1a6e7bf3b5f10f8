import CCurl

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// An http or https address, read by libcurl itself, so that a check and the connection mean the same host.
struct HTTPAddress: Hashable {
  let scheme: String
  let host: String
  let port: Int
  let hasUser: Bool

  /// `nil` for anything but http and https, and for text that libcurl does not take. libcurl must be loaded.
  init?(_ url: String) {
    guard let scheme = Self.part(url, FRESHET_URL_SCHEME)?.lowercased(), scheme == "http" || scheme == "https",
      let host = Self.part(url, FRESHET_URL_HOST)?.lowercased(), !host.isEmpty,
      let port = Self.part(url, FRESHET_URL_PORT).flatMap({ Int($0) })
    else { return nil }
    self.scheme = scheme
    self.host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    self.port = port
    hasUser = Self.part(url, FRESHET_URL_USER) != nil
  }

  var endpoint: AddressPolicy.Endpoint { AddressPolicy.Endpoint(host: host, port: port) }
  var origin: String { "\(scheme)://\(host):\(port)" }

  /// The address as a message may show it: without user, password, query and fragment, and not too long.
  static func displayed(_ url: String) -> String {
    let plain = url.prefix { $0 != "?" && $0 != "#" }.prefix(200)
    guard let slashes = plain.firstIndex(of: "/") else { return String(plain) }
    let start = plain[slashes...].prefix { $0 == "/" }.endIndex
    let authority = plain[start...].prefix { $0 != "/" }
    guard let at = authority.lastIndex(of: "@") else { return String(plain) }
    return String(plain[..<start] + plain[plain.index(after: at)...])
  }

  private static func part(_ url: String, _ part: freshet_url_part) -> String? {
    guard let text = freshet_http_url_part(url, part) else { return nil }
    defer { free(text) }
    return String(cString: text)
  }
}

extension AddressPolicy.Endpoint {
  /// The endpoint of an http or https address; `nil` when it is none, or libcurl is not there.
  public init?(url: String) {
    guard freshet_http_load() == nil, let address = HTTPAddress(url) else { return nil }
    self = address.endpoint
  }
}

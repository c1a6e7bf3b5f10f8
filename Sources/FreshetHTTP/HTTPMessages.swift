/// What is asked of a server.
public struct HTTPRequest: Sendable {
  /// `GET`, `POST`, …
  public var method: String
  /// An absolute http or https address.
  public var url: String
  /// Header fields; `Authorization`, `Cookie` and the like do not follow a redirect to another origin.
  public var headers: [(name: String, value: String)]
  /// The body; `nil` for none.
  public var body: [UInt8]?

  /// Describes a request.
  public init(
    method: String = "GET",
    url: String,
    headers: [(name: String, value: String)] = [],
    body: [UInt8]? = nil
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
  }
}

/// What a server answered, whole.
public struct HTTPResponse: Sendable {
  /// The status code.
  public var status: Int
  /// The address that answered, after redirects.
  public var url: String
  /// Header fields in their order, names in lower case.
  public var headers: [(name: String, value: String)]
  /// The body, decoded from its transfer coding and compression.
  public var body: [UInt8]
  /// Where a redirect leads that was not followed.
  public var redirect: String?

  /// The first field of that name, given in lower case.
  public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

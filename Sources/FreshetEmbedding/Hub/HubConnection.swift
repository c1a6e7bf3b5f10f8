import FreshetFormats
import FreshetHTTP
import FreshetModel

/// Asks a hub for a repository's files, as its documented protocol has it:
///
/// - `GET {hub}/api/models/{repository}/revision/{revision}`: the commit (`sha`) and the files (`siblings`);
/// - `HEAD {hub}/{repository}/resolve/{commit}/{file}`: `X-Linked-ETag` and `X-Linked-Size` for a file in large file
///   storage, whose entity tag is its SHA-256; else `ETag`, the file's git object name, and `Content-Length`;
/// - `GET` of the same with `Range`: a part, after a redirect to where it is stored.
///
/// A token goes to the hub alone; `HTTPClient` drops it where a redirect leads elsewhere.
struct HubConnection: Sendable {
  /// A file as the hub describes it.
  struct File: Sendable {
    var size: Int
    /// SHA-256 in hexadecimal, for a file in large file storage.
    var sha256: String?
    /// The git object name (SHA-1 in hexadecimal), for any other.
    var gitObject: String?
  }

  /// Bytes of a part, and of a file that is fetched whole.
  static let partBytes = 8 << 20
  /// The longest that a part may take.
  static let partTimeout = Duration.seconds(300)
  private static let maximumRedirects = 5

  let address: HubAddress
  private let client: HTTPClient
  /// Follows no redirect: what it leads to does not have the hub's header fields.
  private let direct: HTTPClient
  private let token: String?
  private let retry: RetryPolicy

  init(_ address: HubAddress, environment: [String: String], retry: RetryPolicy) {
    self.address = address
    self.retry = retry
    token = address.takesToken ? environment["HF_TOKEN"].flatMap { $0.isEmpty ? nil : $0 } : nil
    // Another hub than the public one was named by the user, in the call or the environment.
    let endpoint = AddressPolicy.Endpoint(url: address.endpoint + "/")
    let trusted = address.endpoint == HubAddress.defaultEndpoint ? [] : [endpoint].compactMap { $0 }
    var limits = HTTPLimits()
    limits.timeout = Self.partTimeout
    limits.maximumBodyBytes = Self.partBytes
    limits.maximumRedirects = Self.maximumRedirects
    client = HTTPClient(policy: AddressPolicy(trusted: Set(trusted)), limits: limits)
    limits.maximumRedirects = 0
    direct = HTTPClient(policy: AddressPolicy(trusted: Set(trusted)), limits: limits)
  }

  /// The commit that the revision is, its files, and the licence when it says one.
  func revision() async throws -> (commit: String, files: Set<String>, licence: String?) {
    let response = try await send(client, HTTPRequest(url: address.descriptionURL))
    try check(response, "model \(address.repository) at \(address.revision)")
    guard let description = try? JSONReader.value(response.body), let commit = description["sha"]?.text,
      commit.utf8.count == 40, commit.utf8.allSatisfy(Self.isHexadecimal),
      case .array(let siblings)? = description["siblings"]
    else { throw failure("the hub's description of the model makes no sense; is this a model hub?") }
    return (commit, Set(siblings.compactMap { $0["rfilename"]?.text }), description["cardData"]?["license"]?.text)
  }

  /// Size and hash of a file.
  func describe(_ path: String, commit: String) async throws -> File {
    var request = HTTPRequest(method: "HEAD", url: address.fileURL(path, commit: commit))
    for _ in 0...Self.maximumRedirects {
      let response = try await send(direct, request)
      let tag = response.header("x-linked-etag") ?? response.header("etag")
      if (300..<400).contains(response.status), response.header("x-linked-etag") == nil {
        // A repository that has moved; large files redirect with the fields that are wanted.
        guard let target = response.redirect, target.hasPrefix(address.endpoint + "/") else {
          throw failure("the hub redirects \(path) elsewhere without describing it.")
        }
        request.url = target
        continue
      }
      if response.status >= 400 { try check(response, path) }
      guard let tag,
        let size = (response.header("x-linked-size") ?? response.header("content-length")).flatMap({ Int($0) }),
        size >= 0
      else { throw failure("the hub does not say the size of \(path).") }
      let name = tag.drop { $0 == "W" || $0 == "/" }.filter { $0 != "\"" }.lowercased()
      let isHash = name.utf8.allSatisfy(Self.isHexadecimal)
      return File(
        size: size,
        sha256: isHash && name.utf8.count == 64 ? name : nil,
        gitObject: isHash && name.utf8.count == 40 ? name : nil
      )
    }
    throw failure("the hub redirects \(path) more than \(Self.maximumRedirects) times.")
  }

  /// A part of a file, exactly of that range.
  func bytes(_ range: Range<Int>, of path: String, size: Int, commit: String) async throws -> [UInt8] {
    guard !range.isEmpty else { return [] }
    var request = HTTPRequest(url: address.fileURL(path, commit: commit))
    request.headers.append(("Range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)"))
    let response = try await send(client, request) { response in
      switch response.status {
      case 206: response.body.count == range.count
      case 200: response.body.count == size
      default: true
      }
    }
    try check(response, path)
    if response.status == 206 {
      let field = response.header("content-range")?.split(separator: "/").first.map(String.init)
      guard field == "bytes \(range.lowerBound)-\(range.upperBound - 1)" else {
        throw failure("the server sent another part of \(path) than was asked for.")
      }
      return response.body
    }
    // A server may send the whole for a part (RFC 9110 § 14.2).
    return Array(response.body[range])
  }

  /// One request with its retries. The server's own words are not shown.
  private func send(
    _ client: HTTPClient,
    _ request: HTTPRequest,
    isComplete: (HTTPResponse) -> Bool = { _ in true }
  ) async throws -> HTTPResponse {
    var request = request
    // Compressed bodies have other sizes than files.
    request.headers += [("Accept-Encoding", "identity"), ("User-Agent", "freshet")]
    if let token { request.headers.append(("Authorization", "Bearer \(token)")) }
    var attempt = 1
    while true {
      do {
        let response = try await client.send(request)
        if response.status == 429 || response.status >= 500 {
          throw failure(
            "the hub answers with status \(response.status); try again later.",
            .transient(retryAfter: RetryAfter.duration(response.header("retry-after")))
          )
        }
        guard isComplete(response) else { throw failure("an answer is incomplete.", .transient(retryAfter: nil)) }
        return response
      } catch let error as FreshetError {
        guard let delay = retry.delay(before: attempt, after: error, jitter: .random(in: 0...1)) else { throw error }
        try await Task.sleep(for: delay)
        attempt += 1
      }
    }
  }

  private func check(_ response: HTTPResponse, _ what: String) throws {
    switch response.status {
    case 200, 206: return
    case 401, 403:
      throw failure(
        "the hub does not give \(what) (status \(response.status)); check the name, and if the model needs permission, "
          + "accept its conditions on its page and put a token into HF_TOKEN"
      )
    case 404:
      throw FreshetError(.notFound, "the hub has no \(what); check the name and the revision", path: address.endpoint)
    default: throw failure("the hub answers with status \(response.status) for \(what).")
    }
  }

  private func failure(
    _ message: String,
    _ permanence: FreshetError.Permanence = .permanent
  ) -> FreshetError {
    FreshetError(.network, message, path: address.endpoint, permanence: permanence)
  }

  static func isHexadecimal(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }
}

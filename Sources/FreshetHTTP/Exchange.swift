import CCurl
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// One request and its answer on one slot: used by one thread, from its start to its end.
final class Exchange {
  private let policy: AddressPolicy
  private let limits: HTTPLimits
  private let endpoint: AddressPolicy.Endpoint
  private var headers: [(name: String, value: String)] = []
  private var headerBytes = 0
  private var body: [UInt8] = []
  private var hasRefusedAddress = false
  private var isTooLarge = false

  private init(_ policy: AddressPolicy, _ limits: HTTPLimits, _ endpoint: AddressPolicy.Endpoint) {
    self.policy = policy
    self.limits = limits
    self.endpoint = endpoint
  }

  /// Blocks until the answer is there.
  static func perform(
    _ request: HTTPRequest,
    on slot: Slot,
    policy: AddressPolicy,
    limits: HTTPLimits,
    token: CancellationToken
  ) throws -> HTTPResponse {
    let shown = HTTPAddress.displayed(request.url)
    guard let address = HTTPAddress(request.url), !request.url.utf8.contains(0) else {
      throw FreshetError(.forbiddenAddress, "only http and https addresses are called.", path: shown)
    }
    guard !address.hasUser else {
      throw FreshetError(.forbiddenAddress, "an address with a name or password is not called.", path: shown)
    }
    for header in request.headers where !isValid(header) {
      // The value is not shown: it may be a key.
      throw FreshetError(
        .invalidArgument,
        "the header field '\(header.name.prefix(50))' has control characters.",
        path: shown
      )
    }
    let exchange = Exchange(policy, limits, address.endpoint)
    try token.begin(slot)
    defer { token.end() }
    let outcome = exchange.run(request, slot)
    defer { free(outcome.redirect) }
    if token.isCancelled { throw CancellationError() }
    try exchange.check(outcome, shown)
    return HTTPResponse(
      status: outcome.status,
      url: request.url,
      headers: exchange.headers,
      body: exchange.body,
      redirect: outcome.redirect.map { String(cString: $0) }
    )
  }

  private static func isValid(_ header: (name: String, value: String)) -> Bool {
    !header.name.isEmpty && header.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
      && header.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
  }

  private func run(_ request: HTTPRequest, _ slot: Slot) -> freshet_http_outcome {
    let lines = request.headers.map { "\($0.name): \($0.value)" }
    let pointers = lines.map { strdup($0) }
    defer { pointers.forEach { free($0) } }
    var list: [UnsafePointer<CChar>?] = pointers.map { UnsafePointer($0) }
    list.append(nil)
    var callbacks = freshet_http_callbacks(
      context: Unmanaged.passUnretained(self).toOpaque(),
      allows: { context, address, size in
        guard let context, let address else { return 0 }
        return Exchange.from(context).allows(address, Int(size)) ? 1 : 0
      },
      header: { context, bytes, size in
        guard let context, let bytes else { return 0 }
        return Exchange.from(context).take(header: UnsafeRawBufferPointer(start: bytes, count: size)) ? 1 : 0
      },
      body: { context, bytes, size in
        guard let context, let bytes else { return 0 }
        return Exchange.from(context).take(body: UnsafeRawBufferPointer(start: bytes, count: size)) ? 1 : 0
      }
    )
    return request.method.withCString { method in
      request.url.withCString { url in
        list.withUnsafeBufferPointer { headers in
          (request.body ?? []).withUnsafeBufferPointer { bytes in
            // An empty array has no address, and no address means no body.
            var nothing: UInt8 = 0
            return withUnsafePointer(to: &nothing) { empty in
              var call = freshet_http_request(
                method: method,
                url: url,
                headers: headers.baseAddress,
                body: request.body == nil ? nil : UnsafeRawPointer(bytes.baseAddress ?? empty),
                body_size: bytes.count,
                connect_timeout_ms: Self.milliseconds(limits.connectTimeout),
                timeout_ms: Self.milliseconds(limits.timeout)
              )
              return withExtendedLifetime(self) { freshet_http_perform(slot.handle, &call, &callbacks) }
            }
          }
        }
      }
    }
  }

  private static func from(_ context: UnsafeMutableRawPointer) -> Exchange {
    Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
  }

  private static func milliseconds(_ duration: Duration) -> Int {
    let (seconds, attoseconds) = duration.components
    return max(1, Int(clamping: seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
  }

  private func allows(_ address: UnsafePointer<sockaddr>, _ size: Int) -> Bool {
    let family = Int32(address.pointee.sa_family)
    let isAllowed =
      (family == AF_INET || family == AF_INET6)
      && (policy.trusted.contains(endpoint) || AddressPolicy.isPublic(address, size: size))
    if !isAllowed { hasRefusedAddress = true }
    return isAllowed
  }

  private func take(header bytes: UnsafeRawBufferPointer) -> Bool {
    headerBytes += bytes.count
    guard headerBytes <= limits.maximumHeaderBytes else {
      isTooLarge = true
      return false
    }
    let line = String(decoding: bytes, as: UTF8.self)
    // A new status line (after "100 Continue") starts the fields anew.
    if line.hasPrefix("HTTP/") { headers.removeAll() }
    guard let colon = line.firstIndex(of: ":"), !line.hasPrefix("HTTP/") else { return true }
    let value = line[line.index(after: colon)...]
    headers.append((String(line[..<colon]).lowercased(), Self.trimmed(value)))
    return true
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop { $0.isWhitespace }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }

  private func take(body bytes: UnsafeRawBufferPointer) -> Bool {
    guard body.count + bytes.count <= limits.maximumBodyBytes else {
      if limits.dropsLongBodies {
        body.append(contentsOf: bytes.prefix(limits.maximumBodyBytes - body.count))
        return true
      }
      isTooLarge = true
      return false
    }
    body.append(contentsOf: bytes)
    return true
  }

  private func check(_ outcome: freshet_http_outcome, _ shown: String) throws {
    func failure(_ message: String, isTransient: Bool) -> FreshetError {
      FreshetError(
        .network,
        message,
        path: shown,
        permanence: isTransient ? .transient(retryAfter: nil) : .permanent
      )
    }
    switch outcome.result {
    case FRESHET_HTTP_DONE: return
    case FRESHET_HTTP_STOPPED where isTooLarge:
      let limit = Quantity.text(bytes: Int64(limits.maximumBodyBytes))
      throw failure("the answer is larger than \(limit), or its header fields are too long.", isTransient: false)
    case FRESHET_HTTP_UNCONNECTED where hasRefusedAddress:
      throw FreshetError(
        .forbiddenAddress,
        "the host has a private or reserved address, which Freshet calls only when a trusted configuration names it.",
        path: shown
      )
    case FRESHET_HTTP_TIMEOUT:
      throw failure("the server did not answer within \(Quantity.text(limits.timeout)).", isTransient: true)
    case FRESHET_HTTP_UNRESOLVED:
      throw failure("the host's name cannot be resolved; check the address and the network.", isTransient: true)
    case FRESHET_HTTP_UNCONNECTED:
      throw failure("the server does not take connections; is it running?", isTransient: true)
    case FRESHET_HTTP_UNTRUSTED:
      throw failure("the server's certificate does not hold: \(Self.text(outcome.reason)).", isTransient: false)
    case FRESHET_HTTP_INVALID:
      throw FreshetError(.forbiddenAddress, "only http and https addresses are called.", path: shown)
    default: throw failure("the connection broke: \(Self.text(outcome.reason)).", isTransient: true)
    }
  }

  private static func text(_ reason: UnsafePointer<CChar>?) -> String {
    reason.map { String(cString: $0) } ?? "unknown"
  }
}

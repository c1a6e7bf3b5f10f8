import CCurl
import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A server that takes mail for delivery.
public struct MailServer: Hashable, Sendable {
  /// `smtp://host:port` or, encrypted from the first byte, `smtps://host:port`.
  public var url: String
  /// Whether nothing but the greeting is said before encryption (STARTTLS; RFC 3207).
  public var isEncrypted = true
  /// Who logs in; `nil` for nobody.
  public var user: String?
  /// The password; only ever sent encrypted.
  public var password: String?
  /// A file of certificates that are trusted instead of the system's.
  public var certificateFile: String?

  /// Names a server.
  public init(url: String) {
    self.url = url
  }
}

/// Hands messages to a mail server over SMTP (RFC 5321), under an address policy, on a thread of its own.
public final class MailClient: Sendable {
  private let server: MailServer
  private let policy: AddressPolicy
  private let timeout: Duration
  private let pool = ThreadPool(name: "freshet-mail", threads: 1)

  /// Prepares a client; nothing is loaded or connected yet.
  public init(_ server: MailServer, policy: AddressPolicy = AddressPolicy(), timeout: Duration = .seconds(30)) {
    self.server = server
    self.policy = policy
    self.timeout = timeout
  }

  /// Hands a message over; returning means that the server has taken the responsibility for it.
  ///
  /// - Parameters:
  ///   - message: RFC 5322, lines ended by CRLF.
  ///   - sender: the address that failures are reported to.
  ///   - recipients: the addresses that get it.
  /// - Throws: `FreshetError` with `forbidden_address`; `network` or `delivery_failed`, transient for what may pass (the
  ///   server cannot be reached, or answers 4xx), else permanent; `CancellationError`.
  public func send(_ message: [UInt8], from sender: String, to recipients: [String]) async throws {
    let (server, policy, timeout) = (server, policy, timeout)
    let token = CancellationToken()
    try await withTaskCancellationHandler {
      try await pool.run {
        if let problem = freshet_http_load() { throw FreshetError(.network, "\(String(cString: problem)).") }
        try MailExchange(server, policy, timeout).perform(message, sender, recipients, token)
      }
    } onCancel: {
      token.cancel()
    }
  }
}

/// The parts of a mail server's address, read by libcurl itself.
public struct MailAddress: Hashable, Sendable {
  /// The server.
  public let endpoint: AddressPolicy.Endpoint
  /// Whether the connection is encrypted from its first byte.
  public let isImplicitlyEncrypted: Bool

  /// `nil` for anything but `smtp://host` and `smtps://host` with a port or none, and when libcurl is not there.
  public init?(url: String) {
    guard freshet_http_load() == nil, let scheme = Self.part(url, FRESHET_URL_SCHEME)?.lowercased(),
      scheme == "smtp" || scheme == "smtps", Self.part(url, FRESHET_URL_USER) == nil,
      let host = Self.part(url, FRESHET_URL_HOST)?.lowercased(), !host.isEmpty,
      let port = Self.part(url, FRESHET_URL_PORT).flatMap({ Int($0) }),
      ["", "/"].contains(Self.part(url, FRESHET_URL_PATH) ?? "")
    else { return nil }
    endpoint = AddressPolicy.Endpoint(
      host: host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host,
      port: port
    )
    isImplicitlyEncrypted = scheme == "smtps"
  }

  private static func part(_ url: String, _ part: freshet_url_part) -> String? {
    guard !url.utf8.contains(0), let text = freshet_http_url_part(url, part) else { return nil }
    defer { free(text) }
    return String(cString: text)
  }
}

/// One message on its way: used by one thread, from its start to its end.
private final class MailExchange {
  private let server: MailServer
  private let policy: AddressPolicy
  private let timeout: Duration
  private var endpoint: AddressPolicy.Endpoint?
  private var hasRefusedAddress = false

  init(_ server: MailServer, _ policy: AddressPolicy, _ timeout: Duration) {
    self.server = server
    self.policy = policy
    self.timeout = timeout
  }

  func perform(_ message: [UInt8], _ sender: String, _ recipients: [String], _ token: CancellationToken) throws {
    guard let address = MailAddress(url: server.url) else {
      throw FreshetError(.forbiddenAddress, "only smtp and smtps addresses, without a name or path, are called.")
    }
    guard server.isEncrypted || server.user == nil else {
      throw FreshetError(.invalidConfiguration, "a password is not sent without encryption.")
    }
    endpoint = address.endpoint
    guard let slot = Slot() else { throw FreshetError(.network, "there is not enough memory for a connection.") }
    try token.begin(slot)
    defer { token.end() }
    let outcome = run(message, sender, recipients, slot)
    if token.isCancelled { throw CancellationError() }
    try check(outcome)
  }

  private func run(_ message: [UInt8], _ sender: String, _ recipients: [String], _ slot: Slot) -> freshet_http_outcome {
    let texts = [server.url, "<\(sender)>", server.user, server.password, server.certificateFile].map { text in
      text.flatMap { strdup($0) }
    }
    let addresses = recipients.map { strdup("<\($0)>") }
    defer {
      for text in texts { free(text) }
      for address in addresses { free(address) }
    }
    var list: [UnsafePointer<CChar>?] = addresses.map { UnsafePointer($0) }
    list.append(nil)
    var callbacks = freshet_http_callbacks(
      context: Unmanaged.passUnretained(self).toOpaque(),
      allows: { context, address, size in
        guard let context, let address else { return 0 }
        return Unmanaged<MailExchange>.fromOpaque(context).takeUnretainedValue().allows(address, Int(size)) ? 1 : 0
      },
      header: nil,
      body: nil
    )
    let milliseconds = Int(clamping: timeout.components.seconds) * 1000 + 1
    return list.withUnsafeBufferPointer { list in
      message.withUnsafeBytes { bytes in
        var request = freshet_mail_request(
          url: texts[0],
          from: texts[1],
          to: list.baseAddress,
          user: texts[2],
          password: texts[3],
          is_encrypted: server.isEncrypted ? 1 : 0,
          ca_file: texts[4],
          message: bytes.baseAddress,
          message_size: bytes.count,
          connect_timeout_ms: min(milliseconds, 10_000),
          timeout_ms: milliseconds
        )
        return withExtendedLifetime(self) { freshet_mail_perform(slot.handle, &request, &callbacks) }
      }
    }
  }

  private func allows(_ address: UnsafePointer<sockaddr>, _ size: Int) -> Bool {
    let family = Int32(address.pointee.sa_family)
    let isTrusted = endpoint.map { policy.trusted.contains($0) } ?? false
    let isAllowed =
      (family == AF_INET || family == AF_INET6) && (isTrusted || AddressPolicy.isPublic(address, size: size))
    if !isAllowed { hasRefusedAddress = true }
    return isAllowed
  }

  private func check(_ outcome: freshet_http_outcome) throws {
    let reason = outcome.reason.map { String(cString: $0) } ?? "unknown"
    func failure(_ code: FreshetError.Code, _ message: String, isTransient: Bool) -> FreshetError {
      FreshetError(code, message, permanence: isTransient ? .transient(retryAfter: nil) : .permanent)
    }
    switch outcome.result {
    case FRESHET_HTTP_DONE: return
    case FRESHET_HTTP_UNCONNECTED where hasRefusedAddress:
      throw FreshetError(
        .forbiddenAddress,
        "the mail server has a private or reserved address, which Freshet calls only when a trusted configuration names it."
      )
    case FRESHET_HTTP_TIMEOUT:
      throw failure(.network, "the mail server did not answer within \(Quantity.text(timeout)).", isTransient: true)
    case FRESHET_HTTP_UNRESOLVED:
      throw failure(.network, "the mail server's name cannot be resolved; check `mail.server`.", isTransient: true)
    case FRESHET_HTTP_UNCONNECTED:
      throw failure(.network, "the mail server does not take connections; is it running?", isTransient: true)
    case FRESHET_HTTP_UNTRUSTED:
      throw failure(.network, "the mail server's certificate does not hold: \(reason).", isTransient: false)
    case FRESHET_HTTP_DENIED:
      throw failure(.deliveryFailed, "the mail server refuses the user or the password.", isTransient: false)
    case FRESHET_HTTP_UNENCRYPTED:
      throw failure(
        .deliveryFailed,
        "the mail server does not offer encryption (STARTTLS); name one that does, or set `mail.tls: none`.",
        isTransient: false
      )
    case FRESHET_HTTP_INVALID:
      throw FreshetError(.forbiddenAddress, "only smtp and smtps addresses are called.")
    default:
      // 4xx: not now; 5xx: not so (RFC 5321 § 4.2.1).
      guard outcome.status >= 400 else {
        throw failure(.network, "the connection to the mail server broke: \(reason).", isTransient: true)
      }
      throw failure(
        .deliveryFailed,
        "the mail server refuses the message with reply \(outcome.status).",
        isTransient: outcome.status < 500
      )
    }
  }
}

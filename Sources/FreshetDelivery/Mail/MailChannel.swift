import FreshetHTTP
import FreshetModel
import FreshetSystem

/// What mail is sent and where to.
public struct MailSettings: Sendable {
  /// The server that takes it.
  public var server: MailServer
  /// The sender's address.
  public var from: String
  /// The recipients' addresses.
  public var to: [String]
  /// Which events it tells.
  public var filter = EventFilter()
  /// The longest that handing a message over may take.
  public var timeout = Duration.seconds(30)
  /// Further attempts within one run.
  public var retries = 1
  /// Whether the server's name may lead to a private address. An address that is written as one needs no word.
  public var allowsPrivateAddresses = false

  /// Names server, sender and recipients.
  public init(server: MailServer, from: String, to: [String]) {
    self.server = server
    self.from = from
    self.to = to
  }
}

/// Tells events by mail: one message for all that a run brought.
public struct MailChannel: EventChannel {
  /// The name of the consumer; it has a colon, so that no program's own consumer can have it.
  public static let consumerName = "mail:server"
  /// Documents that a message names.
  static let documentsMax = 200

  public let consumer = MailChannel.consumerName
  public let kind = ConsumerKind.mail
  public let filter: EventFilter
  public let limits = EventBatchLimits(events: 10_000, bytes: 32 << 20, rows: 20_000)
  public let onLapse = LapseAnswer.skip
  public let retries: Int
  public let receiver: ContentHash?

  let settings: MailSettings
  let client: MailClient
  private let now: @Sendable () -> Timestamp

  /// Prepares mail; nothing is connected yet.
  ///
  /// - Parameter now: the time of day, for the messages' `Date`.
  /// - Throws: `FreshetError` with `invalid_configuration` for an address that is none.
  public init(
    _ settings: MailSettings,
    now: @escaping @Sendable () -> Timestamp = { SystemWallClock().now() }
  ) throws {
    guard let address = MailAddress(url: settings.server.url) else {
      throw FreshetError(
        .invalidConfiguration,
        "`mail.server` is not an smtp or smtps address, or libcurl is missing"
      )
    }
    guard !settings.to.isEmpty, ([settings.from] + settings.to).allSatisfy(Self.isAddress) else {
      throw FreshetError(.invalidConfiguration, "`mail.from` and `mail.to` must be addresses such as ops@example.com")
    }
    self.settings = settings
    self.now = now
    filter = settings.filter
    retries = settings.retries
    // The password too: a wrong one is what fails most often.
    let server = settings.server
    receiver = SHA256.digest(
      of: Array(
        """
        freshet-mail/1 \(server.url) \(server.isEncrypted) \(server.certificateFile ?? "") \(settings.from) \
        \(settings.to.joined(separator: ",")) \(settings.allowsPrivateAddresses) \(server.user ?? "") \
        \(server.password.map { SecretFingerprint.text(of: $0.utf8) } ?? "")
        """.utf8
      )
    )
    let isTrusted = settings.allowsPrivateAddresses || AddressPolicy.isLiteral(address.endpoint.host)
    client = MailClient(
      settings.server,
      policy: AddressPolicy(trusted: isTrusted ? [address.endpoint] : []),
      timeout: settings.timeout
    )
  }

  /// Whether the text is an address that can stand in an envelope and a header as it is.
  public static func isAddress(_ text: String) -> Bool {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && text.utf8.count <= 254
      && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !Array("<>()[]\\,;:\"".utf8).contains($0) }
  }

  public func send(_ batch: EventBatch) async throws {
    try await client.send(message(of: batch).bytes, from: settings.from, to: settings.to)
  }

  func message(of batch: EventBatch) -> MailMessage {
    let summary = EventSummary(batch.events)
    let name: (String) -> String = { PlainName.text($0, limit: 300) }
    let headline = summary.headline(name)
    let first = batch.events.first?.sequence ?? 0
    let last = batch.events.last?.sequence ?? 0
    return MailMessage(
      from: settings.from,
      to: settings.to,
      subject: "Freshet: " + headline,
      lines: [headline, ""] + summary.lines(limit: Self.documentsMax, name)
        + ["", "Changes \(first) to \(last) of collection \(batch.collection)."],
      identity: batch.identity(for: consumer),
      at: now()
    )
  }
}

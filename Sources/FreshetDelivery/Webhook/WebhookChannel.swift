import FreshetHTTP
import FreshetModel
import FreshetSystem

/// What a webhook is.
public struct WebhookSettings: Sendable {
  /// What a request's body is; the raw values stand in configurations.
  public enum Format: String, Sendable, CaseIterable {
    /// Standard Webhooks: every event with its fields.
    case json
    /// A message for people, as Slack's incoming webhooks take it.
    case slack
    /// A message for people, as Discord's take it.
    case discord
  }

  /// The unique name.
  public var name: String
  /// The address that requests go to.
  public var url: String
  /// What signs them; `nil` leaves them unsigned.
  public var secret: WebhookSecret?
  /// What their body is.
  public var format = Format.json
  /// Which events they tell.
  public var filter = EventFilter()
  /// Events of one request, with the format `json`.
  public var batch = 100
  /// The longest that a request may take.
  public var timeout = Duration.seconds(10)
  /// Further attempts within one run.
  public var retries = 3
  /// Whether the host's name may lead to a private address. An address that is written as one needs no word.
  public var allowsPrivateAddresses = false

  /// Names a webhook.
  public init(name: String, url: String) {
    self.name = name
    self.url = url
  }
}

/// Hands events to a webhook: a signed `POST` for each batch (Standard Webhooks 1.0), the next one after an answer of 2xx.
///
/// A request is never redirected: the body goes to the address that was trusted and to no other. Its `webhook-id` is the
/// same whenever the same batch comes again; who wants to drop duplicates whatever became of the batches' bounds looks at
/// each event's `sequence`.
public struct WebhookChannel: EventChannel {
  public let consumer: String
  public let kind = ConsumerKind.webhook
  public let filter: EventFilter
  public let limits: EventBatchLimits
  public let onLapse: LapseAnswer
  public let retries: Int
  public let receiver: ContentHash?

  let settings: WebhookSettings
  private let client: HTTPClient
  private let host: String
  private let now: @Sendable () -> Timestamp

  /// Bytes of an answer's body that are read.
  private static let answerBytesMax = 64 << 10

  /// Prepares a webhook; nothing is connected yet.
  ///
  /// - Parameter now: the time of day, for `webhook-timestamp`.
  /// - Throws: `FreshetError` with `invalid_configuration` for an address that is none.
  public init(
    _ settings: WebhookSettings,
    now: @escaping @Sendable () -> Timestamp = { SystemWallClock().now() }
  ) throws {
    guard let endpoint = AddressPolicy.Endpoint(url: settings.url) else {
      throw FreshetError(
        .invalidConfiguration,
        "the address of the webhook is not an http or https address, or libcurl is missing",
        path: "webhook \(settings.name)"
      )
    }
    self.settings = settings
    self.now = now
    consumer = Self.consumer(of: settings.name)
    filter = settings.filter
    retries = settings.retries
    receiver = SHA256.digest(
      of: Array(
        """
        freshet-webhook/1 \(settings.url) \(settings.format.rawValue) \(settings.allowsPrivateAddresses) \
        \(settings.secret?.fingerprint ?? "")
        """.utf8
      )
    )
    host = endpoint.host
    // A listing of everything mends a program's mirror; people would drown in it.
    onLapse = settings.format == .json ? .resync : .skip
    limits =
      settings.format == .json
      ? EventBatchLimits(events: settings.batch) : EventBatchLimits(events: 10_000, bytes: 32 << 20, rows: 20_000)
    var bounds = HTTPLimits()
    bounds.timeout = settings.timeout
    bounds.connectTimeout = min(settings.timeout, bounds.connectTimeout)
    bounds.maximumRedirects = 0
    bounds.maximumConcurrency = 1
    bounds.maximumBodyBytes = Self.answerBytesMax
    bounds.dropsLongBodies = true
    let isTrusted = settings.allowsPrivateAddresses || AddressPolicy.isLiteral(endpoint.host)
    client = HTTPClient(policy: AddressPolicy(trusted: isTrusted ? [endpoint] : []), limits: bounds)
  }

  /// The name of a webhook's consumer.
  public static func consumer(of name: String) -> String { "webhook:\(name)" }

  public func send(_ batch: EventBatch) async throws {
    try await post(body(of: batch), id: "msg_" + batch.identity(for: consumer))
  }

  /// Posts a body once, and sees what the receiver says.
  func post(_ body: [UInt8], id: String) async throws {
    let response: HTTPResponse
    do {
      response = try await client.send(try request(id, body))
    } catch let error as FreshetError {
      // Addresses of chats are secrets: only the host is shown.
      throw FreshetError(error.code, error.message, path: place, permanence: error.permanence)
    }
    try check(response)
  }

  private var place: String { "webhook \(settings.name) (\(host))" }

  func body(of batch: EventBatch) -> [UInt8] {
    var bytes: [UInt8] = []
    switch settings.format {
    case .json:
      let at = batch.events.last?.at ?? .epoch
      let value: JSONValue = [
        "type": "collection.changed", "timestamp": .string(at.description),
        "data": [
          "collection": .string(batch.collection.description), "webhook": .string(settings.name),
          "events": .array(batch.events.map(\.json)),
        ],
      ]
      value.write(to: &bytes)
    case .slack: ChatMessage.slack(settings.name, batch.events).write(to: &bytes)
    case .discord: ChatMessage.discord(settings.name, batch.events).write(to: &bytes)
    }
    return bytes
  }

  private func request(_ id: String, _ body: [UInt8]) throws -> HTTPRequest {
    let timestamp = now().nanoseconds / 1_000_000_000
    var headers: [(name: String, value: String)] = [
      ("Content-Type", "application/json"), ("User-Agent", "Freshet"), ("webhook-id", id),
      ("webhook-timestamp", "\(timestamp)"),
      // Without it libcurl waits for "100 Continue", which many receivers do not send.
      ("Expect", ""),
    ]
    if let secret = settings.secret {
      headers.append(("webhook-signature", try secret.signature(id: id, timestamp: timestamp, body: body)))
    }
    return HTTPRequest(method: "POST", url: settings.url, headers: headers, body: body)
  }

  /// What the receiver's status means. Its own words are not shown: they may quote what it was sent.
  private func check(_ response: HTTPResponse) throws {
    switch response.status {
    case 200..<300: return
    case 410:
      throw FreshetError(
        .receiverGone,
        "the receiver says that it is gone for good (410); correct the address, then "
          + "`freshet events consumers reset \(consumer)`",
        path: place
      )
    case 300..<400:
      throw FreshetError(
        .deliveryFailed,
        "the receiver redirects (\(response.status)) and is not followed; put the right address into `url`",
        path: place
      )
    case 408, 409, 425, 429, 500...:
      throw FreshetError(
        .deliveryFailed,
        response.status == 429
          ? "the receiver asks for fewer requests (429)" : "the receiver failed with status \(response.status)",
        path: place,
        permanence: .transient(retryAfter: RetryAfter.duration(response.header("retry-after")))
      )
    default:
      throw FreshetError(
        .deliveryFailed,
        "the receiver refuses the request with status \(response.status)",
        path: place,
        permanence: .transient(retryAfter: RetryAfter.duration(response.header("retry-after")))
      )
    }
  }
}

extension EventBatch {
  /// 32 hexadecimal digits, the same for the same batch of the same consumer.
  func identity(for consumer: String) -> String {
    var encoder = VariableLengthEncoder()
    encoder.append(bytes: "freshet-batch/1".utf8)
    encoder.append(bytes: consumer.utf8)
    encoder.append(bytes: collection.bytes)
    for cursor in [start, end] {
      switch cursor {
      case .log(let position):
        encoder.append(bytes: position.chain.bytes)
        encoder.append(signed: position.sequence)
      case .present(let resync):
        encoder.append(bytes: resync.start.chain.bytes)
        encoder.append(signed: resync.start.sequence)
        encoder.append(bytes: resync.after?.bytes ?? [])
      }
    }
    return String(SHA256.digest(of: encoder.bytes).description.prefix(32))
  }
}

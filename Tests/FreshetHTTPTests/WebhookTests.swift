import FreshetDelivery
import FreshetHTTP
import FreshetModel
import FreshetSystem
import Foundation
import Testing

@Suite(.timeLimit(.minutes(10))) struct WebhookTests {
  static let hostileNames = [
    "@everyone <!channel> <@U123> & co.md", "a`b` *bold* ~x~.md", "line\nbreak\r\nBcc: thief@example.com.md",
    "\u{202E}txt.exe\u{2066}.md", "https://evil.example/`<https://evil.example|click>`.md", "@\u{200B}here.md",
    String(repeating: "long/", count: 500) + "end.md",
  ]

  static func batch(_ origins: [String] = ["guide/keys.md"], _ kind: ChangeKind = .modified) -> EventBatch {
    let events = origins.enumerated().map { index, origin in
      CollectionEvent(
        ChangeRecord(
          sequence: Int64(index + 5),
          at: Timestamp(seconds: 1_750_000_000),
          run: RunID(high: 1, low: 1),
          kind: kind,
          document: DocumentID(high: 7, low: UInt64(index)),
          source: "docs",
          origin: origin,
          previousOrigin: nil,
          version: 2,
          contentHash: .zero,
          reason: nil,
          edition: .zero,
          chain: .zero
        ),
        metadata: ["team": "ops"],
        uri: "file:///docs/\(index)"
      )
    }
    let start = LogPosition(epoch: CollectionID(high: 2, low: 2), sequence: 4, chain: .zero)
    var end = start
    end.sequence = 4 + Int64(origins.count)
    return EventBatch(collection: CollectionID(high: 3, low: 3), start: .log(start), end: .log(end), events: events)
  }

  static func channel(_ url: String, _ change: (inout WebhookSettings) throws -> Void = { _ in }) throws
    -> WebhookChannel
  {
    var settings = WebhookSettings(name: "ops", url: url)
    settings.timeout = .seconds(5)
    try change(&settings)
    return try WebhookChannel(settings)
  }

  static func failure(_ channel: some EventChannel, _ batch: EventBatch = batch()) async -> FreshetError? {
    do {
      try await channel.send(batch)
      return nil
    } catch {
      return error as? FreshetError
    }
  }

  /// The example of the Standard Webhooks reference libraries.
  @Test func theSignatureIsThatOfStandardWebhooks() throws {
    let secret = try WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    let signature = try secret.signature(
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      timestamp: 1_614_265_330,
      body: Array(#"{"test": 2432232314}"#.utf8)
    )
    #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    #expect(throws: FreshetError.self) { try WebhookSecret("") }
    #expect(throws: FreshetError.self) { try WebhookSecret("whsec_***") }
  }

  @Test func base64IsThatOfTheStandard() {
    // RFC 4648 § 10.
    let examples = ["": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "foobar": "Zm9vYmFy"]
    for (plain, coded) in examples {
      #expect(Base64.encode(Array(plain.utf8)) == coded)
      #expect(Base64.decode(coded) == Array(plain.utf8))
    }
    let all = (0...255).map { UInt8($0) }
    #expect(Base64.encode(all) == Data(all).base64EncodedString())
    #expect(Base64.decode(Base64.encode(all)) == all)
    #expect(Base64.decode("a b") == nil)
    #expect(Base64.decode("A") == nil)
  }

  @Test func aBatchIsPostedSignedAndTheSameWhenItComesAgain() async throws {
    let server = try LocalServer { _, number in .answer(status: number == 1 ? 500 : 204) }
    defer { server.stop() }
    let secret = try WebhookSecret("a secret")
    let channel = try Self.channel(server.url + "/hook?tenant=1") { $0.secret = secret }
    #expect(await Self.failure(channel)?.isTransient == true)
    #expect(await Self.failure(channel) == nil)
    #expect(server.requests.count == 2)
    let (first, second) = (server.requests[0], server.requests[1])
    #expect(first.path == "/hook?tenant=1")
    #expect(first.body == second.body)
    #expect(first.headers["webhook-id"] == second.headers["webhook-id"])
    for request in [first, second] {
      let timestamp = try #require(Int64(request.headers["webhook-timestamp"] ?? ""))
      let id = try #require(request.headers["webhook-id"])
      #expect(
        try secret.signature(id: id, timestamp: timestamp, body: request.body) == request.headers["webhook-signature"]
      )
    }
    let body = try #require(try JSONSerialization.jsonObject(with: Data(first.body)) as? [String: Any])
    let data = try #require(body["data"] as? [String: Any])
    let event = try #require((data["events"] as? [[String: Any]])?.first)
    #expect(event["change"] as? String == "modified")
    #expect(event["sequence"] as? Int == 5)
    #expect((event["metadata"] as? [String: String]) == ["team": "ops"])
  }

  @Test func whatTheReceiverAnswersIsUnderstood() async throws {
    let other = try LocalServer { _, _ in .answer(status: 200) }
    defer { other.stop() }
    let target = other.url
    let server = try LocalServer { request, _ in
      switch request.path {
      case "/gone": .answer(status: 410)
      case "/busy": .answer(status: 429, headers: ["Retry-After": "17"])
      case "/moved": .answer(status: 307, headers: ["Location": target])
      case "/no": .answer(status: 403, body: "token abc")
      case "/long": .answer(status: 200, body: String(repeating: "x", count: 1 << 20))
      default: .hang
      }
    }
    defer { server.stop() }
    #expect(await Self.failure(try Self.channel(server.url + "/gone"))?.code == .receiverGone)
    let busy = await Self.failure(try Self.channel(server.url + "/busy"))
    guard case .transient(let retryAfter?)? = busy?.permanence else {
      Issue.record("429 is not transient: \(String(describing: busy))")
      return
    }
    #expect(retryAfter == .seconds(17))
    #expect(await Self.failure(try Self.channel(server.url + "/moved"))?.code == .deliveryFailed)
    #expect(other.requests.isEmpty)
    let refused = await Self.failure(try Self.channel(server.url + "/no"))
    #expect(refused?.code == .deliveryFailed && refused?.description.contains("abc") == false)
    #expect(await Self.failure(try Self.channel(server.url + "/long")) == nil)
    let hung = await Self.failure(try Self.channel(server.url + "/secret-path") { $0.timeout = .milliseconds(200) })
    #expect(hung?.code == .network && hung?.isTransient == true)
    #expect(hung?.description.contains("secret-path") == false)
  }

  @Test func aNameThatLeadsToAPrivateAddressNeedsAWordAndAnAddressThatIsWrittenDoesNot() async throws {
    let server = try LocalServer { _, _ in .answer(status: 200) }
    defer { server.stop() }
    let byName = "http://\(ProcessEnvironment.host):\(server.port)/"
    let refused = await Self.failure(try Self.channel(byName))
    // A machine whose own name is not known to it cannot show more.
    #expect(refused?.code == .forbiddenAddress || refused?.message.contains("resolved") == true)
    #expect(server.requests.isEmpty)
    #expect(await Self.failure(try Self.channel("http://localhost:\(server.port)/")) == nil)
    #expect(await Self.failure(try Self.channel(server.url)) == nil)
    #expect(AddressPolicy.isLiteral("fd00::1") && AddressPolicy.isLiteral("LOCALHOST"))
    #expect(!AddressPolicy.isLiteral("localhost.example") && !AddressPolicy.isLiteral("10.example"))
    let withUser = await Self.failure(try Self.channel("http://user:word@127.0.0.1:\(server.port)/"))
    #expect(withUser?.code == .forbiddenAddress)
    #expect(throws: FreshetError.self) { try Self.channel("ftp://127.0.0.1/") }
  }

  @Test(arguments: [WebhookSettings.Format.slack, .discord])
  func hostileNamesAddressNobodyAndFormatNothing(format: WebhookSettings.Format) async throws {
    let server = try LocalServer { _, _ in .answer(status: 200) }
    defer { server.stop() }
    let channel = try Self.channel(server.url) { $0.format = format }
    try await channel.send(Self.batch(Self.hostileNames, .created))
    let body = try #require(
      try JSONSerialization.jsonObject(with: Data(server.requests[0].body)) as? [String: Any]
    )
    let text = try #require(body[format == .slack ? "text" : "content"] as? String)
    #expect(!text.contains("@everyone") && !text.contains("@here") && !text.contains("\u{202E}"))
    #expect(text.count < 2000)
    // One line for each document, however its name is broken.
    #expect(text.split(separator: "\n").count == Self.hostileNames.count + 1)
    for line in text.split(separator: "\n").dropFirst() {
      #expect(line.hasPrefix("• created `") && line.hasSuffix("`"))
      #expect(line.count { $0 == "`" } == 2, "the name ends its code: \(line)")
    }
    if format == .slack {
      #expect(!text.contains("<") && !text.contains(">") && text.contains("&lt;!channel&gt;"))
    } else {
      #expect((body["allowed_mentions"] as? [String: [String]]) == ["parse": []])
    }
  }

  @Test func manyChangesAreOneMessage() async throws {
    let server = try LocalServer { _, _ in .answer(status: 200) }
    defer { server.stop() }
    let channel = try Self.channel(server.url) { $0.format = .discord }
    try await channel.send(Self.batch((0..<5000).map { "page-\($0).md" }))
    let body = try #require(
      try JSONSerialization.jsonObject(with: Data(server.requests[0].body)) as? [String: Any]
    )
    let text = try #require(body["content"] as? String)
    #expect(text.hasPrefix("**5,000 modified in `docs`**\n• modified `page-0.md`"))
    #expect(text.hasSuffix("… and 4,985 more"))
  }
}

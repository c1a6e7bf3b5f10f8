import FreshetDelivery
import FreshetHTTP
import FreshetModel
import Foundation
import Testing

/// Alerts, as webhooks and chats get them.
@Suite(.timeLimit(.minutes(10))) struct NoticeTests {
  static let hostile = "docs:@everyone <!channel> `b` *c*\nline.md: no text"

  static func notice() -> Notice {
    Notice(
      type: "alert",
      identity: "0123456789abcdef0123456789abcdef",
      title: "Alert: 10 documents failed in a row",
      lines: ["Collection /srv/docs", hostile],
      data: ["cause": "failures_in_a_row", "state": "begun", "failures": 10],
      at: Timestamp(seconds: 1_750_000_000)
    )
  }

  @Test func aNoticeIsSignedAndHasTheSameIdentityWhenItComesAgain() async throws {
    let server = try LocalServer { _, number in .answer(status: number == 1 ? 503 : 204) }
    defer { server.stop() }
    let secret = try WebhookSecret("a secret")
    let channel = try WebhookTests.channel(server.url + "/hook") { $0.secret = secret }
    let first = await #expect(throws: FreshetError.self) { try await channel.send(Self.notice()) }
    #expect(first?.isTransient == true)
    try await channel.send(Self.notice())
    #expect(server.requests.count == 2)
    for request in server.requests {
      let id = try #require(request.headers["webhook-id"])
      let timestamp = try #require(Int64(request.headers["webhook-timestamp"] ?? ""))
      #expect(id == "msg_0123456789abcdef0123456789abcdef")
      #expect(
        try secret.signature(id: id, timestamp: timestamp, body: request.body) == request.headers["webhook-signature"]
      )
      let body = try #require(try JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any])
      #expect(body["type"] as? String == "collection.alert")
      #expect((body["data"] as? [String: Any])?["failures"] as? Int == 10)
    }
  }

  @Test(arguments: [WebhookSettings.Format.slack, .discord])
  func nothingInANoticeIsMarkupOrAMention(_ format: WebhookSettings.Format) async throws {
    let server = try LocalServer { _, _ in .answer(status: 204) }
    defer { server.stop() }
    try await WebhookTests.channel(server.url + "/hook") { $0.format = format }.send(Self.notice())
    let body = try #require(
      try JSONSerialization.jsonObject(with: Data(server.requests[0].body)) as? [String: Any]
    )
    let text = try #require(body[format == .slack ? "text" : "content"] as? String)
    #expect(text.contains("10 documents failed in a row") && text.contains("/srv/docs"))
    #expect(!text.contains("@everyone") && !text.contains("`b`") && text.split(separator: "\n").count == 3, "\(text)")
    if format == .slack { #expect(!text.contains("<!channel>")) }
    if format == .discord { #expect((body["allowed_mentions"] as? [String: [String]])?["parse"] == []) }
  }

  @Test func aReceiverThatCannotBeMadeSaysWhyWithEachNotice() {
    let channel = UnavailableChannel(
      consumer: "webhook:ops",
      kind: .webhook,
      error: FreshetError(.invalidConfiguration, "the variable is not set")
    )
    let error = #expect(throws: FreshetError.self) { try channel.send(Self.notice()) }
    #expect(error?.code == .invalidConfiguration)
  }
}

import FreshetHTTP
import FreshetModel

extension WebhookChannel: NoticeChannel {
  /// Sends a notice as events are sent: signed, and to the trusted address alone. With the format `json` its `type` is
  /// `collection.` and that of the notice.
  public func send(_ notice: Notice) async throws {
    var body: [UInt8] = []
    switch settings.format {
    case .json:
      let value: JSONValue = [
        "type": .string("collection." + notice.type), "timestamp": .string(notice.at.description), "data": notice.data,
      ]
      value.write(to: &body)
    case .slack: ChatMessage.slack(notice).write(to: &body)
    case .discord: ChatMessage.discord(notice).write(to: &body)
    }
    try await post(body, id: "msg_" + notice.identity)
  }
}

extension MailChannel: NoticeChannel {
  /// Sends a notice as a message.
  public func send(_ notice: Notice) async throws {
    let lines = ([notice.title] + notice.lines).map { PlainName.text($0, limit: 1000) }
    let message = MailMessage(
      from: settings.from,
      to: settings.to,
      subject: "Freshet: " + PlainName.text(notice.title, limit: 200),
      lines: lines,
      identity: notice.identity,
      at: notice.at
    )
    try await client.send(message.bytes, from: settings.from, to: settings.to)
  }
}

extension UnavailableChannel: NoticeChannel {
  public func send(_ notice: Notice) throws { throw error }
}

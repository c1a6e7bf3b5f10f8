import FreshetDelivery
import FreshetModel

extension Collection {
  /// The webhooks and the mail that take notices of alerts, with the addresses and secrets of their configuration.
  public func noticeChannels() -> [any NoticeChannel] {
    var channels: [any NoticeChannel] = configuration.webhooks.filter(\.getsAlerts).map { hook in
      Self.channel(WebhookChannel.consumer(of: hook.name), .webhook) { try WebhookChannel(settings(of: hook)) }
    }
    if configuration.mail.server != nil, configuration.mail.getsAlerts {
      channels.append(Self.channel(MailChannel.consumerName, .mail) { try MailChannel(mailSettings()) })
    }
    return channels
  }
}

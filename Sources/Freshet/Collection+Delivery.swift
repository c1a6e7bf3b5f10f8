import FreshetConfiguration
import FreshetDelivery
import FreshetHTTP
import FreshetModel
import FreshetSync
import FreshetSystem

extension Collection {
  /// Hands the configured webhooks and mail what they do not have yet, each in the order of the log.
  ///
  /// What is not taken within the time stays for the next call, and so does what a receiver refuses: nothing is given up.
  /// One process at a time does it; another one answers `elsewhere` for each.
  ///
  /// - Parameters:
  ///   - following: whether to go on with what comes, until the task is cancelled.
  ///   - limit: the longest that it may take; `nil` for no bound.
  ///   - ignoringPauses: whether receivers that failed before are tried at once.
  ///   - told: hears of each batch that was taken and each attempt that failed.
  /// - Throws: `FreshetError` when the store fails as a whole; what receivers do is in the answer.
  @discardableResult
  public func deliverEvents(
    following: Bool = false,
    within limit: Duration? = nil,
    ignoringPauses: Bool = false,
    told: @escaping @Sendable (ChannelDelivery) -> Void = { _ in }
  ) async throws -> [ChannelDelivery] {
    guard hasEventChannels else { return [] }
    if !following, let reports = try await reportsWhenNothingIsLeft() { return reports }
    let channels = eventChannels()
    return try await deliver(
      to: channels,
      EventDelivery.Mode(isFollowing: following, limit: limit, ignoresPauses: ignoringPauses),
      told: told
    )
  }

  /// Hands one's own channels what they do not have yet; see `deliverEvents`.
  public func deliver(
    to channels: [any EventChannel],
    _ mode: EventDelivery.Mode = EventDelivery.Mode(),
    told: @escaping @Sendable (ChannelDelivery) -> Void = { _ in }
  ) async throws -> [ChannelDelivery] {
    let lock: FileLock
    do {
      lock = try FileLock.acquire(folder.deliveryLock)
    } catch let error as FreshetError where error.code == .locked {
      return channels.map { ChannelDelivery(consumer: $0.consumer, kind: $0.kind, state: .elsewhere) }
    }
    defer { withExtendedLifetime(lock) {} }
    return try await EventDelivery(store: positions, uri: uriOfOrigin).run(channels, mode, told: told)
  }

  /// Whether webhooks or mail are configured.
  public var hasEventChannels: Bool { !configuration.webhooks.isEmpty || configuration.mail.server != nil }

  /// Gives webhooks and mail that are new their place, at the log's present end. Makes no channel: that loads libraries.
  func registerChannels() async throws {
    guard hasEventChannels else { return }
    try await EventDelivery.register(channelConsumers, in: positions)
  }

  /// The consumers of webhooks and mail.
  private var channelConsumers: [(name: String, kind: ConsumerKind)] {
    let hooks = configuration.webhooks.map { (name: WebhookChannel.consumer(of: $0.name), kind: ConsumerKind.webhook) }
    return hooks + (configuration.mail.server == nil ? [] : [(name: MailChannel.consumerName, kind: .mail)])
  }

  /// What there is to say when every receiver has everything; `nil` when something is left.
  private func reportsWhenNothingIsLeft() async throws -> [ChannelDelivery]? {
    let consumers = channelConsumers
    let isInStep = try await store.read(.everything) { snapshot in
      try consumers.allSatisfy { name, _ in
        guard let known = try snapshot.consumer(name), known.state == .active, known.resync == nil else { return false }
        return known.position == snapshot.head.logPosition
      }
    }
    return isInStep ? consumers.map { ChannelDelivery(consumer: $0.name, kind: $0.kind, state: .delivered) } : nil
  }

  /// The webhooks and the mail of the configuration.
  func eventChannels() -> [any EventChannel] {
    var channels: [any EventChannel] = configuration.webhooks.map { hook in
      let consumer = WebhookChannel.consumer(of: hook.name)
      return Self.channel(consumer, .webhook) { try WebhookChannel(settings(of: hook)) }
    }
    if configuration.mail.server != nil {
      channels.append(Self.channel(MailChannel.consumerName, .mail) { try MailChannel(mailSettings()) })
    }
    return channels
  }

  /// A channel that cannot be made keeps its place, and says why when it is to hand something over.
  static func channel(
    _ consumer: String,
    _ kind: ConsumerKind,
    _ make: () throws -> any EventChannel & NoticeChannel
  ) -> any EventChannel & NoticeChannel {
    do {
      return try make()
    } catch {
      let refusal = FreshetError.describing(error, as: .invalidConfiguration)
      return UnavailableChannel(consumer: consumer, kind: kind, error: refusal)
    }
  }

  func settings(of hook: WebhookConfiguration) throws -> WebhookSettings {
    let url = try hook.url ?? variable(hook.urlVariable ?? "", key: "url_env", of: "webhook \(hook.name)")
    var settings = WebhookSettings(name: hook.name, url: url)
    if let name = hook.secretVariable {
      settings.secret = try WebhookSecret(variable(name, key: "secret_env", of: "webhook \(hook.name)"))
    }
    settings.format = WebhookSettings.Format(rawValue: hook.format.rawValue) ?? .json
    settings.filter = EventFilter(
      sources: Set(hook.sources),
      changes: Set(hook.changes.compactMap { ChangeKind(rawValue: $0) }),
      patterns: hook.patterns
    )
    settings.batch = hook.batch
    settings.timeout = hook.timeout
    settings.retries = hook.retries
    settings.allowsPrivateAddresses = hook.allowsPrivateAddresses
    return settings
  }

  func mailSettings() throws -> MailSettings {
    let mail = configuration.mail
    var server = MailServer(url: mail.server ?? "")
    server.isEncrypted = mail.encryption == .required
    server.user = try mail.userVariable.map { try variable($0, key: "user_env", of: "mail") }
    server.password = try mail.passwordVariable.map { try variable($0, key: "password_env", of: "mail") }
    server.certificateFile = mail.certificateFile
    var settings = MailSettings(server: server, from: mail.from, to: mail.to)
    settings.filter = EventFilter(
      sources: Set(mail.sources),
      changes: Set(mail.changes.compactMap { ChangeKind(rawValue: $0) }),
      patterns: mail.patterns
    )
    settings.timeout = mail.timeout
    settings.allowsPrivateAddresses = mail.allowsPrivateAddresses
    return settings
  }

  /// What the environment holds under a name; never shown.
  private func variable(_ name: String, key: String, of place: String) throws -> String {
    guard let value = factory.environment[name], !value.isEmpty else {
      throw FreshetError(
        .invalidConfiguration,
        "the environment variable `\(name)` (`\(key)`) is not set",
        path: place
      )
    }
    return value
  }
}

import FreshetModel

extension ConfigurationKeys {
  typealias WebhookKey = ConfigurationKey<WebhookConfiguration>

  /// Webhooks of one configuration above which it is refused.
  static let maximumWebhooks = 100

  private static let defaults = Configuration(folder: "/")
  private static let webhookDefaults = WebhookConfiguration()

  private static let privateSummary = """
    Whether the host's name may lead to a private address (of this machine or its network). An address that is written as \
    one, and `localhost`, need no word.
    """

  private static let alertSummary = "Whether a service's alerts go there, too (`alerts`)."

  static let events: [Key] = [
    Key(
      "events.deliver_within",
      \.events.deliverWithin,
      .duration(.zero ... .seconds(600)),
      default: defaults,
      """
      The longest that a sync goes on after its last commit to hand events to webhooks and mail. What is not handed over \
      stays for the next run; `0s` leaves it to `freshet events deliver`.
      """
    )
  ]

  static let mail: [Key] = [
    Key(
      "mail.server",
      \.mail.server,
      .optional(.mailServer),
      default: defaults,
      "The server that takes mail: `smtp://mail.example.com:587`, or `smtps://mail.example.com`. Without it no mail is sent."
    ),
    Key("mail.from", \.mail.from, .mailbox, default: defaults, "The sender's address."),
    Key("mail.to", \.mail.to, .mailboxes, default: defaults, "The recipients' addresses."),
    Key(
      "mail.user_env",
      \.mail.userVariable,
      .optional(.variableName),
      default: defaults,
      "The environment variable that holds the user's name; without it nobody logs in."
    ),
    Key(
      "mail.password_env",
      \.mail.passwordVariable,
      .optional(.variableName),
      default: defaults,
      "The environment variable that holds the password."
    ),
    Key(
      "mail.tls",
      \.mail.encryption,
      .choice,
      default: defaults,
      """
      `required`: nothing but the greeting is said before encryption, by STARTTLS or, with `smtps://`, from the first \
      byte. `none`: nothing is encrypted, and no password is sent.
      """
    ),
    Key(
      "mail.ca_file",
      \.mail.certificateFile,
      .optional(.path, absent: "the system's"),
      default: defaults,
      "A file of certificates (PEM) that are trusted instead of the system's."
    ),
    Key("mail.sources", \.mail.sources, .list(of: "names"), default: defaults, "Only events of these sources."),
    Key("mail.changes", \.mail.changes, .changeKinds, default: defaults, "Only these changes."),
    Key(
      "mail.pattern",
      \.mail.patterns,
      .list(of: "shell patterns"),
      default: defaults,
      "Only documents whose origin fits one of them."
    ),
    Key(
      "mail.timeout",
      \.mail.timeout,
      .duration(.seconds(1) ... .seconds(600)),
      default: defaults,
      "The longest that handing a message over may take."
    ),
    Key("mail.private", \.mail.allowsPrivateAddresses, .boolean, default: defaults, privateSummary),
    Key("mail.alerts", \.mail.getsAlerts, .boolean, default: defaults, alertSummary),
  ]

  /// The keys of one element of `webhooks`, in the order of the reference.
  static let webhook: [WebhookKey] = [
    WebhookKey(
      "name",
      \.name,
      .webhookName,
      default: webhookDefaults,
      "The unique name; the position is kept under it."
    ),
    WebhookKey(
      "url",
      \.url,
      .optional(.webhookAddress),
      default: webhookDefaults,
      "The address that requests go to."
    ),
    WebhookKey(
      "url_env",
      \.urlVariable,
      .optional(.variableName),
      default: webhookDefaults,
      "The environment variable that holds the address, instead of `url`: those of chats are secrets."
    ),
    WebhookKey(
      "secret_env",
      \.secretVariable,
      .optional(.variableName),
      default: webhookDefaults,
      """
      The environment variable that holds the secret which signs the requests: `whsec_` and base64, or any text. The \
      secret itself never stands in the file.
      """
    ),
    WebhookKey(
      "format",
      \.format,
      .choice,
      default: webhookDefaults,
      "`json`: every event with its fields. `slack`, `discord`: one message for people."
    ),
    WebhookKey("sources", \.sources, .list(of: "names"), default: webhookDefaults, "Only events of these sources."),
    WebhookKey("changes", \.changes, .changeKinds, default: webhookDefaults, "Only these changes."),
    WebhookKey(
      "pattern",
      \.patterns,
      .list(of: "shell patterns"),
      default: webhookDefaults,
      "Only documents whose origin, before or after the change, fits one of them."
    ),
    WebhookKey(
      "batch",
      \.batch,
      .integer(2...1000, unit: "events"),
      default: webhookDefaults,
      "How many events one request has at most, with the format `json`; those of chats sum up what a run brought."
    ),
    WebhookKey(
      "timeout",
      \.timeout,
      .duration(.milliseconds(100) ... .seconds(600)),
      default: webhookDefaults,
      "The longest that a request may take."
    ),
    WebhookKey(
      "retries",
      \.retries,
      .integer(0...100),
      default: webhookDefaults,
      """
      How often one run tries again after a failure, with growing pauses. Nothing is given up: what is left is tried by \
      the next run.
      """
    ),
    WebhookKey("private", \.allowsPrivateAddresses, .boolean, default: webhookDefaults, privateSummary),
    WebhookKey("alerts", \.getsAlerts, .boolean, default: webhookDefaults, alertSummary),
  ]
}

extension ValueType where Value == String {
  /// A webhook's name: a part of its consumer's.
  static var webhookName: Self {
    let title = ConsumerRecord.chosenNameCharacters
    return ValueType(
      title: title,
      read: { node in
        let text = try scalar(node, expecting: title)
        guard ConsumerRecord.isChosenName(text) else {
          throw ValueProblem(
            "must have 1 to \(ConsumerRecord.chosenNameBytesMax) \(title); here stands `\(text.shown)`."
          )
        }
        return text
      },
      write: { $0.isEmpty ? "none" : "`\($0)`" }
    )
  }

  /// The whole address of a webhook, which may have a query.
  static var webhookAddress: Self {
    ValueType(
      title: "http or https address",
      read: { node in
        let text = try scalar(node, expecting: "http or https address")
        if let problem = WebAddress.problem(of: text, allowsQuery: true, credentials: "`secret_env`") {
          throw ValueProblem(problem)
        }
        return text
      },
      write: { "`\($0)`" }
    )
  }

  /// The address of a mail server.
  static var mailServer: Self {
    ValueType(
      title: "smtp or smtps address",
      read: { node in
        let text = try scalar(node, expecting: "smtp or smtps address")
        let lowered = text.lowercased()
        guard lowered.hasPrefix("smtp://") || lowered.hasPrefix("smtps://") else {
          throw ValueProblem("must start with `smtp://` or `smtps://`.")
        }
        let authority = text.drop { $0 != "/" }.dropFirst(2)
        guard text.utf8.count <= 300, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x5C }),
          !authority.isEmpty, !authority.contains(where: { "/?#@".contains($0) })
        else {
          throw ValueProblem("must be a host with a port or none; a user's name goes into `mail.user_env`.")
        }
        return text
      },
      write: { "`\($0)`" }
    )
  }

  /// A mail address.
  static var mailbox: Self {
    ValueType(
      title: "mail address",
      read: { try Mailbox.checked(scalar($0, expecting: "mail address")) },
      write: { $0.isEmpty ? "none" : "`\($0)`" }
    )
  }
}

extension ValueType where Value == [String] {
  /// Mail addresses.
  static var mailboxes: Self {
    let list = Self.list(of: "mail addresses")
    return ValueType(
      title: list.title,
      isList: true,
      read: { node in
        let texts = try list.read(node)
        guard texts.count <= 100 else { throw ValueProblem("has more than 100 addresses.") }
        return try texts.map { try Mailbox.checked($0) }
      },
      write: list.write
    )
  }

  /// Names of `ChangeKind`.
  static var changeKinds: Self {
    let names = ChangeKind.allCases.map(\.rawValue)
    let list = Self.list(of: "changes")
    return ValueType(
      title: "list of " + names.map { "`\($0)`" }.joined(separator: ", "),
      isList: true,
      read: { node in
        let texts = try list.read(node)
        for text in texts where !names.contains(text) {
          let suggestion = NearestName.suggestion(for: text, among: names).map { " Did you mean `\($0)`?" } ?? ""
          throw ValueProblem("must name changes; here stands `\(text.shown)`.\(suggestion)")
        }
        return texts
      },
      write: { $0.isEmpty ? "all" : list.write($0) }
    )
  }
}

/// What a mail address must look like: nothing in it can end a header field or an envelope.
private enum Mailbox {
  static func checked(_ text: String) throws -> String {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }), text.utf8.count <= 254,
      text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !Array("<>()[]\\,;:\"".utf8).contains($0) })
    else { throw ValueProblem("must be a mail address such as `ops@example.com`; here stands `\(text.shown)`.") }
    return text
  }
}

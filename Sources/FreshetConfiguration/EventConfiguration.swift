/// When events are handed over.
public struct EventConfiguration: Hashable, Sendable {
  /// The longest that a sync goes on after its last commit to hand events over; zero leaves them to
  /// `freshet events deliver`.
  public var deliverWithin = Duration.seconds(10)

  /// Starts with the defaults.
  public init() {}
}

/// A webhook of a configuration.
public struct WebhookConfiguration: Hashable, Sendable {
  /// What a request's body is.
  public enum Format: String, Sendable, CaseIterable {
    case json
    case slack
    case discord
  }

  /// The unique name.
  public var name = ""
  /// The address; `nil` when a variable holds it.
  public var url: String?
  /// The environment variable that holds the address.
  public var urlVariable: String?
  /// The environment variable that holds the secret which signs the requests.
  public var secretVariable: String?
  /// What a request's body is.
  public var format = Format.json
  /// Only events of these sources; all when it is empty.
  public var sources: [String] = []
  /// Only these changes, as `ChangeKind` names them; all when it is empty.
  public var changes: [String] = []
  /// Only documents whose origin fits one of these shell patterns; all when it is empty.
  public var patterns: [String] = []
  /// Events of one request, with the format `json`.
  public var batch = 100
  /// The longest that a request may take.
  public var timeout = Duration.seconds(10)
  /// Further attempts within one run.
  public var retries = 3
  /// Whether the host's name may lead to a private address.
  public var allowsPrivateAddresses = false
  /// Whether it is told when documents fail in numbers, too.
  public var getsAlerts = true

  /// Starts with the defaults.
  public init() {}
}

/// The mail of a configuration.
public struct MailConfiguration: Hashable, Sendable {
  /// Whether the connection to the server is encrypted.
  public enum Encryption: String, Sendable, CaseIterable {
    /// By STARTTLS, or from the first byte with `smtps://`; else nothing is sent.
    case required
    /// Not at all; then no password is sent.
    case none
  }

  /// The server; `nil` sends no mail.
  public var server: String?
  /// The sender's address.
  public var from = ""
  /// The recipients' addresses.
  public var to: [String] = []
  /// The environment variable that holds the user's name.
  public var userVariable: String?
  /// The environment variable that holds the password.
  public var passwordVariable: String?
  /// Whether the connection is encrypted.
  public var encryption = Encryption.required
  /// A file of certificates that are trusted instead of the system's, absolute.
  public var certificateFile: String?
  /// Only events of these sources; all when it is empty.
  public var sources: [String] = []
  /// Only these changes, as `ChangeKind` names them; all when it is empty.
  public var changes: [String] = []
  /// Only documents whose origin fits one of these shell patterns; all when it is empty.
  public var patterns: [String] = []
  /// The longest that handing a message over may take.
  public var timeout = Duration.seconds(30)
  /// Whether the server's name may lead to a private address.
  public var allowsPrivateAddresses = false
  /// Whether it is told when documents fail in numbers, too.
  public var getsAlerts = true

  /// Starts with the defaults.
  public init() {}
}

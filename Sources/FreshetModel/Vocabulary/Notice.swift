/// Something that people are told beside the changes of documents: an alert, or that it is over.
public struct Notice: Sendable {
  /// What it is of, to programs: `alert`.
  public var type: String
  /// Tells it from every other one; the same whenever it is sent again.
  public var identity: String
  /// The sentence that says it.
  public var title: String
  /// What is to be known besides, a line each.
  public var lines: [String]
  /// The same for programs.
  public var data: JSONValue
  /// When it came up.
  public var at: Timestamp

  /// Describes a notice.
  public init(type: String, identity: String, title: String, lines: [String], data: JSONValue, at: Timestamp) {
    self.type = type
    self.identity = identity
    self.title = title
    self.lines = lines
    self.data = data
    self.at = at
  }
}

/// Somebody who takes notices: a webhook, mail.
public protocol NoticeChannel: Sendable {
  /// What it is called in messages.
  var consumer: String { get }

  /// Hands a notice over, once.
  ///
  /// - Throws: `FreshetError`, transient where another attempt may help.
  func send(_ notice: Notice) async throws
}

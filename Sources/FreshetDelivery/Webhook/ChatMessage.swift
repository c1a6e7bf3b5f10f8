import FreshetModel

/// The body of a message to a chat's incoming webhook: one message for many changes, bounded and without markup of its
/// documents' names.
enum ChatMessage {
  /// Documents that are named.
  static let documentsMax = 15
  /// Characters of a message; Discord takes 2,000, Slack cuts at 40,000.
  static let charactersMax = 1900

  /// The body that Slack takes (and Mattermost and others after it): `&`, `<` and `>` are escaped, which also takes
  /// `<!channel>` its meaning.
  static func slack(_ hook: String, _ events: [CollectionEvent]) -> JSONValue {
    [
      "text": .string(text(hook, events, bold: "*") { escaped($0) }),
      "unfurl_links": false, "unfurl_media": false,
    ]
  }

  /// The body that Discord takes; it may mention nobody.
  static func discord(_ hook: String, _ events: [CollectionEvent]) -> JSONValue {
    [
      "content": .string(text(hook, events, bold: "**") { $0 }),
      "allowed_mentions": ["parse": .array([])],
    ]
  }

  /// A notice as Slack takes it.
  static func slack(_ notice: Notice) -> JSONValue {
    ["text": .string(text(notice, bold: "*") { escaped($0) }), "unfurl_links": false, "unfurl_media": false]
  }

  /// A notice as Discord takes it; it may mention nobody.
  static func discord(_ notice: Notice) -> JSONValue {
    ["content": .string(text(notice, bold: "**") { $0 }), "allowed_mentions": ["parse": .array([])]]
  }

  /// Each line stands as code: nothing in it is markup, a link or a mention.
  private static func text(_ notice: Notice, bold: String, escape: (String) -> String) -> String {
    let lines = notice.lines.prefix(documentsMax).map { "\n• " + escape(PlainName.code($0)) }
    return bold + escape(PlainName.code(notice.title)) + bold + lines.joined()
  }

  private static func text(
    _ hook: String,
    _ events: [CollectionEvent],
    bold: String,
    escape: (String) -> String
  ) -> String {
    let summary = EventSummary(events)
    let name: (String) -> String = { escape(PlainName.code($0)) }
    var text = "\(bold)\(summary.headline(name))\(bold)"
    let lines = summary.lines(limit: documentsMax, name)
    for (index, line) in lines.enumerated() {
      let rest = lines.count - index
      // Escapes are whole: a line is taken or left.
      guard text.unicodeScalars.count + line.unicodeScalars.count + 2 < charactersMax else {
        text += "\n… and \(rest) more lines"
        break
      }
      text += "\n• " + line
    }
    return text
  }

  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}

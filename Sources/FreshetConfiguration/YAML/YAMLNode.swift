/// A place in a configuration file, both counted from 1.
struct TextLocation: Hashable, Sendable {
  var line: Int
  var column: Int
}

/// A value of a YAML document with the place where it stands.
struct YAMLNode: Sendable {
  /// One member of a mapping.
  struct Entry: Sendable {
    var key: String
    var location: TextLocation
    var value: YAMLNode
  }

  enum Content: Sendable {
    /// A text; `isPlain` when it was written without quotes, so that `true`, `12` or `null` have their meaning.
    case scalar(String, isPlain: Bool)
    case sequence([YAMLNode])
    case mapping([Entry])
  }

  var content: Content
  var location: TextLocation

  /// Whether nothing was written (or `null`): the key keeps its default.
  var isNull: Bool {
    if case .scalar(let text, isPlain: true) = content { Self.nullTexts.contains(text) } else { false }
  }

  private static let nullTexts: Set<String> = ["", "~", "null", "Null", "NULL"]

  /// What the value is, for an error message.
  var kindName: String {
    switch content {
    case .scalar: isNull ? "nothing" : "a single value"
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }
}

/// Something of a call that starts with a dash.
public struct Option: Sendable {
  /// The name without its two dashes.
  public var name: String
  /// The one-letter name without its dash.
  public var short: Character?
  /// The value's name in help, without brackets; `nil` for a flag.
  public var value: String?
  /// What the value must look like.
  public var kind: ValueKind
  /// Whether it may stand more than once.
  public var isRepeated: Bool
  /// The value that holds without it, for help; the verb applies it.
  public var defaultText: String?
  /// One sentence or two.
  public var help: String
  /// Whether help and completions leave it out.
  public var isHidden: Bool

  private init(
    _ name: String,
    _ short: Character?,
    _ value: String?,
    _ kind: ValueKind,
    _ isRepeated: Bool,
    _ defaultText: String?,
    _ help: String,
    _ isHidden: Bool
  ) {
    self.name = name
    self.short = short
    self.value = value
    self.kind = kind
    self.isRepeated = isRepeated
    self.defaultText = defaultText
    self.help = help
    self.isHidden = isHidden
  }

  /// An option that is there or not; a second time changes nothing.
  public static func flag(_ name: String, short: Character? = nil, isHidden: Bool = false, _ help: String) -> Option {
    Option(name, short, nil, .text, false, nil, help, isHidden)
  }

  /// An option with a value.
  public static func value(
    _ name: String,
    short: Character? = nil,
    _ value: String,
    _ kind: ValueKind,
    default defaultText: String? = nil,
    isRepeated: Bool = false,
    isHidden: Bool = false,
    _ help: String
  ) -> Option {
    Option(name, short, value, kind, isRepeated, defaultText, help, isHidden)
  }

  /// `-c, --config <file>`.
  var label: String {
    let dashed = (short.map { "-\($0), " } ?? "") + "--" + name
    return value.map { "\(dashed) <\($0)>" } ?? dashed
  }
}

/// Something of a call that stands without a name.
public struct Argument: Sendable {
  /// The name in help, without brackets, and for the verb.
  public var name: String
  /// What it must look like.
  public var kind: ValueKind
  /// Whether a call may leave it out.
  public var isOptional: Bool
  /// Whether it takes all that is left.
  public var isRepeated: Bool
  /// One sentence or two.
  public var help: String

  /// Declares an argument.
  public init(
    _ name: String,
    _ kind: ValueKind,
    isOptional: Bool = false,
    isRepeated: Bool = false,
    _ help: String
  ) {
    self.name = name
    self.kind = kind
    self.isOptional = isOptional
    self.isRepeated = isRepeated
    self.help = help
  }

  /// `<path>`, `[<path>]`, `<path> ...`, `[<path> ...]`.
  var usage: String {
    let text = isRepeated ? "<\(name)> ..." : "<\(name)>"
    return isOptional ? "[\(text)]" : text
  }
}

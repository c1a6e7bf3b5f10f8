/// A command or one of its verbs: what it takes, what it says about itself, and what it does.
public struct Verb: Sendable {
  /// The word that calls it.
  public var name: String
  /// One sentence.
  public var overview: String
  /// Paragraphs below the overview; may be empty.
  public var discussion: String
  /// What stands without a name, in order; only the last may be repeated.
  public var arguments: [Argument]
  /// What starts with a dash. Those of the verbs above are understood too.
  public var options: [Option]
  /// The words that may follow.
  public var verbs: [Verb]
  /// Whether help and completions leave it out.
  public var isHidden: Bool
  /// What it does and with which code the process ends; `nil` for one that only has verbs.
  public var run: (@Sendable (Invocation) async throws -> ExitCode)?

  /// Declares a verb.
  public init(
    _ name: String,
    overview: String,
    discussion: String = "",
    arguments: [Argument] = [],
    options: [Option] = [],
    verbs: [Verb] = [],
    isHidden: Bool = false,
    run: (@Sendable (Invocation) async throws -> ExitCode)? = nil
  ) {
    self.name = name
    self.overview = overview
    self.discussion = discussion
    self.arguments = arguments
    self.options = options
    self.verbs = verbs
    self.isHidden = isHidden
    self.run = run
  }
}

/// The code that a process ends with; the numbers are a contract.
public struct ExitCode: RawRepresentable, Hashable, Sendable {
  /// What the shell sees.
  public let rawValue: Int32

  /// Takes a code of 0 to 255.
  public init(rawValue: Int32) {
    self.rawValue = rawValue
  }

  /// Done.
  public static let success = ExitCode(rawValue: 0)
  /// Failed.
  public static let failure = ExitCode(rawValue: 1)
  /// Done, but some documents failed.
  public static let documentsFailed = ExitCode(rawValue: 3)
  /// Deletions were held back.
  public static let deletionsHeld = ExitCode(rawValue: 4)
  /// There is no collection.
  public static let noCollection = ExitCode(rawValue: 10)
  /// Another process holds the lock.
  public static let locked = ExitCode(rawValue: 11)
  /// The call was wrong.
  public static let usage = ExitCode(rawValue: 64)
  /// Interrupted by the user.
  public static let interrupted = ExitCode(rawValue: 130)
}

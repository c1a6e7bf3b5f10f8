import FreshetModel

/// A call that fits its declaration.
public struct Invocation: Sendable {
  /// The words that led to the verb: `["freshet", "model", "list"]`.
  public let path: [String]
  /// Where the call comes from and where its text goes.
  public internal(set) var context = CallContext()
  /// All words of the call, as they came.
  public internal(set) var words: [String] = []
  private let flags: Set<String>
  private let optionValues: [String: [String]]
  private let argumentValues: [String: [String]]

  init(
    path: [String],
    flags: Set<String>,
    optionValues: [String: [String]],
    argumentValues: [String: [String]]
  ) {
    self.path = path
    self.flags = flags
    self.optionValues = optionValues
    self.argumentValues = argumentValues
  }

  /// Whether the flag was given.
  public func flag(_ name: String) -> Bool { flags.contains(name) }

  /// The option's value; the last one when it was given more than once.
  public func value(_ name: String) -> String? { optionValues[name]?.last }

  /// Every value of a repeated option, in order.
  public func values(_ name: String) -> [String] { optionValues[name] ?? [] }

  /// The value of an option of kind `integer`.
  public func integer(_ name: String) -> Int? { value(name).flatMap { Int($0) } }

  /// The value of an option of kind `number`.
  public func number(_ name: String) -> Double? { value(name).flatMap { Double($0) } }

  /// The bytes of an option of kind `size`.
  public func size(_ name: String) -> Int64? { value(name).flatMap { Quantity.bytes($0) } }

  /// The value of an option of kind `duration`.
  public func duration(_ name: String) -> Duration? { value(name).flatMap { Quantity.duration($0) } }

  /// The argument, when it was given.
  public func argument(_ name: String) -> String? { argumentValues[name]?.first }

  /// Everything that a repeated argument took.
  public func arguments(_ name: String) -> [String] { argumentValues[name] ?? [] }
}

/// A call that does not fit: the process ends with code 64.
public struct UsageError: Error, CustomStringConvertible {
  /// What is wrong, as a sentence.
  public let message: String
  /// The verb that was called, for its usage line.
  public let path: [String]

  /// Refuses a call: also for verbs, whose rules the declaration cannot say ("--from needs --to").
  public init(_ message: String, path: [String]) {
    self.message = message
    self.path = path
  }

  /// The sentence.
  public var description: String { message }
}

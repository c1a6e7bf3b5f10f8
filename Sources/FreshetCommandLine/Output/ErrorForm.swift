import FreshetModel

/// How the error that ends a call is told. Read from the words themselves: the call may be one that does not fit its
/// declaration.
struct ErrorForm {
  private let isResult: Bool
  private let isLogLine: Bool

  init(_ words: [String]) {
    let options = words.prefix { $0 != "--" }
    isResult = options.contains("--json")
    let pairs = zip(options, options.dropFirst())
    isLogLine = options.contains("--log-format=json") || pairs.contains { $0 == ("--log-format", "json") }
  }

  /// The error as one line of JSON, `{"type":"error","error":{"code":"…","message":"…"}}`, before which a log line has its
  /// time, level and message; `nil` when it is told in words.
  func line(_ error: any Error) -> String? {
    guard isResult || isLogLine else { return nil }
    let (code, message) = Self.parts(of: error)
    var members: [JSONValue.Member] = []
    if isLogLine {
      members += [
        .init("at", .string(Logger.systemTime().description)), .init("level", .string(LogLevel.error.rawValue)),
        .init("message", .string(message)),
      ]
    }
    members += [
      .init("type", "error"), .init("error", ["code": .string(code), "message": .string(message)]),
    ]
    return JSONValue.object(members).description
  }

  private static func parts(of error: any Error) -> (code: String, message: String) {
    switch error {
    case let error as UsageError: ("usage", error.message)
    case let error as FreshetError: (error.code.rawValue, error.description)
    case is CancellationError: ("interrupted", "Interrupted.")
    default: ("failed", "\(error)")
    }
  }
}

import FreshetModel

/// What a running service is asked over its control socket: one message of JSON, answered by another.
public enum ControlRequest: Hashable, Sendable {
  /// What it does now.
  case status
  /// To end, once what is under way is done.
  case stop
  /// To read its configuration anew.
  case reload
  /// To run a call of the command; the descriptors of its output and of its diagnostics come along.
  case run(ForwardedCall)

  /// Reads a request.
  ///
  /// - Throws: `FreshetError` with `invalid_argument` for one that is not known: the service is of another version.
  public init(_ json: JSONValue) throws {
    switch json["request"] {
    case "status": self = .status
    case "stop": self = .stop
    case "reload": self = .reload
    case "run": self = .run(try ForwardedCall(json))
    default: throw Self.unknown
    }
  }

  static var unknown: FreshetError {
    FreshetError(
      .invalidArgument,
      "the running service does not know this request, so it is of another version; restart it"
    )
  }

  /// The request as it is sent.
  public var json: JSONValue {
    switch self {
    case .status: ["request": "status"]
    case .stop: ["request": "stop"]
    case .reload: ["request": "reload"]
    case .run(let call): call.json
    }
  }
}

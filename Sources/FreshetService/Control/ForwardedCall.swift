import FreshetModel

/// A call of the command that another process asks the running service to run, because the service is the one who writes.
public struct ForwardedCall: Hashable, Sendable {
  /// What follows the command's own name.
  public var words: [String]
  /// The absolute folder that relative paths start from.
  public var folder: String
  /// The variables of the calling process.
  public var environment: [String: String]
  /// The permission bits that files do not get which the calling process makes (umask(2)).
  public var fileMask: UInt32
  /// The version of the command that calls.
  public var version: String

  /// Describes a call.
  public init(words: [String], folder: String, environment: [String: String], fileMask: UInt32, version: String) {
    self.words = words
    self.folder = folder
    self.environment = environment
    self.fileMask = fileMask
    self.version = version
  }

  init(_ json: JSONValue) throws {
    guard case .array(let words)? = json["words"], case .string(let folder)? = json["folder"], folder.hasPrefix("/"),
      case .object(let variables)? = json["environment"], case .string(let version)? = json["version"],
      // A call of a version without it gets as far as being told of that.
      case .integer(let mask) = json["umask"] ?? .integer(0o022), (0...0o777).contains(mask)
    else { throw ControlRequest.unknown }
    self.words = try words.map { try Self.text($0) }
    self.folder = folder
    self.version = version
    fileMask = UInt32(mask)
    environment = [:]
    for variable in variables { environment[variable.name] = try Self.text(variable.value) }
  }

  var json: JSONValue {
    let variables = environment.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, .string($0.value)) }
    return [
      "request": "run", "version": .string(version), "folder": .string(folder),
      "words": .array(words.map { .string($0) }), "environment": .object(variables),
      "umask": .integer(Int64(fileMask)),
    ]
  }

  private static func text(_ value: JSONValue) throws -> String {
    guard case .string(let text) = value else { throw ControlRequest.unknown }
    return text
  }
}

/// Where the collection of a configuration is that may not be usable as a whole.
public struct CollectionPlace: Hashable, Sendable {
  /// How that is known.
  public enum Knowledge: Hashable, Sendable {
    /// By the call's environment.
    case environment
    /// By the file: it names the place before its first fault, or was read to its end and leaves it at the default.
    case file
    /// Not for certain: the file cannot be read to its end, and names no place before that. It is what a line of the rest
    /// says, or the default one.
    case assumed
  }

  /// The collection's absolute folder.
  public var path: String
  /// How it is known.
  public var knowledge: Knowledge

  /// Names a place.
  public init(path: String, knowledge: Knowledge) {
    self.path = path
    self.knowledge = knowledge
  }
}

extension ConfigurationLoader {
  /// Where the configuration in a file has its collection, for whoever needs nothing else of it: the file may be faulty, or
  /// missing.
  ///
  /// - Returns: `nil` when the collection is in no folder.
  public func collectionPlace(of file: String) -> CollectionPlace? {
    let path = absolute(file)
    let folder = ConfigurationPath.directory(of: path)
    let standard = Configuration(folder: folder).collection
    var (text, knowledge) = (standard, CollectionPlace.Knowledge.environment)
    if let named = environment["FRESHET_COLLECTION"], !named.isEmpty {
      text = named
    } else {
      let bytes = try? BoundedFile.read(path, limit: YAMLReader.maximumBytes)
      switch bytes.map({ YAMLReader.text(of: "collection", in: $0) }) ?? .unknown {
      case .text(let named): (text, knowledge) = (named, .file)
      case .absent: (text, knowledge) = (standard, .file)
      case .unknown: (text, knowledge) = (bytes.flatMap { Self.line(of: "collection", in: $0) } ?? standard, .assumed)
      }
    }
    var configuration = Configuration(folder: folder)
    configuration.collection = text
    guard !configuration.isPostgreSQL else { return nil }
    return CollectionPlace(
      path: ConfigurationPath.absolute(text, in: folder, home: environment["HOME"]),
      knowledge: knowledge
    )
  }
  /// The text of a key in the first line that begins with it, by itself.
  private static func line(of key: String, in bytes: [UInt8]) -> String? {
    let start = Array((key + ":").utf8)
    for line in bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) where line.starts(with: start) {
      if case .text(let text) = YAMLReader.text(of: key, in: Array(line)) { return text }
    }
    return nil
  }
}

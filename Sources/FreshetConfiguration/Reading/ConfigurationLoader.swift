import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A key's value from the command line: stronger than the environment, which is stronger than the file.
public struct ConfigurationOverride: Hashable, Sendable {
  /// The key: `sync.workers`.
  public var key: String
  /// The value as a file would write it; commas separate the elements of a list.
  public var value: String
  /// What an error names: `--workers`.
  public var label: String

  /// Overrides a key.
  public init(key: String, value: String, label: String) {
    self.key = key
    self.value = value
    self.label = label
  }
}

/// Finds and reads configurations.
public struct ConfigurationLoader: Sendable {
  /// The file's usual name.
  public static let fileName = "freshet.yaml"
  /// The usual name, and its other spelling, which counts where the usual one is not there.
  public static let fileNames = [fileName, "freshet.yml"]

  let environment: [String: String]
  private let currentFolder: String

  /// Reads with an environment and relative to a folder: the process's own, unless others are given.
  ///
  /// - Throws: `FreshetError` with `input_output` when the current folder no longer exists.
  public init(environment: [String: String]? = nil, currentFolder: String? = nil) throws {
    self.environment = environment ?? ProcessEnvironment.all()
    if let currentFolder {
      self.currentFolder = currentFolder
    } else {
      guard let buffer = getcwd(nil, 0) else {
        throw FreshetError(.inputOutput, "The current folder no longer exists; change to one that does.")
      }
      defer { free(buffer) }
      self.currentFolder = String(cString: buffer)
    }
  }

  /// The configuration that a command means: the option's, else that of `FRESHET_CONFIG`, else the nearest
  /// `freshet.yaml` from the folder upwards; `nil` when there is none.
  ///
  /// - Parameters:
  ///   - explicit: the value of `--config`.
  ///   - folder: where to start; the current folder by default.
  /// - Returns: an absolute path. A file that was named is not looked for: reading it tells when it is missing.
  public func locate(explicit: String? = nil, from folder: String? = nil) -> String? {
    named(explicit: explicit) ?? nearest(from: folder)
  }

  /// The configuration that the option or `FRESHET_CONFIG` names, as an absolute path; `nil` when neither does.
  public func named(explicit: String? = nil) -> String? {
    if let explicit { return absolute(explicit) }
    return environment["FRESHET_CONFIG"].flatMap { $0.isEmpty ? nil : absolute($0) }
  }

  /// The nearest `freshet.yaml` from a folder upwards, the current one by default.
  public func nearest(from folder: String? = nil) -> String? {
    var candidate = folder.map(absolute) ?? absolute(currentFolder)
    while true {
      for name in Self.fileNames {
        let file = (candidate == "/" ? "" : candidate) + "/" + name
        if access(file, F_OK) == 0 { return file }
      }
      guard candidate != "/" else { return nil }
      candidate = ConfigurationPath.directory(of: candidate)
    }
  }

  /// Reads a file with the environment's overrides and those given, complete and checked.
  ///
  /// Whether it may be used is another question: see `TrustStore.require`.
  /// - Throws: `FreshetError` with `not_found`, or `invalid_configuration` whose path says file, line and column.
  public func load(_ file: String, overrides: [ConfigurationOverride] = []) throws -> Configuration {
    let path = absolute(file)
    let bytes = try BoundedFile.read(path, limit: YAMLReader.maximumBytes)
    return try read(bytes, file: path, overrides: overrides)
  }

  /// Reads a configuration's text as if it stood in that file.
  public func read(
    _ bytes: [UInt8],
    file: String,
    overrides: [ConfigurationOverride] = []
  ) throws -> Configuration {
    let path = absolute(file)
    var draft = ConfigurationDraft(Configuration(file: path, folder: ConfigurationPath.directory(of: path)), file: path)
    try draft.apply(file: bytes)
    return try complete(&draft, overrides)
  }

  /// The configuration of `freshet sync DIR` where there is no file: one source, the folder, with the collection in its
  /// `.freshet`.
  public func implicit(folder: String, overrides: [ConfigurationOverride] = []) throws -> Configuration {
    let root = absolute(folder)
    var configuration = Configuration(folder: root)
    var source = SourceConfiguration()
    source.path = root
    configuration.sources = [source]
    var draft = ConfigurationDraft(configuration, file: root)
    return try complete(&draft, overrides)
  }

  /// The path made absolute from the current folder.
  public func absolute(_ path: String) -> String {
    ConfigurationPath.absolute(path, in: currentFolder, home: nil)
  }

  /// Variables that start like ours, that nothing reads, and that look like a slip of one that is read; by name.
  public func misspelledVariables() -> [(name: String, suggestion: String)] {
    let known = ConfigurationKeys.all.filter(\.isOverridable).map(\.variable) + Self.otherVariables
    return environment.keys.filter { $0.hasPrefix("FRESHET_") && !known.contains($0) }.sorted().compactMap { name in
      NearestName.suggestion(for: name, among: known).map { (name, $0) }
    }
  }

  /// Variables that belong to no key.
  private static let otherVariables = [
    "FRESHET_CONFIG", "FRESHET_MODELS", "FRESHET_ONNXRUNTIME", "FRESHET_PARSE", "FRESHET_TOOLCHAIN",
  ]

  private func complete(
    _ draft: inout ConfigurationDraft,
    _ overrides: [ConfigurationOverride]
  ) throws -> Configuration {
    try draft.apply(environment: environment)
    for override in overrides { try draft.apply(override) }
    return try draft.resolved(home: environment["HOME"])
  }
}

import Freshet
import FreshetCommandLine
import FreshetConfiguration
import FreshetModel
import FreshetSystem

/// What the verbs share: the options that every verb understands, the configuration, where text goes.
struct Session: Sendable {
  let invocation: Invocation
  var output: OutputWriter { invocation.context.output }
  var diagnostics: DiagnosticWriter { invocation.context.diagnostics }

  static let options: [Option] = [
    .value(
      "config",
      short: "c",
      "file",
      .file,
      "The configuration; else FRESHET_CONFIG, else the nearest freshet.yaml."
    ),
    .flag("json", "Write results as JSON, one value a line."),
    .flag("quiet", short: "q", "Write nothing but results, warnings and errors."),
    .flag("verbose", short: "v", "Say each change and each file that is skipped."),
    .value(
      "log-level",
      "level",
      .choice(["error", "warning", "info", "debug"]),
      "What is logged, on stderr or in the configured file (default: warning)."
    ),
    .value(
      "log-format",
      "format",
      .choice(["text", "json"]),
      "How it is logged: lines for people, or JSON (default: text)."
    ),
    .value("env-file", "file", .file, "Read variables of the environment that are not set from a file."),
    .flag("trust", "Accept what the configuration names outside of its folder, for this call."),
  ]

  init(_ invocation: Invocation) {
    self.invocation = invocation
  }

  var writesJSON: Bool { invocation.flag("json") }
  var isQuiet: Bool { invocation.flag("quiet") }
  var isVerbose: Bool { invocation.flag("verbose") }

  /// The configuration that the call means, checked and trusted.
  ///
  /// - Parameter paths: what the call names; without any configuration file, one folder among them is the source of an
  ///   implicit one.
  func configuration(for paths: [String] = [], overrides: [ConfigurationOverride] = []) throws -> Configuration {
    let configuration = try untrustedConfiguration(for: paths, overrides: overrides)
    // Of a call that is run for another process, that process has told.
    for (name, suggestion) in try host == nil ? loader().misspelledVariables() : [] {
      diagnostics.warning("Nothing reads the environment variable \(name); did you mean \(suggestion)?".displayable)
    }
    // Only a configuration that needs trust needs a place where it is kept.
    if !configuration.trustRequirements.isEmpty, !invocation.flag("trust") {
      try trustStore().require(configuration)
    }
    return configuration
  }

  /// What this user trusts.
  func trustStore() throws -> TrustStore { try TrustStore.standard(environment: environment()) }

  /// Writes log lines as the configuration and the call want them.
  func logger(_ configuration: Configuration) throws -> Logger {
    let log = configuration.log
    return try Logger(
      level: LogLevel(rawValue: log.level.rawValue) ?? .warning,
      format: LogFormat(rawValue: log.format.rawValue) ?? .text,
      file: log.file,
      maximumSize: log.maximumSize,
      keep: log.keep,
      diagnostics: diagnostics
    )
  }

  /// The configuration that the call means, not yet asked for trust: the one named; else that of the current folder or
  /// above, when it has a source that holds the first path; else that of the path. A path never takes the place of what a
  /// configuration says: one that no source holds is refused by the sync.
  func untrustedConfiguration(
    for paths: [String] = [],
    overrides: [ConfigurationOverride] = []
  ) throws -> Configuration {
    let loader = try loader()
    let overrides = overrides + logOverrides
    if let named = loader.named(explicit: invocation.value("config")) {
      if let file = try file(named: named) { return try loader.load(file, overrides: overrides) }
      return try loader.implicit(folder: named, overrides: overrides)
    }
    let here = try loader.nearest().map { try loader.load($0, overrides: overrides) }
    if let start = paths.first.map(loader.absolute) {
      if let here, here.sources.contains(where: { Self.overlaps($0.path, start) }) { return here }
      if let file = loader.nearest(from: start) {
        if let here, try here.file.map(FileSystem.resolved) == FileSystem.resolved(file) { return here }
        return try loader.load(file, overrides: overrides)
      }
      if let folder = try nearestCollection(from: start) {
        return try loader.implicit(folder: folder, overrides: overrides)
      }
      if let here { return here }
      if paths.count == 1, try FileSystem.isFolder(start) {
        return try loader.implicit(folder: start, overrides: overrides)
      }
    }
    if let here { return here }
    if let folder = try nearestCollection(from: loader.absolute(".")) {
      return try loader.implicit(folder: folder, overrides: overrides)
    }
    throw FreshetError(
      .noCollection,
      "there is no freshet.yaml here or above, and no collection; `freshet init` writes a configuration, and "
        + "`freshet sync FOLDER` works without one"
    )
  }

  /// The configuration file of a call that names no paths; `nil` where there is none.
  func configurationFile() throws -> String? {
    let loader = try loader()
    guard let named = loader.named(explicit: invocation.value("config")) else { return loader.nearest() }
    return try file(named: named)
  }

  /// The configuration file that is meant by the name of it or of its folder; `nil` for a folder without one.
  private func file(named path: String) throws -> String? {
    guard try FileSystem.isFolder(path) else { return path }
    return try ConfigurationLoader.fileNames.map { path + "/" + $0 }.first { try FileSystem.exists($0) }
  }

  /// Whether one of two absolute paths is the other or lies below it.
  private static func overlaps(_ left: String, _ right: String) -> Bool {
    left == right || left.hasPrefix(right + "/") || right.hasPrefix(left + "/")
  }

  /// The options of logging as keys of the configuration.
  private var logOverrides: [ConfigurationOverride] {
    ["level", "format"].compactMap { key in
      invocation.value("log-\(key)").map {
        ConfigurationOverride(key: "log.\(key)", value: $0, label: "--log-\(key)")
      }
    }
  }

  /// The collection of a configuration, the call's own unless one is given.
  ///
  /// What is opened for writing while a service has it is opened there: the service runs the call.
  /// - Parameter isService: whether the call is a service itself, which no other runs.
  /// - Throws: `FreshetError`; `CallEnded` when the service ran the call.
  func open(
    _ access: Collection.Access,
    _ configuration: Configuration? = nil,
    isService: Bool = false
  ) async throws -> Collection {
    let configuration = try configuration ?? self.configuration()
    guard case .writing(let creating, let waiting) = access else {
      return try await Collection.open(configuration, for: access, environment: try environment())
    }
    if let host { return try host.lend(configuration, to: self) }
    let collection =
      isService
      ? try await Collection.open(configuration, for: access, environment: try environment())
      : try await openOrForward(configuration, creating: creating, waiting: waiting)
    try await requireOwn(collection)
    return collection
  }

  /// Refuses a collection that was made with a configuration file when the call has none: its one source would take the
  /// place of those that the file names. The collection is closed then.
  func requireOwn(_ collection: Collection) async throws {
    do {
      guard collection.configuration.file == nil, let file = try await collection.recordedConfiguration() else {
        return
      }
      let exists = (try? FileSystem.exists(file)) ?? false
      throw FreshetError(
        .invalidArgument,
        "this collection was made with the configuration \(file), and this call has none. "
          + (exists
            ? "Name it: `--config \(file)`"
            : "The file is gone: put it back or write another one with the same `collection` and sources and name it with "
              + "`--config`; or remove the collection's folder to start anew without one"),
        path: collection.folder.path
      )
    } catch {
      await collection.close()
      throw error
    }
  }

  /// The collection for reading, closed when the body has ended.
  func reading<Result>(_ body: (Collection) async throws -> Result) async throws -> Result {
    try await closing(try await open(.reading), body)
  }

  /// The collection for writing, closed when the body has ended.
  func writing<Result>(_ body: (Collection) async throws -> Result) async throws -> Result {
    try await closing(
      try await open(.writing(creating: false, waiting: invocation.duration("wait") ?? .zero)),
      body
    )
  }

  func closing<Result>(
    _ collection: Collection,
    _ body: (Collection) async throws -> Result
  ) async throws -> Result {
    // What a service lends stays open.
    if host != nil, collection.isOpenForWriting { return try await body(collection) }
    do {
      let result = try await body(collection)
      await collection.close()
      return result
    } catch {
      await collection.close()
      throw error
    }
  }

  /// Refuses names of sources that the collection does not have and never had.
  func requireSources(_ wanted: [String], in collection: Collection, asOf moment: Moment? = nil) async throws {
    guard !wanted.isEmpty else { return }
    let names = try await collection.sourceNames(asOf: moment)
    guard let source = wanted.first(where: { !names.contains($0) }) else { return }
    // One that left nothing but deleted documents is in the log for ever.
    if try await collection.hasHistory(ofSource: source) { return }
    let said = names.isEmpty ? "there is none" : "the sources are " + names.joined(separator: ", ")
    throw FreshetError(.notFound, "the collection has no source of this name; \(said)", path: source)
  }

  func loader() throws -> ConfigurationLoader {
    try ConfigurationLoader(environment: try environment(), currentFolder: invocation.context.folder)
  }

  /// The process's environment, with the variables of `--env-file` where the process has none of that name.
  func environment() throws -> [String: String] {
    var variables = ownEnvironment
    guard let path = invocation.value("env-file") else { return variables }
    let file = try invocation.context.folder.map { try FileSystem.absolutePath(path, from: $0) } ?? path
    let text = String(decoding: try FileSystem.read(file, limit: 1 << 20), as: UTF8.self)
    for line in text.split(whereSeparator: \.isNewline) {
      guard let (name, value) = Self.assignment(line) else { continue }
      if variables[name] == nil { variables[name] = value }
    }
    return variables
  }

  /// `NAME=value`, `export NAME="value"`; `nil` for comments and anything else.
  private static func assignment(_ line: Substring) -> (String, String)? {
    var rest = line.drop { $0 == " " || $0 == "\t" }
    if rest.hasPrefix("export ") { rest = rest.dropFirst(7) }
    guard rest.first != "#", let sign = rest.firstIndex(of: "=") else { return nil }
    var value = rest[rest.index(after: sign)...]
    if let quote = value.first, quote == "\"" || quote == "'", value.count > 1, value.last == quote {
      value = value.dropFirst().dropLast()
    }
    return (String(rest[..<sign]), String(value))
  }

  private func nearestCollection(from folder: String) throws -> String? {
    var candidate = folder
    while true {
      let base = candidate == "/" ? "" : candidate
      if try CollectionFolder(path: base + "/.freshet").exists() { return candidate }
      guard candidate != "/", let slash = candidate.lastIndex(of: "/") else { return nil }
      candidate = slash == candidate.startIndex ? "/" : String(candidate[..<slash])
    }
  }
}

import FreshetModel

/// A configuration while it is read: it remembers where each value came from, for errors and for trust.
struct ConfigurationDraft {
  var configuration: Configuration
  /// Where a key's value stands: `/…/freshet.yaml:3:5`, `FRESHET_SYNC_WORKERS`, `--workers`.
  var places: [String: String] = [:]
  /// The keys whose value is the file's own.
  var fileKeys: Set<String> = []
  /// The keys whose value is not the default: the file's, the environment's or the call's.
  var givenKeys: Set<String> = []
  let file: String

  init(_ configuration: Configuration, file: String) {
    self.configuration = configuration
    self.file = file
  }

  /// An error about a key, at the place where its value stands.
  func problem(_ key: String, _ sentence: String) -> FreshetError {
    FreshetError(.invalidConfiguration, "`\(key)` \(sentence)", path: places[key] ?? file)
  }

  // MARK: The file

  mutating func apply(file bytes: [UInt8]) throws {
    guard let root = try YAMLReader.read(bytes, file: file), !root.isNull else { return }
    guard case .mapping(let entries) = root.content else {
      throw error("a configuration is a mapping of keys to values; here stands \(root.kindName).", at: root.location)
    }
    for entry in entries {
      if entry.key == "sources" {
        configuration.sources += try elements(
          entry,
          ConfigurationKeys.source,
          maximum: ConfigurationKeys.maximumSources,
          needs: "path",
          SourceConfiguration.init
        )
      } else if entry.key == "webhooks" {
        configuration.webhooks += try elements(
          entry,
          ConfigurationKeys.webhook,
          maximum: ConfigurationKeys.maximumWebhooks,
          needs: "name",
          WebhookConfiguration.init
        )
      } else if ConfigurationKeys.sections.contains(where: { $0.name == entry.key }) {
        try applySection(entry)
      } else if let key = ConfigurationKeys.top.first(where: { $0.name == entry.key }) {
        try apply(key, entry)
      } else {
        throw unknown(entry, in: nil, candidates: Self.topNames)
      }
    }
  }

  private mutating func applySection(_ section: YAMLNode.Entry) throws {
    if section.value.isNull { return }
    let keys = ConfigurationKeys.all.filter { $0.section == section.key }
    guard case .mapping(let entries) = section.value.content else {
      throw error(
        "`\(section.key)` is a mapping of \(keys.map { "`\($0.leaf)`" }.joined(separator: ", ")); here stands "
          + "\(section.value.kindName).",
        at: section.value.location
      )
    }
    for entry in entries {
      guard let key = keys.first(where: { $0.leaf == entry.key }) else {
        throw unknown(entry, in: section.key, candidates: keys.map(\.leaf))
      }
      try apply(key, entry)
    }
  }

  private mutating func apply(_ key: ConfigurationKey<Configuration>, _ entry: YAMLNode.Entry) throws {
    places[key.name] = place(entry.location)
    if entry.value.isNull { return }
    do {
      try key.apply(&configuration, entry.value)
    } catch let problem as ValueProblem {
      throw error("`\(key.name)` \(problem.sentence)", at: problem.location ?? entry.value.location)
    }
    fileKeys.insert(key.name)
    givenKeys.insert(key.name)
  }

  /// The elements of a list of mappings: `sources`, `webhooks`.
  private mutating func elements<Element>(
    _ list: YAMLNode.Entry,
    _ keys: [ConfigurationKey<Element>],
    maximum: Int,
    needs needed: String,
    _ make: () -> Element
  ) throws -> [Element] {
    if list.value.isNull { return [] }
    guard case .sequence(let nodes) = list.value.content else {
      throw error("`\(list.key)` is a list; here stands \(list.value.kindName).", at: list.value.location)
    }
    guard nodes.count <= maximum else {
      throw error("`\(list.key)` has more than \(maximum) elements.", at: list.value.location)
    }
    return try nodes.enumerated().map { index, node in
      let name = "\(list.key)[\(index + 1)]"
      guard case .mapping(let entries) = node.content else {
        throw error("`\(name)` is a mapping with a `\(needed)`; here stands \(node.kindName).", at: node.location)
      }
      places[name] = place(node.location)
      var element = make()
      for entry in entries {
        guard let key = keys.first(where: { $0.name == entry.key }) else {
          throw unknown(entry, in: name, candidates: keys.map(\.name))
        }
        places["\(name).\(entry.key)"] = place(entry.location)
        if entry.value.isNull { continue }
        do {
          try key.apply(&element, entry.value)
        } catch let problem as ValueProblem {
          throw error("`\(name).\(key.name)` \(problem.sentence)", at: problem.location ?? entry.value.location)
        }
        fileKeys.insert("\(name).\(key.name)")
      }
      return element
    }
  }

  private static let topNames =
    ["sources", "webhooks"] + ConfigurationKeys.top.map(\.name) + ConfigurationKeys.sections.map(\.name)

  private func unknown(_ entry: YAMLNode.Entry, in section: String?, candidates: [String]) -> FreshetError {
    let full = section.map { "\($0).\(entry.key)" } ?? entry.key
    var sentence = "there is no key `\(full.shown)`."
    let elsewhere = ConfigurationKeys.all.first { $0.leaf == entry.key }?.name
    // A key of that very name says more than a section of a similar one.
    let isElsewhere = section == nil && elsewhere != nil
    if !isElsewhere, let suggestion = NearestName.suggestion(for: entry.key, among: candidates) {
      sentence += " Did you mean `\(section.map { "\($0).\(suggestion)" } ?? suggestion)`?"
    } else if let elsewhere {
      sentence += " Did you mean `\(elsewhere)`?"
    } else {
      sentence += " These are: \(candidates.map { "`\($0)`" }.joined(separator: ", "))."
    }
    return error(sentence, at: entry.location)
  }

  private func place(_ location: TextLocation) -> String { "\(file):\(location.line):\(location.column)" }

  private func error(_ message: String, at location: TextLocation) -> FreshetError {
    FreshetError(.invalidConfiguration, message, path: place(location))
  }

  // MARK: Overrides

  /// Applies the variables that name keys.
  ///
  /// - Throws: `invalid_configuration` also for a variable that starts like a key's and is none: a slip would
  ///   otherwise pass unseen.
  mutating func apply(environment: [String: String]) throws {
    let variables = environment.filter { $0.key.hasPrefix("FRESHET_") }.sorted { $0.key < $1.key }
    guard !variables.isEmpty else { return }
    let keys = ConfigurationKeys.all.filter(\.isOverridable)
    for (name, value) in variables {
      if let key = keys.first(where: { $0.variable == name }) {
        try apply(key, value, label: name)
      } else if ConfigurationKeys.sections.contains(where: { name.hasPrefix("FRESHET_\($0.name.uppercased())_") }) {
        let suggestion = NearestName.suggestion(for: name, among: keys.map(\.variable))
        throw FreshetError(
          .invalidConfiguration,
          "no key has this environment variable." + (suggestion.map { " Did you mean `\($0)`?" } ?? ""),
          path: name.shown
        )
      }
    }
  }

  mutating func apply(_ override: ConfigurationOverride) throws {
    guard let key = ConfigurationKeys.all.first(where: { $0.name == override.key && $0.isOverridable }) else {
      throw FreshetError(.invalidConfiguration, "there is no key `\(override.key.shown)`.", path: override.label)
    }
    try apply(key, override.value, label: override.label)
  }

  private mutating func apply(_ key: ConfigurationKey<Configuration>, _ value: String, label: String) throws {
    let start = TextLocation(line: 1, column: 1)
    var node = YAMLNode(content: .scalar(value, isPlain: true), location: start)
    if key.isList {
      let parts = value.split(separator: ",").map { part in
        YAMLNode(content: .scalar(part.trimmingSpaces, isPlain: false), location: start)
      }
      node.content = .sequence(parts)
    }
    do {
      try key.apply(&configuration, node)
    } catch let problem as ValueProblem {
      throw FreshetError(.invalidConfiguration, "`\(key.name)` \(problem.sentence)", path: label)
    }
    places[key.name] = label
    fileKeys.remove(key.name)
    givenKeys.insert(key.name)
  }
}

extension Substring {
  fileprivate var trimmingSpaces: String {
    var text = self.drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}

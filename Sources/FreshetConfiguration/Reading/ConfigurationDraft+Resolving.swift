import FreshetModel

extension ConfigurationDraft {
  /// The configuration with absolute paths, checked across keys, with what it needs trust for.
  func resolved(home: String?) throws -> Configuration {
    var result = configuration
    try checkEmbedder()
    result.chunk = try chunks()
    if !result.isPostgreSQL {
      result.collection = ConfigurationPath.absolute(result.collection, in: result.folder, home: home)
    }
    if let file = result.log.file {
      result.log.file = ConfigurationPath.absolute(file, in: result.folder, home: home)
    }
    if let file = result.metrics.file {
      result.metrics.file = ConfigurationPath.absolute(file, in: result.folder, home: home)
    }
    if result.embedder.model.contains("/"), result.embedder.provider == .onnx {
      result.embedder.model = ConfigurationPath.absolute(result.embedder.model, in: result.folder, home: home)
    }
    try resolveSources(&result, home: home)
    try checkEvents(&result, home: home)
    result.trustRequirements = trustRequirements(of: result)
    return result
  }

  private func checkEmbedder() throws {
    let embedder = configuration.embedder
    if embedder.provider == .http, embedder.url == nil {
      throw FreshetError(
        .invalidConfiguration,
        "the embedder `http` needs `embedder.url`, such as `https://api.openai.com/v1`.",
        path: places["embedder.provider"] ?? file
      )
    }
    if embedder.model.isEmpty, embedder.provider == .http || embedder.provider == .onnx {
      throw problem("embedder.model", "must not be empty.")
    }
  }

  /// The chunks' sizes: those given, checked, and the others by their defaults' proportions to these.
  private func chunks() throws -> ChunkConfiguration {
    var chunk = configuration.chunk
    let defaults = ChunkConfiguration()
    if !givenKeys.contains("chunk.soft"), givenKeys.contains("chunk.hard") {
      chunk.soft = min(defaults.soft, max(ChunkConfiguration.smallestSoft, chunk.hard / 4 * 3))
    }
    if !givenKeys.contains("chunk.hard") {
      chunk.hard = min(max(defaults.hard, chunk.soft / 3 * 4), ChunkConfiguration.greatestHard)
    }
    if !givenKeys.contains("chunk.min") { chunk.minimum = min(defaults.minimum, chunk.soft / 2) }
    guard chunk.soft <= chunk.hard else {
      let key = givenKeys.contains("chunk.soft") ? "chunk.soft" : "chunk.hard"
      throw problem(key, "does not fit: `soft` must be at most `hard`; they are \(chunk.soft) and \(chunk.hard).")
    }
    guard chunk.minimum <= chunk.soft / 2 else {
      throw problem(
        "chunk.min",
        "must be at most half of `chunk.soft` (\(chunk.soft / 2)); here stands \(chunk.minimum)."
      )
    }
    guard chunk.overlap <= chunk.soft / 2 else {
      throw problem(
        "chunk.overlap",
        "must be at most half of `chunk.soft` (\(chunk.soft / 2)); here stands \(chunk.overlap)."
      )
    }
    return chunk
  }

  // MARK: Sources

  private func resolveSources(_ result: inout Configuration, home: String?) throws {
    for index in result.sources.indices {
      let key = "sources[\(index + 1)]"
      if result.sources[index].site != nil {
        guard result.sources[index].path.isEmpty else {
          throw problem(key, "has both a `path` and a `site`; make two sources of it.")
        }
        throw problem(
          "\(key).site",
          "is a website, and this version of Freshet cannot crawl yet; take the source out."
        )
      }
      guard !result.sources[index].path.isEmpty else { throw problem(key, "needs a `path`: the folder to index.") }
      result.sources[index].path = ConfigurationPath.absolute(
        result.sources[index].path,
        in: result.folder,
        home: home
      )
      if result.sources[index].name.isEmpty {
        let name = ConfigurationPath.lastName(of: result.sources[index].path)
        result.sources[index].name = name.isEmpty ? "root" : name
        guard SourceName.isValid(result.sources[index].name) else {
          throw problem(key, "needs a `name`: its folder's has a `:` or is too long.")
        }
      }
    }
    try checkNames(of: result)
    try separateRoots(&result)
  }

  private func checkNames(of result: Configuration) throws {
    var first: [String: Int] = [:]
    for (index, source) in result.sources.enumerated() {
      if let other = first.updateValue(index, forKey: source.name) {
        throw problem(
          "sources[\(index + 1)]",
          "has the name `\(source.name.shown)`, which `sources[\(other + 1)]` has already; give one of them another "
            + "`name`."
        )
      }
    }
  }

  /// Two sources never have one folder, and none has the collection's.
  private func separateRoots(_ result: inout Configuration) throws {
    let roots = result.sources.map { ConfigurationPath.resolved($0.path) ?? $0.path }
    var first: [String: Int] = [:]
    for (index, root) in roots.enumerated() {
      if let other = first.updateValue(index, forKey: root) {
        throw problem(
          "sources[\(index + 1)]",
          "has the same folder as `sources[\(other + 1)]`; join them, with all patterns in one `include`."
        )
      }
    }
    if !result.isPostgreSQL {
      let collection = ConfigurationPath.resolved(result.collection) ?? result.collection
      if let index = roots.firstIndex(of: collection) {
        throw problem("collection", "is the folder of `sources[\(index + 1)]`; choose a folder of its own.")
      }
    }
    result.separateSources()
  }

  // MARK: Trust

  /// Only what the file itself says needs trust: environment and command line are the user's own words.
  private func trustRequirements(of result: Configuration) -> [TrustRequirement] {
    guard result.file != nil else { return [] }
    let base = ConfigurationPath.resolved(result.folder) ?? result.folder
    var requirements: [TrustRequirement] = []
    func outside(_ key: String, _ path: String, _ effect: String) {
      guard fileKeys.contains(key) else { return }
      let real = ConfigurationPath.resolved(path)
      if let real, ConfigurationPath.isInside(real, base) { return }
      requirements.append(TrustRequirement(key: key, value: real ?? path, effect: effect))
    }
    if result.isPostgreSQL {
      if fileKeys.contains("collection") {
        let address = WebAddress.withoutCredentials(result.collection)
        requirements.append(
          TrustRequirement(key: "collection", value: address, effect: "keeps the collection in this database")
        )
      }
    } else {
      outside("collection", result.collection, "writes the collection outside the configuration's folder")
    }
    for (index, source) in result.sources.enumerated() {
      outside("sources[\(index + 1)].path", source.path, "reads documents outside the configuration's folder")
    }
    if let file = result.log.file { outside("log.file", file, "writes a log outside the configuration's folder") }
    if let file = result.metrics.file {
      outside("metrics.file", file, "writes figures outside the configuration's folder")
    }
    switch result.embedder.provider {
    case .http:
      if let url = result.embedder.url, fileKeys.contains("embedder.url") {
        requirements.append(
          TrustRequirement(key: "embedder.url", value: url, effect: "sends your texts to this server")
        )
      }
      if let variable = result.embedder.apiKeyVariable, fileKeys.contains("embedder.api_key_env") {
        requirements.append(
          TrustRequirement(
            key: "embedder.api_key_env",
            value: variable,
            effect: "sends the content of this environment variable"
          )
        )
      }
    case .onnx:
      // A model file can refer to other files, so a path needs a word even within the folder.
      if result.embedder.model.contains("/"), fileKeys.contains("embedder.model") {
        let real = ConfigurationPath.resolved(result.embedder.model) ?? result.embedder.model
        requirements.append(TrustRequirement(key: "embedder.model", value: real, effect: "runs this model"))
      }
    case .hash, .none: break
    }
    requirements += eventRequirements(of: result)
    return requirements
  }
}

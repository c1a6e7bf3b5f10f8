import FreshetChunking
import FreshetConfiguration
import FreshetEmbedding
import FreshetFormats
import FreshetIndex
import FreshetModel
import FreshetParsing
import FreshetSources
import FreshetSync
import FreshetSystem

/// Chooses the concrete stages that a configuration asks for: the one place that knows them all.
struct StageFactory: Sendable {
  let configuration: Configuration
  /// Where keys of servers stand.
  let environment: [String: String]

  /// - Parameter environment: variables instead of the process's own.
  init(configuration: Configuration, environment: [String: String]? = nil) {
    self.configuration = configuration
    self.environment = environment ?? ProcessEnvironment.all()
  }

  /// The sources, in the configuration's order.
  func sources() throws -> [any Source] {
    try configuration.sources.map { source in
      guard source.site == nil else {
        throw FreshetError(
          .invalidConfiguration,
          "the source is a site, and sites cannot be crawled yet; remove it for now",
          path: source.name
        )
      }
      var directory = DirectoryConfiguration(name: source.name, path: source.path)
      directory.include = source.include
      directory.exclude = source.exclude + ownFiles(in: source.path)
      directory.metadata = source.metadata
      directory.respectsGitignore = source.gitignore
      directory.includesHidden = source.hidden
      directory.links = source.symlinks == .skip ? .ignore : .foldersWithinRoot
      directory.isRecursive = source.isRecursive
      directory.fileSizeMax = configuration.maximumFileSize(of: source)
      directory.excludedFolders = source.excludedFolders.map { source.path + "/" + $0 }
      directory.setAsideFolder = configuration.failures.folder
      return try DirectorySource(directory)
    }
  }

  /// Patterns of the files that this program itself writes all the time, where they lie in a folder: a service that took
  /// its own log up would never come to rest.
  private func ownFiles(in folder: String) -> [String] {
    let base = folder.hasSuffix("/") ? folder : folder + "/"
    let files = [(configuration.log.file, "{,.*}"), (configuration.metrics.file, "")]
    return files.compactMap { file, suffix in
      guard let file, file.hasPrefix(base) else { return nil }
      let wildcards = Set("*?[]{}\\")
      let name = file.dropFirst(base.count).map { wildcards.contains($0) ? "\\\($0)" : String($0) }.joined()
      return "/" + name + suffix
    }
  }

  /// What the parsers depend on.
  var parsersKey: ParsersKey {
    ParsersKey(workers: workers, overrides: configuration.parsers, json: configuration.json)
  }

  /// The parsers; their helper processes start with the first document that needs one.
  func parsers() throws -> StandardParserRegistry {
    var options = ParsingOptions()
    options.helper.count = workers
    options.patterns = configuration.parsers.map { NamePattern($0.pattern, format: Format(rawValue: $0.format)) }
    let fields = configuration.json
    options.json = JSONOptions(
      text: fields.text,
      title: fields.title,
      identifier: fields.id,
      records: fields.records
    )
    return StandardParserRegistry(options: options)
  }

  /// The chunker.
  func chunker() throws -> any Chunker {
    let chunk = configuration.chunk
    return CartesianChunker(
      try ChunkingParameters(
        soft: chunk.soft,
        min: chunk.minimum,
        hard: chunk.hard,
        unit: chunk.unit == .tokens ? .tokens : .characters,
        overlap: chunk.overlap
      )
    )
  }

  /// The embedder with its retries and limits; loads nothing yet. `nil` when the collection keeps no vectors.
  ///
  /// - Parameter memory: what servers answered to the probe before.
  func embedder(memory: any ProbeMemory) async throws -> (any Embedder)? {
    let embedder = configuration.embedder
    switch embedder.provider {
    case .none: return nil
    case .hash:
      return RetryingEmbedder(
        HashEmbedder(
          dimension: embedder.dimension ?? HashEmbedder.defaultDimension,
          faults: HashEmbedderFaults(environment: environment)
        )
      )
    case .onnx:
      return try ONNXEmbedder(
        model: embedder.model,
        precision: embedder.precision == .int8 ? .int8 : .float32,
        prefixes: ONNXModel.Prefixes(query: embedder.queryPrefix, document: embedder.documentPrefix),
        workers: embedder.workers
      )
    case .http:
      guard let url = embedder.url else {
        throw FreshetError(
          .invalidConfiguration,
          "`embedder.url` is missing: name the server's address",
          path: configuration.file
        )
      }
      var settings = HTTPEmbedderSettings(url: url, model: embedder.model)
      settings.dimension = embedder.dimension
      settings.revision = embedder.revision
      settings.apiKeyVariable = embedder.apiKeyVariable
      settings.timeout = embedder.timeout
      settings.queryPrefix = embedder.queryPrefix
      settings.documentPrefix = embedder.documentPrefix
      if embedder.workers > 0 { settings.parallelism = embedder.workers }
      let server = try await HTTPEmbedder.connect(
        settings,
        environment: environment,
        memory: memory
      )
      let limited: any Embedder =
        embedder.requestsPerMinute > 0
        ? RateLimitingEmbedder(server, callsPerMinute: embedder.requestsPerMinute) : server
      return RetryingEmbedder(limited)
    }
  }

  /// Threads that read, parse and chunk.
  var workers: Int {
    configuration.sync.workers > 0 ? configuration.sync.workers : ProcessEnvironment.processorCount
  }

  /// How the vector index is built and kept.
  var indexSettings: IndexSettings {
    var settings = IndexSettings()
    settings.backend = IndexSettings.Choice(rawValue: configuration.index.backend.rawValue) ?? .auto
    settings.exactLimit = configuration.index.exactLimit
    settings.rebuildThreshold = configuration.index.rebuildThreshold
    return settings
  }

  /// The options of a sync as configured; what a single call changes comes on top.
  func syncOptions() -> SyncOptions {
    var options = SyncOptions()
    options.actor = ProcessEnvironment.user + "@" + ProcessEnvironment.host
    options.workers = workers
    options.checkpointDocuments = configuration.checkpointDocuments
    options.embedderBatch = configuration.embedder.batch
    options.deletionGuard.maximumRatio = configuration.sync.maximumDeleteRatio
    options.onEmbedderDown = configuration.sync.onEmbedderDown == .keepOld ? .keepOld : .keywordFirst
    let retention = Dictionary(
      configuration.sources.map { ($0.name, configuration.contentRetention(of: $0)) },
      uniquingKeysWith: { $1 }
    )
    options.codec = configuration.history.compression == .zstd ? .zstd : .plain
    options.storesContent = { source, size in (retention[source] ?? .all).keeps(bytes: size) }
    return options
  }
}

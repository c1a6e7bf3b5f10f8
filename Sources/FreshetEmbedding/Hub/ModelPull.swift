import FreshetFormats
import FreshetModel
import FreshetSystem

/// How a model is fetched from a hub.
public struct ModelPullOptions: Sendable {
  /// The name that it gets here; `nil` for the repository's own in lower case.
  public var name: String?
  /// The ONNX file in the repository; `nil` for the usual one.
  public var file: String?
  /// Whether a model of the name that is another one is replaced.
  public var replaces = false
  /// How requests that fail for a passing reason are made again.
  public var retry = RetryPolicy()

  /// Starts with the defaults.
  public init() {}
}

/// How far a model has been fetched.
public struct ModelPullProgress: Sendable, Hashable {
  /// The file that is fetched now.
  public var file: String
  /// Bytes of all files that are here.
  public var bytesDone: Int
  /// Bytes of all files, as far as they are described.
  public var bytesTotal: Int
}

/// A model that was fetched.
public struct PulledModel: Sendable {
  /// The name for `embedder.model`.
  public var name: String
  /// The value for `embedder.precision`.
  public var precision: ONNXModel.Precision
  /// `owner/name` of its repository.
  public var source: String
  /// The commit.
  public var revision: String
  /// The folder that it stands in.
  public var directory: String
  /// What it is.
  public var description: ModelDescription
  /// Whether it was here already, and nothing was fetched.
  public var wasPresent: Bool
}

/// Fetches a sentence-transformers model with an ONNX file from a hub into a folder of models.
///
/// What is fetched stands in a hidden folder beside its place until everything is there, its hashes hold, and the model
/// has embedded a sentence; then the folder is put in its place at once. What an interrupted call fetched is continued by
/// the next, as the folder is named for the commit.
public struct ModelPull: Sendable {
  /// Bytes above which an ONNX file, or its data, is refused.
  static let maximumModelBytes = 8 << 30
  /// The ONNX files that are looked for, the first preferred.
  static let usualFiles = ["onnx/model.onnx", "model.onnx"]
  private static let probe = "A sentence that shows whether the model works."

  private let address: HubAddress
  private let options: ModelPullOptions
  private let location: ModelLocation
  private let hub: HubConnection
  private let pool = ThreadPool(name: "model-pull", threads: 1)

  /// Prepares; nothing is asked yet.
  ///
  /// - Parameters:
  ///   - environment: `HF_TOKEN` is sent to the hub.
  ///   - location: where models are; the new one goes into `pullDirectory`.
  public init(
    _ address: HubAddress,
    options: ModelPullOptions = ModelPullOptions(),
    location: ModelLocation = .standard(),
    environment: [String: String]
  ) {
    self.address = address
    self.options = options
    self.location = location
    hub = HubConnection(address, environment: environment, retry: options.retry)
  }

  /// Fetches the model, or finds that it is here.
  ///
  /// - Throws: `FreshetError` with `not_found`, `network`, `model_unavailable` for a model that is of no use here,
  ///   `invalid_argument` for a name that another model has, `locked`, and errors of files; `CancellationError`, after
  ///   which another call continues.
  public func run(progress: @escaping @Sendable (ModelPullProgress) -> Void = { _ in }) async throws -> PulledModel {
    let name = options.name ?? address.modelName
    guard Self.isModelName(name) else {
      throw FreshetError(.invalidArgument, "a model's name has letters, digits, '.', '-' and '_' only", path: name)
    }
    guard let models = location.pullDirectory else {
      throw FreshetError(.invalidArgument, "there is no folder for models; set FRESHET_MODELS to one")
    }
    let (commit, files, licence) = try await hub.revision()
    let file = try chosen(from: files)
    if let present = try await pool.run({ try self.present(name, commit, file) }) { return present }
    let staging = "\(models)/.pull-\(name)-\(commit.prefix(12))"
    let lock = try await pool.run {
      try FileSystem.createFolder(models)
      let lock = try FileLock.acquire("\(models)/.pull-\(name).lock")
      try FileSystem.createFolder(staging)
      return lock
    }
    defer { withExtendedLifetime(lock) {} }
    let fetched = try await fetch(file, files, commit, into: staging, progress)
    let manifest = try await manifest(name, file, commit, licence, fetched, staging)
    let target = "\(models)/\(name)"
    try await pool.run {
      try FileSystem.replace("\(staging)/model.json", with: Array(manifest.description.utf8) + [0x0A])
    }
    let precision = Self.precision(of: file)
    try await tryOut(staging, precision)
    try await pool.run { try Self.install(staging, as: target) }
    let model = try ONNXModel(directory: target, precision: precision)
    return PulledModel(
      name: name,
      precision: precision,
      source: address.repository,
      revision: commit,
      directory: target,
      description: model.description,
      wasPresent: false
    )
  }

  // MARK: Choosing

  private func chosen(from files: Set<String>) throws -> String {
    guard files.contains("tokenizer.json") else {
      throw SentenceTransformersDescription.refusal("it has no tokenizer.json")
    }
    if let file = options.file {
      guard files.contains(file), file.hasSuffix(".onnx") else {
        throw FreshetError(.notFound, "the model has no ONNX file of that name", path: file)
      }
      return file
    }
    guard let file = Self.usualFiles.first(where: files.contains) else {
      throw SentenceTransformersDescription.refusal("it has no ONNX file (\(Self.usualFiles.joined(separator: ", ")))")
    }
    return file
  }

  /// What the file's name says, as the hub's exporters name them.
  static func precision(of file: String) -> ONNXModel.Precision {
    let name = FileSystem.split(file).name
    return ["int8", "uint8", "quantized"].contains { name.contains($0) } ? .int8 : .float32
  }

  /// The installed model when it is this very one; `nil` when there is none, or it is to be replaced.
  private func present(_ name: String, _ commit: String, _ file: String) throws -> PulledModel? {
    guard let directory = location.directory(of: name) else { return nil }
    let bytes = try ModelFile.bytes(of: directory + "/model.json", maximumSize: ONNXModel.maximumManifestSize)
    let manifest = try? JSONReader.value(bytes)
    let precision = Self.precision(of: file)
    if manifest?["source"]?.text == address.repository, manifest?["revision"]?.text == commit,
      manifest?["file"]?.text == file, let model = try? ONNXModel(directory: directory, precision: precision)
    {
      return PulledModel(
        name: name,
        precision: precision,
        source: address.repository,
        revision: commit,
        directory: directory,
        description: model.description,
        wasPresent: true
      )
    }
    guard options.replaces else {
      throw FreshetError(
        .invalidArgument,
        "another model has the name '\(name)'; give this one another with --as, or replace that one with --replace",
        path: directory
      )
    }
    return nil
  }

  private static func isModelName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 96 && name.utf8.first != UInt8(ascii: ".")
      && name.utf8.first != UInt8(ascii: "-")
      && name.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
      }
  }

  // MARK: Fetching

  /// What came, by its name in the folder.
  private struct Fetched: Sendable {
    var description: SentenceTransformersDescription
    var hashes: [(name: String, sha256: String)]
  }

  private func fetch(
    _ file: String,
    _ files: Set<String>,
    _ commit: String,
    into folder: String,
    _ progress: @escaping @Sendable (ModelPullProgress) -> Void
  ) async throws -> Fetched {
    // The small ones first: they tell whether the large one is worth its time.
    var small: [String: [UInt8]] = [:]
    func read(_ path: String) async throws {
      guard files.contains(path), small[path] == nil else { return }
      let described = try await hub.describe(path, commit: commit)
      guard described.size <= HubConnection.partBytes else { throw Self.tooLarge(path, HubConnection.partBytes) }
      small[path] = try await hub.bytes(0..<described.size, of: path, size: described.size, commit: commit)
    }
    typealias Description = SentenceTransformersDescription
    try await read(Description.modules)
    let pooling = try Description.poolingFile(modules: small[Description.modules])
    for path in [
      pooling, Description.configuration, Description.limits, Description.usage, Description.tokenizerConfiguration,
    ] { try await read(path) }
    let known = small
    let description = try Description(poolingFile: pooling) { known[$0] }

    var parts = [(path: "tokenizer.json", name: "tokenizer.json", limit: WordPieceTokenizer.maximumFileSize)]
    let model = FileSystem.split(file).name
    parts.append((file, model, Self.maximumModelBytes))
    // Weights above 2 GB stand in a file of their own, which the model names.
    for suffix in ["_data", ".data"] where files.contains(file + suffix) {
      parts.append((file + suffix, model + suffix, Self.maximumModelBytes))
    }
    var described: [HubConnection.File] = []
    for part in parts {
      let file = try await hub.describe(part.path, commit: commit)
      guard file.size <= part.limit else { throw Self.tooLarge(part.path, part.limit) }
      described.append(file)
    }
    let total = described.reduce(0) { $0 + $1.size }
    var done = 0
    var hashes: [(name: String, sha256: String)] = []
    for (part, file) in zip(parts, described) {
      let before = done
      let hash = try await download(part.path, file, commit, to: "\(folder)/\(part.name)") { bytes in
        progress(ModelPullProgress(file: part.path, bytesDone: before + bytes, bytesTotal: total))
      }
      hashes.append((part.name, hash))
      done += file.size
      if part.name == "tokenizer.json" {
        let path = "\(folder)/tokenizer.json"
        _ = try await pool.run { try WordPieceTokenizer(contentsOf: path) }
      }
    }
    return Fetched(description: description, hashes: hashes)
  }

  /// Fetches a file in parts, from where an earlier call ended; answers its SHA-256.
  private func download(
    _ path: String,
    _ file: HubConnection.File,
    _ commit: String,
    to target: String,
    _ progress: @Sendable (Int) -> Void
  ) async throws -> String {
    if let hash = try await pool.run({ try Self.verified(target, file) }) {
      progress(file.size)
      return hash
    }
    let partial = target + ".part"
    var size = try await pool.run { () -> Int in
      try FileSystem.remove(target)
      let present = try FileSystem.exists(partial) ? try FileStatus(of: partial).fingerprint.size : 0
      if present > file.size { try FileSystem.remove(partial) }
      return present > file.size ? 0 : Int(present)
    }
    progress(size)
    let output = try await pool.run { try AppendFile(partial) }
    while size < file.size {
      try Task.checkCancellation()
      let end = min(size + HubConnection.partBytes, file.size)
      let bytes = try await hub.bytes(size..<end, of: path, size: file.size, commit: commit)
      try await pool.run { try output.append(bytes) }
      size = end
      progress(size)
    }
    return try await pool.run {
      try output.synchronize()
      guard let hash = try Self.verified(partial, file) else {
        try FileSystem.remove(partial)
        throw FreshetError(.network, "what the hub sent is not what it described; run this again", path: path)
      }
      try FileSystem.move(partial, to: target)
      return hash
    }
  }

  /// The file's SHA-256 when it is the one that the hub described; `nil` for another, and where there is none.
  private static func verified(_ path: String, _ file: HubConnection.File) throws -> String? {
    guard try FileSystem.exists(path), try FileStatus(of: path).fingerprint.size == Int64(file.size) else { return nil }
    let hash = try FileDigest.sha256(of: path)
    if let expected = file.sha256, expected != hash { return nil }
    if let expected = file.gitObject, try FileDigest.gitObject(of: path, size: file.size) != expected { return nil }
    return hash
  }

  private static func tooLarge(_ path: String, _ limit: Int) -> FreshetError {
    FreshetError(
      .modelUnavailable,
      "the file is larger than the \(Quantity.text(bytes: Int64(limit))) that are taken; choose a smaller model",
      path: path
    )
  }

  // MARK: Installing

  private func manifest(
    _ name: String,
    _ file: String,
    _ commit: String,
    _ licence: String?,
    _ fetched: Fetched,
    _ folder: String
  ) async throws -> JSONValue {
    let model = FileSystem.split(file).name
    let runtime = location.runtimeLibraries
    let signature = try await pool.run {
      try ONNXSession.signature(runtime: ONNXRuntime.load(from: runtime), path: "\(folder)/\(model)")
    }
    let usual = ["input_ids", "attention_mask", "token_type_ids"]
    guard signature.inputs.contains("input_ids"), signature.inputs.allSatisfy(usual.contains) else {
      throw SentenceTransformersDescription.refusal("it wants the inputs \(signature.inputs.joined(separator: ", "))")
    }
    guard
      let output = ["sentence_embedding", "last_hidden_state", "token_embeddings"].first(
        where: signature.outputs.contains
      )
    else {
      throw SentenceTransformersDescription.refusal("its outputs are \(signature.outputs.joined(separator: ", "))")
    }
    let described = fetched.description
    return [
      "format": 1, "name": .string(name), "source": .string(address.repository), "hub": .string(address.endpoint),
      "revision": .string(commit), "file": .string(file), "licence": licence.map { .string($0) } ?? .null,
      "dimension": .integer(Int64(described.dimension)), "maximum_length": .integer(Int64(described.maximumLength)),
      "pooling": .string(described.pooling.rawValue), "normalized": false,
      "prompts": ["query": .string(described.queryPrefix), "document": .string(described.documentPrefix)],
      "inputs": .array(signature.inputs.map { .string($0) }), "output": .string(output),
      "tokenizer": "tokenizer.json",
      "models": .object([.init(Self.precision(of: file).rawValue, .string(model))]),
      "sha256": .object(fetched.hashes.map { .init($0.name, .string($0.sha256)) }),
    ]
  }

  /// Embeds a sentence, so that a model that does not work here is never installed.
  private func tryOut(_ folder: String, _ precision: ONNXModel.Precision) async throws {
    let model = try ONNXModel(directory: folder, precision: precision)
    let embedder = try ONNXEmbedder(model, workers: 1, location: location)
    _ = try await embedder.embed([Self.probe], for: .document)
  }

  /// Puts the folder in its place; one that stands there is exchanged for it in the same instant.
  private static func install(_ staging: String, as target: String) throws {
    try FileSystem.synchronizeFolder(staging)
    if try FileSystem.exists(target) {
      try FileSystem.exchange(staging, with: target)
      // The name of what is fetched now belongs to the one that stood there.
      try? removeModel(staging)
    } else {
      try FileSystem.move(staging, to: target)
    }
    let (models, name) = FileSystem.split(target)
    // What interrupted calls fetched of other commits.
    for entry in try FileSystem.names(in: models) {
      let entry = String(decoding: entry, as: UTF8.self)
      let commit = entry.utf8.dropFirst(name.utf8.count + 7)
      if entry.hasPrefix(".pull-\(name)-"), commit.count == 12, commit.allSatisfy(Self.isHexadecimal) {
        try? removeModel("\(models)/\(entry)")
      }
    }
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }

  /// Removes a model with all that stands in its folder; a link is removed, not followed.
  private static func removeModel(_ folder: String) throws {
    if try FileStatus(of: folder, followingLinks: false).kind == .folder {
      for name in try FileSystem.names(in: folder) {
        try removeModel("\(folder)/\(String(decoding: name, as: UTF8.self))")
      }
    }
    try FileSystem.remove(folder)
  }
}

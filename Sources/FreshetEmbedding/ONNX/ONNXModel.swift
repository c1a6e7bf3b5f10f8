import FreshetFormats
import FreshetModel
import FreshetSystem

/// What a model's folder says of itself, in `model.json`; cheap to read.
public struct ONNXModel: Sendable {
  /// In what numbers the model computes.
  public enum Precision: String, Sendable, CaseIterable {
    /// 32-bit floating point.
    case float32 = "f32"
    /// Weights in 8-bit integers with a scale for each channel: smaller and about twice as fast, a little less exact.
    case int8
  }

  /// How the tokens' vectors become one, where the model itself gives one for each token.
  public enum Pooling: String, Sendable, CaseIterable {
    /// Their mean.
    case mean
    /// That of the first token, `[CLS]`.
    case cls
  }

  /// Bytes above which `model.json` is refused.
  static let maximumManifestSize = 1 << 20

  /// The folder with the model's files.
  public let directory: String
  /// Which of the folder's models.
  public let precision: Precision
  /// Name, fingerprint, dimension and maximum length.
  public let description: ModelDescription

  let modelPath: String
  let tokenizerPath: String
  let inputs: [String]
  let output: String
  let maximumLength: Int
  let pooling: Pooling
  /// Whether the model's vectors have unit length already.
  let isNormalized: Bool
  /// Text put before each query, and before each passage.
  let queryPrefix: String
  let documentPrefix: String

  /// Text that is put before queries and passages.
  public struct Prefixes: Hashable, Sendable {
    /// Before each query; empty for what the model says itself.
    public var query: String
    /// Before each passage; empty for what the model says itself.
    public var document: String

    /// Takes the texts.
    public init(query: String = "", document: String = "") {
      self.query = query
      self.document = document
    }
  }

  /// Finds an installed model by name, or by its folder when the name has a slash.
  /// - Throws: `FreshetError` with `model_unavailable`.
  public init(
    named name: String,
    precision: Precision,
    prefixes: Prefixes = Prefixes(),
    location: ModelLocation = .standard()
  ) throws {
    guard let directory = location.directory(of: name) else {
      let places = location.modelDirectories.joined(separator: ", ")
      throw FreshetError(
        .modelUnavailable,
        "the model '\(name)' is not installed (looked in \(places)); run set-up, fetch it with `freshet model pull`, or "
          + "set FRESHET_MODELS"
      )
    }
    try self.init(directory: directory, precision: precision, prefixes: prefixes)
  }

  /// Reads the folder's manifest.
  /// - Throws: `FreshetError` with `model_unavailable`.
  public init(directory: String, precision: Precision, prefixes: Prefixes = Prefixes()) throws {
    let path = directory + "/model.json"
    let bytes = try ModelFile.bytes(of: path, maximumSize: Self.maximumManifestSize)
    guard let manifest = try? JSONReader.value(bytes),
      case .integer(1)? = manifest["format"],
      let name = manifest["name"]?.text,
      let dimension = manifest["dimension"]?.count, (1...ModelDescription.dimensionMax).contains(dimension),
      let maximumLength = manifest["maximum_length"]?.count, (2...65_536).contains(maximumLength),
      let output = manifest["output"]?.text,
      case .array(let inputs)? = manifest["inputs"],
      let tokenizer = manifest["tokenizer"]?.text, Self.isFileName(tokenizer)
    else {
      throw FreshetError(.modelUnavailable, "the model's description is not valid; install the model again", path: path)
    }
    guard let pooling = manifest["pooling"]?.text.flatMap(Pooling.init), let isNormalized = manifest["normalized"]?.flag
    else {
      throw FreshetError(
        .modelUnavailable,
        "the model pools its tokens in a way that is not built in; choose another model",
        path: path
      )
    }
    guard let file = manifest["models"]?[precision.rawValue]?.text, Self.isFileName(file) else {
      throw FreshetError(.modelUnavailable, "there is no \(precision.rawValue) model; choose another", path: path)
    }
    guard let weights = manifest["sha256"]?[file]?.text, let vocabulary = manifest["sha256"]?[tokenizer]?.text else {
      throw FreshetError(.modelUnavailable, "the model's files have no hashes; install the model again", path: path)
    }
    self.directory = directory
    self.precision = precision
    self.inputs = inputs.compactMap(\.text)
    self.output = output
    self.maximumLength = maximumLength
    modelPath = directory + "/" + file
    tokenizerPath = directory + "/" + tokenizer
    self.pooling = pooling
    self.isNormalized = isNormalized
    let prompts = manifest["prompts"]
    queryPrefix = prefixes.query.isEmpty ? prompts?["query"]?.text ?? "" : prefixes.query
    documentPrefix = prefixes.document.isEmpty ? prompts?["document"]?.text ?? "" : prefixes.document
    // All that decides a vector, each with its length, so that no two models are taken for one.
    var identity = VariableLengthEncoder()
    for part in [
      weights, vocabulary, output, pooling.rawValue, isNormalized ? "normalized" : "", "\(maximumLength)",
      "\(dimension)", precision.rawValue, "\(WindowMean.rule)/\(WordPieceTokenizer.defaultMaximumWindows)",
      queryPrefix, documentPrefix,
    ] { identity.append(bytes: part.utf8) }
    // Weights in a file of their own.
    for suffix in ["_data", ".data"] {
      if let data = manifest["sha256"]?[file + suffix]?.text { identity.append(bytes: data.utf8) }
    }
    let digest = SHA256.digest(of: identity.bytes)
    description = ModelDescription(
      name: precision == .float32 ? name : "\(name)-\(precision.rawValue)",
      fingerprint: digest.description,
      dimension: dimension,
      maximumTokens: maximumLength
    )
  }

  /// A plain name, so that a manifest cannot point out of its folder.
  private static func isFileName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains(UInt8(ascii: "/"))
  }
}

extension JSONValue {
  /// The whole number that it is, or nil.
  fileprivate var count: Int? {
    if case .integer(let value) = self { Int(exactly: value) } else { nil }
  }
}

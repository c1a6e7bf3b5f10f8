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

  /// Finds an installed model by name, or by its folder when the name has a slash.
  /// - Throws: `FreshetError` with `model_unavailable`.
  public init(named name: String, precision: Precision, location: ModelLocation = .standard()) throws {
    guard let directory = location.directory(of: name) else {
      let places = location.modelDirectories.joined(separator: ", ")
      throw FreshetError(
        .modelUnavailable,
        "the model '\(name)' is not installed (looked in \(places)); run set-up or set FRESHET_MODELS"
      )
    }
    try self.init(directory: directory, precision: precision)
  }

  /// Reads the folder's manifest.
  /// - Throws: `FreshetError` with `model_unavailable`.
  public init(directory: String, precision: Precision) throws {
    let path = directory + "/model.json"
    let bytes = try ModelFile.bytes(of: path, maximumSize: Self.maximumManifestSize)
    guard let manifest = try? JSONReader.value(of: bytes),
      case .integer(1)? = manifest["format"],
      let name = manifest["name"]?.text,
      let dimension = manifest["dimension"]?.count, (1...65_536).contains(dimension),
      let maximumLength = manifest["maximum_length"]?.count, (2...65_536).contains(maximumLength),
      let output = manifest["output"]?.text,
      case .array(let inputs)? = manifest["inputs"],
      let tokenizer = manifest["tokenizer"]?.text, Self.isFileName(tokenizer)
    else {
      throw FreshetError(.modelUnavailable, "the model's description is not valid; install the model again", path: path)
    }
    guard manifest["pooling"]?.text == "mean", manifest["normalized"]?.flag == true else {
      throw FreshetError(
        .modelUnavailable,
        "only models that pool and normalise themselves can be used; convert it anew",
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
    // All that decides a vector; the lines make the parts unmistakable.
    let identity = [
      weights, vocabulary, "mean", "normalized", "\(maximumLength)", "\(dimension)", precision.rawValue,
      "\(WindowMean.rule)/\(WordPieceTokenizer.defaultMaximumWindows)",
    ]
    let digest = SHA256.digest(of: Array(identity.joined(separator: "\n").utf8))
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

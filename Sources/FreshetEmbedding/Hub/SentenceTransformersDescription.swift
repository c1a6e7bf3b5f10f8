import FreshetFormats
import FreshetModel

/// What a sentence-transformers repository says of how its model is used, read from its JSON files.
struct SentenceTransformersDescription {
  /// The modules, in their order: `modules.json`.
  static let modules = "modules.json"
  /// Sizes of the transformer.
  static let configuration = "config.json"
  /// The longest text that it was made for.
  static let limits = "sentence_bert_config.json"
  /// Prompts and the similarity that it was made for.
  static let usage = "config_sentence_transformers.json"
  /// The tokenizer's own limit.
  static let tokenizerConfiguration = "tokenizer_config.json"

  /// The longest text when no file says one, BERT's.
  private static let defaultMaximumLength = 512

  var pooling = ONNXModel.Pooling.mean
  var dimension: Int
  var maximumLength: Int
  var queryPrefix = ""
  var documentPrefix = ""

  /// The file that says how the tokens' vectors become one, from the modules.
  ///
  /// - Throws: `FreshetError` with `model_unavailable` for modules that change vectors in a way that is not built in.
  static func poolingFile(modules bytes: [UInt8]?) throws -> String {
    guard let bytes else {
      throw refusal("it has no \(modules): it is not a sentence-transformers model")
    }
    guard case .array(let list)? = try? JSONReader.value(bytes) else {
      throw refusal("its \(modules) is damaged")
    }
    var folder: String?
    for module in list {
      let kind = module["type"]?.text?.split(separator: ".").last.map(String.init) ?? "unnamed"
      switch kind {
      case "Transformer", "Normalize": continue
      case "Pooling": folder = module["path"]?.text
      default: throw refusal("it has a module '\(kind)', which is not built in")
      }
    }
    guard let folder, !folder.isEmpty, !folder.contains("..") else {
      throw refusal("its \(modules) names no pooling")
    }
    return folder + "/config.json"
  }

  /// - Parameter file: the content of a file of the repository; `nil` for one that it does not have.
  init(poolingFile: String, file: (String) -> [UInt8]?) throws {
    func json(_ name: String) -> JSONValue? { file(name).flatMap { try? JSONReader.value($0) } }
    guard let pooling = json(poolingFile) else { throw Self.refusal("its \(poolingFile) is missing or damaged") }
    self.pooling = try Self.pooling(pooling)
    let configuration = json(Self.configuration)
    guard let dimension = (pooling["word_embedding_dimension"] ?? configuration?["hidden_size"])?.wholeNumber,
      (1...ModelDescription.dimensionMax).contains(dimension)
    else { throw Self.refusal("its files do not say how many components a vector has") }
    self.dimension = dimension
    let limits = [
      json(Self.limits)?["max_seq_length"], configuration?["max_position_embeddings"],
      json(Self.tokenizerConfiguration)?["model_max_length"],
    ]
    let stated = limits.compactMap { $0?.wholeNumber }.filter { (2...65_536).contains($0) }
    maximumLength = stated.min() ?? Self.defaultMaximumLength

    let usage = json(Self.usage)
    if let similarity = usage?["similarity_fn_name"]?.text, similarity != "cosine",
      !(similarity == "dot" && Self.normalizes(json(Self.modules)))
    {
      throw Self.refusal("it was made to be compared by '\(similarity)', and Freshet compares by cosine")
    }
    if let prompts = usage?["prompts"] {
      queryPrefix = prompts["query"]?.text ?? ""
      documentPrefix = ["document", "passage", "corpus"].lazy.compactMap { prompts[$0]?.text }.first ?? ""
      if pooling["include_prompt"]?.flag == false, !(queryPrefix + documentPrefix).isEmpty {
        throw Self.refusal("its pooling leaves out the prompt, which is not built in")
      }
    }
  }

  private static func pooling(_ json: JSONValue) throws -> ONNXModel.Pooling {
    guard case .object(let members) = json else { throw refusal("its pooling is damaged") }
    var modes = members.filter { $0.name.hasPrefix("pooling_mode_") && $0.value.flag == true }.map {
      String($0.name.dropFirst("pooling_mode_".count))
    }
    if let mode = json["pooling_mode"]?.text { modes.append(mode) }
    switch modes {
    case ["mean_tokens"], ["mean"]: return .mean
    case ["cls_token"], ["cls"]: return .cls
    default:
      throw refusal("its pooling is '\(modes.joined(separator: " + "))', and only mean and cls are built in")
    }
  }

  private static func normalizes(_ modules: JSONValue?) -> Bool {
    guard case .array(let list)? = modules else { return false }
    return list.contains { $0["type"]?.text?.hasSuffix(".Normalize") == true }
  }

  static func refusal(_ reason: String) -> FreshetError {
    FreshetError(
      .modelUnavailable,
      "this model cannot be used: \(reason); choose another, or serve it over HTTP (`embedder.provider: http`)"
    )
  }
}

extension JSONValue {
  /// The whole number that it is, also one that is written as a fraction, or nil.
  var wholeNumber: Int? {
    switch self {
    case .integer(let value): Int(exactly: value)
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }
}

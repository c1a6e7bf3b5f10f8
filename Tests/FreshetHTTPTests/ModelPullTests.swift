import Foundation
import FreshetEmbedding
import FreshetModel
import FreshetTestKit
import Synchronization
import Testing

private let installedModel = ModelLocation.standard().directory(of: "all-minilm-l6-v2")

private func content(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

/// The JSON files of a repository.
private func description(
  dimension: Int,
  pooling: String = "mean_tokens",
  modules: [String] = ["Transformer", "Pooling", "Normalize"],
  length: Int = 256,
  usage: String? = nil
) -> [String: [UInt8]] {
  let list = modules.enumerated().map { index, kind in
    let path = index == 0 ? "" : "\(index)_\(kind)"
    return
      "{\"idx\":\(index),\"name\":\"\(index)\",\"path\":\"\(path)\",\"type\":\"sentence_transformers.models.\(kind)\"}"
  }
  var files = [
    "modules.json": "[\(list.joined(separator: ","))]",
    "1_Pooling/config.json":
      "{\"word_embedding_dimension\":\(dimension),\"pooling_mode_max_tokens\":false,\"pooling_mode_\(pooling)\":true}",
    "sentence_bert_config.json": "{\"max_seq_length\":\(length),\"do_lower_case\":false}",
    "config.json": "{\"hidden_size\":\(dimension),\"max_position_embeddings\":512}",
    "tokenizer_config.json": "{\"model_max_length\":512}",
    "README.md": "a card",
  ]
  if let usage { files["config_sentence_transformers.json"] = usage }
  return files.mapValues { Array($0.utf8) }
}

@Suite(
  "Fetching models",
  .enabled(if: installedModel != nil, "the model is not installed; run scripts/setup"),
  .timeLimit(.minutes(10))
)
struct ModelPullTests {
  let directory: TemporaryDirectory
  let tokenizer: [UInt8]

  init() throws {
    directory = try TemporaryDirectory("freshet-pull")
    tokenizer = try content(#require(installedModel) + "/tokenizer.json")
  }

  private var models: String { directory.file("models") }

  private var location: ModelLocation {
    ModelLocation(modelDirectories: [models], runtimeLibraries: ModelLocation.standard().runtimeLibraries)
  }

  private func hub(_ files: [String: [UInt8]], model: String = "onnx/model.onnx", _ bytes: [UInt8]) throws -> SampleHub
  {
    try SampleHub(files.merging(["tokenizer.json": tokenizer, model: bytes]) { $1 })
  }

  @discardableResult
  private func pull(
    _ hub: SampleHub,
    _ text: String = SampleHub.repository,
    environment: [String: String] = [:],
    _ change: (inout ModelPullOptions) -> Void = { _ in },
    progress: @escaping @Sendable (ModelPullProgress) -> Void = { _ in }
  ) async throws -> PulledModel {
    let environment = hub.environment.merging(environment) { $1 }
    var options = ModelPullOptions()
    options.retry.retries = 0
    change(&options)
    return try await ModelPull(
      try HubAddress(text, environment: environment),
      options: options,
      location: location,
      environment: environment
    ).run(progress: progress)
  }

  private func refusal(_ files: [String: [UInt8]], _ bytes: [UInt8] = SmallModel.bytes()) async throws -> String {
    let hub = try hub(files, bytes)
    defer { hub.stop() }
    let error = await #expect(throws: FreshetError.self) { try await pull(hub) }
    #expect(error?.code == .modelUnavailable)
    #expect(location.directory(of: "some-model") == nil)
    return error?.message ?? ""
  }

  @Test("the real model, fetched in parts, gives the vectors that it gives where set-up put it")
  func fetchesTheRealModel() async throws {
    let installed = try #require(installedModel)
    let hub = try hub(description(dimension: 384), try content(installed + "/model.onnx"))
    defer { hub.stop() }
    let seen = Mutex<[ModelPullProgress]>([])
    let pulled = try await pull(hub, progress: { state in seen.withLock { $0.append(state) } })
    #expect(pulled.name == "some-model" && pulled.revision == SampleHub.commit && !pulled.wasPresent)
    let states = seen.withLock { $0 }
    #expect(states.last.map { $0.bytesDone == $0.bytesTotal } == true)
    #expect(states.map(\.bytesDone) == states.map(\.bytesDone).sorted() && states.count > 8)

    let texts = ["The invoice must be paid.", String(repeating: "Backups are restored at night. ", count: 80)]
    let embedder = try ONNXEmbedder(model: "some-model", precision: .float32, workers: 1, location: location)
    let batch = try await embedder.embed(texts, for: .document)
    let reference = try ONNXEmbedder(precision: .float32, workers: 1)
    let expected = try await reference.embed(texts, for: .document)
    for (left, right) in zip(batch.values, expected.values) { #expect(abs(left - right) < 1e-6) }
    #expect(embedder.model.maximumTokens == 256)

    let manifest = try JSONDecoder().decode(JSONValue.self, from: Data(content(pulled.directory + "/model.json")))
    #expect(manifest["revision"] == .string(SampleHub.commit) && manifest["licence"] == "apache-2.0")
    #expect(manifest["source"] == .string(SampleHub.repository) && manifest["output"] == "sentence_embedding")
    let hash = try JSONDecoder().decode(JSONValue.self, from: Data(content(installed + "/model.json")))["sha256"]
    #expect(manifest["sha256"]?["model.onnx"] == hash?["model.onnx"])
    #expect(manifest["sha256"]?["tokenizer.json"] == hash?["tokenizer.json"])

    // Again: it is here, and nothing but the description is asked for.
    let before = hub.stored.count
    #expect(try await pull(hub).wasPresent)
    #expect(hub.stored.count == before)
  }

  @Test("tokens are pooled outside of the model, by mean or by the first", arguments: ["mean_tokens", "cls_token"])
  func poolsOutside(mode: String) async throws {
    let hub = try hub(description(dimension: SmallModel.dimension, pooling: mode), SmallModel.bytes())
    defer { hub.stop() }
    try await pull(hub)
    let embedder = try ONNXEmbedder(model: "some-model", precision: .float32, workers: 1, location: location)
    let text = "time and people"
    let ids = try WordPieceTokenizer(contentsOf: models + "/some-model/tokenizer.json").encode(text, maximumLength: 256)
    let rows = (mode == "cls_token" ? [ids[0]] : ids).map(SmallModel.row)
    let sum = (0..<SmallModel.dimension).map { place in rows.reduce(0) { $0 + $1[place] } }
    let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let vector = try await embedder.embed([text], for: .document)
    for (left, right) in zip(vector.values, sum) { #expect(abs(left - right / length) < 1e-6) }
  }

  @Test("prompts of the model are put before queries and passages, and make another model")
  func appliesPrompts() async throws {
    let usage = #"{"prompts":{"query":"query: ","passage":"passage: "},"similarity_fn_name":"cosine"}"#
    let plain = try hub(description(dimension: SmallModel.dimension), SmallModel.bytes())
    let prompted = try hub(description(dimension: SmallModel.dimension, usage: usage), SmallModel.bytes())
    defer {
      plain.stop()
      prompted.stop()
    }
    try await pull(plain)
    let other = try await pull(prompted) { $0.name = "prompted" }
    let without = try ONNXEmbedder(model: "some-model", precision: .float32, workers: 1, location: location)
    let with = try ONNXEmbedder(model: "prompted", precision: .float32, workers: 1, location: location)
    #expect(without.model.fingerprint != with.model.fingerprint)
    #expect(other.description.fingerprint == with.model.fingerprint)
    // Prefixes of the configuration count as much as the model's own.
    let configured = try ONNXEmbedder(
      model: "some-model",
      precision: .float32,
      prefixes: ONNXModel.Prefixes(query: "query: ", document: "passage: "),
      workers: 1,
      location: location
    )
    #expect(configured.model.fingerprint == with.model.fingerprint)
    for (purpose, prefix) in [(EmbeddingPurpose.query, "query: "), (.document, "passage: ")] {
      let left = try await with.embed(["people"], for: purpose).values
      #expect(left == (try await without.embed([prefix + "people"], for: .document).values))
    }
  }

  @Test("what was fetched before a break is not fetched again, and the break installs nothing")
  func continuesAfterABreak() async throws {
    let model = try content(#require(installedModel) + "/model.onnx")
    let hub = try hub(description(dimension: 384), model)
    defer { hub.stop() }
    hub.trouble { $0.partsUntilBreak = 4 }
    let error = await #expect(throws: FreshetError.self) { try await pull(hub) }
    #expect(error?.code == .network)
    #expect(location.directory(of: "some-model") == nil)
    hub.trouble { $0.partsUntilBreak = nil }
    let first = hub.stored.count
    try await pull(hub)
    let ranges = hub.stored.dropFirst(first).compactMap { $0.headers["range"] }
    #expect(ranges.first == "bytes=\(4 * 8 << 20)-\(5 * 8 << 20 - 1)")
    #expect(ranges.count == (model.count + (8 << 20) - 1) / (8 << 20) - 4)
    #expect(location.directory(of: "some-model") != nil)
    let left = try FileManager.default.contentsOfDirectory(atPath: models)
    #expect(left.filter { $0.hasPrefix(".pull") } == [".pull-some-model.lock"])
  }

  @Test("bytes that are not those described are thrown away")
  func refusesOtherBytes() async throws {
    let hub = try hub(description(dimension: SmallModel.dimension), SmallModel.bytes())
    defer { hub.stop() }
    hub.trouble { $0.corrupts = true }
    let error = await #expect(throws: FreshetError.self) { try await pull(hub) }
    #expect(error?.code == .network && error?.path == "onnx/model.onnx")
    #expect(location.directory(of: "some-model") == nil)
    hub.trouble { $0.corrupts = false }
    // Also by a server that sends the whole for a part.
    hub.trouble { $0.ignoresRanges = true }
    try await pull(hub)
  }

  @Test("the token goes to the hub that the environment names and to no other, and its lack is named")
  func sendsTheToken() async throws {
    let hub = try hub(description(dimension: SmallModel.dimension), SmallModel.bytes())
    defer { hub.stop() }
    hub.trouble { $0.token = "hf_secret" }
    let error = await #expect(throws: FreshetError.self) { try await pull(hub) }
    #expect(error?.message.contains("HF_TOKEN") == true)
    try await pull(hub, environment: ["HF_TOKEN": "hf_secret"])
    #expect(hub.asked.suffix(3).allSatisfy { $0.headers["authorization"] == "Bearer hf_secret" })
    // Another address than the hub's gets none.
    let elsewhere = try HubAddress(
      hub.server.url + "/\(SampleHub.repository)",
      environment: ["HF_ENDPOINT": "https://hub.example"]
    )
    let other = ModelPull(elsewhere, location: location, environment: ["HF_TOKEN": "hf_secret"])
    let refused = await #expect(throws: FreshetError.self) { try await other.run() }
    #expect(refused?.code == .network)
  }

  @Test("a model of the name that is another one stays, unless it is to be replaced")
  func replacesOnlyWhenTold() async throws {
    let hub = try hub(description(dimension: SmallModel.dimension), SmallModel.bytes())
    let next = try hub2()
    defer {
      hub.stop()
      next.stop()
    }
    let first = try await pull(hub)
    let error = await #expect(throws: FreshetError.self) { try await pull(next) { $0.file = "onnx/model_qint8.onnx" } }
    #expect(error?.code == .invalidArgument && error?.message.contains("--replace") == true)
    #expect(
      try ONNXModel(named: "some-model", precision: .float32, location: location).description == first.description
    )
    let second = try await pull(next) {
      $0.file = "onnx/model_qint8.onnx"
      $0.replaces = true
    }
    #expect(second.precision == .int8 && second.description.fingerprint != first.description.fingerprint)
    #expect(throws: FreshetError.self) { try ONNXModel(named: "some-model", precision: .float32, location: location) }
    let left = try FileManager.default.contentsOfDirectory(atPath: models).sorted()
    #expect(left == [".pull-some-model.lock", "some-model"])
  }

  private func hub2() throws -> SampleHub {
    try hub(description(dimension: SmallModel.dimension), model: "onnx/model_qint8.onnx", SmallModel.bytes())
  }

  @Test("models that could not be used rightly are refused with a sentence, before they are fetched")
  func refusesWhatIsNotBuiltIn() async throws {
    let size = SmallModel.dimension
    #expect(try await refusal(description(dimension: size, pooling: "lasttoken")).contains("lasttoken"))
    #expect(
      try await refusal(description(dimension: size, modules: ["Transformer", "Pooling", "Dense"])).contains("'Dense'")
    )
    var plain = description(dimension: size)
    plain["modules.json"] = nil
    #expect(try await refusal(plain).contains("sentence-transformers"))
    #expect(
      try await refusal(
        description(dimension: size, modules: ["Transformer", "Pooling"], usage: #"{"similarity_fn_name":"dot"}"#)
      ).contains("'dot'")
    )
    #expect(
      try await refusal(description(dimension: size), SmallModel.bytes(inputs: ["pixel_values"])).contains("pixel")
    )
    #expect(try await refusal(description(dimension: size), SmallModel.bytes(output: "logits")).contains("logits"))
  }

  @Test("a tokenizer that is not built in is refused, and the model is not fetched")
  func refusesOtherTokenizers() async throws {
    var files = description(dimension: SmallModel.dimension)
    files["tokenizer.json"] = Array(#"{"model":{"type":"Unigram","vocab":[]},"added_tokens":[]}"#.utf8)
    files["onnx/model.onnx"] = SmallModel.bytes()
    let hub = try SampleHub(files)
    defer { hub.stop() }
    let error = await #expect(throws: FreshetError.self) { try await pull(hub) }
    #expect(error?.message.contains("Unigram") == true)
    #expect(hub.stored.isEmpty)
  }

  @Test("a hub that the user names may be private; what it leads to elsewhere may not")
  func obeysTheAddressPolicy() async throws {
    let hub = try hub(description(dimension: SmallModel.dimension), SmallModel.bytes())
    let elsewhere = try LocalServer { _, _ in .answer(status: 200, body: "private") }
    defer {
      hub.stop()
      elsewhere.stop()
    }
    hub.trouble { $0.storeElsewhere = elsewhere.url }
    let error = await #expect(throws: FreshetError.self) { try await pull(hub) }
    #expect(error?.code == .forbiddenAddress && elsewhere.requests.isEmpty)
    hub.trouble { $0.storeElsewhere = nil }
    let page = hub.server.url + "/\(SampleHub.repository)/tree/v1"
    #expect(try await pull(hub, page, environment: ["HF_ENDPOINT": ""]).revision == SampleHub.commit)
  }

  @Test("names and addresses are read as the hub writes them")
  func readsAddresses() throws {
    let none: [String: String] = [:]
    let plain = try HubAddress("all-MiniLM-L6-v2", environment: none)
    #expect(plain.repository == "sentence-transformers/all-MiniLM-L6-v2" && plain.revision == "main")
    #expect(plain.endpoint == "https://huggingface.co" && plain.modelName == "all-minilm-l6-v2")
    #expect(try HubAddress("BAAI/bge-small-en-v1.5@v2", environment: none).revision == "v2")
    let page = try HubAddress("https://huggingface.co/a/b/tree/abc?x=1", environment: none)
    #expect(page.repository == "a/b" && page.revision == "abc")
    let mirror = try HubAddress("a/b", environment: ["HF_ENDPOINT": "https://mirror.example/hub/"])
    #expect(mirror.endpoint == "https://mirror.example/hub")
    for text in ["", "a/b/c", "../b", "a/..", "https://huggingface.co/a", "a b", "datasets/x", "a/b@", "ftp://x/a/b"] {
      #expect(throws: FreshetError.self, "\(text)") { try HubAddress(text, environment: none) }
    }
  }
}

import Foundation
import FreshetEmbedding
import FreshetModel
import FreshetTestKit
import Synchronization
import Testing

/// A server that speaks the embeddings protocol with the vectors of a `HashEmbedder`.
private func serve(
  dimension: Int = 8,
  base64: Bool = false,
  salt: String = "",
  before: @escaping @Sendable (LocalServer.Request, Int) -> LocalServer.Reply? = { _, _ in nil }
) throws -> LocalServer {
  try LocalServer { request, number in
    if let reply = before(request, number) { return reply }
    guard request.path == "/v1/embeddings",
      let call = try? JSONDecoder().decode(JSONValue.self, from: Data(request.body)),
      case .array(let input)? = call["input"]
    else { return .answer(status: 404, body: #"{"error":{"code":"model_not_found","message":"secret text"}}"#) }
    let rows = input.enumerated().map { index, text -> String in
      guard case .string(let text) = text else { return "{}" }
      let vector = vector(of: salt + text, dimension: dimension)
      if base64 {
        let data = vector.withUnsafeBytes { Data($0) }
        return "{\"object\":\"embedding\",\"index\":\(index),\"embedding\":\"\(data.base64EncodedString())\"}"
      }
      // Not of unit length, so that normalising shows.
      return
        "{\"embedding\":[\(vector.map { "\($0 * 3)" }.joined(separator: ", "))],\"index\":\(index),\"object\":null}"
    }
    // Not in order, so that the index counts.
    return .answer(
      status: 200,
      headers: ["Content-Type": "application/json"],
      body: "{\"object\":\"list\",\"data\":[\(rows.reversed().joined(separator: ","))],\"model\":\"m\","
        + "\"usage\":{\"prompt_tokens\":\(input.count * 5),\"total_tokens\":99}}"
    )
  }
}

private func vector(of text: String, dimension: Int) -> [Float] {
  var generator = text.utf8.reduce(UInt64(1469598103934665603)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
  let values = (0..<dimension).map { _ -> Float in
    generator = generator &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int64(bitPattern: generator) >> 40) / 8_388_608
  }
  let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
  return values.map { $0 / length }
}

@Suite(.timeLimit(.minutes(10))) struct HTTPEmbedderTests {
  func connect(
    _ server: LocalServer,
    memory: any ProbeMemory = VolatileProbeMemory(),
    environment: [String: String] = [:],
    _ change: (inout HTTPEmbedderSettings) -> Void = { _ in }
  ) async throws -> HTTPEmbedder {
    var settings = HTTPEmbedderSettings(url: server.url + "/v1/", model: "m")
    settings.timeout = .seconds(20)
    change(&settings)
    return try await HTTPEmbedder.connect(settings, environment: environment, memory: memory)
  }

  func failure(_ server: LocalServer, _ change: (inout HTTPEmbedderSettings) -> Void = { _ in }) async -> FreshetError?
  {
    do {
      let embedder = try await connect(server) {
        $0.dimension = 8
        change(&$0)
      }
      _ = try await embedder.embed(["a private text"], for: .document)
      return nil
    } catch {
      return error as? FreshetError
    }
  }

  @Test(arguments: [false, true]) func itConforms(base64: Bool) async throws {
    let server = try serve(base64: base64)
    defer { server.stop() }
    #expect(try await EmbedderConformance.violations(of: connect(server)) == [])
  }

  @Test func vectorsAreNormalisedOrderedAndSplitIntoRequests() async throws {
    let server = try serve()
    defer { server.stop() }
    let embedder = try await connect(server, environment: ["KEY": "s3cret"]) {
      $0.maximumTexts = 3
      $0.apiKeyVariable = "KEY"
      $0.queryPrefix = "query: "
      $0.dimension = 8
    }
    let texts = (0..<7).map { "text \($0)" }
    let batch = try await embedder.embed(texts, for: .document)
    #expect(batch.count == 7 && batch.tokens == 35)
    for (index, text) in texts.enumerated() {
      #expect(zip(batch[index], vector(of: text, dimension: 8)).allSatisfy { abs($0 - $1) < 1e-5 })
    }
    // A probe, then 3 + 3 + 1 texts.
    #expect(server.requests.count == 4)
    #expect(server.requests.allSatisfy { $0.headers["authorization"] == "Bearer s3cret" })
    let query = try await embedder.embed(["x"], for: .query)
    #expect(zip(query[0], vector(of: "query: x", dimension: 8)).allSatisfy { abs($0 - $1) < 1e-5 })
    let call = try JSONDecoder().decode(JSONValue.self, from: Data(server.requests[3].body))
    #expect(call["model"] == "m" && call["input"] == ["text 6"] && call["dimensions"] == 8)
  }

  @Test func aKnownModelIsDescribedWithoutACall() async throws {
    let server = try serve()
    let memory = VolatileProbeMemory()
    let first = try await connect(server, memory: memory)
    #expect(first.model.dimension == 8 && server.requests.count == 1)
    server.stop()
    let second = try await connect(server, memory: memory)
    #expect(second.model == first.model && server.requests.count == 1)
    let other = try await connect(server, memory: memory) {
      $0.revision = "2"
      $0.dimension = 8
    }
    #expect(other.model.fingerprint != first.model.fingerprint)
  }

  @Test func anotherModelBehindTheNameIsRefused() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "freshet-probe-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let memory = FolderProbeMemory(folder: folder)
    let before = try serve()
    let after = try serve(salt: "other")
    defer {
      before.stop()
      after.stop()
    }
    _ = try await connect(before, memory: memory).embed(["x"], for: .document)
    _ = try await connect(before, memory: memory).embed(["x"], for: .document)
    let drifted = try await connect(after, memory: memory)
    let error = await #expect(throws: FreshetError.self) { try await drifted.embed(["x"], for: .document) }
    #expect(error?.code == .modelMismatch)
  }

  @Test(arguments: [
    (429, "rate_limit_exceeded", true), (500, "", true), (503, "", true), (408, "", true), (400, "bad", false),
    (401, "", false), (403, "", false), (404, "", false), (413, "", false), (302, "", false),
  ])
  func aStatusSaysWhetherARetryHelps(status: Int, word: String, isTransient: Bool) async throws {
    let server = try LocalServer { _, _ in
      .answer(
        status: status,
        headers: ["Retry-After": "7", "Location": "/x"],
        body: "{\"error\":{\"code\":\"\(word)\",\"message\":\"a private text s3cret\"}}"
      )
    }
    defer { server.stop() }
    let error = try #require(await failure(server))
    #expect(error.code == .embedderFailed)
    #expect(error.isTransient == isTransient)
    #expect(!error.description.contains("private") && !error.description.contains("s3cret"))
    if !word.isEmpty { #expect(error.message.contains(word)) }
    if isTransient, case .transient(let after) = error.permanence { #expect(after == .seconds(7)) }
  }

  @Test(arguments: [
    "", "{}", "nonsense", "[1]", "{\"data\":[]}", "{\"data\":[{\"embedding\":[1,2]}]} x",
    "{\"data\":[{\"embedding\":[1,}]}",
    "{\"data\":[{\"index\":5,\"embedding\":[1,0,0,0,0,0,0,0]}]}", "{\"data\":[{\"embedding\":\"!!\"}]}",
    "{\"data\":[{\"embedding\":[0,0,0,0,0,0,0,0]}]}", "{\"data\":[{\"embedding\":[1e999,0,0,0,0,0,0,0]}]}",
    "{\"data\":" + String(repeating: "[", count: 5000), "{\"data\":[{\"embedding\":\"\\", "{\"a\":\u{0}1}",
  ])
  func garbageIsAFailureAndNothingElse(body: String) async throws {
    let server = try LocalServer { _, _ in .answer(status: 200, body: body) }
    defer { server.stop() }
    #expect(await failure(server)?.code == .embedderFailed)
  }

  @Test func anotherDimensionIsAMismatch() async throws {
    let server = try serve(dimension: 9)
    defer { server.stop() }
    let error = await failure(server)
    #expect(error?.code == .modelMismatch, "\(String(describing: error))")
  }

  @Test func silenceEndsAtTheTimeout() async throws {
    let server = try LocalServer { _, number in number == 1 ? .hang : .drip }
    defer { server.stop() }
    for _ in 0..<2 {
      let error = await failure(server) { $0.timeout = .milliseconds(300) }
      #expect(error?.code == .network && error?.isTransient == true, "\(String(describing: error))")
    }
  }

  @Test func aMissingKeyIsNamedByItsVariable() async throws {
    let server = try serve()
    defer { server.stop() }
    let error = try #require(await failure(server) { $0.apiKeyVariable = "FRESHET_TEST_NO_KEY" })
    #expect(error.code == .invalidConfiguration && error.message.contains("`FRESHET_TEST_NO_KEY`"))
  }

  @Test func retryingGetsThroughAServerThatLimits() async throws {
    let server = try serve { _, number in
      number <= 2 ? .answer(status: number == 1 ? 429 : 500, headers: ["Retry-After": "3"]) : nil
    }
    defer { server.stop() }
    let pauses = Mutex<[Duration]>([])
    let embedder = RetryingEmbedder(
      try await connect(server) { $0.dimension = 8 },
      sleep: { pause in pauses.withLock { $0.append(pause) } },
      jitter: { 0 }
    )
    #expect(try await embedder.embed(["x"], for: .document).count == 1)
    #expect(pauses.withLock { $0 } == [.seconds(3), .seconds(3)])
  }

  /// Refusals of a text's length as servers word them: OpenAI and vLLM, Text Embeddings Inference, llama-server, Ollama.
  static let lengthRefusals: [(Int, String)] = [
    (400, #"{"error":{"message":"This model's maximum context length is 8192 tokens, however you requested 9001"}}"#),
    (413, ##"{"message":"Input validation error: `inputs` must have less than 512 tokens. Given: 534"}"##),
    (500, #"{"error":{"code":500,"message":"input (992 tokens) is too large to process. increase the batch"}}"#),
    (400, #"{"error":{"message":"the input length exceeds the context length"}}"#),
  ]

  @Test(arguments: lengthRefusals.indices)
  func aTextThatIsRefusedForItsLengthIsEmbeddedInParts(kind: Int) async throws {
    let (status, words) = Self.lengthRefusals[kind]
    let server = try serve { request, _ in
      guard let call = try? JSONDecoder().decode(JSONValue.self, from: Data(request.body)),
        case .array(let input)? = call["input"]
      else { return nil }
      let isTooLong = input.contains { if case .string(let text) = $0 { text.utf8.count > 100 } else { false } }
      return isTooLong ? .answer(status: status, body: words) : nil
    }
    defer { server.stop() }
    let embedder = try await connect(server)
    let long = (0..<40).map { "word\($0)" }.joined(separator: " ")
    let texts = ["before", long, "after"]
    let batch = try await embedder.embed(texts, for: .document)
    #expect(batch.count == 3)
    for index in [0, 2] {
      #expect(zip(batch[index], vector(of: texts[index], dimension: 8)).allSatisfy { abs($0 - $1) < 1e-5 })
    }
    // The parts that were taken at last, in the text's order, are the text.
    let sent = server.requests.compactMap { request -> String? in
      guard let call = try? JSONDecoder().decode(JSONValue.self, from: Data(request.body)),
        case .array(let input)? = call["input"], input.count == 1, case .string(let text) = input[0]
      else { return nil }
      return text.utf8.count <= 100 && long.contains(text) ? text : nil
    }
    #expect(sent.joined() == long)
    #expect(sent.count >= 3)
    let length = batch[1].reduce(0) { $0 + $1 * $1 }
    #expect(abs(length - 1) < 1e-5)
    let again = try await embedder.embed([long], for: .document)
    #expect(Array(again[0]) == Array(batch[1]))
  }

  @Test func aServerThatTakesNoLengthAtAllIsGivenUp() async throws {
    let server = try serve { _, number in
      number == 1 ? nil : .answer(status: 413, body: #"{"message":"secret text"}"#)
    }
    defer { server.stop() }
    let embedder = try await connect(server)
    let text = String(repeating: "word ", count: 5000)
    let error = await #expect(throws: FreshetError.self) { try await embedder.embed([text], for: .document) }
    #expect(error?.code == .embedderFailed && error?.isTransient == false)
    #expect(error?.message.contains("too long") == true && error?.message.contains("secret") == false)
    #expect(server.requests.count < 100)
  }
}

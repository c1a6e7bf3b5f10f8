import Foundation
import FreshetEmbedding
import FreshetModel
import FreshetTestKit
import Synchronization
import Testing

/// An embedder that fails as often as it is told, and keeps what it was called with.
private final class ScriptedEmbedder: Embedder {
  let model = ModelDescription(name: "s", fingerprint: "s", dimension: 1)
  let parallelism = 1
  let calls = Mutex<[[String]]>([])
  private let errors: Mutex<[FreshetError]>

  init(failing errors: [FreshetError] = []) { self.errors = Mutex(errors) }

  func embed(_ texts: [String], for purpose: EmbeddingPurpose) async throws -> EmbeddingBatch {
    calls.withLock { $0.append(texts) }
    if let error = errors.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { throw error }
    return EmbeddingBatch(dimension: 1, values: texts.map { _ in 1 }, tokens: texts.count)
  }

  func countTokens(of texts: [String]) async throws -> [Int] { texts.map { _ in 1 } }
}

@Suite struct DecoratorTests {
  static func transient(_ after: Duration? = nil) -> FreshetError {
    FreshetError(.network, "x", permanence: .transient(retryAfter: after))
  }

  func pauses(_ errors: [FreshetError], jitter: Double) async -> (pauses: [Duration], error: FreshetError?) {
    let pauses = Mutex<[Duration]>([])
    let embedder = RetryingEmbedder(
      ScriptedEmbedder(failing: errors),
      sleep: { pause in pauses.withLock { $0.append(pause) } },
      jitter: { jitter }
    )
    do {
      _ = try await embedder.embed(["a"], for: .document)
      return (pauses.withLock { $0 }, nil)
    } catch {
      return (pauses.withLock { $0 }, error as? FreshetError)
    }
  }

  @Test func pausesDoubleAndEndAfterThreeRetries() async {
    let result = await pauses(Array(repeating: Self.transient(), count: 4), jitter: 1)
    #expect(result.pauses == [.milliseconds(500), .seconds(1), .seconds(2)])
    #expect(result.error?.code == .network)
    #expect(await pauses([Self.transient()], jitter: 0).pauses == [.milliseconds(250)])
  }

  @Test func theServersPauseIsObeyedUnlessItIsTooLong() async {
    #expect(await pauses([Self.transient(.seconds(20))], jitter: 1).pauses == [.seconds(20)])
    #expect(await pauses([Self.transient(.zero)], jitter: 1).pauses == [.milliseconds(500)])
    let result = await pauses([Self.transient(.seconds(3600))], jitter: 1)
    #expect(result.pauses == [] && result.error != nil)
  }

  @Test func aPermanentFailureIsNotRetried() async {
    let result = await pauses([FreshetError(.embedderFailed, "x")], jitter: 1)
    #expect(result.pauses == [] && result.error?.code == .embedderFailed)
  }

  @Test func callsAreSpacedEvenly() async throws {
    let pauses = Mutex<[Duration]>([])
    let embedder = RateLimitingEmbedder(
      ScriptedEmbedder(),
      callsPerMinute: 60,
      now: { .seconds(100) },
      sleep: { pause in pauses.withLock { $0.append(pause) } }
    )
    for _ in 0..<3 { _ = try await embedder.embed(["a"], for: .query) }
    #expect(pauses.withLock { $0 } == [.seconds(1), .seconds(2)])
  }

  @Test func largeBatchesAreSplitByCountAndBytes() async throws {
    let base = ScriptedEmbedder()
    let embedder = BatchingEmbedder(base, maximumTexts: 3, maximumBytes: 10)
    let texts = ["aaaa", "bbbb", "cccc", "a very long text", "d", "e", "f", "g"]
    let batch = try await embedder.embed(texts, for: .document)
    #expect(batch.count == 8 && batch.tokens == 8)
    #expect(base.calls.withLock { $0 } == [["aaaa", "bbbb"], ["cccc"], ["a very long text"], ["d", "e", "f"], ["g"]])
    #expect(try await embedder.embed([], for: .document).count == 0)
  }
}

@Suite struct HashEmbedderTests {
  @Test(arguments: [1, 3, 384]) func itConforms(dimension: Int) async throws {
    let embedder = HashEmbedder(dimension: dimension)
    #expect(embedder.model.fingerprint == "hash/1/\(dimension)")
    if dimension > 1 { #expect(try await EmbedderConformance.violations(of: embedder, tolerance: 0) == []) }
  }

  @Test func vectorsNeverChange() async throws {
    let batch = try await HashEmbedder(dimension: 4).embed(["freshet"], for: .document)
    let bits = batch.values.map { String($0.bitPattern, radix: 16) }
    #expect(bits == Self.expected)
  }

  /// Stored vectors of collections and benchmarks depend on these.
  static let expected = ["3e4af63c", "bb6165e0", "bf2fcd38", "bf330996"]

  @Test func faultsHappenAsAsked() async throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "freshet-hash-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    let embedder = HashEmbedder(
      faults: HashEmbedderFaults(environment: [
        "FRESHET_HASH_EMBEDDER_LOG": file, "FRESHET_HASH_EMBEDDER_FAIL_AT": "2",
        "FRESHET_HASH_EMBEDDER_FAIL_TEXT": "bad", "FRESHET_HASH_EMBEDDER_DELAY_US": "1",
      ])
    )
    _ = try await embedder.embed(["abc", ""], for: .document)
    let second = await #expect(throws: FreshetError.self) { try await embedder.embed(["abc"], for: .document) }
    #expect(second?.isTransient == true)
    _ = try await embedder.embed(["abc"], for: .document)
    for _ in 0..<2 {
      let error = await #expect(throws: FreshetError.self) { try await embedder.embed(["x bad y"], for: .document) }
      #expect(error?.isTransient == false)
    }
    // SHA-1 of "abc" (FIPS 180-1) and of nothing.
    let log = String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
    #expect(log == "a9993e364706816a\nda39a3ee5e6b4b0d\na9993e364706816a\n")
  }
}

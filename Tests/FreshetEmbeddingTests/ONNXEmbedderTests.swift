import Foundation
import FreshetEmbedding
import FreshetModel
import Testing

@Suite("ONNX embedder", .enabled(if: installedModel != nil, "the model is not installed; run scripts/setup"))
struct ONNXEmbedderTests {
  /// One for all tests, since loading is the slow part.
  static let shared = try? ONNXEmbedder(precision: .float32, workers: 2)
  static let sharedInt8 = try? ONNXEmbedder(precision: .int8, workers: 1)

  let embedder: ONNXEmbedder

  init() throws {
    embedder = try #require(Self.shared)
  }

  static let texts = [
    "The invoice must be paid within thirty days.",
    "Bills are due one month after they are issued.",
    "Cats sleep for most of the day.",
    "",
    String(repeating: "A long paragraph about backups and how to restore them. ", count: 60),
    "Die Rechnung ist innerhalb von dreißig Tagen zu bezahlen.",
  ]

  private func cosine(_ left: ArraySlice<Float>, _ right: ArraySlice<Float>) -> Float {
    zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
  }

  @Test("gives one unit vector for each text, in their order")
  func givesUnitVectors() async throws {
    let batch = try await embedder.embed(Self.texts, for: .document)
    #expect(batch.dimension == 384)
    #expect(batch.count == Self.texts.count)
    for index in 0..<batch.count {
      #expect(abs(cosine(batch[index], batch[index]) - 1) < 1e-5)
    }
  }

  @Test("puts texts of one meaning nearer than others")
  func ordersByMeaning() async throws {
    let batch = try await embedder.embed(Self.texts, for: .document)
    #expect(cosine(batch[0], batch[1]) > cosine(batch[0], batch[2]) + 0.3)
  }

  @Test("gives the numbers that sentence-transformers gives", arguments: [ONNXModel.Precision.float32, .int8])
  func matchesReference(precision: ONNXModel.Precision) async throws {
    struct Reference: Decodable {
      var text: String
      var vector: [Float]
    }
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "Fixtures/vectors.jsonl"
    )
    let references = try Data(contentsOf: file).split(separator: 0x0A).map {
      try JSONDecoder().decode(Reference.self, from: $0)
    }
    #expect(references.count >= 5)
    let embedder = try #require(precision == .float32 ? Self.shared : Self.sharedInt8)
    let batch = try await embedder.embed(references.map(\.text), for: .document)
    let counts = try await embedder.countTokens(of: references.map(\.text))
    // The reference leaves out what stands behind the maximum.
    for (index, reference) in references.enumerated() where counts[index] <= 256 {
      let similarity = cosine(batch[index], reference.vector[...])
      #expect(similarity > (precision == .float32 ? 0.99999 : 0.97), "\(reference.text): \(similarity)")
    }
  }

  @Test("gives a text the same vector to the bit whatever its neighbours", arguments: ONNXModel.Precision.allCases)
  func ignoresNeighbours(precision: ONNXModel.Precision) async throws {
    let embedder = try #require(precision == .float32 ? Self.shared : Self.sharedInt8)
    let batch = try await embedder.embed(Self.texts, for: .document)
    for (index, text) in Self.texts.enumerated() {
      #expect(Array(try await embedder.embed([text], for: .query)[0]) == Array(batch[index]))
    }
  }

  @Test("counts the tokens that it reads, those of every window")
  func countsTokens() async throws {
    let counts = try await embedder.countTokens(of: Self.texts)
    #expect(counts[3] == 2)
    // Twelve pieces a sentence in three windows.
    #expect(counts[4] == 60 * 12 + 3 * 2)
    let batch = try await embedder.embed(Self.texts, for: .document)
    #expect(batch.tokens == counts.reduce(0, +))
  }

  @Test("answers concurrent calls, each with its own texts")
  func answersConcurrently() async throws {
    let alone = try await embedder.embed(Self.texts, for: .document)
    try await withThrowingTaskGroup(of: (Int, EmbeddingBatch).self) { group in
      for number in 0..<12 {
        let index = number % Self.texts.count
        let purpose: EmbeddingPurpose = number.isMultiple(of: 2) ? .query : .document
        group.addTask { (index, try await embedder.embed([Self.texts[index]], for: purpose)) }
      }
      for try await (index, batch) in group { #expect(Array(batch[0]) == Array(alone[index])) }
    }
  }

  @Test("has another fingerprint for another precision, and answers for no texts")
  func describesItself() async throws {
    let other = try #require(Self.sharedInt8)
    #expect(embedder.model.fingerprint != other.model.fingerprint)
    #expect(embedder.model.maximumTokens == 256)
    #expect(try await embedder.embed([], for: .document).count == 0)
    #expect(try await embedder.countTokens(of: []) == [])
  }

  @Test("throws when the call is cancelled")
  func obeysCancellation() async throws {
    let texts = Array(repeating: Self.texts[4], count: 64)
    let task = Task { try await embedder.embed(texts, for: .document) }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test("says what is missing: the model, the precision, the folder")
  func namesWhatIsMissing() throws {
    let nowhere = ModelLocation(modelDirectories: ["/nonexistent"], runtimeLibraries: [])
    let error = #expect(throws: FreshetError.self) { try ONNXEmbedder(precision: .float32, location: nowhere) }
    #expect(error?.code == .modelUnavailable)
    #expect(error?.message.contains("/nonexistent") == true)
  }

  @Test(
    "refuses a damaged description, and one that points out of its folder",
    arguments: ["", "{}", #""inputs":["input_ids"],"tokenizer":"../tokenizer.json""#]
  )
  func refusesDamagedDescription(text: String) throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let rest =
      #""format":1,"name":"x","dimension":4,"maximum_length":16,"pooling":"mean","normalized":true,"output":"y""#
    let json = text.hasPrefix(#"""#) ? "{\(rest),\(text)}" : text
    try Data(json.utf8).write(to: directory.appendingPathComponent("model.json"))
    let error = #expect(throws: FreshetError.self) { try ONNXModel(directory: directory.path, precision: .float32) }
    #expect(error?.code == .modelUnavailable)
  }
}

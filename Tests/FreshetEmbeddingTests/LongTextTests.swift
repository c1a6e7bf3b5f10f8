import Foundation
import FreshetEmbedding
import FreshetModel
import Testing

/// Words that are one piece each, so that windows can be told by their texts.
private let words = [
  "time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world", "school", "state",
  "family",
  "student", "group", "country", "problem", "hand", "part", "place", "case", "week", "company", "system",
  "program",
]

private func text(words count: Int, from start: Int = 0) -> String {
  (start..<start + count).map { words[$0 * 7 % words.count] }.joined(separator: " ")
}

@Suite("Texts above the model's maximum", .enabled(if: installedModel != nil, "the model is not installed"))
struct LongTextTests {
  let embedder: ONNXEmbedder
  let tokenizer: WordPieceTokenizer

  init() throws {
    embedder = try #require(ONNXEmbedderTests.shared)
    tokenizer = try WordPieceTokenizer(contentsOf: #require(installedModel) + "/tokenizer.json")
  }

  @Test("a text that fits is one window, that of encode", arguments: [0, 1, 100, 253, 254])
  func fittingTextIsOneWindow(count: Int) {
    let text = text(words: count)
    #expect(tokenizer.windows(of: text, maximumLength: 256) == [tokenizer.encode(text, maximumLength: 256)])
    #expect(tokenizer.countInWindows(text, maximumLength: 256) == count + 2)
  }

  @Test("windows are near-equal and cover every id once, in order", arguments: [255, 256, 500, 509, 1000, 5000])
  func windowsPartitionTheIDs(count: Int) {
    let text = text(words: count)
    let windows = tokenizer.windows(of: text, maximumLength: 256)
    #expect(windows.count == (count + 253) / 254)
    #expect(windows.allSatisfy { $0.count <= 256 && $0.first == 101 && $0.last == 102 })
    let whole = tokenizer.encode(text, maximumLength: .max)
    #expect(windows.flatMap { $0.dropFirst().dropLast() } == Array(whole.dropFirst().dropLast()))
    let sizes = windows.map(\.count)
    #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
    #expect(tokenizer.countInWindows(text, maximumLength: 256) == sizes.reduce(0, +))
  }

  @Test("random text in many scripts is covered wholly, at words, whatever the maximum")
  func randomTextIsCovered() {
    let seed = UInt64.random(in: 0 ... .max)
    print("long texts: seed \(seed)")
    var state = seed
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let parts = [
      "Rückversicherungsgesellschaft", "naïveté", "中文文本", "Привет", "the", "antidisestablishmentarianism", "x",
      "한국어", "…", "[SEP]", "مرحبا", "🙂", String(repeating: "ab", count: 49), String(repeating: "q", count: 300),
    ]
    for _ in 0..<200 {
      let text = (0..<random(300)).map { _ in parts[random(parts.count)] }.joined(separator: " ")
      let maximum = 3 + random(400)
      let windows = tokenizer.windows(of: text, maximumLength: maximum, maximumWindows: 100_000)
      let whole = tokenizer.encode(text, maximumLength: .max)
      #expect(windows.allSatisfy { (2...maximum).contains($0.count) }, "seed \(seed)")
      #expect(windows.flatMap { $0.dropFirst().dropLast() } == Array(whole.dropFirst().dropLast()), "seed \(seed)")
      #expect(
        tokenizer.countInWindows(text, maximumLength: maximum, maximumWindows: 100_000)
          == windows.reduce(0) { $0 + $1.count },
        "seed \(seed)"
      )
      if maximum >= 256 {
        // A continuing piece first would mean a word that was cut though no piece of it is that long.
        let starts = windows.dropFirst().compactMap { $0.dropFirst().first }
        #expect(starts.allSatisfy { !Self.continuing.contains($0) }, "seed \(seed)")
      }
    }
  }

  /// The ids of pieces that continue a word.
  private static let continuing: Set<Int32> = {
    guard let installedModel,
      let vocabulary = try? String(contentsOfFile: installedModel + "/vocab.txt", encoding: .utf8)
    else { return [] }
    let lines = vocabulary.split(separator: "\n", omittingEmptySubsequences: false)
    return Set(lines.enumerated().filter { $0.element.hasPrefix("##") }.map { Int32($0.offset) })
  }()

  @Test("a text without end has a bounded number of windows")
  func absurdTextIsBounded() {
    let text = text(words: 100_000)
    let windows = tokenizer.windows(of: text, maximumLength: 256)
    #expect(windows.count == WordPieceTokenizer.defaultMaximumWindows)
    #expect(tokenizer.countInWindows(text, maximumLength: 256) == windows.reduce(0) { $0 + $1.count })
    #expect(tokenizer.windows(of: text, maximumLength: 256, maximumWindows: 1).map(\.count) == [256])
    #expect(tokenizer.windows(of: text, maximumLength: 2) == [[101, 102]])
  }

  @Test("the vector is the normalised mean of the windows', weighted by tokens, to the bit")
  func vectorIsTheWeightedMean() async throws {
    // 401 words: windows of 201 and 200.
    let whole = text(words: 401)
    let parts = [text(words: 201), text(words: 200, from: 201)]
    let batch = try await embedder.embed([whole] + parts, for: .document)
    var sums = [Double](repeating: 0, count: 384)
    for (index, weight) in [201.0, 200.0].enumerated() {
      for (place, value) in batch[index + 1].enumerated() { sums[place] += Double(value) * weight }
    }
    let length = sums.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(Array(batch[0]) == sums.map { Float($0 / length) })
    #expect(batch.tokens == 2 * (401 + 4))
    let again = try await embedder.embed([whole], for: .query)
    #expect(Array(again[0]) == Array(batch[0]))
  }

  @Test("what stands behind the maximum counts", arguments: [ONNXModel.Precision.float32, .int8])
  func tailCounts(precision: ONNXModel.Precision) async throws {
    let embedder = try #require(precision == .float32 ? ONNXEmbedderTests.shared : ONNXEmbedderTests.sharedInt8)
    let head = String(repeating: "Der Vertrag regelt die Pflichten der Parteien. ", count: 30)
    let tail = String(repeating: "Backups are restored with the recovery key of the vault. ", count: 30)
    let batch = try await embedder.embed([head, head + tail, "How are backups restored?"], for: .document)
    func cosine(_ left: Int, _ right: Int) -> Float { zip(batch[left], batch[right]).reduce(0) { $0 + $1.0 * $1.1 } }
    #expect(cosine(1, 2) > cosine(0, 2) + 0.2)
    #expect(abs(cosine(1, 1) - 1) < 1e-5)
  }
}

import FreshetChunking
import FreshetModel
import Testing

@Suite struct ChunkerExampleTests {
  private func chunks(_ text: String, _ parameters: ChunkingParameters = .standard) -> [ChunkDraft] {
    CartesianChunker(parameters).chunks(of: rendition(text))
  }

  private func prose(_ sentences: Int, seed: UInt64 = 1) -> String {
    var generator = SeededGenerator(seed: seed)
    return (0..<sentences).map { _ in Corpus.sentence(&generator) }.joined(separator: " ")
  }

  @Test(arguments: ["", "\n\n", "   \n\t\n"])
  func `a rendition without text gives no chunk`(_ text: String) {
    #expect(chunks(text).isEmpty)
  }

  @Test func `a heading is the path of its text and not in its body`() {
    let found = chunks("# Keys\n\n## Rotation\n\nRotate every month.")
    #expect(found.map(\.heading) == [["Keys", "Rotation"]])
    #expect(found.map(\.body) == ["Rotate every month."])
    #expect(found.first?.start == 21)
  }

  @Test(arguments: [
    ("= Doc", 5), ("= Doc =", 7), ("Doc\n~~~", 7), ("Doc\n***", 7), ("Doc\n===", 7), ("# Doc #", 7),
  ])
  func `a heading's words are without the marks of its format`(heading: String, end: Int) {
    let text = Array((heading + "\n\nSome text.").utf8)
    let page = Rendition(
      markdown: text,
      blocks: [
        Block(kind: .heading, level: 1, start: 0, end: end), Block(kind: .paragraph, start: end + 2, end: text.count),
      ]
    )
    #expect(CartesianChunker().chunks(of: page).map(\.heading) == [["Doc"]])
  }

  @Test func `sections that are joined share their common path and keep their own headings`() {
    let found = chunks("# Keys\n\n## Rotation\n\nRotate every month.\n\n## Backup\n\nWrite them down.")
    #expect(found.map(\.heading) == [["Keys"]])
    #expect(found.map(\.body) == ["## Rotation\n\nRotate every month.\n\n## Backup\n\nWrite them down."])
  }

  @Test func `a heading without text stays searchable as text`() {
    #expect(chunks("# Only a title").map(\.body) == ["# Only a title"])
    #expect(chunks("# Empty\n\n# Full\n\nText.").map(\.body) == ["# Empty\n\n# Full\n\nText."])
  }

  @Test func `a heading is never a chunk of its own when text follows`() {
    for seed in 0..<40 {
      let text = prose(14, seed: UInt64(seed)) + "\n\n## Section\n\n" + prose(14, seed: UInt64(seed + 100))
      for chunk in chunks(text) { #expect(!chunk.body.hasSuffix("## Section")) }
    }
  }

  @Test func `later pieces of a table repeat its header rows`() {
    var generator = SeededGenerator(seed: 5)
    let rows = (0..<60).map { "| \($0) | \(Corpus.sentence(&generator)) |" }
    let found = chunks("| number | sentence |\n|---|---|\n" + rows.joined(separator: "\n"))
    #expect(found.count > 3)
    for chunk in found { #expect(chunk.body.hasPrefix("| number | sentence |\n|---|---|\n|")) }
    #expect(found.flatMap { $0.body.split(separator: "\n").dropFirst(2) }.map(String.init) == rows)
  }

  @Test func `code is cut between lines only`() {
    var generator = SeededGenerator(seed: 6)
    let lines = (0..<80).map { "    let value\($0) = call(\"\(Corpus.sentence(&generator))\")" }
    let found = chunks("```\n" + lines.joined(separator: "\n") + "\n```")
    #expect(found.count > 3)
    let all = found.flatMap { $0.body.split(separator: "\n").map(String.init) }
    #expect(all == ["```"] + lines + ["```"])
  }

  @Test func `sentences of scripts without spaces are cut behind their full stops`() {
    let text = (0..<60).map { "第\($0)章では鍵の更新について説明します。" }.joined()
    let found = chunks(text)
    #expect(found.count > 3)
    for chunk in found { #expect(chunk.body.hasSuffix("。")) }
    #expect(found.map(\.body).joined() == text)
  }

  @Test func `ten thousand identical lines are split by count and one more changes one chunk`() {
    func block(_ count: Int) -> String { "```\n" + String(repeating: "the same line again\n", count: count) + "```" }
    let before = Set(chunks(block(10_000)).map(\.body))
    let after = Set(chunks(block(10_001)).map(\.body))
    #expect(before.count <= 5)
    #expect(after.subtracting(before).count <= 1)
  }

  @Test(arguments: ["word ", "x", "漢", "🦉", "a-", "한"])
  func `a line of four megabytes is cut within hard`(_ unit: String) {
    let text = String(repeating: unit, count: 4_000_000 / unit.utf8.count)
    let problems = ChunkerPropertyTests.check(rendition(text), .standard)
    #expect(problems.isEmpty, "\(problems.prefix(3))")
  }

  @Test func `overlap reaches back by whole sentences and leaves the positions`() throws {
    let text = prose(60)
    let plain = chunks(text)
    let overlapping = chunks(text, try ChunkingParameters(soft: 190, min: 60, hard: 256, overlap: 40))
    #expect(plain.map(\.start) == overlapping.map(\.start))
    #expect(plain.map(\.end) == overlapping.map(\.end))
    var widened = 0
    for (one, other) in zip(plain, overlapping) {
      #expect(other.body.hasSuffix(one.body))
      if other.body != one.body { widened += 1 }
      #expect(other.tokens <= min(256, one.tokens + 41))
      #expect(other.body.first?.isUppercase == true)
    }
    #expect(widened > plain.count / 2)
  }

  @Test func `text outside the blocks is in no chunk and nothing joins across it`() {
    let markdown = Array("First text.\n\n<!-- hidden -->\n\nSecond text.".utf8)
    let blocks = [Block(kind: .paragraph, start: 0, end: 11), Block(kind: .paragraph, start: 30, end: 42)]
    let found = CartesianChunker().chunks(of: Rendition(markdown: markdown, blocks: blocks))
    #expect(found.map(\.body) == ["First text.", "Second text."])
  }

  @Test func `sizes that cannot work are refused with the key's name`() {
    #expect(throws: FreshetError.self) { try ChunkingParameters(soft: 10, min: 0, hard: 20) }
    #expect(throws: FreshetError.self) { try ChunkingParameters(soft: 190, min: 100, hard: 256) }
    #expect(throws: FreshetError.self) { try ChunkingParameters(soft: 190, min: 60, hard: 100) }
    #expect(throws: FreshetError.self) { try ChunkingParameters(soft: 190, min: 60, hard: 256, overlap: 96) }
  }

  @Test func `the fingerprint names every parameter`() throws {
    let fingerprints = Set(ChunkerPropertyTests.parameterSets.map { CartesianChunker($0).fingerprint })
    #expect(fingerprints.count == ChunkerPropertyTests.parameterSets.count)
  }

  /// Real tokens of a WordPiece tokenizer with 30,522 English pieces.
  @Test(arguments: [
    ("The quick brown fox jumps over the lazy dog.", 10),
    ("Configuration values are read once at start-up and validated before anything else happens.", 17),
    ("鍵の更新について説明します。", 14),
  ])
  func `the estimate is near a real tokenizer's count`(_ text: String, _ real: Int) {
    let estimate = CartesianChunker().size(of: text.utf8)
    #expect(abs(estimate - real) * 4 <= real, "\(estimate)")
  }
}

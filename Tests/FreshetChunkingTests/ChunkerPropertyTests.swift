import FreshetChunking
import FreshetModel
import Testing

/// What holds for every document, random ones among them.
@Suite struct ChunkerPropertyTests {
  /// Which blocks' bytes a chunk's range holds, and what is wrong with the chunks.
  static func check(_ rendition: Rendition, _ parameters: ChunkingParameters) -> [String] {
    let chunks = CartesianChunker(parameters).chunks(of: rendition)
    var problems: [String] = []
    var covered = [UInt8](repeating: 0, count: rendition.markdown.count)
    var last = 0
    for (index, chunk) in chunks.enumerated() {
      let body = Array(chunk.body.utf8)
      if chunk.tokens > parameters.hard { problems.append("chunk \(index) has \(chunk.tokens) tokens") }
      if chunk.start < last || chunk.end > rendition.markdown.count || chunk.start >= chunk.end {
        problems.append("chunk \(index) has the range \(chunk.start)..<\(chunk.end) after \(last)")
        continue
      }
      last = chunk.end
      let range = Array(rendition.markdown[chunk.start..<chunk.end])
      if body.isEmpty || body.first == 0x0A || (body.last ?? 0) <= 0x20 {
        problems.append("chunk \(index) is not trimmed")
      }
      if !body.reversed().starts(with: range.reversed()) {
        problems.append("chunk \(index) does not end with its range")
      }
      if String(validating: range, as: UTF8.self) == nil { problems.append("chunk \(index) cuts a character") }
      for place in chunk.start..<chunk.end { covered[place] += 1 }
    }
    for block in rendition.blocks where block.kind != .heading && block.kind != .rule {
      for place in block.start..<block.end where rendition.markdown[place] > 0x20 && covered[place] != 1 {
        problems.append("byte \(place) of a \(block.kind) is covered \(covered[place]) times")
        break
      }
    }
    for block in rendition.blocks where block.kind == .heading {
      let first = (block.start..<block.end).first { rendition.markdown[$0] > 0x20 } ?? block.start
      if covered[first] > 0 { continue }
      let text = String(decoding: rendition.text(of: block), as: UTF8.self)
      let words = text.split { $0 == "#" || $0.isWhitespace }.first.map(String.init) ?? ""
      if !words.isEmpty, !chunks.contains(where: { $0.heading.contains { $0.hasPrefix(words) } }) {
        problems.append("heading \(text.debugDescription) at \(block.start) is in no path and no body")
      }
    }
    return problems
  }

  static let parameterSets: [ChunkingParameters] = {
    let sets = [
      try? ChunkingParameters(soft: 64, min: 0, hard: 64),
      try? ChunkingParameters(soft: 64, min: 32, hard: 4000, unit: .characters),
      try? ChunkingParameters(soft: 190, min: 60, hard: 256, overlap: 40),
      try? ChunkingParameters(soft: 800, min: 200, hard: 1000, unit: .characters, overlap: 200),
    ]
    return [.standard] + sets.compactMap(\.self)
  }()

  /// Text of anything: scripts, marks, tables, fences, endless words, headings of every level.
  static func wild(_ generator: inout SeededGenerator) -> String {
    let scripts = [
      "word", "naïve", "слово", "λόγος", "שלום", "سلام", "हिन्दी", "ไทย", "漢字仮名交じり文", "。", "！", "한국어", "🦉", "e\u{301}",
      "__init__", "0xDEADBEEF", "3.14", "\"quoted.\"", "(end.)", "----", "http://example.org/a/b?c=d", "\t", "  ", "\n",
    ]
    var text = ""
    for _ in 0..<Int.random(in: 0...60, using: &generator) {
      switch Int.random(in: 0..<14, using: &generator) {
      case 0: text += String(repeating: "#", count: Int.random(in: 1...6, using: &generator)) + " "
      case 1:
        text += "```\n" + String(repeating: "  same line\n", count: Int.random(in: 0...90, using: &generator)) + "```\n"
      case 2:
        text += "| a | b |\n|---|---|\n"
        for row in 0..<Int.random(in: 0...60, using: &generator) { text += "| \(row) | \(scripts[row % 14]) |\n" }
      case 3: text += String(repeating: scripts[Int.random(in: 0..<21, using: &generator)], count: 900)
      case 4: text += "Title\n====="
      default: break
      }
      for _ in 0..<Int.random(in: 0...80, using: &generator) {
        text += scripts[Int.random(in: 0..<scripts.count, using: &generator)]
        if Bool.random(using: &generator) { text += Int.random(in: 0..<5, using: &generator) == 0 ? ". " : " " }
      }
      text += Int.random(in: 0..<3, using: &generator) == 0 ? "\n" : "\n\n"
    }
    return text
  }

  @Test(arguments: parameterSets)
  func `random text is covered once by pieces within hard`(_ parameters: ChunkingParameters) {
    let seed = UInt64.random(in: 0..<1_000_000)
    print("seed \(seed)")
    for round in 0..<40 {
      var generator = SeededGenerator(seed: seed + UInt64(round))
      let problems = Self.check(rendition(Self.wild(&generator)), parameters)
      #expect(problems.isEmpty, "seed \(seed + UInt64(round)): \(problems.prefix(3))")
    }
  }

  @Test(arguments: parameterSets)
  func `documents are covered once by pieces within hard`(_ parameters: ChunkingParameters) {
    for (index, document) in Corpus.documents(25, seed: 11).enumerated() {
      let problems = Self.check(rendition(document), parameters)
      #expect(problems.isEmpty, "document \(index): \(problems.prefix(3))")
    }
  }

  @Test func `the same rendition gives the same chunks`() {
    for document in Corpus.documents(20, seed: 3) {
      let one = CartesianChunker().chunks(of: rendition(document))
      #expect(one == CartesianChunker().chunks(of: rendition(document)))
    }
  }

  /// A cut looks `soft` far; a small piece looks at its neighbours' sizes, which may begin at such a cut.
  @Test func `nothing changes farther away than cuts and merges can see`() {
    let seed = UInt64.random(in: 0..<1_000_000)
    print("seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let stability = EditStabilityTests()
    var distances: [Int] = []
    for document in Corpus.documents(15, seed: seed) {
      let old = rendition(document)
      let chunks = CartesianChunker().chunks(of: old)
      for edit in EditStabilityTests.Edit.allCases {
        for _ in 0..<4 {
          guard let (markdown, place) = EditStabilityTests.apply(edit, to: old, &generator) else { continue }
          distances.append(stability.outcome(chunks, markdown, place).distance)
        }
      }
    }
    let far = distances.filter { $0 > 190 + 2 * 60 }
    #expect(distances.count > 100)
    #expect(far.count * 100 <= distances.count, "seed \(seed): \(far)")
    #expect(distances.allSatisfy { $0 <= 2 * 190 + 2 * 60 }, "seed \(seed): \(far)")
  }
}

import FreshetChunking
import FreshetModel
import Testing

/// Documents longer than what is held of them at a time: cut in stretches, they are cut as they always were.
@Suite struct LongDocumentTests {
  /// A digest of everything about the chunks (FNV-1a).
  private func digest(_ chunks: [ChunkDraft]) -> UInt64 {
    var state: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ bytes: some Sequence<UInt8>) {
      for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
    for chunk in chunks {
      for number in [chunk.start, chunk.end, chunk.tokens, chunk.page ?? 0, chunk.heading.count] {
        withUnsafeBytes(of: UInt64(number).littleEndian) { add($0) }
      }
      for heading in chunk.heading { add(heading.utf8) }
      add(chunk.text)
    }
    return state
  }

  private func words(_ count: Int, _ generator: inout SeededGenerator) -> String {
    (0..<count).map { _ in String(UInt16.random(in: 0...0x3FFF, using: &generator), radix: 26) }.joined(separator: " ")
  }

  /// Many small blocks of every kind, with text between them that belongs to none.
  private func blocks(_ count: Int, walls: Bool) -> Rendition {
    var generator = SeededGenerator(seed: 41)
    var markdown: [UInt8] = []
    var blocks: [Block] = []
    func append(_ kind: Block.Kind, _ text: String, level: UInt8 = 0) {
      if !markdown.isEmpty { markdown += Array("\n\n".utf8) }
      blocks.append(Block(kind: kind, level: level, start: markdown.count, end: markdown.count + text.utf8.count))
      markdown += Array(text.utf8)
    }
    for number in 0..<count {
      switch UInt32.random(in: 0..<100, using: &generator) {
      case 0..<8:
        let level = UInt8.random(in: 1...6, using: &generator)
        append(.heading, String(repeating: "#", count: Int(level)) + " " + words(3, &generator), level: level)
      case 8..<10: append(.rule, "---")
      case 10..<12: append(.code, "```\n" + words(30, &generator) + "\n```")
      case 12..<14:
        append(.table, "| a | b |\n|---|---|\n" + (0..<12).map { "| \($0) | \(number) |" }.joined(separator: "\n"))
      case 14..<15 where walls: markdown += Array("\n\n<!-- hidden -->".utf8)
      case 15..<40: append(.paragraph, "the same words")
      default: append(.paragraph, words(Int.random(in: 1...6, using: &generator), &generator))
      }
    }
    return Rendition(markdown: markdown, blocks: blocks)
  }

  @Test(arguments: [false, true])
  func `fifty thousand small blocks are cut as ever`(_ walls: Bool) {
    let chunks = CartesianChunker().chunks(of: blocks(50_000, walls: walls))
    #expect(chunks.count == (walls ? 3188 : 3187))
    #expect(digest(chunks) == (walls ? 13_984_176_421_279_806_025 : 2_367_946_187_753_931_249))
  }

  @Test(
    arguments: [
      ("same ", 1786, 7_715_881_020_121_831_081),
      ("alpha beta gamma ", 1605, 17_159_923_388_592_355_935),
      ("a-", 8523, 2_472_892_391_191_824_590),
      ("漢", 2632, 9_409_102_304_276_269_598),
    ] as [(String, Int, UInt64)]
  )
  func `a line of repeated words is cut as ever`(_ unit: String, _ count: Int, _ expected: UInt64) {
    let chunks = CartesianChunker().chunks(of: rendition(String(repeating: unit, count: 1_500_000 / unit.utf8.count)))
    #expect(chunks.count == count)
    #expect(digest(chunks) == expected)
  }

  @Test func `the chunks share the memory of their Markdown`() {
    let document = blocks(2000, walls: false)
    let places = document.markdown.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    for chunk in CartesianChunker().chunks(of: document) where chunk.text.count == chunk.end - chunk.start {
      let place = chunk.text.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
      #expect(place == places + UInt(chunk.start))
    }
  }
}

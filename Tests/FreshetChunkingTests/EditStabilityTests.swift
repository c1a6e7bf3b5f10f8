import FreshetChunking
import FreshetModel
import Testing

/// What an edit of one paragraph costs. With `FRESHET_CORPUS` it is measured on real documents.
@Suite struct EditStabilityTests {
  enum Edit: String, CaseIterable {
    case edit, insertAtStart, insertInMiddle, delete
  }

  private let chunker = CartesianChunker()

  /// One paragraph changed: the new Markdown and the place of the change in it.
  static func apply(
    _ edit: Edit,
    to rendition: Rendition,
    _ generator: inout SeededGenerator
  ) -> (markdown: [UInt8], place: Range<Int>)? {
    let paragraphs = rendition.blocks.indices.filter { rendition.blocks[$0].kind == .paragraph }
    guard paragraphs.count > 3, let target = paragraphs.randomElement(using: &generator) else { return nil }
    let block = rendition.blocks[target]
    var markdown = rendition.markdown
    switch edit {
    case .edit:
      let text = Array((" " + Corpus.sentence(&generator)).utf8)
      markdown.insert(contentsOf: text, at: block.end)
      return (markdown, block.start..<block.end + text.count)
    case .insertAtStart, .insertInMiddle:
      let text = Array((Corpus.paragraph(&generator) + "\n\n").utf8)
      let place = edit == .insertAtStart ? rendition.blocks[paragraphs[0]].start : block.start
      markdown.insert(contentsOf: text, at: place)
      return (markdown, place..<place + text.count - 2)
    case .delete:
      let end = target + 1 < rendition.blocks.count ? rendition.blocks[target + 1].start : block.end
      markdown.removeSubrange(block.start..<end)
      return (markdown, block.start..<block.start)
    }
  }

  struct Outcome {
    var changed: Int
    /// Estimated tokens from the edit to the nearest byte of the farthest changed chunk.
    var distance: Int
  }

  /// Compares the chunks before and after; a heading path is left out of the comparison when it was not edited.
  func outcome(_ before: [ChunkDraft], _ markdown: [UInt8], _ place: Range<Int>) -> Outcome {
    var known = Set<String>()
    for chunk in before { known.insert(PassageText.embedded(heading: chunk.heading, body: chunk.body)) }
    var outcome = Outcome(changed: 0, distance: 0)
    for chunk in chunker.chunks(of: rendition(markdown))
    where !known.contains(PassageText.embedded(heading: chunk.heading, body: chunk.body)) {
      outcome.changed += 1
      let between =
        chunk.end < place.lowerBound
        ? chunk.end..<place.lowerBound
        : chunk.start > place.upperBound ? place.upperBound..<chunk.start : place.lowerBound..<place.lowerBound
      outcome.distance = max(outcome.distance, chunker.size(of: markdown[between]))
    }
    return outcome
  }

  @Test(arguments: Edit.allCases)
  func `an edited paragraph changes few chunks and none far away`(_ edit: Edit) {
    let seed: UInt64 = 20_260_101
    let documents = Corpus.documents(Corpus.isReal ? 240 : 50, seed: seed)
    var generator = SeededGenerator(seed: seed)
    var outcomes: [Outcome] = []
    var chunkCount = 0
    for document in documents {
      let old = rendition(document)
      let chunks = chunker.chunks(of: old)
      chunkCount += chunks.count
      for _ in 0..<6 {
        guard let (markdown, place) = Self.apply(edit, to: old, &generator) else { continue }
        outcomes.append(outcome(chunks, markdown, place))
      }
    }
    let changed = outcomes.map(\.changed).sorted()
    let distances = outcomes.map(\.distance).sorted()
    let mean = Double(changed.reduce(0, +)) / Double(changed.count)
    let p99 = changed[changed.count * 99 / 100]
    print(
      """
      seed \(seed): \(edit.rawValue): \(documents.count) documents, \(chunkCount) chunks, \(changed.count) operations: \
      changed mean \((mean * 1000).rounded() / 1000), 99% \(p99), 99.9% \(changed[changed.count * 999 / 1000]), \
      max \(changed[changed.count - 1]); distance 99% \(distances[distances.count * 99 / 100]), \
      99.9% \(distances[distances.count * 999 / 1000]), max \(distances[distances.count - 1])
      """
    )
    #expect(mean <= 1.8)
    #expect(p99 <= 3)
  }

  @Test func `sizes stay near soft`() {
    let documents = Corpus.documents(Corpus.isReal ? 240 : 50, seed: 7)
    let sizes = documents.flatMap { chunker.chunks(of: rendition($0)).map(\.tokens) }.sorted()
    let mean = Double(sizes.reduce(0, +)) / Double(sizes.count)
    let variance = sizes.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(sizes.count)
    let small = sizes.filter { $0 < 60 }.count
    print(
      "sizes: \(sizes.count) chunks, mean \(mean.rounded()), deviation \((100 * variance.squareRoot() / mean).rounded())%,",
      "below min \(small), deciles \((0...10).map { sizes[min(sizes.count - 1, sizes.count * $0 / 10)] })"
    )
    #expect(sizes[sizes.count - 1] <= 256)
    #expect(mean >= 120)
    #expect(small * 20 < sizes.count)
  }
}

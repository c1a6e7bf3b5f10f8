import FreshetChunking
import FreshetModel
import Glibc
import Testing

/// Run in a release build: `FRESHET_CORPUS=… swift test -c release --filter ChunkingSpeedTests`.
@Suite(.enabled(if: getenv("FRESHET_CORPUS") != nil)) struct ChunkingSpeedTests {
  @Test func `chunking speed of the corpus`() {
    let renditions = Corpus.documents(2_000, seed: 1).map { rendition($0) }
    let bytes = renditions.reduce(0) { $0 + $1.markdown.count }
    let chunker = CartesianChunker()
    var best = Double.infinity
    var count = 0
    for _ in 0..<5 {
      var before = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before)
      count = renditions.reduce(0) { $0 + chunker.chunks(of: $1).count }
      var after = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after)
      best = min(best, Double(after.tv_sec - before.tv_sec) + Double(after.tv_nsec - before.tv_nsec) / 1e9)
    }
    print("\(bytes) bytes, \(count) chunks, \(best) CPU s, \(Double(bytes) / best / 1e6) MB/s")
    #expect(count > 0)
  }

  /// Writes the embedded texts, for a comparison of the estimate with a tokenizer, to `FRESHET_CHUNKS`.
  @Test(.enabled(if: getenv("FRESHET_CHUNKS") != nil)) func `write chunks`() throws {
    guard let name = getenv("FRESHET_CHUNKS"), let file = fopen(name, "w") else { return }
    defer { fclose(file) }
    for (number, document) in Corpus.documents(240, seed: 1).enumerated() {
      for chunk in CartesianChunker().chunks(of: rendition(document)) {
        let text = JSONValue.string(PassageText.embedded(heading: chunk.heading, body: chunk.body))
        fputs("{\"document\":\(number),\"tokens\":\(chunk.tokens),\"text\":\(text)}\n", file)
      }
    }
  }
}

import Foundation
import FreshetEmbedding
import FreshetModel

/// Embeds texts for scripts/compare-embeddings.
///
///     embed-texts PRECISION WORKERS INPUT OUTPUT
///
/// INPUT has one JSON string a line; OUTPUT gets the vectors as 32-bit floats. What it took is printed as JSON.
@main
struct EmbedTexts {
  /// Texts handed over at once.
  static let batch = 32

  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard arguments.count == 4, let precision = ONNXModel.Precision(rawValue: arguments[1]),
      let workers = Int(arguments[2])
    else {
      FileHandle.standardError.write(Data("usage: embed-texts f32|int8 WORKERS INPUT OUTPUT\n".utf8))
      exit(64)
    }
    let texts = try Data(contentsOf: URL(fileURLWithPath: arguments[3])).split(separator: 0x0A).map {
      try JSONDecoder().decode(String.self, from: $0)
    }
    let clock = ContinuousClock()
    let embedder = try ONNXEmbedder(precision: precision, workers: workers)
    let loading = try await clock.measure { try await embedder.load() }

    var vectors = [Float](repeating: 0, count: texts.count * embedder.model.dimension)
    var tokens = 0
    let processor = processorSeconds()
    let elapsed = try await clock.measure {
      try await withThrowingTaskGroup(of: (Int, EmbeddingBatch).self) { group in
        for start in stride(from: 0, to: texts.count, by: batch) {
          let part = Array(texts[start..<min(start + batch, texts.count)])
          group.addTask { (start, try await embedder.embed(part, for: .document)) }
        }
        for try await (start, result) in group {
          let place = start * result.dimension
          vectors.replaceSubrange(place..<place + result.values.count, with: result.values)
          tokens += result.tokens
        }
      }
    }
    let used = processorSeconds() - processor
    try vectors.withUnsafeBytes { Data($0) }.write(to: URL(fileURLWithPath: arguments[4]))
    print(
      """
      {"texts":\(texts.count),"tokens":\(tokens),"load_seconds":\(seconds(loading)),"seconds":\(seconds(elapsed)),\
      "processor_seconds":\(used),"peak_memory_mb":\(peakMemory())}
      """
    )
  }

  private static func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  }

  private static func processorSeconds() -> Double {
    Double(clock()) / Double(CLOCKS_PER_SEC)
  }

  /// The most memory that the process had, in megabytes, as Linux says it.
  private static func peakMemory() -> Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return 0 }
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) / 1024
  }
}

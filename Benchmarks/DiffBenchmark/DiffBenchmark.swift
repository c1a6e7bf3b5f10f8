import FreshetModel
import FreshetSync
import FreshetSystem

/// Compares two files and writes the unified difference, with the time that the comparison took on stderr.
@main
enum DiffBenchmark {
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    do {
      guard words.count == 2 else {
        throw FreshetError(.invalidArgument, "name two files: diff-benchmark OLD NEW")
      }
      let (old, new) = (try FileSystem.read(words[0]), try FileSystem.read(words[1]))
      let start = ContinuousClock.now
      let diff = TextDiff(from: old, to: new)
      let unified = diff.unified(oldLabel: "old", newLabel: "new")
      let time = ContinuousClock.now - start
      let (seconds, attoseconds) = time.components
      let figures: JSONValue = [
        "seconds": .number(Double(seconds) + Double(attoseconds) / 1e18), "additions": .integer(Int64(diff.additions)),
        "deletions": .integer(Int64(diff.deletions)),
      ]
      try unified.withUnsafeBytes { try Descriptor(owning: 1).write($0) }
      try Array("\(figures)\n".utf8).withUnsafeBytes { try Descriptor(owning: 2).write($0) }
    } catch {
      _ = try? Array("\(error)\n".utf8).withUnsafeBytes { try Descriptor(owning: 2).write($0) }
    }
  }
}

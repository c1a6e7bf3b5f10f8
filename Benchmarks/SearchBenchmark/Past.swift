import Freshet
import FreshetModel
import FreshetSearch
import FreshetSystem

/// Searching a collection as it was before a share of its documents was written anew.
struct PastBenchmark {
  let corpus: Corpus
  let questions: Questions
  let command: String?

  /// Writes a share of the documents anew, and measures the state before.
  func run(rewriting percent: Int) async throws {
    let writer = try await corpus.open(for: .writing(creating: false))
    let then = try await writer.status().head.sequence
    let rewritten = try corpus.rewrite(percent: percent)
    try await writer.sync()
    await writer.close()
    print("\(rewritten) documents (\(percent)%) written anew")
    try await run(asOf: then)
  }

  /// Measures the state after a change.
  func run(asOf then: SequenceNumber) async throws {
    let reader = try await corpus.open(for: .reading)
    let (past, now) = try await reader.store.read(.everything) { (try $0.asOf(then).counts(), try $0.counts()) }
    let head = try await reader.status().head.sequence
    await reader.close()
    print("change \(then) of \(head): \(past.passages) passages then, \(now.passages) now")
    for mode in [SearchMode.keyword, .vector, .hybrid] {
      let collection = try await corpus.open(for: .reading)
      var (cold, first, again) = (Times(), Times(), Times())
      for round in 0..<2 {
        for (number, query) in questions.natural.prefix(20).enumerated() {
          let request = SearchRequest(query, mode: mode, asOf: .sequence(then))
          if round == 0, number == 0 {
            _ = try await cold.measure { try await collection.search(request) }
          } else if round == 0 {
            _ = try await first.measure { try await collection.search(request) }
          } else {
            _ = try await again.measure { try await collection.search(request) }
          }
        }
      }
      print("as of then, \(mode.rawValue): the first \(cold.text); other words \(first.text); again \(again.text)")
      var filtered = Times()
      for query in questions.natural.prefix(10) {
        let filter = Filter.field("origin", .matches, "0/*")
        let request = SearchRequest(query, mode: mode, filter: filter, asOf: .sequence(then))
        _ = try await filtered.measure { try await collection.search(request) }
      }
      print("as of then, \(mode.rawValue), filtered: \(filtered.text)")
      await collection.close()
    }
    print("peak memory \(ProcessStatistics.current().peakMemoryBytes >> 20) MB")
    guard let command else { return }
    for words in [["search"], ["search", "--mode", "keyword"]] {
      var times = Times()
      for query in questions.natural.prefix(8) {
        let ending = try await times.measure {
          try await ChildProcess.spawn(
            executable: command,
            arguments: words + [query, "--as-of", "\(then)", "--config", corpus.configuration],
            environment: ["PATH": "/usr/bin:/bin", "HOME": corpus.folder]
          ).wait(within: .seconds(60))
        }
        guard ending == .exited(0) else { return print("the command failed") }
      }
      print("one-shot \(words.joined(separator: " ")) --as-of: \(times.text)")
    }
  }
}

extension Corpus {
  /// Writes a share of the documents anew, with other words; answers how many.
  func rewrite(percent: Int) throws -> Int {
    var number = 0
    var rewritten = 0
    func visit(_ folder: String) throws {
      for name in try names(in: folder) {
        let path = folder + "/" + name
        if isFolder(path) {
          try visit(path)
          continue
        }
        number += 1
        guard number * percent / 100 > rewritten else { continue }
        rewritten += 1
        try write(Self.varied(try FileSystem.read(path, limit: 1 << 30), 1_000 + number), to: path)
      }
    }
    try visit(documents)
    return rewritten
  }
}

// Searching as a program that embeds Freshet does, and as the command does:
//   search-benchmark DOCUMENTS WORKFOLDER [--passages N] [--questions N] [--command PATH]
//     [--past PERCENT | --as-of CHANGE]
import Freshet
import FreshetModel
import FreshetSearch
import FreshetSystem
import Glibc

@main struct SearchBenchmark {
  let corpus: Corpus
  let collection: Collection
  let questions: Questions

  static func main() async throws {
    var arguments = Array(CommandLine.arguments.dropFirst())
    func option(_ name: String) -> String? {
      guard let index = arguments.firstIndex(of: name), index + 1 < arguments.count else { return nil }
      defer { arguments.removeSubrange(index...index + 1) }
      return arguments[index + 1]
    }
    let passages = option("--passages").flatMap { Int($0) } ?? 100_000
    let count = option("--questions").flatMap { Int($0) } ?? 240
    let command = option("--command")
    let past = option("--past").flatMap { Int($0) }
    let asOf = option("--as-of").flatMap { Int64($0) }
    guard arguments.count == 2 else {
      print("usage: search-benchmark DOCUMENTS WORKFOLDER [--passages N] [--questions N] [--command PATH]")
      print("                        [--past PERCENT | --as-of CHANGE]")
      exit(64)
    }
    let corpus = try Corpus(original: arguments[0], folder: arguments[1])
    try await corpus.prepare(passages: passages)
    let collection = try await corpus.open(for: .reading)
    let questions = try await collection.store.read(.everything) { snapshot in
      try Questions(from: snapshot, count: count, identifierCount: count / 2, seed: 7)
    }
    let counts = try await collection.store.read(.everything) { try $0.counts() }
    await collection.close()
    print("\(counts.passages) passages, \(counts.documents) documents, \(count) questions, \(count / 2) identifiers")
    if let past {
      // Of the past alone: it changes the documents.
      return try await PastBenchmark(corpus: corpus, questions: questions, command: command).run(rewriting: past)
    }
    if let asOf {
      return try await PastBenchmark(corpus: corpus, questions: questions, command: command).run(asOf: asOf)
    }
    let benchmark = SearchBenchmark(
      corpus: corpus,
      collection: try await corpus.open(for: .reading),
      questions: questions
    )
    try await benchmark.unfiltered()
    try await benchmark.filtered()
    let memory = ProcessStatistics.current().peakMemoryBytes
    print("peak memory \(memory >> 20) MB, of which the mapped index is a part")
    try await benchmark.compared()
    try await benchmark.afterChanges()
    if let command { try await benchmark.oneShot(command) }
    await benchmark.collection.close()
  }

  /// Each kind of query in each mode: the first time that its words are asked for, and again.
  private func unfiltered() async throws {
    for mode in [SearchMode.keyword, .hybrid, .vector] {
      for (kind, queries) in [("questions", questions.natural), ("identifiers", questions.identifiers)] {
        var first = Times()
        var again = Times()
        for round in 0..<3 {
          for query in queries {
            let request = SearchRequest(query, mode: mode)
            if round == 0 {
              _ = try await first.measure { try await collection.search(request) }
            } else {
              _ = try await again.measure { try await collection.search(request) }
            }
          }
        }
        print("\(mode.rawValue), \(kind): \(again.text); at first \(first.text)")
      }
    }
  }

  private func filtered() async throws {
    let documents = try await collection.documents()
    let origin = documents[documents.count / 2].origin
    let filters: [(String, Filter)] = [
      ("one document", .metadata("origin", equals: .string(origin))),
      ("a quarter", .field("origin", .matches, "*[aeiou]?.html")),
      ("half", .field("origin", .matches, "0/*")),
      ("nearly all", .not(.metadata("origin", equals: .string(origin)))),
      ("all", .field("size", .greaterOrEqual, 0)),
    ]
    for (name, filter) in filters {
      var times = Times()
      var found = 0
      for query in questions.natural {
        let request = SearchRequest(query, mode: .hybrid, filter: filter)
        found += try await times.measure { try await collection.search(request) }.hits.count
      }
      print("hybrid, filter that matches \(name): \(times.text); \(found / questions.natural.count) hits each")
    }
  }

  /// The first search after each of some changes.
  private func afterChanges() async throws {
    let writer = try await corpus.open(for: .writing(creating: false))
    let file = corpus.documents + "/changing.md"
    var times = Times()
    for (number, query) in questions.natural.prefix(20).enumerated() {
      try write(Array("# Change \(number)\n\n\(query), says the change number \(number).\n".utf8), to: file)
      try await writer.sync()
      let hits = try await times.measure { try await collection.search(query) }
      guard hits.contains(where: { $0.origin == "changing.md" }) else {
        print("the change was not found: \(query)")
        continue
      }
    }
    print("hybrid, first search after a change: \(times.text)")
    unlink(file)
    try await writer.sync()
    await writer.close()
  }

  /// Plain FTS5 on the same words: the ratio of the times, and how many of its best ten are found.
  private func compared() async throws {
    guard let plain = PlainRanking(database: corpus.collection + "/collection.sqlite") else { return }
    for (kind, queries) in [("questions", questions.natural), ("identifiers", questions.identifiers)] {
      var reference = Times()
      var ours = Times()
      var shared = 0
      var expected = 0
      for query in queries {
        let best = await reference.measure { plain.best(10, for: query) }
        let found = try await ours.measure {
          try await collection.store.read(.everything) { try $0.keywordMatches(query, limit: 10, members: nil) }
        }
        let passages = Set(found.map(\.passage))
        expected += best.count
        shared += best.count { passages.contains($0.passage) }
      }
      print(
        "FTS5's bm25, \(kind): \(reference.text); ours \(ours.text), "
          + "ratio of p50 \(rounded(reference.median / ours.median, 1)), of CPU \(rounded(reference.mean / ours.mean, 1)); "
          + "of its best ten we find \(rounded(Double(shared) / Double(max(1, expected)), 4))"
      )
    }
  }

  /// The command as a process of its own.
  private func oneShot(_ command: String) async throws {
    for mode in [SearchMode.keyword, .hybrid] {
      var times = Times()
      for query in questions.natural.prefix(20) {
        let ending = try await times.measure {
          try await ChildProcess.spawn(
            executable: command,
            arguments: ["search", query, "--mode", mode.rawValue, "--config", corpus.configuration],
            environment: ["PATH": "/usr/bin:/bin", "HOME": corpus.folder]
          ).wait(within: .seconds(60))
        }
        guard ending == .exited(0) else {
          print("the command failed")
          return
        }
      }
      print("one-shot command, \(mode.rawValue): \(times.text)")
    }
  }
}

// Speed and recall of the vector indexes:
//   index-benchmark COUNT | - VECTORS.f32 [--backends exact,hnsw] [--threads N] [--breadth 256,512] [--folder KEPT]
import FreshetIndex
import FreshetModel
import FreshetTestKit
import Glibc

struct Measured {
  var recall: Double
  var p50: Double
  var p99: Double
}

@main enum IndexBenchmark {
  static func main() throws {
    var arguments = Array(CommandLine.arguments.dropFirst())
    func option(_ name: String) -> String? {
      guard let index = arguments.firstIndex(of: name), index + 1 < arguments.count else { return nil }
      defer { arguments.removeSubrange(index...index + 1) }
      return arguments[index + 1]
    }
    let backends = (option("--backends") ?? "exact,hnsw").split(separator: ",").compactMap {
      IndexBackend(rawValue: String($0))
    }
    var parameters = IndexParameters()
    if let threads = option("--threads").flatMap({ Int($0) }) { parameters.graph.threads = threads }
    let breadths = (option("--breadth") ?? "").split(separator: ",").compactMap { Int($0) }
    if let connections = option("--connections").flatMap({ Int($0) }) { parameters.graph.connections = connections }
    if let breadth = option("--build-breadth").flatMap({ Int($0) }) { parameters.graph.buildBreadth = breadth }
    if let lists = option("--lists").flatMap({ Int($0) }) { parameters.faiss.lists = lists }
    let folder = option("--folder")
    let queryCount = 300
    let neighbours = 10
    let dimension = 384
    let samples =
      arguments.count > 1
      ? Samples(file: arguments[1], queries: queryCount, dimension: dimension)
      : Samples(synthetic: Int(arguments.first ?? "") ?? 100_000, queries: queryCount, dimension: dimension, seed: 7)
    guard let samples else {
      print("the vectors cannot be read")
      exit(1)
    }

    func seconds(_ clock: clockid_t = CLOCK_MONOTONIC) -> Double {
      var time = timespec()
      clock_gettime(clock, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    func residentMegabytes() -> Int {
      guard let file = fopen("/proc/self/statm", "r") else { return 0 }
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 128)
      fgets(&line, 128, file)
      let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
        separator: " "
      )
      return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * 4096 / (1 << 20)
    }

    func rounded(_ value: Double, _ places: Int = 2) -> String {
      var factor = 1.0
      for _ in 0..<places { factor *= 10 }
      return "\((value * factor).rounded() / factor)"
    }

    /// Searches for four times as many as wanted, scores them again with the stored vectors, as a search does.
    func measure(_ index: SegmentedIndex, _ truth: [Set<Int>]) throws -> Measured {
      var found = 0
      var times: [Double] = []
      for round in 0..<3 {
        for (query, nearest) in zip(samples.queries, truth) {
          let start = seconds()
          let hits = try index.search(query, limit: 4 * neighbours, members: nil)
          times.append((seconds() - start) * 1000)
          guard round == 0 else { continue }
          let best = hits.map { (samples.score(query, Int($0.passage)), Int($0.passage)) }.sorted { $0.0 > $1.0 }
          found += best.prefix(neighbours).count { nearest.contains($0.1) }
        }
      }
      times.sort()
      return Measured(
        recall: Double(found) / Double(truth.count * neighbours),
        p50: times[times.count / 2],
        p99: times[times.count * 99 / 100]
      )
    }

    /// Random filters of every selectivity over consecutive or scattered passages.
    func filterCampaign(_ index: SegmentedIndex, rounds: Int) throws -> (violations: Int, p50: Double, p99: Double) {
      var random = SeededRandom(seed: 11)
      var violations = 0
      var times: [Double] = []
      for round in 0..<rounds {
        let share = [0.00002, 0.0005, 0.005, 0.05, 0.2, 0.5, 0.95].randomElement(using: &random) ?? 0.5
        var members = PassageSet()
        if round % 2 == 0 {
          let threshold = UInt64(share * Double(UInt64.max))
          for row in 0..<samples.count where random.next() < threshold { members.insert(PassageID(row)) }
        } else {
          let length = Int(share * Double(samples.count))
          let first = Int.random(in: 0...samples.count - length, using: &random)
          for row in first..<first + length { members.insert(PassageID(row)) }
        }
        let limit = [1, 10, 40, 400].randomElement(using: &random) ?? 10
        let start = seconds()
        let hits = try index.search(samples.queries[round % queryCount], limit: limit, members: members)
        times.append((seconds() - start) * 1000)
        let isRight =
          hits.count == min(limit, members.count) && Set(hits.map(\.passage)).count == hits.count
          && hits.allSatisfy { members.contains($0.passage) }
        if !isRight { violations += 1 }
      }
      times.sort()
      return (violations, times[times.count / 2], times[times.count * 99 / 100])
    }

    print("\(samples.count) vectors × \(dimension), \(queryCount) queries, recall@\(neighbours) after scoring 40 again")
    let truth = samples.nearest(neighbours)
    let temporary = try TemporaryDirectory()
    let position = IndexConformance.position
    for backend in backends {
      let path = (folder ?? temporary.path) + "/\(backend.rawValue)"
      var start = seconds()
      do {
        let index = SegmentedIndex(backend, dimension: dimension, parameters: parameters)
        for first in stride(from: 0, to: samples.count, by: 4096) {
          try index.add(samples.page(first..<min(first + 4096, samples.count)))
        }
        print("\(backend): collected in \(rounded(seconds() - start)) s")
        start = seconds()
        let cpu = seconds(CLOCK_PROCESS_CPUTIME_ID)
        try index.write(to: path, position: position)
        print(
          "\(backend): built and written in \(rounded(seconds() - start)) s, CPU \(rounded(seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu)) s"
        )
      }
      var status = stat()
      stat(path, &status)
      print("\(backend): file \(rounded(Double(status.st_size) / 1e6, 1)) MB")
      for mode in [IndexOpenMode.mapped, .inMemory] {
        let before = residentMegabytes()
        start = seconds()
        let (index, _) = try SegmentedIndex.open(path, mode: mode, parameters: parameters)
        let opened = (seconds() - start) * 1000
        let resident = residentMegabytes() - before
        for breadth in breadths where backend == .hnsw && mode == .inMemory {
          var parameters = parameters
          parameters.graph.searchBreadth = breadth
          let measured = try measure(SegmentedIndex.open(path, mode: mode, parameters: parameters).index, truth)
          print(
            "\(backend), a beam of \(breadth): search p50 \(rounded(measured.p50)) ms, p99 \(rounded(measured.p99)) ms, "
              + "recall \(rounded(measured.recall, 4))"
          )
        }
        let measured = try measure(index, truth)
        print(
          "\(backend), \(mode): open \(rounded(opened)) ms, \(resident) MB resident; search p50 \(rounded(measured.p50)) ms, "
            + "p99 \(rounded(measured.p99)) ms, recall \(rounded(measured.recall, 4))"
        )
        if mode == .inMemory {
          let filters = try filterCampaign(index, rounds: 1000)
          print(
            "\(backend): 1000 random filters: \(filters.violations) violations; p50 \(rounded(filters.p50)) ms, "
              + "p99 \(rounded(filters.p99)) ms"
          )
        }
      }
    }
    if let folder {
      var first = 0
      let count = try FAISSExport.write(dimension: dimension, to: folder + "/export.faiss") {
        guard first < samples.count else { return nil }
        let rows = first..<min(first + 4096, samples.count)
        first = rows.upperBound
        return samples.page(rows)
      }
      print("exported \(count) vectors")
      if let file = fopen(folder + "/queries.f32", "wb") {
        for query in samples.queries { fwrite(query, 4, query.count, file) }
        fclose(file)
      }
      if let file = fopen(folder + "/nearest.txt", "w") {
        for nearest in truth { fputs(nearest.sorted().map(String.init).joined(separator: " ") + "\n", file) }
        fclose(file)
      }
    }
  }
}

import FreshetIndex
import FreshetModel
import FreshetTestKit
import Glibc

/// Recall and times, in milliseconds.
struct Measured: CustomStringConvertible {
  var recall: Double
  private let times: [Double]

  init(recall: Double, times: [Double]) {
    self.recall = recall
    self.times = times.sorted()
  }

  /// The time that a share of the searches stayed below.
  func time(_ share: Double) -> Double {
    times.isEmpty ? 0 : times[min(times.count - 1, Int(Double(times.count) * share))]
  }

  var latency: String { "p50 \(rounded(time(0.5))) ms, p99 \(rounded(time(0.99))) ms" }

  var description: String { "search \(latency), recall \(rounded(recall, 4))" }
}

/// What a clock says, in seconds.
func seconds(_ clock: clockid_t = CLOCK_MONOTONIC) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

func rounded(_ value: Double, _ places: Int = 2) -> String {
  var factor = 1.0
  for _ in 0..<places { factor *= 10 }
  return "\((value * factor).rounded() / factor)"
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

extension Samples {
  /// The nearest rows that count for the recall.
  static let neighbours = 10

  /// Searches for four times as many as wanted, scores them again with the stored vectors, as a search does. The times
  /// are of the processor: a search runs on one thread, and others on the machine do not count.
  func measure(_ index: SegmentedIndex, _ truth: [Set<Int>]) throws -> Measured {
    var found = 0
    var times: [Double] = []
    for round in 0..<3 {
      for (query, nearest) in zip(queries, truth) {
        let start = seconds(CLOCK_THREAD_CPUTIME_ID)
        let hits = try index.search(query, limit: 4 * Self.neighbours, members: nil)
        times.append((seconds(CLOCK_THREAD_CPUTIME_ID) - start) * 1000)
        guard round == 0 else { continue }
        let best = hits.map { (score(query, Int($0.passage)), Int($0.passage)) }.sorted { $0.0 > $1.0 }
        found += best.prefix(Self.neighbours).count { nearest.contains($0.1) }
      }
    }
    return Measured(recall: Double(found) / Double(truth.count * Self.neighbours), times: times)
  }

  /// Random filters of every selectivity over consecutive or scattered passages.
  func measureFilters(_ index: SegmentedIndex, rounds: Int) throws -> (violations: Int, measured: Measured) {
    var random = SeededRandom(seed: 11)
    var violations = 0
    var times: [Double] = []
    for round in 0..<rounds {
      let share = [0.00002, 0.0005, 0.005, 0.05, 0.2, 0.5, 0.95].randomElement(using: &random) ?? 0.5
      var members = PassageSet()
      if round % 2 == 0 {
        let threshold = UInt64(share * Double(UInt64.max))
        for row in 0..<count where random.next() < threshold { members.insert(PassageID(row)) }
      } else {
        let length = Int(share * Double(count))
        let first = Int.random(in: 0...count - length, using: &random)
        for row in first..<first + length { members.insert(PassageID(row)) }
      }
      let limit = [1, 10, 40, 400].randomElement(using: &random) ?? 10
      let start = seconds(CLOCK_THREAD_CPUTIME_ID)
      let hits = try index.search(queries[round % queries.count], limit: limit, members: members)
      times.append((seconds(CLOCK_THREAD_CPUTIME_ID) - start) * 1000)
      let isRight =
        hits.count == min(limit, members.count) && Set(hits.map(\.passage)).count == hits.count
        && hits.allSatisfy { members.contains($0.passage) }
      if !isRight { violations += 1 }
    }
    return (violations, Measured(recall: 1, times: times))
  }
}

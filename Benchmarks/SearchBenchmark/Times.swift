import FreshetSystem

/// Times of one kind of call, and the processor's time beside them, which other programs of the machine disturb less.
struct Times {
  private var milliseconds: [Double] = []
  private var processor = 0.0

  mutating func measure<Result>(_ body: () async throws -> Result) async rethrows -> Result {
    let before = ProcessStatistics.current().cpuSeconds
    let start = ContinuousClock.now
    let result = try await body()
    add(ContinuousClock.now - start)
    processor += ProcessStatistics.current().cpuSeconds - before
    return result
  }

  mutating func add(_ duration: Duration) { milliseconds.append(duration / .milliseconds(1)) }

  func quantile(_ share: Double) -> Double {
    let sorted = milliseconds.sorted()
    return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
  }

  var median: Double { quantile(0.5) }

  /// Milliseconds of processor time, the mean of all calls.
  var mean: Double { processor * 1_000 / Double(max(1, milliseconds.count)) }

  var text: String { "p50 \(rounded(median)) ms, p99 \(rounded(quantile(0.99))) ms, CPU \(rounded(mean)) ms" }
}

func rounded(_ value: Double, _ places: Int = 2) -> String {
  var factor = 1.0
  for _ in 0..<places { factor *= 10 }
  return "\((value * factor).rounded() / factor)"
}

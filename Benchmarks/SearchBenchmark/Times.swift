/// Times of one kind of call.
struct Times {
  private var milliseconds: [Double] = []

  mutating func measure<Result>(_ body: () async throws -> Result) async rethrows -> Result {
    let start = ContinuousClock.now
    let result = try await body()
    add(ContinuousClock.now - start)
    return result
  }

  mutating func add(_ duration: Duration) { milliseconds.append(duration / .milliseconds(1)) }

  func quantile(_ share: Double) -> Double {
    let sorted = milliseconds.sorted()
    return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
  }

  var median: Double { quantile(0.5) }

  var text: String { "p50 \(rounded(median)) ms, p99 \(rounded(quantile(0.99))) ms" }
}

func rounded(_ value: Double, _ places: Int = 2) -> String {
  var factor = 1.0
  for _ in 0..<places { factor *= 10 }
  return "\((value * factor).rounded() / factor)"
}

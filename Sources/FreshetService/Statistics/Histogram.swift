/// Durations, counted by upper bounds.
struct Histogram: Sendable {
  /// Upper bounds in seconds, rising; above the last one is a class of its own.
  let bounds: [Double]
  /// How many were within each bound and above the one before; the last is above all.
  private(set) var counts: [Int]
  /// The sum in seconds.
  private(set) var sum = 0.0

  init(_ bounds: [Double]) {
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }

  /// How many there were.
  var count: Int { counts.reduce(0, +) }

  mutating func observe(_ seconds: Double) {
    counts[bounds.firstIndex { seconds <= $0 } ?? bounds.count] += 1
    sum += seconds
  }
}

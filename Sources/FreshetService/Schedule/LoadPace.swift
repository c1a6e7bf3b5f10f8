/// How many files a load takes up at once: so many that a unit takes about as long as an urgent change may wait.
struct LoadPace {
  /// What a unit is to take.
  static let target: Duration = .milliseconds(250)
  /// Files of one unit at least and at most.
  static let least = 1
  static let most = 4_096

  /// Files of the next unit.
  private(set) var size = 16

  /// Learns how long a unit took.
  mutating func took(_ duration: Duration, files: Int) {
    guard files > 0, duration > .zero else { return }
    let fitting = Double(files) * (Self.target / duration)
    // No more than four times as many at once: the next files may be larger.
    size = max(Self.least, min(Self.most, min(4 * size, Int(fitting.rounded(.down)))))
  }
}

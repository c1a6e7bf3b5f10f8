/// How fast work goes and how long it will still take: pure, time is given.
///
/// The rate is that of the last window, so that it follows a change; before the window is full it is that of the whole.
/// No time is promised before enough was seen, and none as exact.
public struct ProgressEstimate: Sendable {
  /// How far the rate looks back.
  public static let window = Duration.seconds(30)
  /// Time and work below which nothing is promised.
  public static let minimumTime = Duration.seconds(2)
  /// Samples kept: one a window's 60th.
  static let maximumSamples = 64

  private var samples: [(time: Duration, completed: Int)] = []

  /// Starts without a sample.
  public init() {}

  /// Takes note of how much was done by then; times must not go back, and then nothing is noted.
  public mutating func note(completed: Int, at time: Duration) {
    guard let last = samples.last else {
      samples = [(time, completed)]
      return
    }
    guard time >= last.time else { return }
    // Work that starts over (another phase) makes older samples meaningless.
    if completed < last.completed {
      samples = [(time, completed)]
      return
    }
    let gap = Self.window / (Self.maximumSamples - 4)
    if samples.count > 1, time - samples[samples.count - 2].time < gap { samples.removeLast() }
    samples.append((time, completed))
    while samples.count > 2, time - samples[1].time >= Self.window { samples.removeFirst() }
  }

  /// Units a second, or `nil` while too little was seen.
  public var rate: Double? {
    guard let first = samples.first, let last = samples.last, last.time - first.time >= Self.minimumTime,
      last.completed > first.completed
    else { return nil }
    return Double(last.completed - first.completed) / seconds(last.time - first.time)
  }

  /// The time that the rest needs at the present rate, or `nil` while that cannot be said.
  public func remaining(total: Int) -> Duration? {
    guard let rate, let last = samples.last, total >= last.completed else { return nil }
    let value = Double(total - last.completed) / rate
    return value < 1e9 ? .milliseconds(Int64(value * 1000)) : nil
  }

  private func seconds(_ duration: Duration) -> Double {
    let (whole, attoseconds) = duration.components
    return Double(whole) + Double(attoseconds) * 1e-18
  }
}

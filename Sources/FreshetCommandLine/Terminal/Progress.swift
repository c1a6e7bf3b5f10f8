import FreshetModel
import Synchronization

/// How far a long command has come.
public struct ProgressState: Hashable, Sendable {
  /// What is done now: `Embedding`.
  public var activity: String
  /// Units done.
  public var completed: Int
  /// Units in all, as far as is known.
  public var total: Int?
  /// Whether the total will not grow any more: while sources are still listed, times are "at least".
  public var isTotalFinal: Bool
  /// What is counted, in the plural: `chunks`.
  public var unit: String
  /// More to say: `12 of 40 documents`.
  public var note: String

  /// Describes a state.
  public init(
    activity: String,
    completed: Int,
    total: Int? = nil,
    isTotalFinal: Bool = true,
    unit: String,
    note: String = ""
  ) {
    self.activity = activity
    self.completed = completed
    self.total = total
    self.isTotalFinal = isTotalFinal
    self.unit = unit
    self.note = note
  }

  /// The share that is done, 0 to 1, once the total is known for good.
  var share: Double? {
    guard isTotalFinal, let total, total > 0 else { return nil }
    return min(1, Double(completed) / Double(total))
  }

  /// `about 3 min left`, `at least 3 min left`, or nothing while nobody can know.
  func remainingText(_ estimate: ProgressEstimate) -> String {
    guard let total, completed < total, let remaining = estimate.remaining(total: total) else { return "" }
    guard remaining >= Self.leastNamedTime else { return isTotalFinal ? "a few seconds left" : "" }
    return (isTotalFinal ? "about " : "at least ") + Self.rough(remaining) + " left"
  }

  func rateText(_ estimate: ProgressEstimate) -> String {
    guard let rate = estimate.rate else { return "" }
    if rate >= 9.95 { return Quantity.text(count: Int(rate.rounded())) + "/s" }
    let tenths = Int((rate * 10).rounded())
    return tenths == 0 ? "" : "\(tenths / 10).\(tenths % 10)/s"
  }

  /// The least time that is named in seconds.
  private static let leastNamedTime = Duration.seconds(5)

  /// No more digits than an estimate deserves: 5 s steps below a minute, one unit below 10, two above.
  private static func rough(_ duration: Duration) -> String {
    let seconds = duration.components.seconds
    if seconds < 56 { return "\((seconds + 4) / 5 * 5) s" }
    if seconds < 3600 { return Quantity.text(.seconds((seconds + 30) / 60 * 60)) }
    return Quantity.text(.seconds((seconds + 300) / 600 * 600))
  }

  /// The line for a terminal of that width: activity, bar, share, count, rate, time.
  func bar(_ estimate: ProgressEstimate, width: Int) -> String {
    var parts = [activity.displayable]
    if let share {
      parts.append(String(repeating: " ", count: share < 0.1 ? 2 : share < 1 ? 1 : 0) + "\(Int(share * 100))%")
    }
    parts.append(countText)
    parts += [rateText(estimate), remainingText(estimate), note.displayable].filter { !$0.isEmpty }
    let text = parts.joined(separator: "  ")
    let room = min(30, width - 1 - text.displayWidth - 4)
    guard let share, room >= 8 else { return text.truncated(toWidth: max(1, width - 1)) }
    let filled = Int(share * Double(room))
    let bar = "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: room - filled) + "]"
    return ([parts[0], bar] + parts.dropFirst()).joined(separator: "  ").truncated(toWidth: width - 1)
  }

  /// The line for a log or pipe.
  func line(_ estimate: ProgressEstimate) -> String {
    var text = "\(activity.displayable): \(countText)"
    if let share { text += " (\(Int(share * 100))%)" }
    for part in [rateText(estimate), remainingText(estimate), note.displayable] where !part.isEmpty {
      text += ", " + part
    }
    return text
  }

  private var countText: String {
    let done = Quantity.text(count: completed)
    guard let total, total >= completed else { return "\(done) \(unit)" }
    return "\(done) of \(Quantity.text(count: total))\(isTotalFinal ? "" : "+") \(unit)"
  }
}

/// Shows progress on stderr: a bar on a terminal, else a plain line now and then, or nothing.
///
/// May be told as often as one likes, from any thread.
public final class ProgressReporter: Sendable {
  /// How progress is shown.
  public enum Style: Sendable {
    case bar
    case lines
    case silent
  }

  /// The least time between two drawings of the bar.
  public static let barInterval = Duration.milliseconds(100)
  /// The least time between two plain lines.
  public static let lineInterval = Duration.seconds(2)

  private struct State {
    var estimate = ProgressEstimate()
    var activity = ""
    var lastShown: Duration?
    var pending: ProgressState?
  }

  private let writer: DiagnosticWriter
  private let style: Style
  private let now: @Sendable () -> Duration
  private let width: @Sendable () -> Int
  private let state = Mutex(State())

  /// Shows progress through a writer.
  ///
  /// - Parameters:
  ///   - style: `nil` takes the bar on a terminal and lines elsewhere.
  ///   - now: the time since any fixed moment; the continuous clock's by default.
  ///   - width: columns of the bar's line; the terminal's by default.
  public init(
    _ writer: DiagnosticWriter,
    style: Style? = nil,
    now: (@Sendable () -> Duration)? = nil,
    width: (@Sendable () -> Int)? = nil
  ) {
    self.writer = writer
    self.style = style ?? (writer.terminal.isInteractive ? .bar : .lines)
    let start = ContinuousClock.now
    self.now = now ?? { ContinuousClock.now - start }
    self.width = width ?? { writer.terminal.width }
  }

  /// Takes note of the state, and shows it when the last one has been there long enough.
  public func update(_ progress: ProgressState) {
    guard style != .silent else { return }
    let time = now()
    state.withLock { state in
      if state.activity != progress.activity {
        state.estimate = ProgressEstimate()
        state.activity = progress.activity
      }
      state.estimate.note(completed: progress.completed, at: time)
      state.pending = progress
      let interval = style == .bar ? Self.barInterval : Self.lineInterval
      // The first plain line also waits: a command that ends before needs none.
      guard let last = state.lastShown else {
        state.lastShown = style == .bar ? time - interval : time
        if style == .bar { show(&state, at: time) }
        return
      }
      if time - last >= interval { show(&state, at: time) }
    }
  }

  /// Takes the bar away; what was not shown yet is not shown any more. A second call does nothing.
  public func finish() {
    state.withLock { state in
      state.pending = nil
      if style == .bar { writer.show(progress: "") }
    }
  }

  private func show(_ state: inout State, at time: Duration) {
    guard let progress = state.pending else { return }
    state.pending = nil
    state.lastShown = time
    switch style {
    case .bar: writer.show(progress: progress.bar(state.estimate, width: width()))
    case .lines: writer.line(progress.line(state.estimate))
    case .silent: break
    }
  }
}

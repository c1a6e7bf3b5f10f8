import FreshetConfiguration

/// Decides which of its bounds a service's memory is above, and when caches are given up: a pure value.
///
/// ```
/// normal ──above warn──▶ warned ──above limit──▶ limited      at once
/// limited ──a tenth below, for a while──▶ warned ──▶ normal    so that a memory that moves about a bound is said once
/// ```
struct MemoryBounds: Sendable {
  /// The pause between two times that caches are given up, doubled as long as that was not enough.
  static let reliefPause = Duration.seconds(10)
  /// See `reliefPause`.
  static let reliefPauseMax = Duration.seconds(600)

  /// The bounds.
  var options: MemoryConfiguration
  private let calm: Duration
  /// Which bounds it is above.
  private(set) var level = LiveMemory.Level.normal
  private var belowSince: ContinuousClock.Instant?
  private var nextRelief: ContinuousClock.Instant?
  private var pause = Self.reliefPause

  /// - Parameter calm: how long the memory must be below a bound to count as below.
  init(_ options: MemoryConfiguration, calm: Duration) {
    self.options = options
    self.calm = calm
  }

  /// Takes a measurement; answers what changed by it, and whether caches are to be given up now.
  mutating func judge(
    _ residentBytes: Int64,
    at now: ContinuousClock.Instant
  ) -> (change: LiveMemory?, wantsRelief: Bool) {
    let before = level
    let found = found(residentBytes)
    if found.rank > level.rank {
      level = found
      belowSince = nil
    } else if found.rank < level.rank {
      let since = belowSince ?? now
      belowSince = since
      if now - since >= calm {
        level = found
        belowSince = nil
      }
    } else {
      belowSince = nil
    }
    let wantsRelief = relief(residentBytes, at: now)
    guard level != before else { return (nil, wantsRelief) }
    let bound = level == .limited ? options.limit : level == .warned ? options.warn : nil
    return (LiveMemory(level: level, residentBytes: residentBytes, bound: bound), wantsRelief)
  }

  private mutating func relief(_ bytes: Int64, at now: ContinuousClock.Instant) -> Bool {
    if level != .limited {
      (nextRelief, pause) = (nil, Self.reliefPause)
      return false
    }
    guard let limit = options.limit, bytes > limit, nextRelief.map({ $0 <= now }) ?? true else { return false }
    nextRelief = now + pause
    pause = min(pause * 2, Self.reliefPauseMax)
    return true
  }

  private func found(_ bytes: Int64) -> LiveMemory.Level {
    if isAbove(options.limit, bytes, isKnown: level == .limited) { return .limited }
    return isAbove(options.warn > 0 ? options.warn : nil, bytes, isKnown: level != .normal) ? .warned : .normal
  }

  private func isAbove(_ bound: Int64?, _ bytes: Int64, isKnown: Bool) -> Bool {
    guard let bound else { return false }
    return bytes > (isKnown ? bound / 10 * 9 : bound)
  }
}

extension LiveMemory.Level {
  fileprivate var rank: Int {
    switch self {
    case .normal: 0
    case .warned: 1
    case .limited: 2
    }
  }
}

import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The time of day; durations are measured with the standard library's `Clock`s, which do not jump.
public protocol WallClock: Sendable {
  /// The present moment. It may lie before one that was told earlier: clocks are set.
  func now() -> Timestamp
}

/// The machine's clock.
public struct SystemWallClock: WallClock {
  /// Needs nothing.
  public init() {}

  public func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
  }
}

import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The clock of stores that are given no other.
public enum SystemClock {
  /// The system's time of day.
  @Sendable public static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
  }
}

/// What the store asks the file system beside SQLite.
enum FileSystem {
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}

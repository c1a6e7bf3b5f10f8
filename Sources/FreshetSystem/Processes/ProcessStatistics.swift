#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What this process and the children that it waited for have used so far.
public struct ProcessStatistics: Hashable, Sendable {
  /// CPU time of all threads and of all ended children, seconds, user and system.
  public var cpuSeconds: Double
  /// The largest resident set of this process so far, bytes.
  public var peakMemoryBytes: Int64
  /// The largest resident set of any one ended child, bytes.
  public var childPeakMemoryBytes: Int64

  /// The figures of now.
  public static func current() -> ProcessStatistics {
    let (own, children) = (usage(RUSAGE_SELF.rawValue), usage(RUSAGE_CHILDREN.rawValue))
    return ProcessStatistics(
      cpuSeconds: seconds(own) + seconds(children),
      peakMemoryBytes: Int64(own.ru_maxrss) * 1024,
      childPeakMemoryBytes: Int64(children.ru_maxrss) * 1024
    )
  }

  private static func usage(_ who: Int32) -> rusage {
    var usage = rusage()
    getrusage(__rusage_who_t(who), &usage)
    return usage
  }

  private static func seconds(_ usage: rusage) -> Double {
    Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1_000_000
  }
}

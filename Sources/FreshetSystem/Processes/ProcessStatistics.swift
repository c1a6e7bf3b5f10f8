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
      peakMemoryBytes: highWaterMark() ?? Int64(own.ru_maxrss) * 1024,
      childPeakMemoryBytes: Int64(children.ru_maxrss) * 1024
    )
  }

  /// Bytes of this process that are resident now (`/proc/self/statm`, proc(5)); `nil` where the system does not tell.
  public static func residentBytes() -> Int64? {
    guard let bytes = try? FileSystem.read("/proc/self/statm", limit: 4 << 10) else { return nil }
    let pages = bytes.split(separator: UInt8(ascii: " ")).dropFirst().first
    return pages.flatMap { Int64(String(decoding: $0, as: UTF8.self)) }.map { $0 * Int64(sysconf(Int32(_SC_PAGESIZE))) }
  }

  /// `VmHWM` of /proc/self/status (proc(5)): `ru_maxrss` also holds what the parent had resident before `exec`.
  private static func highWaterMark() -> Int64? {
    guard let bytes = try? FileSystem.read("/proc/self/status", limit: 64 << 10) else { return nil }
    let line = bytes.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: "VmHWM:".utf8) }
    let digits = line?.filter { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    return digits.flatMap { Int64(String(decoding: $0, as: UTF8.self)) }.map { $0 * 1024 }
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

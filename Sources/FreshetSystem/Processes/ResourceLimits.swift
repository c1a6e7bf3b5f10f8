import CSystem
import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Limits that a process puts on itself.
public enum ResourceLimits {
  /// What a helper may use and do once it has entered its cage.
  public struct Cage: Sendable {
    /// Memory that it may allocate, bytes; 0: no limit.
    public var dataBytes: UInt64
    /// Descriptors that it may have open; 0: no limit.
    public var descriptors: UInt64
    /// Whether it is killed when its parent ends.
    public var diesWithParent: Bool
    /// Whether the kernel refuses system calls that parsing does not need: opening files, sockets, starting programs.
    public var filtersCalls: Bool

    /// Describes a cage.
    public init(
      dataBytes: UInt64 = 2 << 30,
      descriptors: UInt64 = 32,
      diesWithParent: Bool = true,
      filtersCalls: Bool = true
    ) {
      self.dataBytes = dataBytes
      self.descriptors = descriptors
      self.diesWithParent = diesWithParent
      self.filtersCalls = filtersCalls
    }
  }

  /// Limits this process for good; call it when everything that must be opened is open, and before untrusted bytes are
  /// read.
  ///
  /// - Returns: whether the system calls are filtered; where the kernel cannot, the other limits hold.
  /// - Throws: `FreshetError`; some of the limits may hold then.
  public static func enter(_ cage: Cage) throws -> Bool {
    var limits = freshet_sandbox_limits(
      data_bytes: cage.dataBytes,
      descriptors: cage.descriptors,
      dies_with_parent: cage.diesWithParent,
      filters_calls: cage.filtersCalls
    )
    var filtered = false
    let status = freshet_sandbox_enter(&limits, &filtered)
    guard status == 0 else { throw FreshetError.system(status, "limit this process") }
    return filtered
  }

  /// Ends this process (SIGXCPU) once it has used that many more seconds of CPU time; a later call moves the limit.
  ///
  /// - Throws: `FreshetError`.
  public static func limitCPU(seconds: UInt64) throws {
    let status = freshet_limit_cpu(seconds)
    guard status == 0 else { throw FreshetError.system(status, "limit the CPU time") }
  }

  /// Makes the numeric libraries use so many threads each, unless the environment says otherwise already.
  ///
  /// Must be called before such a library is loaded, and before the process has a second thread: changing the environment
  /// is not safe beside others that read it.
  public static func limitNumericThreads(_ threads: Int) {
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"] {
      setenv(name, "\(max(1, threads))", 0)
    }
  }
}

import FreshetModel

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What this process knows of itself: its variables, its user, its machine.
public enum ProcessEnvironment {
  /// The value of an environment variable; `nil` when it is not set.
  public static func value(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// All environment variables; of a name that stands twice, the first.
  public static func all() -> [String: String] {
    var values: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2, values[String(parts[0])] == nil { values[String(parts[0])] = String(parts[1]) }
      entry = entry.advanced(by: 1)
    }
    return values
  }

  /// The name of the user whose rights this process has; the number when it has no name.
  public static var user: String { userName(geteuid()) ?? "\(geteuid())" }

  /// The machine's name.
  public static var host: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 257) { buffer in
      buffer.initialize(repeating: 0)
      guard let start = buffer.baseAddress, gethostname(start, 256) == 0, start[0] != 0 else { return "localhost" }
      return String(cString: start)
    }
  }

  /// The processors that this process may use.
  public static var processorCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// This process's number.
  public static var processNumber: Int32 { getpid() }

  /// A user's name; `nil` when the system knows none for the number.
  public static func userName(_ user: uid_t) -> String? { entry(of: user)?.name }

  /// The home folder that the system has on record for the user whose rights this process has, whatever `HOME` says.
  public static var registeredHome: String? { entry(of: geteuid())?.home }

  private static func entry(of user: uid_t) -> (name: String?, home: String?)? {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16 << 10) { buffer in
      guard let start = buffer.baseAddress, getpwuid_r(user, &entry, start, buffer.count, &found) == 0, found != nil
      else { return nil }
      return (entry.pw_name.map { String(cString: $0) }, entry.pw_dir.map { String(cString: $0) })
    }
  }
}

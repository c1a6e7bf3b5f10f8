import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Named places at which a test may let the process die, to prove that nothing is lost there.
///
/// `FRESHET_CRASH_POINT=name` or `name:count` kills the process with SIGKILL the first or the count-th time that the
/// place is reached. Without the variable a place costs one comparison.
public enum CrashPoint {
  private static let wanted: (name: String, count: Int)? = {
    guard let value = getenv("FRESHET_CRASH_POINT") else { return nil }
    let parts = String(cString: value).split(separator: ":", maxSplits: 1)
    guard let name = parts.first else { return nil }
    return (String(name), parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
  }()

  private static let reached = Atomic<Int>(0)

  /// Dies here when the environment asks for it.
  public static func reached(_ name: StaticString) {
    guard let wanted, wanted.name == name.description else { return }
    if reached.add(1, ordering: .relaxed).newValue >= wanted.count { kill(getpid(), SIGKILL) }
  }
}

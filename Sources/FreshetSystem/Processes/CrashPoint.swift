import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Named places where a test can end the process as a power cut would.
///
/// With `FRESHET_CRASH_POINT=name` or `name:count` in the environment at start, the count-th arrival at that name raises
/// SIGKILL. Without it an arrival costs one relaxed load.
public enum CrashPoint {
  private static let isArmed = Atomic<Bool>(ProcessEnvironment.value("FRESHET_CRASH_POINT") != nil)
  private static let arrivals = Atomic<Int>(0)
  private static let plan: (name: String, count: Int)? = {
    guard let text = ProcessEnvironment.value("FRESHET_CRASH_POINT") else { return nil }
    let parts = text.split(separator: ":", maxSplits: 1)
    guard let name = parts.first else { return nil }
    return (String(name), parts.count == 2 ? Int(parts[1]) ?? 1 : 1)
  }()

  /// Says that the process is at the named place.
  public static func reached(_ name: StaticString) {
    guard isArmed.load(ordering: .relaxed) else { return }
    arrive(name.description)
  }

  /// Says that the process is at a place whose name is made at run time.
  public static func reached(named name: String) {
    guard isArmed.load(ordering: .relaxed) else { return }
    arrive(name)
  }

  private static func arrive(_ name: String) {
    guard let plan, plan.name == name else { return }
    if arrivals.add(1, ordering: .relaxed).newValue == plan.count { kill(getpid(), SIGKILL) }
  }
}

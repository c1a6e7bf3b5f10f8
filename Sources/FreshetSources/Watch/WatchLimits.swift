import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What the system allows a user to watch (inotify(7)).
public struct WatchLimits: Sendable {
  /// Folders that a user may watch in all.
  public var watches: Int?
  /// Queues that a user may have.
  public var queues: Int?
  /// Events that wait in a queue before it overflows.
  public var queuedEvents: Int?

  private static let sizeMax = 64

  /// Reads them; `nil` where the system does not tell.
  public static func current() -> WatchLimits {
    WatchLimits(
      watches: read("max_user_watches"),
      queues: read("max_user_instances"),
      queuedEvents: read("max_queued_events")
    )
  }

  private static func read(_ name: String) -> Int? {
    var bytes: [UInt8] = []
    // In one call: the second of two would answer that the file has ended.
    guard let file = try? Descriptor(opening: "/proc/sys/fs/inotify/" + name, flags: O_RDONLY),
      (try? file.read(into: &bytes, limit: sizeMax, expected: sizeMax)) == true
    else { return nil }
    return Int(String(decoding: bytes.filter { $0 > UInt8(ascii: " ") }, as: UTF8.self))
  }

  /// A value to raise a limit to: twice what it is, and no less than distributions use for developers.
  static func raised(_ limit: Int?, least: Int) -> Int { max(least, (limit ?? 0) * 2) }

  func watchProblem(_ path: String, interval: Duration) -> WatchProblem {
    WatchProblem(
      kind: .watchLimit,
      error: FreshetError(
        .inputOutput,
        "the folder cannot be watched: the \(watches.map { "\($0) " } ?? "")folders that the system lets this user watch "
          + "are used up. It is listed every \(interval) instead. To watch it, run "
          + "“sysctl -w fs.inotify.max_user_watches=\(Self.raised(watches, least: 524_288))” as root",
        path: path,
        permanence: .transient(retryAfter: nil)
      )
    )
  }

  func queueProblem(_ path: String, interval: Duration) -> WatchProblem {
    WatchProblem(
      kind: .queueLimit,
      error: FreshetError(
        .inputOutput,
        "the source cannot be watched: the \(queues.map { "\($0) " } ?? "")queues that the system lets this user have are "
          + "used up, or the process has too many open files. It is listed every \(interval) instead. To watch it, run "
          + "“sysctl -w fs.inotify.max_user_instances=\(Self.raised(queues, least: 512))” as root and start again",
        path: path,
        permanence: .transient(retryAfter: nil)
      )
    )
  }

  func overflowProblem(_ path: String) -> WatchProblem {
    WatchProblem(
      kind: .overflow,
      error: FreshetError(
        .inputOutput,
        "more changes came than the system's queue holds\(queuedEvents.map { " (\($0))" } ?? ""), so the source is listed "
          + "as a whole. If that happens often, run "
          + "“sysctl -w fs.inotify.max_queued_events=\(Self.raised(queuedEvents, least: 65_536))” as root",
        path: path,
        permanence: .transient(retryAfter: nil)
      )
    )
  }
}

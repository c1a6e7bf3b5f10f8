import FreshetModel
import FreshetSources
import FreshetSystem
import Glibc

/// What tests need a process of its own for: dying, handling signals, giving up rights.
@main
struct SystemProbe {
  static func main() async {
    let arguments = CommandLine.arguments
    guard arguments.count > 1 else { exit(64) }
    do {
      switch arguments[1] {
      case "crash": crash(arguments[2], times: Int(arguments[3]) ?? 0)
      case "signals": try await signals()
      case "hold": try hold(arguments[2])
      case "replace": try replace(arguments[2])
      case "cage": try cage()
      case "list": try await list(arguments[2])
      default: exit(64)
      }
    } catch {
      say("error \(error)")
      exit(1)
    }
  }

  /// One write: a line is whole or not there when the process is killed.
  static func say(_ line: String) {
    _ = Array((line + "\n").utf8).withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
  }

  /// Arrives at a named place so many times, and says each arrival.
  static func crash(_ name: String, times: Int) {
    for time in 1...max(1, times) {
      say("\(time)")
      CrashPoint.reached("other")
      CrashPoint.reached(named: name)
    }
  }

  /// Says each signal; SIGTERM ends it.
  static func signals() async throws {
    let signals = try SignalHandling.stream(of: [SIGTERM, SIGUSR1, SIGUSR2])
    do {
      _ = try SignalHandling.stream()
      say("a second stream")
    } catch {
      say("ready")
    }
    for await signal in signals {
      say("\(signal)")
      if signal == SIGTERM { return }
    }
  }

  /// Holds a lock until its input ends.
  static func hold(_ path: String) throws {
    let lock = try FileLock.acquire(path)
    say("held")
    var byte: UInt8 = 0
    while read(0, &byte, 1) > 0 {}
    withExtendedLifetime(lock) {}
  }

  /// Replaces a file for ever by one letter many times, and says each letter once it is on the disk.
  static func replace(_ path: String) throws {
    var turn = 0
    while true {
      let letter = UInt8(ascii: "a") + UInt8(turn % 26)
      try FileSystem.replace(path, with: [UInt8](repeating: letter, count: 200_000))
      say(String(UnicodeScalar(letter)))
      turn += 1
    }
  }

  /// Enters the helper's cage, says what still works there, and computes until its time is up.
  static func cage() throws {
    let limits = ResourceLimits.Cage(dataBytes: 256 << 20, descriptors: 8)
    say("filtered \(try ResourceLimits.enter(limits))")
    say("open \(open("/etc/passwd", O_RDONLY) >= 0)")
    say("socket \(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) >= 0)")
    var child = pid_t()
    let nothing: [UnsafeMutablePointer<CChar>?] = [nil]
    say("start \(posix_spawn(&child, "/bin/true", nil, nil, nothing, nothing) == 0)")
    say("kill \(kill(getppid(), 0) == 0)")
    for megabytes in [16, 512] {
      let memory = mmap(nil, megabytes << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      say("\(megabytes) MiB \(memory != MAP_FAILED)")
    }
    var duplicates = 0
    while duplicates < 20, dup(1) >= 0 { duplicates += 1 }
    say("descriptors \(duplicates < 8)")
    try ResourceLimits.limitCPU(seconds: 1)
    var random = SystemRandomNumberGenerator()
    while random.next() != 0 {}
  }

  /// Lists a folder without the rights of root, and reads each item.
  static func list(_ path: String) async throws {
    if geteuid() == 0 {
      guard setgroups(0, nil) == 0, setgid(65_534) == 0, setuid(65_534) == 0 else { exit(70) }
    }
    var configuration = DirectoryConfiguration(name: "probe", path: path)
    configuration.excludedFolders = [path + "/excluded"]
    let source = try DirectorySource(configuration)
    let listing = try await source.listing(of: [])
    while let batch = try await listing.next() {
      for problem in batch.problems { say("problem \(source.origin(of: problem.path)) \(problem.error.code.rawValue)") }
      for item in batch.items {
        let origin = source.origin(of: item.path)
        do {
          say("item \(origin) \(try await source.fetch(item).bytes.count)")
        } catch let error as FreshetError {
          say("item \(origin) \(error.code.rawValue)")
        }
      }
    }
    for path in CommandLine.arguments.dropFirst(3) {
      let fingerprint = ItemFingerprint(device: 0, inode: 0, size: 0, modified: 0, changed: 0)
      switch await source.absence(of: Array(path.utf8), fingerprint: fingerprint) {
      case .vanished: say("absence \(path) vanished")
      case .outOfScope: say("absence \(path) out_of_scope")
      case .setAside: say("absence \(path) set_aside")
      case .unknown(let error): say("absence \(path) \(error.code.rawValue)")
      }
    }
  }
}

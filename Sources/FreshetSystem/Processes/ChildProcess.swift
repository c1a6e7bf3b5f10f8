import CSystem
import FreshetModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A process that this one started, and that ends with this object at the latest.
///
/// Exactly one place reaps it (`waitpid` with its number, under a lock), so a signal can never reach another process that
/// got the same number. It has its own process group: Ctrl-C in the terminal reaches only us, and `kill` reaches also
/// what it started.
public final class ChildProcess: Sendable {
  /// How a process ended.
  public enum Ending: Hashable, Sendable {
    /// It returned this code.
    case exited(Int32)
    /// This signal killed it.
    case signalled(Int32)
  }

  /// The number; it stays reserved until the child was reaped.
  public let number: pid_t
  private let ending: Mutex<Ending?>
  /// Readable once the child has ended; `nil` where the kernel has no such thing.
  private let exit: Descriptor?

  private init(number: pid_t) {
    self.number = number
    ending = Mutex(nil)
    let descriptor = freshet_process_descriptor(number)
    exit = descriptor >= 0 ? Descriptor(owning: descriptor) : nil
  }

  deinit {
    signal(SIGKILL)
    _ = reap(options: 0)
  }

  /// Starts a program, without a shell.
  ///
  /// The child gets exactly the descriptors named (targets below 64, normally 0, 1, 2 and those that the program knows
  /// of); a target of 0, 1 or 2 that is not named is `/dev/null`. It starts from a thread that never ends, so that a child
  /// which asks to die with its parent (PDEATHSIG follows the thread) lives as long as this process.
  /// - Parameters:
  ///   - executable: an absolute path, or one relative to the working folder; `PATH` is not searched.
  ///   - arguments: what follows the program's own name.
  ///   - environment: all of the child's variables; nothing is inherited.
  ///   - folder: its working folder; that of this process if `nil`.
  ///   - descriptors: the numbers in the child, with what they shall be.
  /// - Throws: `FreshetError` with `not_found` or `unreadable` when the program cannot be started.
  public static func spawn(
    executable: String,
    arguments: [String] = [],
    environment: [String: String] = [:],
    folder: String? = nil,
    descriptors: [Int32: Descriptor] = [:]
  ) async throws -> ChildProcess {
    try await spawner.run {
      let number = try number(executable, arguments, environment, folder, descriptors, isDetached: false)
      return ChildProcess(number: number)
    }
  }

  /// Starts a program that outlives this process: in a session of its own, without a terminal.
  ///
  /// - Parameters: as for `spawn`; its working folder is that of this process.
  /// - Returns: its number. It is nobody's child to be waited for, once this process has ended.
  /// - Throws: as `spawn`.
  public static func spawnDetached(
    executable: String,
    arguments: [String] = [],
    environment: [String: String] = [:],
    descriptors: [Int32: Descriptor] = [:]
  ) throws -> pid_t {
    try number(executable, arguments, environment, nil, descriptors, isDetached: true)
  }

  private static let spawner = ThreadPool(name: "spawn", threads: 1)

  private static func number(
    _ executable: String,
    _ arguments: [String],
    _ environment: [String: String],
    _ folder: String?,
    _ descriptors: [Int32: Descriptor],
    isDetached: Bool
  ) throws -> pid_t {
    var mapping = descriptors
    if let highest = mapping.keys.max(), highest >= 64 {
      throw FreshetError(.invalidArgument, "a child's descriptor \(highest) is above 63")
    }
    let null = try Descriptor(opening: "/dev/null", flags: O_RDWR)
    for standard: Int32 in 0...2 where mapping[standard] == nil { mapping[standard] = null }
    let targets = mapping.keys.sorted()
    let sources = targets.compactMap { mapping[$0]?.number }
    var number: pid_t = 0
    let status = withCStrings([executable] + arguments) { arguments in
      withCStrings(environment.sorted { $0.key < $1.key }.map { $0.key + "=" + $0.value }) { environment in
        freshet_spawn(
          executable,
          arguments,
          environment,
          folder,
          sources,
          targets,
          Int32(targets.count),
          isDetached,
          &number
        )
      }
    }
    withExtendedLifetime(mapping) {}
    guard status == 0 else { throw FreshetError.system(status, "start the program", path: executable) }
    return number
  }

  /// How it ended, if it has.
  public func poll() -> Ending? {
    reap(options: WNOHANG)
  }

  /// Waits until it has ended; `nil` when it still runs after the timeout. Blocks.
  public func wait(within timeout: Duration) -> Ending? {
    let deadline = ContinuousClock.now + timeout
    while true {
      if let ending = poll() { return ending }
      guard ContinuousClock.now < deadline else { return nil }
      if let exit {
        guard (try? MessageSocket.wait(exit.number, for: Int16(POLLIN), until: deadline)) != nil else { return nil }
      } else {
        usleep(2_000)
      }
    }
  }

  /// Sends a signal to it and to what it started; once it was reaped, does nothing.
  public func signal(_ signal: Int32) {
    ending.withLock { ending in
      guard ending == nil else { return }
      // The group: what the child started shall not outlive it. Each gets the signal once, since a second one may mean
      // “at once” to it.
      if kill(-number, signal) != 0 { kill(number, signal) }
    }
  }

  /// Ends it: asks first (SIGTERM), kills it after the grace period; returns once it is gone. Blocks.
  @discardableResult
  public func terminate(grace: Duration = .zero) -> Ending {
    if let ending = poll() { return ending }
    if grace > .zero {
      signal(SIGTERM)
      if let ending = wait(within: grace) { return ending }
    }
    signal(SIGKILL)
    return reap(options: 0) ?? .signalled(SIGKILL)
  }

  private func reap(options: Int32) -> Ending? {
    ending.withLock { ending in
      if let ending { return ending }
      var status: Int32 = 0
      var result: pid_t
      repeat {
        result = waitpid(number, &status, options)
      } while result < 0 && errno == EINTR
      guard result != 0 else { return nil }
      // WIFEXITED, WEXITSTATUS and WTERMSIG are macros that Swift does not import. A child that somebody else reaped
      // counts as killed.
      let answer: Ending =
        if result < 0 { .signalled(SIGKILL) } else if status & 0x7F == 0 { .exited(status >> 8 & 0xFF) } else {
          .signalled(status & 0x7F)
        }
      ending = answer
      return answer
    }
  }
}

/// The strings as a null-terminated C array for the duration of the body.
private func withCStrings<Result>(
  _ strings: [String],
  _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
  pointers.append(nil)
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeBufferPointer { buffer in
    // The array holds at least its terminator.
    guard let start = buffer.baseAddress else { return body([nil]) }
    return body(start)
  }
}

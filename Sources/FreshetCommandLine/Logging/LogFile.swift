import FreshetModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A file that lines are appended to, by any number of processes, and that is begun anew when it is large.
///
/// ```
/// freshet.log ──rename──▶ freshet.log.1 ──rename──▶ freshet.log.2 … freshet.log.KEEP, which goes
/// ```
///
/// Whoever finds the file too large takes its lock (flock(2)), looks whether another process was first, and renames. Every
/// process looks before each line whether the path still is the file that it has open, and opens it anew otherwise: so it
/// follows the other's rotation and that of logrotate alike. A line that is written at the same moment is in the older
/// file; none is lost.
final class LogFile: Sendable {
  private struct State {
    var descriptor: Int32
    /// Bytes at which the next rotation is tried, after one that failed.
    var nextAttempt: Int64
  }

  private let path: String
  private let maximumSize: Int64
  private let keep: Int
  private let state: Mutex<State>

  /// Opens the file for appending, or makes it.
  ///
  /// - Throws: `FreshetError` with `input_output`.
  init(_ path: String, maximumSize: Int64, keep: Int) throws {
    self.path = path
    self.maximumSize = maximumSize
    self.keep = keep
    state = Mutex(State(descriptor: try Self.opened(path), nextAttempt: 0))
  }

  deinit {
    close(state.withLock { $0.descriptor })
  }

  /// Appends a line whole.
  ///
  /// - Throws: `FreshetError` when it cannot be written.
  func append(_ line: String) throws {
    var text = line + "\n"
    try state.withLock { state in
      try followPath(&state)
      if maximumSize > 0 { rotateWhenLarge(&state, adding: Int64(text.utf8.count)) }
      try text.withUTF8 { try DescriptorWriter.write(UnsafeRawBufferPointer($0), to: state.descriptor) }
    }
  }

  private static func opened(_ path: String) throws -> Int32 {
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o600)
    guard descriptor >= 0 else {
      throw FreshetError(
        .inputOutput,
        "the log cannot be opened: \(String(cString: strerror(errno))).",
        path: path
      )
    }
    return descriptor
  }

  /// Whether two descriptions are of one file.
  private static func isSame(_ left: stat, _ right: stat) -> Bool {
    left.st_dev == right.st_dev && left.st_ino == right.st_ino
  }

  private static func status(of descriptor: Int32) -> stat? {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? status : nil
  }

  private func statusOfPath() -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }

  /// Opens the path anew when it is not the open file any more.
  private func followPath(_ state: inout State) throws {
    if let own = Self.status(of: state.descriptor), let there = statusOfPath(), Self.isSame(own, there) { return }
    replace(&state, by: try Self.opened(path))
  }

  /// Goes on with another file; so do stdout and stderr, where they were the same one.
  private func replace(_ state: inout State, by descriptor: Int32) {
    if let old = Self.status(of: state.descriptor) {
      for standard in [STDOUT_FILENO, STDERR_FILENO] {
        if let status = Self.status(of: standard), Self.isSame(status, old) { dup2(descriptor, standard) }
      }
    }
    close(state.descriptor)
    state.descriptor = descriptor
    state.nextAttempt = 0
  }

  private func rotateWhenLarge(_ state: inout State, adding count: Int64) {
    guard let own = Self.status(of: state.descriptor), own.st_size > 0, Int64(own.st_size) + count > maximumSize,
      Int64(own.st_size) >= state.nextAttempt, flock(state.descriptor, LOCK_EX) == 0
    else { return }
    defer { flock(state.descriptor, LOCK_UN) }
    // Another process may have been first.
    if let there = statusOfPath(), Self.isSame(own, there), !rename() {
      // It goes on growing, and is tried again a while later.
      state.nextAttempt = Int64(own.st_size) + max(1, maximumSize / 10)
      return
    }
    guard let descriptor = try? Self.opened(path) else { return }
    // The old one's lock goes with its description, also when stdout and stderr have had it.
    flock(state.descriptor, LOCK_UN)
    replace(&state, by: descriptor)
  }

  /// Moves the files on by one; answers whether the path is free.
  private func rename() -> Bool {
    // What is beyond the last that is kept is of a time when more were.
    var beyond = max(1, keep + 1)
    while unlink("\(path).\(beyond)") == 0 { beyond += 1 }
    guard keep > 0 else { return unlink(path) == 0 }
    for number in stride(from: keep - 1, to: 0, by: -1) { moved("\(path).\(number)", "\(path).\(number + 1)") }
    return moved(path, "\(path).1")
  }

  @discardableResult
  private func moved(_ from: String, _ to: String) -> Bool {
    #if canImport(Glibc)
      Glibc.rename(from, to) == 0
    #else
      Darwin.rename(from, to) == 0
    #endif
  }
}

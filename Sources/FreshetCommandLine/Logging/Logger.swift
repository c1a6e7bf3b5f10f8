import FreshetModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How much a log line matters.
public enum LogLevel: String, Sendable, CaseIterable, Comparable {
  case error
  case warning
  case info
  case debug

  private var rank: Int {
    switch self {
    case .error: 0
    case .warning: 1
    case .info: 2
    case .debug: 3
    }
  }

  /// Errors come before everything else.
  public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }
}

/// How log lines are written.
public enum LogFormat: String, Sendable, CaseIterable {
  /// For people.
  case text
  /// A JSON object a line: `at`, `level`, `message`, and the line's own fields.
  case json
}

/// Writes log lines to stderr or to a file.
///
/// Each line is written whole by one call, so that processes can share a file. A file that somebody renamed or removed
/// (logrotate) is made anew with the next line. Never logs document text or secrets:
/// that is the callers' part.
public final class Logger: Sendable {
  /// Lines above this are left out.
  public let level: LogLevel
  private let format: LogFormat
  private let file: LogFile?
  private let diagnostics: DiagnosticWriter
  private let now: @Sendable () -> Timestamp
  private let hasWarned = Mutex(false)

  /// Logs to stderr, or to the end of a file, which is made with mode 600 when it is missing.
  ///
  /// - Parameters:
  ///   - maximumSize: bytes of the file from which a new one is begun; 0 lets it grow.
  ///   - keep: older files that are kept, as `path.1` (the newest) and on.
  /// - Throws: `FreshetError` with `input_output` when the file cannot be opened.
  public init(
    level: LogLevel,
    format: LogFormat,
    file path: String? = nil,
    maximumSize: Int64 = 0,
    keep: Int = 5,
    diagnostics: DiagnosticWriter,
    now: @escaping @Sendable () -> Timestamp = Logger.systemTime
  ) throws {
    self.level = level
    self.format = format
    self.diagnostics = diagnostics
    self.now = now
    file = try path.map { try LogFile($0, maximumSize: maximumSize, keep: keep) }
  }

  /// Writes a line with its fields, when the level is logged.
  public func log(_ level: LogLevel, _ message: @autoclosure () -> String, _ fields: [JSONValue.Member] = []) {
    guard level <= self.level else { return }
    let text = line(level, message(), fields)
    guard let file else {
      if format == .text, level == .error {
        diagnostics.error(text)
      } else if format == .text, level == .warning {
        diagnostics.warning(text)
      } else {
        diagnostics.line(text)
      }
      return
    }
    do {
      try file.append(text)
    } catch {
      // The line is not lost, and the cause is said once.
      let isFirst = hasWarned.withLock { warned in
        defer { warned = true }
        return !warned
      }
      if isFirst { diagnostics.warning("The log cannot be written; its lines follow here. \(error)") }
      diagnostics.line(text)
    }
  }

  /// `log(.error, …)`.
  public func error(_ message: @autoclosure () -> String, _ fields: [JSONValue.Member] = []) {
    log(.error, message(), fields)
  }

  /// `log(.warning, …)`.
  public func warning(_ message: @autoclosure () -> String, _ fields: [JSONValue.Member] = []) {
    log(.warning, message(), fields)
  }

  /// `log(.info, …)`.
  public func info(_ message: @autoclosure () -> String, _ fields: [JSONValue.Member] = []) {
    log(.info, message(), fields)
  }

  /// `log(.debug, …)`.
  public func debug(_ message: @autoclosure () -> String, _ fields: [JSONValue.Member] = []) {
    log(.debug, message(), fields)
  }

  /// The time of day.
  public static let systemTime: @Sendable () -> Timestamp = {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
  }

  private func line(_ level: LogLevel, _ message: String, _ fields: [JSONValue.Member]) -> String {
    switch format {
    case .json:
      let head: [JSONValue.Member] = [
        .init("at", .string(now().description)), .init("level", .string(level.rawValue)),
        .init("message", .string(message)),
      ]
      return JSONValue.object(head + fields).description
    case .text:
      let parts = fields.map { field in
        if case .string(let text) = field.value {
          "\(field.name)=\(text.displayable)"
        } else {
          "\(field.name)=\(field.value)"
        }
      }
      let text = ([message.displayable] + parts).joined(separator: " ")
      // On stderr, warnings and errors are marked by the writer, and times are whoever's who keeps it.
      if file != nil { return "\(now()) \(level.rawValue): \(text)" }
      return level <= .warning ? text : "\(level.rawValue): \(text)"
    }
  }
}

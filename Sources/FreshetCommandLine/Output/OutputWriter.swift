import FreshetModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A command's results: buffered text or JSON lines on stdout.
///
/// Safe to share; each call writes its text whole.
public final class OutputWriter: Sendable {
  /// Bytes above which the buffer is written.
  public static let bufferSize = 64 << 10

  /// The terminal, or what stands in its place.
  public let terminal: Terminal
  private let descriptor: Int32
  /// Whether a person sees the text on a terminal, which what steers it must not reach.
  public let isTerminal: Bool
  private let isLineBuffered: Bool
  private let patience: Duration?
  private let state = Mutex(State())

  private struct State {
    var bytes: [UInt8] = []
    /// Why nothing is written any more: a reader that took nothing is waited for once, not at each line.
    var failure: (any Error)?
  }

  /// Writes to a descriptor, which stays open. On a terminal every line is shown at once.
  ///
  /// - Parameters:
  ///   - variable: the value of an environment variable, `nil` for none.
  ///   - patience: how long a reader may take nothing before writing fails; `nil` waits for ever.
  public init(
    descriptor: Int32 = 1,
    variable: (String) -> String? = Terminal.variable,
    patience: Duration? = nil
  ) {
    self.descriptor = descriptor
    self.patience = patience
    isTerminal = isatty(descriptor) == 1
    terminal = Terminal(descriptor: descriptor, variable: variable)
    isLineBuffered = terminal.isInteractive
  }

  /// Writes a text as it is.
  ///
  /// - Throws: `OutputClosed` when nobody reads any more; `FreshetError` when the disk is full.
  public func write(_ text: String) throws {
    try append { $0.append(contentsOf: text.utf8) }
  }

  /// Writes bytes as they are.
  public func write(bytes: [UInt8]) throws {
    try append { $0.append(contentsOf: bytes) }
  }

  /// Writes a line.
  public func line(_ text: String = "") throws {
    try append {
      $0.append(contentsOf: text.utf8)
      $0.append(UInt8(ascii: "\n"))
    }
  }

  /// Writes a JSON value in one line.
  public func json(_ value: JSONValue) throws {
    try append {
      value.write(to: &$0)
      $0.append(UInt8(ascii: "\n"))
    }
  }

  /// Hands everything over to the system: at the end, and where a reader waits for a line.
  public func flush() throws {
    try state.withLock { try drain(&$0) }
  }

  private func append(_ body: (inout [UInt8]) -> Void) throws {
    try state.withLock { state in
      if let failure = state.failure { throw failure }
      body(&state.bytes)
      if isLineBuffered || state.bytes.count >= Self.bufferSize { try drain(&state) }
    }
  }

  private func drain(_ state: inout State) throws {
    if let failure = state.failure { throw failure }
    // Cleared also when it fails: what nobody reads is not written a second time.
    defer { state.bytes.removeAll(keepingCapacity: true) }
    do {
      try state.bytes.withUnsafeBytes { try DescriptorWriter.write($0, to: descriptor, patience: patience) }
    } catch {
      if patience != nil { state.failure = error }
      throw error
    }
  }
}

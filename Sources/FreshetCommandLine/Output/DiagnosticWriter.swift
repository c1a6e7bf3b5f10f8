import Synchronization

/// Everything that is not a result, on stderr: warnings, errors, and at the bottom the progress line, which other lines
/// push down.
public final class DiagnosticWriter: Sendable {
  /// The terminal, or what stands in its place.
  public let terminal: Terminal
  private let descriptor: Int32
  private let patience: Duration?
  private let isClosed = Mutex(false)
  private let progressLine = Mutex("")

  /// Writes to a descriptor, which stays open.
  ///
  /// - Parameters:
  ///   - variable: the value of an environment variable, `nil` for none.
  ///   - patience: how long a reader may take nothing before nothing more is written; `nil` waits for ever.
  public init(
    descriptor: Int32 = 2,
    variable: (String) -> String? = Terminal.variable,
    patience: Duration? = nil
  ) {
    self.descriptor = descriptor
    self.patience = patience
    terminal = Terminal(descriptor: descriptor, variable: variable)
  }

  /// Writes a line above the progress line.
  ///
  /// When stderr itself cannot be written, nobody could be told, and the line is lost.
  public func line(_ text: String) {
    progressLine.withLock { progress in
      put((progress.isEmpty ? "" : Self.clear) + text + "\n" + progress)
    }
  }

  /// Replaces the progress line; an empty text takes it away. Only meant for a terminal.
  public func show(progress text: String) {
    progressLine.withLock { progress in
      guard progress != text else { return }
      progress = text
      put(Self.clear + text)
    }
  }

  /// `Error: …`, in red where there is colour.
  public func error(_ message: String) { line(TextStyle.red("Error:", terminal.hasColour) + " " + message) }

  /// `Warning: …`, in yellow where there is colour.
  public func warning(_ message: String) { line(TextStyle.yellow("Warning:", terminal.hasColour) + " " + message) }

  /// Carriage return and "erase to the end of the line" (ECMA-48 EL).
  private static let clear = "\r\u{1B}[K"

  private func put(_ text: String) {
    var text = text
    guard !isClosed.withLock({ $0 }) else { return }
    do {
      try text.withUTF8 { try DescriptorWriter.write(UnsafeRawBufferPointer($0), to: descriptor, patience: patience) }
    } catch {
      // A reader that takes nothing is waited for once, not at each line.
      if patience != nil { isClosed.withLock { $0 = true } }
    }
  }
}

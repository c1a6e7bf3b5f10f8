#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What a descriptor is connected to.
public struct Terminal: Sendable {
  /// Columns that are taken when nobody says how many there are.
  public static let defaultWidth = 80

  /// Whether a person sees the descriptor's text at once.
  public let isInteractive: Bool
  /// Whether text may be coloured: on a terminal that is not `dumb`, unless `NO_COLOR` is set to something.
  public let hasColour: Bool
  private let descriptor: Int32
  private let fixedWidth: Int?

  /// Looks at a descriptor and the environment.
  ///
  /// - Parameter variable: the value of an environment variable, `nil` for none.
  public init(descriptor: Int32, variable: (String) -> String? = Terminal.variable) {
    self.descriptor = descriptor
    let isDumb = variable("TERM") == "dumb"
    isInteractive = isatty(descriptor) == 1 && !isDumb
    hasColour = isInteractive && (variable("NO_COLOR") ?? "").isEmpty
    fixedWidth = variable("COLUMNS").flatMap { Int($0) }.flatMap { (20...10_000).contains($0) ? $0 : nil }
  }

  /// Columns now: asked anew each time, so a resized window needs no signal.
  public var width: Int {
    var size = winsize()
    if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 20 { return Int(size.ws_col) }
    return fixedWidth ?? Self.defaultWidth
  }

  /// The variable's value in this process's environment.
  public static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// Makes writing to a closed pipe an error of the call instead of the process's end.
  public static func ignoreBrokenPipes() {
    signal(SIGPIPE, SIG_IGN)
  }

  /// Opens what the caller closed of the standard input and outputs, so that no file of ours takes its number: reading
  /// ends at once, and writing fails.
  public static func reserveStandardDescriptors() {
    for number: Int32 in 0...2 where fcntl(number, F_GETFD) < 0 {
      _ = open("/dev/null", O_RDONLY)
    }
  }
}

/// How a text looks on a terminal (ECMA-48 select graphic rendition).
public enum TextStyle: String, Sendable {
  case bold = "1"
  case faint = "2"
  case red = "31"
  case green = "32"
  case yellow = "33"
  case cyan = "36"

  /// The text in this style, or as it is when there is no colour.
  public func callAsFunction(_ text: String, _ hasColour: Bool) -> String {
    hasColour && !text.isEmpty ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
  }
}

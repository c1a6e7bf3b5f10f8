import FreshetModel

/// A command with its verbs: reads a call, shows help, runs the verb, and tells errors.
public struct CommandLineApplication: Sendable {
  private let root: Verb
  private let version: String
  private let context: CallContext
  private let width: Int?

  /// Declares a command.
  ///
  /// - Parameters:
  ///   - version: what `--version` answers.
  ///   - width: columns of help; the terminal's by default.
  public init(
    _ root: Verb,
    version: String,
    output: OutputWriter = OutputWriter(),
    diagnostics: DiagnosticWriter = DiagnosticWriter(),
    width: Int? = nil
  ) {
    self.init(root, version: version, context: CallContext(output: output, diagnostics: diagnostics), width: width)
  }

  /// Declares a command whose calls come from somewhere.
  public init(_ root: Verb, version: String, context: CallContext, width: Int? = nil) {
    self.root = root
    self.version = version
    self.context = context
    self.width = width
  }

  private var output: OutputWriter { context.output }
  private var diagnostics: DiagnosticWriter { context.diagnostics }

  /// Runs a call and answers the code to exit with; nothing is thrown, everything was told on stderr.
  ///
  /// - Parameter words: what follows the command's own name.
  public func run(_ words: [String]) async -> ExitCode {
    do {
      let code = try await perform(words)
      try output.flush()
      return code
    } catch is OutputClosed {
      return .success
    } catch let end as CallEnded {
      return end.code
    } catch {
      // Results that came before the error are results.
      try? output.flush()
      return report(error, ErrorForm(words))
    }
  }

  private func perform(_ words: [String]) async throws -> ExitCode {
    switch try CallParser.parse(words, root: root) {
    case .help(let path):
      try output.write(HelpPage(path, width: width ?? Terminal(descriptor: 1).width).text)
      return .success
    case .version:
      try output.line(version)
      return .success
    case .run(let verb, var invocation):
      invocation.context = context
      invocation.words = words
      guard let run = verb.run else { throw UsageError("A verb is missing.", path: invocation.path) }
      return try await run(invocation)
    }
  }

  private func report(_ error: any Error, _ form: ErrorForm) -> ExitCode {
    diagnostics.show(progress: "")
    if let line = form.line(error) {
      diagnostics.line(line)
      return ExitCode(of: error)
    }
    switch error {
    case let error as UsageError:
      diagnostics.error(error.message.displayable)
      let path = verbs(error.path)
      diagnostics.line("Usage: " + HelpPage.usage(of: path))
      diagnostics.line("  See '\(path.map(\.name).joined(separator: " ")) --help' for more information.")
    case let error as FreshetError: diagnostics.error(error.description.displayable)
    case is CancellationError: diagnostics.line("Interrupted.")
    default: diagnostics.error("\(error)".displayable)
    }
    return ExitCode(of: error)
  }

  private func verbs(_ names: [String]) -> [Verb] {
    var path = [root]
    for name in names.dropFirst() {
      guard let next = path.last?.verbs.first(where: { $0.name == name }) else { break }
      path.append(next)
    }
    return path
  }
}

extension ExitCode {
  /// The code of whatever ended the call.
  init(of error: any Error) {
    switch error {
    case is UsageError: self = .usage
    case let error as FreshetError: self = ExitCode(error)
    case is CancellationError: self = .interrupted
    default: self = .failure
    }
  }

  /// The code of a failure of the whole call.
  public init(_ error: FreshetError) {
    switch error.code {
    case .noCollection: self = .noCollection
    case .locked: self = .locked
    case .deletionsHeld: self = .deletionsHeld
    case .invalidArgument: self = .usage
    default: self = .failure
    }
  }
}

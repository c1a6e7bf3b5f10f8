/// Where a call comes from and where its text goes: this process's own, or those of another process that it is run for.
public struct CallContext: Sendable {
  /// Results.
  public var output: OutputWriter
  /// Everything else.
  public var diagnostics: DiagnosticWriter
  /// The variables that the call is made with; `nil` for the process's own.
  public var environment: [String: String]?
  /// The absolute folder that relative paths of the call start from; `nil` for the process's own.
  public var folder: String?
  /// The permission bits that files made for the call do not get (umask(2)); `nil` for those of the process.
  public var fileMask: UInt32?
  /// What asks the call to stop (Ctrl-C), from the moment of the call on; to be called once.
  public var interruptions: @Sendable () throws -> AsyncStream<Int32>
  /// What the process lends to the calls that it runs for others; `nil` for a process's own call.
  public var host: (any CallHost)?

  /// Describes a process's own call.
  ///
  /// - Parameter interruptions: by default nothing asks it to stop.
  public init(
    output: OutputWriter = OutputWriter(),
    diagnostics: DiagnosticWriter = DiagnosticWriter(),
    interruptions: @escaping @Sendable () throws -> AsyncStream<Int32> = { AsyncStream { _ in } }
  ) {
    self.output = output
    self.diagnostics = diagnostics
    self.interruptions = interruptions
  }
}

/// What a process that runs calls of other processes lends to them; the verbs know what it is.
public protocol CallHost: Sendable {}

/// Ends a verb whose call was brought to its end elsewhere: everything was told, the code is all that is left.
public struct CallEnded: Error {
  /// The code to end with.
  public let code: ExitCode

  /// Ends with a code.
  public init(_ code: ExitCode) {
    self.code = code
  }
}

import Freshet
import FreshetCommandLine
import FreshetConfiguration
import FreshetModel
import FreshetService
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension Session {
  /// Between two looks whether the writer that a call waits for is a service meanwhile.
  private static let lookInterval = Duration.milliseconds(500)

  /// The variables that the call is made with.
  var ownEnvironment: [String: String] { invocation.context.environment ?? ProcessEnvironment.all() }

  /// What asks the call to stop; to be asked for once.
  func interruptions() throws -> AsyncStream<Int32> { try invocation.context.interruptions() }

  /// The service that runs the call for another process; `nil` for a process's own call.
  var host: ServiceHost? { invocation.context.host as? ServiceHost }

  /// Opens the collection for writing, or has the service run the call that has it open.
  ///
  /// - Throws: `FreshetError`; `CallEnded` when a service ran the call.
  func openOrForward(_ configuration: Configuration, creating: Bool, waiting: Duration) async throws -> Collection {
    let deadline = ContinuousClock.now + waiting
    while true {
      let left = max(.zero, deadline - ContinuousClock.now)
      do {
        return try await Collection.open(
          configuration,
          for: .writing(creating: creating, waiting: min(left, Self.lookInterval)),
          environment: try environment()
        )
      } catch let error as FreshetError where error.code == .locked {
        do {
          if let code = try await forward(configuration) { throw CallEnded(code) }
          if ContinuousClock.now >= deadline { throw error }
        } catch let refusal as FreshetError where refusal.code == .locked && ContinuousClock.now < deadline {
          // It is ending: then the lock is free.
          try await Task.sleep(for: Self.lookInterval)
        }
      }
    }
  }

  /// Has the service of the collection run the call; `nil` when none runs.
  func forward(_ configuration: Configuration) async throws -> ExitCode? {
    try output.flush()
    let call = ForwardedCall(
      words: invocation.words,
      folder: try FileSystem.absolutePath("."),
      environment: ownEnvironment,
      fileMask: FileMask.ofProcess().bits,
      version: FreshetCommand.version
    )
    let client = ControlClient(folder: CollectionFolder(path: configuration.collection))
    let code = try await client.run(
      call,
      output: try Self.duplicate(STDOUT_FILENO),
      diagnostics: try Self.duplicate(STDERR_FILENO),
      interruptions: invocation.context.interruptions
    )
    return code.map { ExitCode(rawValue: $0) }
  }

  /// Another descriptor of the same open file; of nothing where that is closed.
  private static func duplicate(_ number: Int32) throws -> Descriptor {
    let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
    return copy >= 0 ? Descriptor(owning: copy) : try Descriptor(opening: "/dev/null", flags: O_WRONLY)
  }
}

/// A service that runs calls of other processes on its own collection.
struct ServiceHost: CallHost {
  let collection: Collection

  /// Keys that a sentence about differences names at most.
  private static let keysNamedMax = 12

  /// The open collection, for a call that means the same by it.
  ///
  /// - Throws: `FreshetError` with `locked` for a call that means another configuration than the service's.
  func lend(_ configuration: Configuration, to session: Session) throws -> Collection {
    let differences = configuration.differences(from: collection.configuration)
    guard differences.isEmpty else {
      let others = differences.count - Self.keysNamedMax
      let named = differences.prefix(Self.keysNamedMax) + (others > 0 ? ["\(others) more"] : [])
      throw FreshetError(
        .locked,
        "the service that keeps this collection (process \(getpid())) works with another configuration than this call; they "
          + "differ in: \(named.joined(separator: ", ")). When the file was changed, `freshet reload` has the service "
          + "read it; else call with the options and variables that it was started with, or end it by `freshet stop`",
        path: collection.folder.path
      )
    }
    let context = session.invocation.context
    return try collection.reconfigured(
      configuration,
      environment: try session.environment(),
      currentFolder: context.folder,
      fileMask: context.fileMask.map { FileMask(bits: $0) }
    )
  }
}

/// A call of another process that the service runs: with that process's output, folder and variables.
enum ServedCall {
  /// How long the caller's terminal or pipe may take nothing.
  private static let patience = Duration.seconds(30)

  static func run(
    _ call: ForwardedCall,
    _ descriptors: [Descriptor],
    _ interruption: CallInterruption,
    _ collection: Collection
  ) async throws -> Int32 {
    guard call.version == FreshetCommand.version, descriptors.count == 2 else {
      throw FreshetError(
        .locked,
        "the running service is of version \(FreshetCommand.version), and this call of \(call.version); start the service anew"
      )
    }
    // The writers do not keep them open.
    defer { withExtendedLifetime(descriptors) {} }
    let variable = { (name: String) in call.environment[name] }
    var context = CallContext(
      output: OutputWriter(descriptor: descriptors[0].number, variable: variable, patience: patience),
      diagnostics: DiagnosticWriter(descriptor: descriptors[1].number, variable: variable, patience: patience),
      interruptions: { interruption.stream() }
    )
    context.environment = call.environment
    context.folder = call.folder
    context.fileMask = call.fileMask
    context.host = ServiceHost(collection: collection)
    let application = CommandLineApplication(FreshetCommand.root, version: FreshetCommand.version, context: context)
    let code = await application.run(call.words)
    if interruption.isServiceEnding, code == .interrupted {
      context.diagnostics.line("The service is ending; call again to go on.")
    }
    return code.rawValue
  }
}

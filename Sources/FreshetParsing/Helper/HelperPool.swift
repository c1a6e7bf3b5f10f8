import FreshetFormats
import FreshetModel
import FreshetSystem
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The helper processes: each starts with the first document that finds no idle one, parses one document at a time,
/// and is replaced when it dies, takes too long or has grown.
public final class HelperPool: Sendable {
  private struct State {
    var idle: [HelperProcess] = []
    var isClosed = false
    var started = 0
  }

  /// The limits.
  public let options: HelperOptions
  private let threads: ThreadPool
  private let permits: Permits
  private let state = Mutex(State())

  /// Prepares a pool; no process is started before the first document.
  public init(_ options: HelperOptions = HelperOptions()) {
    self.options = options
    threads = ThreadPool(name: "freshet-parse", threads: options.count)
    permits = Permits(options.count)
  }

  deinit {
    close()
  }

  /// How many helpers were started so far.
  public var started: Int { state.withLock { $0.started } }

  /// Ends the idle helpers and refuses further documents; a document that is being parsed is finished.
  public func close() {
    let idle = state.withLock { state in
      defer { state.idle = [] }
      state.isClosed = true
      return state.idle
    }
    for process in idle { process.end() }
  }

  /// The document's rendition, made by a helper.
  /// - Parameter encoding: the encoding that the source declares.
  /// - Throws: `FreshetError`: what the helper refused the document with, `parser_timeout`, or `parser_failed` when the
  ///   helper died or cannot be started; `CancellationError` before it started.
  public func rendition(of bytes: [UInt8], format: Format, encoding: String? = nil) async throws -> Rendition {
    await permits.take()
    defer { permits.giveBack() }
    try Task.checkCancellation()
    let process = try await take()
    return try await threads.run { [self] in try parse(bytes, format, encoding, process) }
  }

  private func parse(
    _ bytes: [UInt8],
    _ format: Format,
    _ encoding: String?,
    _ helper: HelperProcess
  ) throws -> Rendition {
    var process = helper
    let seconds = Int(options.deadline.components.seconds) + 1
    let request = HelperWire.Request(format: format, size: bytes.count, cpuSeconds: seconds, encoding: encoding)
    do {
      let rendition = try process.parse(bytes, request, deadline: options.deadline)
      giveBack(process)
      return rendition
    } catch let error as FreshetError {
      giveBack(process)
      throw error
    } catch let failure as HelperFailure {
      throw end(process, after: failure)
    }
  }

  /// An idle helper, or a new one.
  private func take() async throws -> HelperProcess {
    let (idle, isClosed) = state.withLock { ($0.idle.popLast(), $0.isClosed) }
    if isClosed {
      throw FreshetError(
        .parserFailed,
        "the collection is closed; open it again",
        permanence: .transient(retryAfter: nil)
      )
    }
    if let idle { return idle }
    let executable = try options.executable ?? HelperLocation.find()
    let process = try await HelperProcess.start(executable: executable, memoryBytes: options.memoryBytes)
    state.withLock { $0.started += 1 }
    return process
  }

  private func giveBack(_ process: HelperProcess) {
    let isWorn = process.documents >= options.recycleDocuments || process.residentBytes > options.recycleBytes
    let isKept = state.withLock { state in
      guard !isWorn, !state.isClosed else { return false }
      state.idle.append(process)
      return true
    }
    if !isKept { process.end() }
  }

  private func end(_ process: HelperProcess, after failure: HelperFailure) -> FreshetError {
    switch failure {
    case .timedOut:
      process.end()
      return FreshetError(
        .parserTimeout,
        "the parser did not end within \(options.deadline); simplify the document or exclude it"
      )
    case .malformed:
      process.end()
      return FreshetError(.parserFailed, "the parser answered what cannot be; simplify the document or exclude it")
    case .died:
      let ending = process.ending()
      if ending == .signalled(SIGXCPU) {
        return FreshetError(
          .parserTimeout,
          "the parser used more CPU time than \(options.deadline); simplify the document or exclude it"
        )
      }
      return FreshetError(
        .parserFailed,
        "the parser died on the document (\(ending)), or needed more than \(options.memoryBytes >> 20) MiB; "
          + "simplify the document or exclude it"
      )
    }
  }
}

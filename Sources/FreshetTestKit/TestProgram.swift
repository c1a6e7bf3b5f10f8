import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A program that a test runs beside itself, and what it says.
public struct TestProgram: Sendable {
  /// The process; it ends with this value at the latest.
  public let process: ChildProcess
  private let output: Descriptor
  private let complaints: Descriptor

  /// Starts a program by its absolute path.
  ///
  /// - Throws: `FreshetError`.
  public init(
    _ executable: String,
    _ arguments: [String],
    environment: [String: String] = [:],
    input: Descriptor? = nil
  ) async throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw FreshetError.system(errno, "make a pipe") }
    output = Descriptor(owning: ends[0])
    let writing = Descriptor(owning: ends[1])
    complaints = try MemoryFile.empty()
    var descriptors: [Int32: Descriptor] = [1: writing, 2: complaints]
    if let input { descriptors[0] = input }
    process = try await ChildProcess.spawn(
      executable: executable,
      arguments: arguments,
      environment: environment,
      descriptors: descriptors
    )
  }

  /// Starts a program that was built beside the tests.
  ///
  /// - Throws: `FreshetError`.
  public init(
    beside name: String,
    _ arguments: [String],
    environment: [String: String] = [:],
    input: Descriptor? = nil
  ) async throws {
    let executable = FileSystem.split(try FileSystem.resolved("/proc/self/exe")).folder + "/" + name
    try await self.init(executable, arguments, environment: environment, input: input)
  }

  /// The next line that it says; `nil` at the end of its output. Blocks.
  public func line() -> String? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while read(output.number, &byte, 1) == 1 {
      if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(byte)
    }
    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }

  /// Everything that it says until the end of its output, 64 MiB at most. Blocks.
  ///
  /// - Throws: `FreshetError`.
  public func rest() throws -> [UInt8] {
    var bytes: [UInt8] = []
    _ = try output.read(into: &bytes, limit: 64 << 20, expected: 4_096)
    return bytes
  }

  /// What it has said on its standard error.
  ///
  /// - Throws: `FreshetError`.
  public func errors() throws -> String {
    String(decoding: try MemoryFile.contents(complaints, limit: 1 << 20), as: UTF8.self)
  }
}

extension ChildProcess {
  /// How it ended, once it has; it goes on when this is cancelled.
  ///
  /// - Throws: `CancellationError`.
  public func ending() async throws -> Ending {
    while true {
      if let ending = poll() { return ending }
      try await Task.sleep(for: .milliseconds(2))
    }
  }
}

/// What a conformance check found: which promise does not hold, and where in the suite it is checked.
public struct ConformanceFailure: Error, Sendable, CustomStringConvertible {
  /// The promise with what was seen.
  public let message: String
  /// The line of the suite's source.
  public let line: UInt
  /// The file of the suite's source.
  public let file: StaticString

  /// `file:line: message`.
  public var description: String { "\(file):\(line): \(message)" }
}

/// Throws unless the condition holds.
func expect(
  _ condition: Bool,
  _ message: @autoclosure () -> String,
  file: StaticString = #fileID,
  line: UInt = #line
) throws {
  if !condition { throw ConformanceFailure(message: message(), line: line, file: file) }
}

/// Throws unless the two are equal.
func expectEqual<Value: Equatable>(
  _ found: Value,
  _ expected: Value,
  _ what: @autoclosure () -> String = "",
  file: StaticString = #fileID,
  line: UInt = #line
) throws {
  if found != expected {
    throw ConformanceFailure(message: "\(what()): found \(found), expected \(expected)", line: line, file: file)
  }
}

/// Throws unless the body throws a `FreshetError`-like error that the check accepts.
func expectError<Result>(
  _ what: String,
  _ accept: (any Error) -> Bool,
  file: StaticString = #fileID,
  line: UInt = #line,
  _ body: () async throws -> Result
) async throws {
  do {
    _ = try await body()
  } catch {
    guard accept(error) else {
      throw ConformanceFailure(message: "\(what): threw \(error)", line: line, file: file)
    }
    return
  }
  throw ConformanceFailure(message: "\(what): did not throw", line: line, file: file)
}

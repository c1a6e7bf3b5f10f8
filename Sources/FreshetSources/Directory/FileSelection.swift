import FreshetModel

/// Files chosen by patterns, as a source's `include` chooses them.
public struct FileSelection: Sendable {
  private let rules: ScopeRules

  /// Compiles the patterns; without any, every file is chosen.
  ///
  /// - Throws: `FreshetError` with `invalid_argument`, naming the pattern.
  public init(_ patterns: [String]) throws {
    do {
      rules = try ScopeRules(include: patterns)
    } catch let error as FreshetError {
      throw FreshetError(.invalidArgument, error.message)
    }
  }

  /// Whether a file is chosen, by its path relative to the folder that the patterns are of.
  public func includes(_ path: [UInt8]) -> Bool {
    let name = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    return path.withUnsafeBytes { rules.reasonAgainst(file: $0, nameOffset: name) == nil }
  }
}

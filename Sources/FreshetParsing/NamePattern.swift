import FreshetFormats

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A choice of format by a shell pattern of a file's name: `*.inc`.
public struct NamePattern: Hashable, Sendable {
  /// The pattern as fnmatch(3) reads it; upper and lower case differ.
  public var pattern: String
  /// The format, or `nil` to skip such files.
  public var format: Format?

  /// Pairs a pattern with a format.
  public init(_ pattern: String, format: Format?) {
    self.pattern = pattern
    self.format = format
  }

  /// Whether the last part of a path matches.
  func matches(_ path: String) -> Bool {
    fnmatch(pattern, String(path.split(separator: "/").last ?? ""), 0) == 0
  }

  /// The choice as one text, to name what was made with it.
  var fingerprint: String { "\(pattern)=\(format?.rawValue ?? "none")" }

  /// The longest first, so that the first that matches counts.
  static func sorted(_ patterns: [NamePattern]) -> [NamePattern] {
    patterns.sorted { ($1.pattern.utf8.count, $0.pattern) < ($0.pattern.utf8.count, $1.pattern) }
  }
}

import FreshetFormats

/// What users may choose about parsing.
public struct ParsingOptions: Sendable {
  /// The format by suffix (without the dot, lower case), before Freshet's own table.
  public var formats: [String: Format]
  /// The format by a pattern of the file's name, before everything else; the longest that matches counts.
  public var patterns: [NamePattern]
  /// The fields of JSON documents.
  public var json: JSONOptions
  /// The helper processes.
  public var helper: HelperOptions

  /// The defaults, with what is given changed.
  public init(
    formats: [String: Format] = [:],
    patterns: [NamePattern] = [],
    json: JSONOptions = JSONOptions(),
    helper: HelperOptions = HelperOptions()
  ) {
    self.formats = formats
    self.patterns = patterns
    self.json = json
    self.helper = helper
  }
}

import FreshetFormats

/// What users may choose about parsing.
public struct ParsingOptions: Sendable {
  /// The format by suffix (without the dot, lower case), before Freshet's own table.
  public var formats: [String: Format]
  /// The fields of JSON documents.
  public var json: JSONOptions
  /// The helper processes.
  public var helper: HelperOptions

  /// The defaults, with what is given changed.
  public init(
    formats: [String: Format] = [:],
    json: JSONOptions = JSONOptions(),
    helper: HelperOptions = HelperOptions()
  ) {
    self.formats = formats
    self.json = json
    self.helper = helper
  }
}

/// What a document may ask of a parser; beyond it the document is refused, the process lives on.
public enum FormatLimits {
  /// Levels of JSON arrays and objects.
  public static let jsonDepth = 128
  /// Levels of HTML elements.
  public static let htmlDepth = 512
  /// Elements and texts of an HTML page.
  public static let htmlNodes = 8_000_000
  /// Levels of Markdown quotes on one line.
  public static let markdownDepth = 256
  /// Bytes of a YAML front matter.
  public static let frontMatterBytes = 64 << 10
  /// Levels of a YAML front matter.
  public static let frontMatterDepth = 16
  /// Values of a YAML front matter.
  public static let frontMatterValues = 4096
  /// Bytes that the detection of an encoding reads.
  public static let encodingPrefixBytes = 64 << 10
  /// Columns that a table's widest row may have.
  public static let tableColumns = 1024
  /// Times that one HTML cell may be repeated by `rowspan` or `colspan`.
  public static let tableSpan = 64
  /// Bytes of a title.
  public static let titleBytes = 1024
  /// Bytes of one metadata text.
  public static let metadataBytes = 8 << 10
}

/// A format that Freshet reads itself; the raw values appear in metadata, configuration and the helper's requests.
public enum Format: String, Sendable, CaseIterable {
  case text
  /// reStructuredText: text whose underlined titles are headings.
  case restructuredText = "rst"
  /// AsciiDoc: text whose titles are headings.
  case asciidoc
  case markdown
  case html
  case json
  /// JSON Lines: a JSON value a line.
  case jsonLines = "jsonl"
  case csv
  case tsv
  /// Program text: text without any heading.
  case code
}

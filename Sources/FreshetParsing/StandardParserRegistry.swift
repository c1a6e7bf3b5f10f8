import FreshetFormats
import FreshetModel

/// Freshet's own parsers, and those that a user adds: chosen by pattern, then suffix, then media type, then the first bytes.
public final class StandardParserRegistry: ParserRegistry {
  /// The helper processes that the parsers share.
  public let helpers: HelperPool
  private let formats: [String: Format]
  private let patterns: [NamePattern]
  private let parsers: [Format: any Parser]
  private let added: [(suffixes: Set<String>, parser: any Parser)]
  public let fingerprint: String

  /// Changes when the choice of a parser does.
  private static let version = 1

  /// Makes a registry; no process is started before a document needs one.
  /// - Parameter added: parsers for further suffixes (without the dot, lower case); they come before Freshet's own.
  public init(
    options: ParsingOptions = ParsingOptions(),
    adding added: [(suffixes: Set<String>, parser: any Parser)] = []
  ) {
    let helpers = HelperPool(options.helper)
    self.helpers = helpers
    self.added = added
    patterns = NamePattern.sorted(options.patterns)
    formats = FormatTable.suffixes.merging(options.formats) { _, chosen in chosen }
    var parsers: [Format: any Parser] = [:]
    for format in Format.allCases {
      switch format {
      case .html, .markdown: parsers[format] = MarkupFileParser(kind: format, helpers: helpers)
      case .json, .jsonLines:
        parsers[format] = JSONFileParser(isLines: format == .jsonLines, options: options.json, helpers: helpers)
      case .csv, .tsv: parsers[format] = CSVFileParser(kind: format, helpers: helpers)
      case .text, .code, .restructuredText, .asciidoc: parsers[format] = TextFileParser(kind: format, helpers: helpers)
      }
    }
    self.parsers = parsers
    let parts =
      ["registry/\(Self.version)"] + Format.allCases.compactMap { parsers[$0]?.fingerprint }
      + options.formats.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.rawValue)" }
      + patterns.map(\.fingerprint)
      + added.flatMap { entry in entry.suffixes.sorted().map { "\($0)=\(entry.parser.fingerprint)" } }
    fingerprint = parts.joined(separator: " ")
  }

  public func parser(for input: ParserInput) -> (any Parser)? {
    if let chosen = patterns.first(where: { $0.matches(input.path) }) { return chosen.format.flatMap { parsers[$0] } }
    let suffixes = FormatTable.suffixes(of: input.path)
    for suffix in suffixes {
      if let entry = added.first(where: { $0.suffixes.contains(suffix) }) { return entry.parser }
      if let format = formats[suffix] { return parsers[format] }
    }
    if let format = FormatTable.format(ofName: input.path) { return parsers[format] }
    if let type = MediaType(input.mediaType), let format = FormatTable.mediaTypes[type.essence] {
      return parsers[format]
    }
    return ContentSniffer.format(of: input.bytes).flatMap { parsers[$0] }
  }

  /// Ends the helper processes.
  public func close() { helpers.close() }
}

extension ParserRegistry where Self == StandardParserRegistry {
  /// Freshet's own parsers with the given options.
  public static func standard(options: ParsingOptions = ParsingOptions()) -> StandardParserRegistry {
    StandardParserRegistry(options: options)
  }
}

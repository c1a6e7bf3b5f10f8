import FreshetFormats
import FreshetModel

/// Parses separated values as one table.
struct CSVFileParser: Parser {
  let kind: Format
  let helpers: HelperPool

  /// Changes with what is made of equal bytes.
  static let version = 1

  var fingerprint: String { "\(kind.rawValue)/\(Self.version)" }
  var format: String { kind.rawValue }
  var isContainer: Bool { false }

  func parse(_ input: ParserInput, receive: @Sendable (ParsedDocument) async throws -> Void) async throws {
    let rendition: Rendition
    do {
      try Task.checkCancellation()
      let text = try await helpers.text(of: input)
      let hasTabs = text.bytes.prefix(FormatLimits.encodingPrefixBytes).contains(0x09)
      rendition = try CSVTable.rendition(of: text, delimiter: kind == .tsv && hasTabs ? 0x09 : nil)
    } catch let error as FreshetError {
      throw error.about(input.path)
    }
    try await receive(ParsedDocument(rendition: .success(rendition)))
  }
}

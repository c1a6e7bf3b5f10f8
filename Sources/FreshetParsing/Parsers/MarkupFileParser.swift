import FreshetFormats
import FreshetModel

/// Parses HTML and Markdown in a helper process.
struct MarkupFileParser: Parser {
  let kind: Format
  let helpers: HelperPool

  /// Changes with what the helper makes of equal bytes.
  static let version = 1

  var fingerprint: String { "\(kind.rawValue)/\(Self.version)" }
  var format: String { kind.rawValue }
  var isContainer: Bool { false }

  func parse(_ input: ParserInput, receive: @Sendable (ParsedDocument) async throws -> Void) async throws {
    let encoding = MediaType(input.mediaType)?.charset
    let rendition: Rendition
    do {
      rendition = try await helpers.rendition(of: input.bytes, format: kind, encoding: encoding)
    } catch let error as FreshetError {
      throw error.about(input.path)
    }
    try await receive(ParsedDocument(rendition: .success(rendition)))
  }
}

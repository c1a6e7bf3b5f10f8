import FreshetFormats
import FreshetModel

/// Parses text here; only text of an older encoding goes through a helper.
struct TextFileParser: Parser {
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
      rendition = try PlainText.rendition(of: text, titles: PlainText.Titles(kind))
    } catch let error as FreshetError {
      throw error.about(input.path)
    }
    try await receive(ParsedDocument(rendition: .success(rendition)))
  }
}

extension HelperPool {
  /// The input's text: decoded here when it is Unicode, by a helper when it is in an older encoding.
  /// - Throws: `FreshetError` with `unsupported_type` for binary data, or what the helper throws.
  func text(of input: ParserInput) async throws -> DecodedText {
    if let text = try TextDecoder.decode(input.bytes) { return text }
    let encoding = MediaType(input.mediaType)?.charset
    let decoded = try await rendition(of: input.bytes, format: .csv, encoding: encoding)
    guard case .string(let name)? = decoded.metadata["encoding"] else {
      return DecodedText(bytes: decoded.markdown, encoding: "UTF-8", replaced: 0)
    }
    guard case .integer(let replaced)? = decoded.metadata["replaced_bytes"] else {
      return DecodedText(bytes: decoded.markdown, encoding: name, replaced: 0)
    }
    return DecodedText(bytes: decoded.markdown, encoding: name, replaced: Int(replaced))
  }
}

import FreshetModel

/// Three small formats for tests: `.txt` and `.md` hold one document each, by different parsers; `.records` holds one
/// a line, `id<TAB>text`. Any other suffix belongs to no parser.
///
/// A text that starts with `!broken` cannot be parsed; a container stops there, an unparsable member alone fails when it
/// starts with `!bad`.
public struct SampleParsers: ParserRegistry {
  /// Part of every fingerprint.
  public var version: Int

  /// Makes parsers of a version.
  public init(version: Int = 1) {
    self.version = version
  }

  public var fingerprint: String { "sample-parsers/\(version)" }

  public func parser(for input: ParserInput) -> (any Parser)? {
    if input.path.hasSuffix(".records") { return SampleRecordsParser(version: version) }
    if input.path.hasSuffix(".txt") { return SampleTextParser(format: "text", version: version) }
    if input.path.hasSuffix(".md") { return SampleTextParser(format: "markdown", version: version) }
    return nil
  }

  static func rendition(_ bytes: [UInt8], path: String) throws(FreshetError) -> Rendition {
    if bytes.starts(with: "!broken".utf8) || bytes.starts(with: "!bad".utf8) {
      throw FreshetError(.parserFailed, "the text says that it is broken; mend it", path: path)
    }
    let block = Block(kind: .paragraph, start: 0, end: bytes.count)
    return Rendition(markdown: bytes, blocks: bytes.isEmpty ? [] : [block])
  }
}

/// The whole file is the Markdown.
struct SampleTextParser: Parser {
  let format: String
  let version: Int
  var fingerprint: String { "sample-\(format)/\(version)" }
  let isContainer = false

  func parse(_ input: ParserInput, receive: @Sendable (ParsedDocument) async throws -> Void) async throws {
    try await receive(ParsedDocument(rendition: .success(try SampleParsers.rendition(input.bytes, path: input.path))))
  }
}

/// Each line is a member.
struct SampleRecordsParser: Parser {
  let format = "records"
  let version: Int
  var fingerprint: String { "sample-records/\(version)" }
  let isContainer = true

  func parse(_ input: ParserInput, receive: @Sendable (ParsedDocument) async throws -> Void) async throws {
    for line in input.bytes.split(separator: UInt8(ascii: "\n")) {
      if line.starts(with: "!broken".utf8) {
        throw FreshetError(.parserFailed, "a line says that the file is broken; mend it", path: input.path)
      }
      guard let tab = line.firstIndex(of: UInt8(ascii: "\t")) else { continue }
      let content = Array(line[(tab + 1)...])
      let rendition: Result<Rendition, FreshetError>
      do throws(FreshetError) {
        rendition = .success(try SampleParsers.rendition(content, path: input.path))
      } catch {
        rendition = .failure(error)
      }
      try await receive(
        ParsedDocument(member: String(decoding: line[..<tab], as: UTF8.self), content: content, rendition: rendition)
      )
    }
  }
}

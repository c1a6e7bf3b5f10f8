import FreshetFormats
import FreshetModel
import FreshetParsing
import Testing

@Suite struct RegistryTests {
  private let registry = StandardParserRegistry()

  private func format(_ path: String, _ text: String = "text", type: String? = nil) -> String? {
    registry.parser(for: ParserInput(bytes: Array(text.utf8), path: path, mediaType: type))?.format
  }

  @Test func suffixesDecideFirst() {
    #expect(format("a/b.MD") == "markdown")
    #expect(format("a/b.rst.txt") == "rst")
    #expect(format("a/b.txt", "<!DOCTYPE html><p>x") == "text")
    #expect(format("a/b.swift") == "code")
    #expect(format("a/b.jsonl") == "jsonl")
    #expect(format("a/README") == "text")
    #expect(format("a/b.htm", type: "text/plain") == "html")
  }

  @Test func theMediaTypeDecidesNext() {
    #expect(format("page", type: "text/html; charset=utf-8") == "html")
    #expect(format("page.php5", type: "application/json") == "json")
  }

  @Test func theFirstBytesDecideLast() {
    #expect(format("page", "\n <!doctype HTML><p>x") == "html")
    #expect(format("file.xyz", "just words") == "text")
    #expect(format("file.xyz", "\u{7F}ELF\u{1}\u{0}") == nil)
    #expect(format("file.xyz", "%PDF-1.7") == nil)
  }

  @Test func usersChooseFormatsAndAddParsers() throws {
    let chosen = StandardParserRegistry(options: ParsingOptions(formats: ["txt": .markdown]))
    let input = ParserInput(bytes: [], path: "a.txt")
    #expect(chosen.parser(for: input)?.format == "markdown")
    #expect(chosen.fingerprint != registry.fingerprint)
    let added = StandardParserRegistry(adding: [(["txt"], Shouting())])
    #expect(added.parser(for: input)?.format == "shouting")
    #expect(added.fingerprint != registry.fingerprint)
  }

  @Test func aPatternOfTheNameComesBeforeEverythingElse() {
    let options = ParsingOptions(
      formats: ["md": .text],
      patterns: [
        NamePattern("*.inc", format: .html), NamePattern("*.md", format: nil), NamePattern("notes.md", format: .code),
      ]
    )
    let chosen = StandardParserRegistry(options: options)
    func format(_ path: String) -> String? {
      chosen.parser(for: ParserInput(bytes: Array("text".utf8), path: path))?.format
    }
    #expect(format("a/b.inc") == "html")
    #expect(format("a/b.md") == nil)
    #expect(format("a.md/notes.md") == "code")
    #expect(format("a.inc/b.txt") == "text")
    #expect(chosen.fingerprint != StandardParserRegistry(options: ParsingOptions(formats: ["md": .text])).fingerprint)
  }

  @Test func fingerprintsAreStable() {
    #expect(registry.fingerprint == StandardParserRegistry().fingerprint)
    let other = StandardParserRegistry(options: ParsingOptions(helper: HelperOptions(count: 7, deadline: .seconds(1))))
    #expect(registry.fingerprint == other.fingerprint)
  }
}

/// A parser as a user might write it.
private struct Shouting: Parser {
  var fingerprint: String { "shouting/1" }
  var format: String { "shouting" }
  var isContainer: Bool { false }

  func parse(_ input: ParserInput, receive: @Sendable (ParsedDocument) async throws -> Void) async throws {
    let text = Array(String(decoding: input.bytes, as: UTF8.self).uppercased().utf8)
    let rendition = Rendition(markdown: text, blocks: [Block(kind: .paragraph, start: 0, end: text.count)])
    try await receive(ParsedDocument(rendition: .success(rendition)))
  }
}

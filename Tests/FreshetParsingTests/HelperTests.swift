import FreshetModel
import FreshetParsing
import Testing

@Test func htmlGoesThroughTheHelper() async throws {
  let registry = StandardParserRegistry()
  let input = ParserInput(bytes: Array("<h1>A</h1><p>Some <b>text</b>.".utf8), path: "a.html")
  let parser = try #require(registry.parser(for: input))
  try await parser.parse(input) { document in
    let rendition = try document.rendition.get()
    #expect(String(decoding: rendition.markdown, as: UTF8.self) == "# A\n\nSome **text**.\n")
    #expect(rendition.title == "A")
    #expect(rendition.blocks.map(\.kind) == [.heading, .paragraph])
  }
}

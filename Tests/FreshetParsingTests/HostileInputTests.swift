import FreshetFormats
import FreshetMarkup
import FreshetModel
import FreshetParsing
import Foundation
import Testing

@Suite struct HostileInputTests {
  private static let pages = [
    """
    <!DOCTYPE html><html lang="en"><head><title>T &amp; U</title><meta charset="utf-8"><style>x</style></head><body>
    <nav><a href="/">home</a></nav><main><h1>T</h1><p>Some <b>bold <i>both</b></i> text &eacute; &#x1F600; äöü</p>
    <ul><li>a<ul><li>b</ul><li>c</ul><table><tr><th>x<th>y<tr><td rowspan=2>1<td colspan="3">2<tr><td>3</table>
    <pre><code class="language-sh">ls | wc</code></pre><dl><dt>k<dd>v</dl><blockquote>q</blockquote></main></body>
    """,
    "<table><tr><td><table><tr><td>x</table><td>y</table><p><a href='x y(z)'>l<a href=b>m</a></a><img alt='p'>",
    "<div><p>a<div>b</p></div><h2>c<h3>d</h2></h3><li>e<dt>f<td>g</div>\u{0}<![CDATA[x]]><!-- c --><?php y ?>",
  ].map { Array($0.utf8) }

  private static let tokens: [[UInt8]] = [
    "<", ">", "</", "/>", "<!--", "-->", "<![CDATA[", "&#", "&amp;", "<table>", "<tr>", "<td rowspan=99999>",
    "</table>", "<li>", "<ul>", "<pre>", "<title>", "<svg>", "<body>", "</body>", "\"", "'", "=", "\u{0}",
    "\u{FEFF}", "`", "|", "\n",
    "<a href=", "<script>", "<textarea>", "<plaintext>", "<math>", "<template>", "<p", "<b>", "</i>", "<dl><dd>",
  ].map { Array($0.utf8) }

  private static func mutate(_ page: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
    var bytes = page
    for _ in 0..<Int.random(in: 1...12, using: &generator) {
      let place = Int.random(in: 0...bytes.count, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &generator)
      case 1 where place < bytes.count:
        bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...40, using: &generator)))
      case 2:
        let end = min(bytes.count, place + Int.random(in: 1...80, using: &generator))
        bytes.insert(contentsOf: Array(bytes[place..<end]), at: Int.random(in: 0...bytes.count, using: &generator))
      case 3: bytes.removeSubrange(place...)
      default: bytes.insert(contentsOf: tokens.randomElement(using: &generator) ?? [], at: place)
      }
    }
    return bytes
  }

  /// `FRESHET_FUZZ_MUTATIONS=100000 FRESHET_SEED=…` makes it a campaign.
  @Test func mutatedPagesNeverKillTheHelper() async throws {
    let environment = ProcessInfo.processInfo.environment
    let count = environment["FRESHET_FUZZ_MUTATIONS"].flatMap { Int($0) } ?? 3000
    let seed = environment["FRESHET_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: .min ... .max)
    print("FRESHET_SEED=\(seed)")
    var generator = SeededGenerator(seed: seed)
    let registry = StandardParserRegistry()
    for number in 0..<count {
      let isMarkdown = number % 5 == 4
      let bytes = Self.mutate(Self.pages.randomElement(using: &generator) ?? [], &generator)
      let outcome = try await registry.outcome(of: bytes, path: isMarkdown ? "a.md" : "a.html")
      if let error = outcome.error {
        let expected: [FreshetError.Code] = [.noText, .unsupportedType, .tooComplex]
        #expect(expected.contains(error.code), "seed \(seed), mutation \(number): \(error)")
      } else {
        let page = try outcome.rendition
        #expect(page.isWellFormed, "seed \(seed), mutation \(number)")
      }
    }
    #expect(registry.helpers.started == 1 + (count - 1) / HelperOptions().recycleDocuments)
  }

  @Test func everyOutputIsWellFormedAndTheSameAgain() throws {
    let seed = UInt64.random(in: .min ... .max)
    print("FRESHET_SEED=\(seed)")
    var generator = SeededGenerator(seed: seed)
    let parser = MarkupParser()
    for number in 0..<400 {
      let bytes = Self.mutate(Self.pages.randomElement(using: &generator) ?? [], &generator)
      for format in [Format.html, .markdown] {
        guard let first = try? parser.rendition(of: bytes, format: format) else { continue }
        #expect(first.isWellFormed, "seed \(seed), mutation \(number)")
        #expect(try parser.rendition(of: bytes, format: format) == first, "seed \(seed), mutation \(number)")
      }
      for titles in [PlainText.Titles.restructuredText, .unambiguous, .asciidoc, .none] {
        guard let text = try? TextDecoder.decode(bytes), let page = try? PlainText.rendition(of: text, titles: titles)
        else { continue }
        #expect(page.isWellFormed, "seed \(seed), mutation \(number)")
      }
    }
  }

  @Test func oneVeryLongLineIsParsed() async throws {
    let registry = StandardParserRegistry()
    let line = [UInt8](repeating: 0x61, count: 100_000_000)
    let text = try await registry.outcome(of: line, path: "a.txt").rendition
    #expect(text.blocks == [Block(kind: .paragraph, start: 0, end: line.count)])
    let page = try await registry.outcome(of: line, path: "a.md")
    #expect(page.error == nil || [.parserFailed, .parserTimeout].contains(page.error?.code))
  }

  @Test(arguments: [
    ("[", 200_000), ("![", 100_000), ("*a_ ", 100_000), ("`", 300_000), ("a](", 100_000), ("<!--", 100_000),
    ("|-", 60_000), ("\\", 500_000), ("&#x41;", 100_000), ("- a\n  ", 20_000), ("a\n\n", 200_000),
  ])
  func markdownMadeToBeSlowEndsInTime(_ part: String, _ count: Int) async throws {
    let head = part == "|-" ? String(repeating: "|a", count: count) + "\n" : ""
    let source = head + String(repeating: part, count: count)
    let registry = StandardParserRegistry(options: ParsingOptions(helper: HelperOptions(deadline: .seconds(20))))
    let outcome = try await registry.outcome(of: source, path: "a.md")
    #expect(outcome.error == nil, "\(String(describing: outcome.error))")
  }

  @Test func entitiesOfADoctypeAreNotExpanded() throws {
    let page = try html(
      #"<!DOCTYPE x [<!ENTITY a "expanded"><!ENTITY b SYSTEM "file:///etc/passwd">]><p>text &a; &b;</p>"#
    )
    #expect(!page.text.contains("root:"))
    #expect(!page.text.contains("expanded;"))
  }
}

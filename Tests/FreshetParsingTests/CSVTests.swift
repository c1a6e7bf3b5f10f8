import FreshetModel
import FreshetParsing
import Testing

@Suite struct CSVTests {
  private let registry = StandardParserRegistry()

  @Test func recordsBecomeATable() async throws {
    let source = "name,note\r\nada,\"a, \"\"b\"\"\r\nc\"\r\nbob\r\n\r\n|x|, y ,z\r\n"
    let page = try await registry.outcome(of: source, path: "a.csv").rendition
    #expect(
      page.text == """
        | name | note | |
        | --- | --- | --- |
        | ada | a, "b" c | |
        | bob | | |
        | \\|x\\| | y | z |

        """
    )
    #expect(page.blocks == [Block(kind: .table, start: 0, end: page.markdown.count - 1)])
  }

  @Test(arguments: [("a;b\n1,5;2\n3,5;4", "a.csv"), ("a\tb\n1,5\t2\n3,5\t4", "a.tsv"), ("a|b\n1,5|2\n3,5|4", "a.csv")])
  func separatorsAreFound(_ source: String, _ path: String) async throws {
    let page = try await registry.outcome(of: source, path: path).rendition
    #expect(page.text == "| a | b |\n| --- | --- |\n| 1,5 | 2 |\n| 3,5 | 4 |\n")
  }

  @Test func emptyTablesHaveNoText() async throws {
    for source in ["", "\n\n", ",,,\n,,\n", "\"\"\n"] {
      #expect(try await registry.outcome(of: source, path: "a.csv").error?.code == .noText, "\(source)")
    }
  }

  @Test func tooManyColumnsAreRefused() async throws {
    let outcome = try await registry.outcome(of: String(repeating: ",", count: 5000) + "x", path: "a.csv")
    #expect(outcome.error?.code == .tooComplex)
  }

  @Test func anOpenQuoteEndsWithTheFile() async throws {
    let page = try await registry.outcome(of: "a,b\n\"open,1\n2,3", path: "a.csv").rendition
    #expect(page.text == "| a | b |\n| --- | --- |\n| open,1 2,3 | |\n")
  }
}

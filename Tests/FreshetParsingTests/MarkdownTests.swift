import FreshetModel
import Testing

@Suite struct MarkdownTests {
  @Test func blocksCoverTheSource() throws {
    let source = """
      # Title *one*

      First paragraph
      on two lines.

      - a
        - nested
      - b

      | x | y |
      |---|---|
      | 1 | 2 |

      ```swift
      let a = 1

      ```

      > quoted
      > more

      ***

      Setext
      ------

          indented code

      [ref]: https://example.com
      """
    let page = try markdown(source)
    #expect(page.text == source)
    #expect(page.title == "Title one")
    #expect(
      page.outline == [
        "heading 1: # Title *one*", "paragraph: First paragraph\non two lines.", "listItem: - a\n  - nested",
        "listItem: - b", "table: | x | y |\n|---|---|\n| 1 | 2 |", "code: ```swift\nlet a = 1\n\n```",
        "quote: > quoted\n> more", "rule: ***", "heading 2: Setext\n------", "code:     indented code",
        "paragraph: [ref]: https://example.com",
      ]
    )
  }

  @Test func frontMatterIsMetadata() throws {
    let page = try markdown(
      "---\ntitle: Keys\ntags: [a, 'b']\nweight: 3\ndraft: false\nratio: 0.5\nnested: {x: ~}\n---\n# Other\n\nText.\n"
    )
    #expect(page.title == "Keys")
    #expect(page.text == "# Other\n\nText.\n")
    #expect(
      page.metadata == [
        "tags": ["a", "b"], "weight": 3, "draft": false, "ratio": 0.5,
        "nested": .object([JSONValue.Member("x", .null)]),
      ]
    )
  }

  @Test(arguments: [
    "---\n[not: a mapping\n---\ntext", "---\na: &x 1\nb: *x\n---\ntext", "---\n- list\n---\ntext", "---\nno end\n",
  ])
  func frontMatterThatCannotBeReadIsText(_ source: String) throws {
    let page = try markdown(source)
    #expect(page.text == source)
    #expect(page.metadata.isEmpty)
  }

  @Test func commentsAreNoBlocks() throws {
    let page = try markdown("## a\n\n<!-- YAML\nadded: v1\n-->\n\n* `b` text\n")
    #expect(page.outline == ["heading 2: ## a", "listItem: * `b` text"])
  }

  @Test func windowsLineEndsAreNormalised() throws {
    let page = try markdown("\u{FEFF}# A\r\n\r\nb\r\nc\r")
    #expect(page.text == "# A\n\nb\nc\n")
    #expect(page.outline == ["heading 1: # A", "paragraph: b\nc"])
  }

  @Test func emptyTextIsRefused() {
    for source in ["", " \n\n\t", "---\ntitle: x\n---\n", "<!-- only -->"] {
      #expect { try markdown(source) } throws: { ($0 as? FreshetError)?.code == .noText }
    }
  }

  @Test func deepNestingIsRefused() {
    for mark in [">", "> ", "- "] {
      #expect { try markdown(String(repeating: mark, count: 1_000_000) + "x") } throws: {
        ($0 as? FreshetError)?.code == .tooComplex
      }
    }
  }

  @Test func longRulesAreNoNesting() throws {
    let page = try markdown(String(repeating: "- ", count: 2000) + "\n\ntext")
    #expect(page.blocks.map(\.kind) == [.rule, .paragraph])
  }
}

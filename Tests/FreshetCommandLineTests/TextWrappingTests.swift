import FreshetCommandLine
import Testing

@Suite struct TextWrappingTests {
  @Test func rowsEndAtSpaces() {
    #expect("one two three four".wrapped(toWidth: 9) == ["one two", "three", "four"])
    #expect("one two".wrapped(toWidth: 7) == ["one two"])
    #expect("a  b   c".wrapped(toWidth: 80) == ["a  b   c"])
    #expect("".wrapped(toWidth: 10) == [])
    #expect("   ".wrapped(toWidth: 10) == [])
  }

  @Test func aWordWiderThanARowIsBroken() {
    #expect("abcdefghij k".wrapped(toWidth: 4) == ["abcd", "efgh", "ij k"])
  }

  @Test func textWithoutSpacesBreaksBetweenWideCharacters() {
    #expect("全文検索エンジン".wrapped(toWidth: 7) == ["全文検", "索エン", "ジン"])
    #expect("see 全文検索".wrapped(toWidth: 8) == ["see 全文", "検索"])
  }

  @Test func indentationIsKeptOnEveryRow() {
    #expect("  one two three".wrapped(toWidth: 9) == ["  one two", "  three"])
    #expect("- one two three".wrapped(toWidth: 9, hanging: 2) == ["- one two", "  three"])
  }

  @Test func whatDoesNotFitIsSaidToGoOn() {
    #expect("one two three four".wrapped(toWidth: 9, rows: 2) == ["one two", "three…"])
    #expect("onetwothr four five".wrapped(toWidth: 9, rows: 1) == ["onetwoth…"])
    #expect("one two".wrapped(toWidth: 9, rows: 1) == ["one two"])
    #expect("one. two three".wrapped(toWidth: 9, rows: 1) == ["one. two…"])
    #expect("two one. three".wrapped(toWidth: 10, rows: 1) == ["two one. …"])
  }

  @Test(arguments: [20, 33, 80, 200]) func noRowIsWiderThanTheTerminal(width: Int) {
    let text = String(repeating: "words and 漢字 and https://example.com/a/very/long/address/that/never/ends ", count: 9)
    let rows = text.wrapped(toWidth: width)
    #expect(rows.allSatisfy { $0.displayWidth <= width })
    #expect(rows.joined().filter { $0 != " " } == text.filter { $0 != " " })
  }
}

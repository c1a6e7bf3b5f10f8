import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSearch

/// Hits for people: where, under which headings, and how the text begins.
struct SearchText {
  /// Rows of a hit's text that are shown.
  static let rowsMax = 6
  /// What stands before each row below a hit's title.
  private static let margin = "   "

  let response: SearchResponse
  let terminal: Terminal

  init(_ response: SearchResponse, terminal: Terminal) {
    self.response = response
    self.terminal = terminal
  }

  var text: String {
    guard !response.hits.isEmpty else { return "Nothing found.\n" }
    return response.hits.enumerated().map { place, hit in block(place + 1, hit) }.joined(separator: "\n")
  }

  private func block(_ number: Int, _ hit: SearchHit) -> String {
    let title = TextStyle.bold("\(number). \(hit.title)".displayable, terminal.hasColour)
    let page = hit.position.page.map { ", page \($0)" } ?? ""
    var lines = ["\(title)  \("\(hit.source):\(hit.origin)\(page)".displayable)"]
    let width = max(20, terminal.width - Self.margin.count)
    for row in hit.heading.joined(separator: " › ").displayable.wrapped(toWidth: width) {
      lines.append(Self.margin + TextStyle.faint(row, terminal.hasColour))
    }
    for row in rows(of: hit, width: width) { lines.append(Self.margin + row) }
    if !hit.alsoIn.isEmpty {
      lines.append("   also in " + hit.alsoIn.map { "\($0.source):\($0.origin)" }.joined(separator: ", ").displayable)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The beginning of the text.
  private func rows(of hit: SearchHit, width: Int) -> [String] {
    let isMarkdown = [.string("markdown"), .string("html")].contains(hit.metadata["type"])
    let lines = hit.text.split(separator: "\n", omittingEmptySubsequences: false)
    let paragraphs = isMarkdown ? Self.joined(lines) : lines.filter { !Self.isBlank($0) }.map { String($0) }
    var rows: [String] = []
    for (index, paragraph) in paragraphs.enumerated() {
      let room = Self.rowsMax - rows.count
      let hanging = isMarkdown ? Self.markerWidth(paragraph.drop { $0 == " " }) : 0
      let own = paragraph.displayable.wrapped(toWidth: width, rows: room, hanging: hanging)
      rows += own
      guard rows.count == Self.rowsMax else { continue }
      if index < paragraphs.count - 1, let last = rows.last, !last.hasSuffix("…") {
        rows[rows.count - 1] = last.ellipted(toWidth: width)
      }
      break
    }
    return rows
  }

  // MARK: Paragraphs of Markdown

  /// The lines of a paragraph or of a list's item as one, so that they break where the terminal does; code, tables and
  /// headings keep their lines.
  private static func joined(_ lines: [Substring]) -> [String] {
    var paragraphs: [String] = []
    var isCode = false
    var isOpen = false
    for line in lines {
      let bare = line.drop { $0 == " " || $0 == "\t" }
      if bare.hasPrefix("```") || bare.hasPrefix("~~~") {
        isCode.toggle()
        isOpen = false
        continue
      }
      if isBlank(line) {
        isOpen = false
      } else if isOpen, !isCode, !startsBlock(bare) {
        paragraphs[paragraphs.count - 1] += " " + bare
      } else {
        // Indented code cannot follow a paragraph without a blank line between them.
        let isIndentedCode = line.hasPrefix("    ") || line.hasPrefix("\t")
        paragraphs.append(String(line))
        isOpen = !isCode && !isIndentedCode && !bare.hasPrefix("#") && !bare.hasPrefix("|")
      }
    }
    return paragraphs
  }

  private static func isBlank(_ line: Substring) -> Bool { line.allSatisfy(\.isWhitespace) }

  /// Whether a line begins something of its own: an item, a heading, a row of a table, a quotation.
  private static func startsBlock(_ line: Substring) -> Bool {
    line.first.map { "#|>".contains($0) } ?? false || markerWidth(line) > 0
  }

  /// Columns of the mark that an item of a list begins with, with the space behind it; 0 for anything else.
  private static func markerWidth(_ line: Substring) -> Int {
    let rest = line.drop(while: \.isNumber)
    guard let mark = rest.first, rest.dropFirst().first == " " else { return 0 }
    let digits = line.count - rest.count
    return (digits > 0 ? ".)" : "-*+").contains(mark) && digits < 10 ? digits + 2 : 0
  }
}

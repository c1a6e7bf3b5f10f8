/// The help of a verb, laid out as Swift Argument Parser lays out its own.
struct HelpPage {
  /// Columns that labels take, with their indent.
  static let labelWidth = 26
  /// Columns below which a page is not narrowed.
  static let minimumWidth = 50

  private let path: [Verb]
  private let width: Int

  /// - Parameter width: columns of the terminal; text is never wider than 100.
  init(_ path: [Verb], width: Int) {
    self.path = path
    self.width = min(100, max(Self.minimumWidth, width))
  }

  /// The whole page, ended by a line break.
  var text: String {
    guard let verb = path.last else { return "" }
    var page = wrapped("OVERVIEW: " + verb.overview, indent: 0)
    if !verb.discussion.isEmpty { page += "\n" + wrapped(verb.discussion, indent: 0) }
    page += "\n" + wrapped("USAGE: " + Self.usage(of: path), indent: 7, first: 0)
    page += section("ARGUMENTS", verb.arguments.map { ("<\($0.name)>", $0.help) })
    page += section("OPTIONS", optionRows)
    page += section("SUBCOMMANDS", verb.verbs.filter { !$0.isHidden }.map { ($0.name, $0.overview) })
    if verb.verbs.contains(where: { !$0.isHidden }) {
      let words = ([path[0].name, "help"] + path.dropFirst().map(\.name)).joined(separator: " ")
      page += "\n  See '\(words) <subcommand>' for detailed help.\n"
    }
    return page
  }

  /// `freshet sync [<options>] [<path> ...]`.
  static func usage(of path: [Verb]) -> String {
    guard let verb = path.last else { return "" }
    var parts = path.map(\.name)
    if path.contains(where: { $0.options.contains { !$0.isHidden } }) { parts.append("[<options>]") }
    parts += verb.arguments.map(\.usage)
    if !verb.verbs.isEmpty { parts.append(verb.run == nil ? "<subcommand>" : "[<subcommand>]") }
    return parts.joined(separator: " ")
  }

  private var optionRows: [(String, String)] {
    // The verb's own come first, then those that hold everywhere.
    var rows = path.reversed().flatMap(\.options).filter { !$0.isHidden }.map { option in
      (option.label, option.help + (option.defaultText.map { " (default: \($0))" } ?? ""))
    }
    if !path.contains(where: { $0.options.contains { $0.name == "version" } }) {
      rows.append(("--version", "Show the version."))
    }
    rows.append(("-h, --help", "Show help information."))
    return rows
  }

  private func section(_ title: String, _ rows: [(label: String, help: String)]) -> String {
    guard !rows.isEmpty else { return "" }
    var text = "\n\(title):\n"
    for row in rows {
      let label = "  " + row.label
      if label.count + 2 > Self.labelWidth {
        text += label + "\n" + wrapped(row.help, indent: Self.labelWidth)
      } else {
        let padded = label + String(repeating: " ", count: Self.labelWidth - label.count)
        text += wrapped(padded + row.help, indent: Self.labelWidth, first: 0, keeping: Self.labelWidth)
      }
    }
    return text
  }

  /// The text in lines of at most `width`; its own line breaks are kept, and indented lines (examples) stay whole.
  private func wrapped(_ text: String, indent: Int, first: Int? = nil, keeping kept: Int = 0) -> String {
    var lines: [String] = []
    for (number, paragraph) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let isFirst = number == 0 && first != nil
      if !isFirst, paragraph.hasPrefix("  ") {
        lines.append(String(paragraph))
        continue
      }
      var line =
        isFirst ? String(paragraph.prefix(kept)) : String(repeating: " ", count: paragraph.isEmpty ? 0 : indent)
      var isEmpty = true
      for word in paragraph.dropFirst(isFirst ? kept : 0).split(separator: " ") {
        if !isEmpty, line.count + 1 + word.count > width {
          lines.append(line)
          line = String(repeating: " ", count: indent) + word
        } else {
          line += (isEmpty ? "" : " ") + word
        }
        isEmpty = false
      }
      lines.append(line)
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

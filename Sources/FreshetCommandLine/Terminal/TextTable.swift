/// A table of text for people; programs read JSON.
public struct TextTable: Sendable {
  /// A column's title and side.
  public struct Column: Sendable {
    var title: String
    var isRight: Bool
    var isFlexible: Bool

    /// Text, on the left.
    public static func left(_ title: String) -> Column { Column(title: title, isRight: false, isFlexible: false) }
    /// Numbers, on the right.
    public static func right(_ title: String) -> Column { Column(title: title, isRight: true, isFlexible: false) }
    /// Text that is cut when the table is too wide.
    public static func flexible(_ title: String) -> Column { Column(title: title, isRight: false, isFlexible: true) }
  }

  /// Columns that a flexible column is filled up to where nothing is cut; longer cells push the rest of their line.
  public static let filledWidthMax = 48

  private let columns: [Column]
  private var rows: [[String]] = []

  /// Starts without rows.
  public init(_ columns: [Column]) {
    self.columns = columns
  }

  /// Adds a row; missing cells are empty, control characters are replaced.
  public mutating func add(_ cells: [String]) {
    rows.append(columns.indices.map { $0 < cells.count ? cells[$0].displayable : "" })
  }

  /// The table with its titles, two spaces between columns, without spaces at the ends of lines.
  ///
  /// - Parameter limit: columns to stay within by cutting the flexible columns, each to no less than 10; `nil` cuts
  ///   nothing, and does not fill every line up to the longest cell of a flexible column.
  public func text(width limit: Int?, hasColour: Bool = false) -> String {
    var widths = columns.indices.map { index in
      rows.reduce(columns[index].title.displayWidth) { max($0, $1[index].displayWidth) }
    }
    let total = widths.reduce(0, +) + 2 * max(0, columns.count - 1)
    if let limit, var excess = Optional(total - limit), excess > 0 {
      for index in columns.indices.reversed() where columns[index].isFlexible && excess > 0 {
        let cut = min(excess, max(0, widths[index] - 10))
        widths[index] -= cut
        excess -= cut
      }
    }
    if limit == nil {
      for index in columns.indices where columns[index].isFlexible {
        widths[index] = min(widths[index], Self.filledWidthMax)
      }
    }
    let header = line(columns.map(\.title), widths, cuts: limit != nil)
    let lines = rows.map { line($0, widths, cuts: limit != nil) }
    return ([TextStyle.bold(header, hasColour)] + lines).joined(separator: "\n") + "\n"
  }

  private func line(_ cells: [String], _ widths: [Int], cuts: Bool) -> String {
    var text = ""
    for (index, cell) in cells.enumerated() {
      let cut = cuts ? cell.truncated(toWidth: widths[index]) : cell
      let padding = String(repeating: " ", count: max(0, widths[index] - cut.displayWidth))
      text += (index > 0 ? "  " : "") + (columns[index].isRight ? padding + cut : cut + padding)
    }
    while text.last == " " { text.removeLast() }
    return text
  }
}

import FreshetFormats
import FreshetModel

extension HTMLConverter {
  /// Writes a table of data as a GFM table; a table that lays out a page is written cell by cell.
  mutating func writeTable(_ index: Int) {
    if writer.isInCell {
      writeFlat(index)
      return
    }
    var rows: [Int] = []
    var caption: Int?
    var headerRows = 0
    collectRows(of: index, rows: &rows, caption: &caption, headerRows: &headerRows, isHead: false)
    writer.close()
    if let caption {
      write(caption)
      writer.close()
    }
    guard isData(rows) else {
      let skipped = isIllustrated(rows) ? cells(of: rows[0]).first : nil
      for row in rows { for cell in cells(of: row) where cell != skipped { write(cell) } }
      return
    }
    let grid = grid(of: rows)
    let columns = grid.map(\.count).max() ?? 0
    let hasHeader = headerRows > 0 || cells(of: rows[0]).allSatisfy { tree.nodes[$0].element == .th }
    writer.open(.table)
    writer.line(Self.row(hasHeader ? grid[0] : [], columns: columns), isFirst: true)
    writer.line(Self.delimiter(columns), isFirst: false)
    for cells in grid.dropFirst(hasHeader ? 1 : 0) { writer.line(Self.row(cells, columns: columns), isFirst: false) }
    writer.close()
  }

  private mutating func collectRows(
    of index: Int,
    rows: inout [Int],
    caption: inout Int?,
    headerRows: inout Int,
    isHead: Bool
  ) {
    for child in tree.children(of: index) where !tree.nodes[child].isDropped {
      switch tree.nodes[child].element {
      case .tr:
        if cells(of: child).isEmpty { continue }
        rows.append(child)
        if isHead { headerRows += 1 }
      case .thead: collectRows(of: child, rows: &rows, caption: &caption, headerRows: &headerRows, isHead: true)
      case .rowGroup: collectRows(of: child, rows: &rows, caption: &caption, headerRows: &headerRows, isHead: false)
      case .caption: caption = child
      case .text: break
      default: collectRows(of: child, rows: &rows, caption: &caption, headerRows: &headerRows, isHead: isHead)
      }
    }
  }

  private func cells(of row: Int) -> [Int] {
    tree.children(of: row).filter {
      !tree.nodes[$0].isDropped && (tree.nodes[$0].element == .td || tree.nodes[$0].element == .th)
    }
  }

  /// Whether the rows are data: at least two columns somewhere, and no cell with code, headings or a table of its own.
  private func isData(_ rows: [Int]) -> Bool {
    guard !rows.isEmpty else { return false }
    var widest = 0
    for row in rows {
      let cells = cells(of: row)
      widest = max(widest, cells.count)
      if cells.contains(where: { holdsBlocks($0) }) { return false }
    }
    return widest >= 2 && !isIllustrated(rows)
  }

  /// Whether the first column is one picture beside everything else, as DocBook sets its warnings.
  private func isIllustrated(_ rows: [Int]) -> Bool {
    guard rows.count > 1, let first = cells(of: rows[0]).first, span(.rowspan, of: first) >= rows.count else {
      return false
    }
    return PageHead.text(below: first, in: tree).isEmpty
  }

  private func holdsBlocks(_ root: Int) -> Bool {
    var child = Int(tree.nodes[root].firstChild)
    while child >= 0 {
      let node = tree.nodes[child]
      if !node.isDropped {
        switch node.element {
        case .pre, .h1, .h2, .h3, .h4, .table: return true
        case .text: break
        default: if holdsBlocks(child) { return true }
        }
      }
      child = Int(node.next)
    }
    return false
  }

  /// The text of every cell, repeated down by `rowspan` so that each row stands alone; `colspan` leaves empty cells.
  private mutating func grid(of rows: [Int]) -> [[[UInt8]]] {
    var grid: [[[UInt8]]] = []
    var hanging: [Int: (left: Int, text: [UInt8])] = [:]
    for row in rows {
      var line: [[UInt8]] = []
      func fill() {
        while let above = hanging[line.count] {
          hanging[line.count] = above.left > 1 ? (above.left - 1, above.text) : nil
          line.append(above.text)
        }
      }
      for cell in cells(of: row) where line.count < FormatLimits.tableColumns {
        fill()
        let outer = writer.beginCell()
        writeChildren(cell)
        let text = writer.endCell(outer)
        let below = span(.rowspan, of: cell) - 1
        let column = line.count
        line.append(text)
        if below > 0 { hanging[column] = (below, text) }
        for _ in 1..<max(2, span(.colspan, of: cell)) where span(.colspan, of: cell) > 1 {
          if below > 0 { hanging[line.count] = (below, []) }
          line.append([])
        }
      }
      fill()
      grid.append(line)
    }
    return grid
  }

  private func span(_ attribute: HTMLAttribute, of cell: Int) -> Int {
    let number = tree.string(attribute, of: cell).flatMap { Int($0) } ?? 1
    return min(max(1, number), FormatLimits.tableSpan)
  }

  /// A table within a cell: its cells one after the other.
  private mutating func writeFlat(_ index: Int) {
    writer.space()
    writeChildren(index)
    writer.space()
  }

  private static func row(_ cells: [[UInt8]], columns: Int) -> [UInt8] {
    var line: [UInt8] = [UInt8(ascii: "|")]
    for column in 0..<columns {
      line.append(0x20)
      if column < cells.count, !cells[column].isEmpty {
        line.append(contentsOf: cells[column])
        line.append(0x20)
      }
      line.append(UInt8(ascii: "|"))
    }
    return line
  }

  private static func delimiter(_ columns: Int) -> [UInt8] {
    [UInt8(ascii: "|")] + (0..<columns).flatMap { _ in Array(" --- |".utf8) }
  }
}

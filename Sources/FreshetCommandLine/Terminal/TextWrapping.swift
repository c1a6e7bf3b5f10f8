extension String {
  /// The text in rows of at most that many columns, the last of them ended by `…` when it goes on.
  ///
  /// Rows end at spaces, between wide East Asian characters, and within a word only where the word is wider than a row.
  /// The spaces that the text starts with indent all rows, up to half of the columns; rows after the first stand `hanging`
  /// columns further in. Control characters are not replaced; see `displayable`.
  public func wrapped(toWidth limit: Int, rows most: Int = .max, hanging: Int = 0) -> [String] {
    let indentation = min(prefix { $0 == " " }.count, max(0, limit / 2))
    var rows: [String] = []
    func margin(_ row: Int) -> Int { row == 0 ? indentation : indentation + hanging }
    var room: Int { max(1, limit - margin(rows.count)) }
    var row = ""
    var width = 0
    var gap = 0
    for piece in pieces {
      if piece == " " {
        gap += 1
        continue
      }
      let next = piece.displayWidth
      if width > 0, width + gap + next > room {
        rows.append(row)
        if rows.count > most { break }
        (row, width) = ("", 0)
      } else if width > 0 {
        row += String(repeating: " ", count: gap)
        width += gap
      }
      gap = 0
      for character in piece {
        let next = String(character).displayWidth
        if width > 0, width + next > room {
          rows.append(row)
          if rows.count > most { break }
          (row, width) = ("", 0)
        }
        row.append(character)
        width += next
      }
      if rows.count > most { break }
    }
    if width > 0, rows.count <= most { rows.append(row) }
    if rows.count > most {
      rows.removeSubrange(most...)
      if let last = rows.indices.last { rows[last] = rows[last].ellipted(toWidth: max(1, limit - margin(last))) }
    }
    return rows.enumerated().map { String(repeating: " ", count: margin($0)) + $1 }
  }

  /// Words, single spaces, and single wide characters.
  private var pieces: [Substring] {
    var pieces: [Substring] = []
    var start = startIndex
    for index in indices {
      let character = self[index]
      guard character == " " || String(character).displayWidth > 1 else { continue }
      if start < index { pieces.append(self[start..<index]) }
      pieces.append(self[index...index])
      start = self.index(after: index)
    }
    if start < endIndex { pieces.append(self[start...]) }
    return pieces
  }

  /// Says that the text goes on, within so many columns.
  public func ellipted(toWidth limit: Int) -> String {
    let isSentence = last.map { ".!?".contains($0) } ?? false
    let text = self + (isSentence ? " …" : "…")
    return text.displayWidth <= limit ? text : text.truncated(toWidth: limit)
  }
}

extension Substring {
  fileprivate var displayWidth: Int { String(self).displayWidth }
}

extension TextDiff {
  /// The unified form that `diff -u` writes and `patch` reads (POSIX.1-2017, diff, "Unified Format"); empty when the
  /// texts are equal.
  ///
  /// - Parameters:
  ///   - oldLabel: what the first line calls the old text; a line feed or tab in it is written as a space.
  ///   - newLabel: what the second line calls the new text.
  ///   - notes: what stands after the labels, where other programs write the files' times.
  ///   - context: how many unchanged lines stand around a change.
  public func unified(oldLabel: String, newLabel: String, notes: (old: String, new: String)? = nil, context: Int = 3)
    -> [UInt8]
  {
    guard !changes.isEmpty else { return [] }
    var output: [UInt8] = []
    let bounded = min(max(0, context), LineTable.linesMax)
    func note(_ text: String?) -> String { text.map { "\t" + Self.label($0) } ?? "" }
    output.append(contentsOf: "--- \(Self.label(oldLabel))\(note(notes?.old))\n".utf8)
    output.append(contentsOf: "+++ \(Self.label(newLabel))\(note(notes?.new))\n".utf8)
    for hunk in hunks(context: bounded) { append(hunk, context: bounded, to: &output) }
    return output
  }

  /// Changes that stand so near to each other that their contexts meet.
  private func hunks(context: Int) -> [ArraySlice<Change>] {
    var hunks: [ArraySlice<Change>] = []
    var start = 0
    for index in changes.indices.dropFirst()
    where changes[index].old.lowerBound - changes[index - 1].old.upperBound > 2 * context {
      hunks.append(changes[start..<index])
      start = index
    }
    hunks.append(changes[start...])
    return hunks
  }

  private func append(_ hunk: ArraySlice<Change>, context: Int, to output: inout [UInt8]) {
    guard let first = hunk.first, let last = hunk.last else { return }
    let before = min(context, first.old.lowerBound)
    let after = min(context, oldStarts.count - 1 - last.old.upperBound)
    let old = first.old.lowerBound - before..<last.old.upperBound + after
    let new = first.new.lowerBound - before..<last.new.upperBound + after
    output.append(contentsOf: "@@ -\(Self.place(old)) +\(Self.place(new)) @@\n".utf8)
    var line = old.lowerBound
    for change in hunk {
      for index in line..<change.old.lowerBound { append(" ", oldText, oldStarts, index, to: &output) }
      for index in change.old { append("-", oldText, oldStarts, index, to: &output) }
      for index in change.new { append("+", newText, newStarts, index, to: &output) }
      line = change.old.upperBound
    }
    for index in line..<old.upperBound { append(" ", oldText, oldStarts, index, to: &output) }
  }

  private func append(_ mark: Unicode.Scalar, _ text: [UInt8], _ starts: [Int], _ index: Int, to output: inout [UInt8])
  {
    output.append(UInt8(ascii: mark))
    output.append(contentsOf: text[starts[index]..<starts[index + 1]])
    if output.last != UInt8(ascii: "\n") { output.append(contentsOf: "\n\\ No newline at end of file\n".utf8) }
  }

  /// A range of lines as a hunk's head names it: counted from 1, an empty one by the line before it.
  private static func place(_ lines: Range<Int>) -> String {
    switch lines.count {
    case 0: "\(lines.lowerBound),0"
    case 1: "\(lines.lowerBound + 1)"
    default: "\(lines.lowerBound + 1),\(lines.count)"
    }
  }

  private static func label(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == "\n" || $0 == "\t" || $0 == "\r" ? " " : $0 }))
  }
}

import FreshetFormats
import FreshetModel

extension HTMLConverter {
  /// Writes inline code, its white space collapsed.
  mutating func writeInlineCode(_ index: Int) {
    var code: [UInt8] = []
    appendText(below: index, to: &code)
    var collapsed: [UInt8] = []
    collapsed.reserveCapacity(code.count + 4)
    for byte in code {
      if byte > 0x20 {
        collapsed.append(byte)
      } else if let last = collapsed.last, last != 0x20 {
        collapsed.append(0x20)
      }
    }
    if code.first.map({ $0 <= 0x20 }) == true { writer.space() }
    let endsWithSpace = collapsed.last == 0x20
    if endsWithSpace { collapsed.removeLast() }
    guard !collapsed.isEmpty else { return }
    let longest = Self.longestRun(of: UInt8(ascii: "`"), in: collapsed[...])
    let fence = [UInt8](repeating: UInt8(ascii: "`"), count: longest + 1)
    let pad: [UInt8] = longest > 0 ? [0x20] : []
    if writer.isInCell { collapsed = Self.escapingPipes(collapsed) }
    writer.verbatim(fence + pad + collapsed + pad + fence)
    if endsWithSpace { writer.space() }
  }

  /// Writes preformatted text as a fenced block with its language.
  mutating func writeCodeBlock(_ index: Int) {
    var code: [UInt8] = []
    appendText(below: index, to: &code, keepsBreaks: true)
    guard code.contains(where: { $0 > 0x20 }) else { return }
    if writer.isInCell {
      writer.space()
      writeInlineCode(index)
      writer.space()
      return
    }
    var start = code.startIndex
    // White lines before the code go, its first line's indentation stays.
    while let end = code[start...].firstIndex(of: 0x0A), code[start..<end].allSatisfy({ $0 <= 0x20 }) {
      start = end + 1
    }
    while let last = code.last, last <= 0x20 { code.removeLast() }
    let fence = [UInt8](
      repeating: UInt8(ascii: "`"),
      count: max(3, Self.longestRun(of: UInt8(ascii: "`"), in: code[start...]) + 1)
    )
    writer.open(.code)
    writer.line(fence + language(of: index), isFirst: true)
    for line in code[start...].split(separator: 0x0A, omittingEmptySubsequences: false) {
      writer.line(line, isFirst: false)
    }
    writer.line(fence, isFirst: false)
    writer.close()
  }

  private func appendText(below root: Int, to output: inout [UInt8], keepsBreaks: Bool = false) {
    var child = Int(tree.nodes[root].firstChild)
    while child >= 0 {
      let node = tree.nodes[child]
      if !node.isDropped {
        switch node.element {
        case .text: output.append(contentsOf: tree.text[Int(node.start)..<Int(node.end)])
        case .br: output.append(keepsBreaks ? 0x0A : 0x20)
        default:
          if node.element.isBlock, let last = output.last, last != 0x0A { output.append(0x0A) }
          appendText(below: child, to: &output, keepsBreaks: keepsBreaks)
        }
      }
      child = Int(node.next)
    }
  }

  /// The language that a class of the block, its `code`, or its wrappers names.
  private func language(of index: Int) -> [UInt8] {
    var node = index
    let child = Int(tree.nodes[index].firstChild)
    if child >= 0, tree.nodes[child].element == .code, let found = classLanguage(child) { return found }
    for _ in 0..<3 where node > 0 {
      if let found = classLanguage(node) { return found }
      node = Int(tree.nodes[node].parent)
    }
    return []
  }

  private func classLanguage(_ node: Int) -> [UInt8]? {
    guard let range = tree.attribute(.classes, of: node) else { return nil }
    for word in tree.text[range].split(whereSeparator: { $0 <= 0x20 }) {
      for mark in ["language-", "lang-", "highlight-source-", "highlight-", "brush:"] where word.starts(with: mark.utf8)
      {
        let name = word.dropFirst(mark.utf8.count)
        let isName = name.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "`") }
        guard isName, !name.isEmpty, name.count <= 32 else { continue }
        if ["default", "none", "text", "notranslate"].contains(where: { name.elementsEqual($0.utf8) }) { return [] }
        return Array(name)
      }
    }
    return nil
  }

  static func longestRun(of mark: UInt8, in bytes: ArraySlice<UInt8>) -> Int {
    var longest = 0
    var run = 0
    for byte in bytes {
      run = byte == mark ? run + 1 : 0
      longest = max(longest, run)
    }
    return longest
  }

  static func escapingPipes(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.contains(UInt8(ascii: "|")) else { return bytes }
    return bytes.flatMap { $0 == UInt8(ascii: "|") ? [UInt8(ascii: "\\"), $0] : [$0] }
  }
}

import FreshetModel

extension HTMLConverter {
  /// Writes a list; each item of an outermost list is a block.
  mutating func writeList(_ index: Int) {
    let isOrdered = tree.nodes[index].element == .ol
    var number = isOrdered ? startNumber(index) : 0
    var isFirst = true
    writer.close()
    var child = Int(tree.nodes[index].firstChild)
    while child >= 0 {
      let node = tree.nodes[child]
      if node.element == .li {
        let mark = isOrdered ? Array("\(number). ".utf8) : Array("- ".utf8)
        let item = writer.beginContainer(
          .listItem,
          mark: mark,
          indent: [UInt8](repeating: 0x20, count: mark.count),
          isTight: !isFirst || writer.isNestedInItem
        )
        if !node.isDropped { writeChildren(child) }
        writer.endContainer(item)
        number += 1
        isFirst = false
      } else if node.element != .text {
        // A list directly in a list belongs to the item before it; anything else stands for itself.
        write(child)
      }
      child = Int(node.next)
    }
    writer.close()
  }

  private func startNumber(_ index: Int) -> Int {
    guard let text = tree.string(.start, of: index), let number = Int(text), (0...999_999_999).contains(number) else {
      return 1
    }
    return number
  }

  /// Writes terms in bold; the first paragraph of a definition follows its term in the same block.
  mutating func writeDefinitions(_ index: Int) {
    writer.close()
    var child = Int(tree.nodes[index].firstChild)
    while child >= 0 {
      let node = tree.nodes[child]
      if !node.isDropped {
        switch node.element {
        case .dt:
          let outer = isStrong
          isStrong = true
          writer.joinNextParagraph()
          writer.open(.paragraph)
          writer.openMark(Array("**".utf8), close: Array("**".utf8))
          writeInlineChildren(child)
          writer.closeMark()
          isStrong = outer
          writer.joinNextParagraph()
        case .dd:
          writeChildrenJoined(child)
          writer.close()
        case .text: break
        default: writeDefinitionsGroup(child)
        }
      }
      child = Int(node.next)
    }
    writer.close()
  }

  private mutating func writeDefinitionsGroup(_ index: Int) {
    if tree.nodes[index].element == .block { writeDefinitions(index) } else { write(index) }
  }

  /// The children of a term: blocks in it do not end the term's paragraph.
  private mutating func writeInlineChildren(_ index: Int) {
    var child = Int(tree.nodes[index].firstChild)
    while child >= 0 {
      if tree.nodes[child].element.isBlock, !tree.nodes[child].isDropped {
        writer.space()
        writeInlineChildren(child)
        writer.space()
      } else {
        write(child)
      }
      child = Int(tree.nodes[child].next)
    }
  }

  /// The children of a definition: a paragraph that comes first joins the term's block.
  private mutating func writeChildrenJoined(_ index: Int) {
    var child = Int(tree.nodes[index].firstChild)
    var isFirst = true
    while child >= 0 {
      let node = tree.nodes[child]
      if isFirst, node.element == .p, !node.isDropped {
        writeChildren(child)
        writer.close()
        isFirst = false
      } else if isFirst, node.element == .block, !node.isDropped {
        writeChildrenJoined(child)
        writer.close()
        isFirst = false
      } else {
        write(child)
        if node.element.isBlock { isFirst = false }
      }
      child = Int(node.next)
    }
  }
}

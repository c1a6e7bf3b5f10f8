/// A page as a flat tree: nodes in document order, children after their parents.
struct HTMLTree {
  /// An element or a text.
  struct Node {
    var element: HTMLElement
    /// Whether nothing of it belongs to the text (hidden, script, navigation).
    var isDropped = false
    var parent: Int32
    var firstChild: Int32 = -1
    var lastChild: Int32 = -1
    var next: Int32 = -1
    /// A text's range in `text`, or an element's range in `attributes`.
    var start: Int32
    var end: Int32
  }

  /// One attribute; its value is a range of `text`.
  struct Attribute {
    var name: HTMLAttribute
    var start: Int32
    var end: Int32
  }

  var nodes: [Node] = [Node(element: .document, parent: -1, start: 0, end: 0)]
  var attributes: [Attribute] = []
  var text: [UInt8] = []

  /// The bytes of a text node.
  func range(of node: Int) -> Range<Int> { Int(nodes[node].start)..<Int(nodes[node].end) }

  /// The range in `text` of an attribute's value.
  func attribute(_ name: HTMLAttribute, of node: Int) -> Range<Int>? {
    guard nodes[node].element != .text else { return nil }
    for index in Int(nodes[node].start)..<Int(nodes[node].end) where attributes[index].name == name {
      return Int(attributes[index].start)..<Int(attributes[index].end)
    }
    return nil
  }

  /// An attribute's value as a string, for the few places that keep it.
  func string(_ name: HTMLAttribute, of node: Int) -> String? {
    attribute(name, of: node).map { String(decoding: text[$0], as: UTF8.self) }
  }

  /// The children of a node in order.
  func children(of node: Int) -> ChildSequence { ChildSequence(tree: self, upcoming: Int(nodes[node].firstChild)) }

  /// Iterates over siblings.
  struct ChildSequence: Sequence, IteratorProtocol {
    let tree: HTMLTree
    var upcoming: Int

    mutating func next() -> Int? {
      guard upcoming >= 0 else { return nil }
      defer { upcoming = Int(tree.nodes[upcoming].next) }
      return upcoming
    }
  }
}

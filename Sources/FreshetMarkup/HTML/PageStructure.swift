/// Which parts of a page are its text: leaves out what repeats on every page of a site, and finds the main content.
///
/// A page whose structure is unknown is taken whole.
struct PageStructure {
  private(set) var tree: HTMLTree
  /// The nodes to write, in order.
  private(set) var roots: [Int] = []
  private var textBytes: [Int32]
  private var linkBytes: [Int32]
  private var isContent: [Bool]
  private var candidates: [Int] = []
  private var weakCandidates: [Int] = []
  private var linkLists: [Int] = []
  private var pageHeaders: [Int] = []
  private var forms: [Int] = []

  /// Dropped wherever they stand.
  private static let boilerplate = TokenSet([
    "sphinxsidebar", "sphinxsidebarwrapper", "related", "navheader", "navfooter", "headerlink", "skip-link", "skiplink",
    "breadcrumb", "breadcrumbs", "mobile-nav", "noprint", "mw-editsection", "navbox", "cookie-banner", "viewcode-link",
    "viewcode-back", "rst-versions", "copybutton", "advertisement", "screen-reader-text", "sr-only", "visually-hidden",
    "edit-page-link", "permalink", "wy-nav-side", "wy-breadcrumbs", "hash-link", "linenos", "lineno", "linenodiv",
    "footer", "site-footer", "page-footer", "page-nav",
  ])
  /// Dropped when they are mostly links and the page has other text.
  private static let linkList = TokenSet([
    "nav", "navbar", "navigation", "menu", "sidebar", "side-bar", "topbar",
    "toolbar", "pagination", "pager", "toc", "table-of-contents", "tableofcontents", "localtoc", "social", "share",
    "related-posts", "gtoc", "contents", "toctree-wrapper", "site-header", "page-header", "site-nav", "bottomnav",
    "subnav", "column2",
  ])
  private static let navigationRole = TokenSet([
    "navigation", "banner", "contentinfo", "complementary", "search", "menu", "menubar", "toolbar", "dialog",
  ])
  private static let mainRole = TokenSet(["main"])
  private static let contentName = TokenSet([
    "content", "main-content", "main", "maincontent", "bodycontent", "mw-content-text", "page-content", "article",
    "body", "document", "markdown-body", "article-body", "post-content", "entry-content", "rst-content",
    "article-content", "theme-doc-markdown", "post-body", "apicontent", "documentwrapper",
  ])

  /// Judges the page.
  init(_ tree: HTMLTree) {
    self.tree = tree
    textBytes = Array(repeating: 0, count: tree.nodes.count)
    linkBytes = textBytes
    isContent = Array(repeating: false, count: tree.nodes.count)
    classify()
    measure()
    // Some generators wrap the whole page in one form.
    for index in forms where textBytes[index] < 500 || textBytes[index] < textBytes[0] / 2 { drop(index) }
    if textBytes[0] == 0 { keepAll() }
    for index in pageHeaders where firstHeading(below: index) == nil { drop(index) }
    choose()
    dropLinkLists()
  }

  /// Whether there is a heading of level 1 below the node that is not dropped.
  func firstHeading(below root: Int) -> Int? {
    var index = root
    while index < tree.nodes.count {
      if index > root, !isBelow(index, root) { return nil }
      if tree.nodes[index].isDropped {
        index = skip(index)
      } else {
        if tree.nodes[index].element == .h1 { return index }
        index += 1
      }
    }
    return nil
  }

  private mutating func classify() {
    for index in tree.nodes.indices where tree.nodes[index].element != .text {
      let node = tree.nodes[index]
      let parent = max(0, Int(node.parent))
      if tree.nodes[parent].isDropped, index > 0 {
        tree.nodes[index].isDropped = true
        continue
      }
      isContent[index] = isContent[parent]
      switch node.element {
      case .nav: tree.nodes[index].isDropped = true
      case .form: forms.append(index)
      case .aside, .footer: tree.nodes[index].isDropped = !isContent[index]
      case .header: if !isContent[index] { pageHeaders.append(index) }
      case .main:
        candidates.append(index)
        isContent[index] = true
      case .article:
        candidates.append(index)
        isContent[index] = true
      default: break
      }
      guard node.start < node.end, !tree.nodes[index].isDropped else { continue }
      classifyByAttributes(index)
    }
  }

  private mutating func classifyByAttributes(_ index: Int) {
    let element = tree.nodes[index].element
    guard element != .html, element != .body else { return }
    var isWeak = false
    for attribute in tree.attributes[Int(tree.nodes[index].start)..<Int(tree.nodes[index].end)] {
      let (isMain, isDropped, isLinks, isNamed) = tree.text.withUnsafeBufferPointer { text in
        let value = UnsafeBufferPointer(rebasing: text[Int(attribute.start)..<Int(attribute.end)])
        switch attribute.name {
        case .role:
          return (Self.mainRole.containsAny(of: value), Self.navigationRole.containsAny(of: value), false, false)
        case .id, .classes:
          return (
            false, Self.boilerplate.containsAny(of: value), Self.linkList.containsAny(of: value),
            element.isBlock && Self.contentName.containsAny(of: value)
          )
        default: return (false, false, false, false)
        }
      }
      if isDropped { tree.nodes[index].isDropped = true }
      if isLinks { linkLists.append(index) }
      if isMain { candidates.append(index) }
      if isNamed { isWeak = true }
      if isMain || isNamed { isContent[index] = true }
    }
    if isWeak { weakCandidates.append(index) }
  }

  /// Counts the bytes of text below every node, children before parents.
  private mutating func measure() {
    for index in tree.nodes.indices.reversed() where index > 0 {
      let node = tree.nodes[index]
      let parent = Int(node.parent)
      if node.element == .text {
        if !tree.nodes[parent].isDropped { textBytes[index] = Int32(visibleBytes(index)) }
      } else if node.isDropped {
        textBytes[index] = 0
        linkBytes[index] = 0
      }
      textBytes[parent] &+= textBytes[index]
      linkBytes[parent] &+= node.element == .a ? textBytes[index] : linkBytes[index]
    }
  }

  private func visibleBytes(_ index: Int) -> Int {
    tree.text.withUnsafeBufferPointer { text in
      var count = 0
      for byte in text[tree.range(of: index)] where byte > 0x20 { count += 1 }
      return count
    }
  }

  /// A page whose whole text stands in what is boilerplate elsewhere is taken with it.
  private mutating func keepAll() {
    for index in tree.nodes.indices {
      tree.nodes[index].isDropped = false
      textBytes[index] = 0
      linkBytes[index] = 0
    }
    measure()
  }

  /// Tables of contents and menus go, unless the text would be left with hardly anything beside them.
  private mutating func dropLinkLists() {
    let plain = roots.reduce(0) { $0 + Int(textBytes[$1] - linkBytes[$1]) }
    for index in linkLists
    where textBytes[index] > 0 && plain >= max(400, Int(textBytes[index])) && !roots.contains(index) {
      if Int(linkBytes[index]) * 10 >= Int(textBytes[index]) * 6 { drop(index) }
    }
  }

  private mutating func drop(_ index: Int) {
    guard !tree.nodes[index].isDropped else { return }
    tree.nodes[index].isDropped = true
    let text = textBytes[index]
    let link = linkBytes[index]
    var node = index
    while node >= 0 {
      textBytes[node] -= text
      linkBytes[node] -= link
      node = Int(tree.nodes[node].parent)
    }
  }

  private mutating func choose() {
    let total = Int(textBytes[0])
    let plain = total - Int(linkBytes[0])
    func own(_ index: Int) -> Int { Int(textBytes[index] - linkBytes[index]) }
    func largest(_ list: [Int]) -> Int? {
      list.filter { !tree.nodes[$0].isDropped }.max { textBytes[$0] < textBytes[$1] }
    }
    var main = 0
    if let strong = largest(candidates), Int(textBytes[strong]) * 20 >= total || own(strong) >= 200 {
      main = strong
    } else if let weak = largest(weakCandidates), Int(textBytes[weak]) * 10 >= total * 7 || own(weak) * 10 >= plain * 8
    {
      main = weak
    }
    guard main > 0, textBytes[main] > 0 else {
      roots = [0]
      return
    }
    roots = [main]
    if firstHeading(below: main) == nil, let heading = firstHeading(below: 0), heading < main {
      roots = [container(of: heading, beside: main), main]
    }
  }

  /// The outermost ancestor of the heading that does not hold the main content.
  private func container(of heading: Int, beside main: Int) -> Int {
    var node = heading
    while tree.nodes[node].parent >= 0, !isBelow(main, Int(tree.nodes[node].parent)) {
      node = Int(tree.nodes[node].parent)
    }
    return node
  }

  private func isBelow(_ index: Int, _ ancestor: Int) -> Bool {
    var node = index
    while node >= ancestor {
      if node == ancestor { return true }
      node = Int(tree.nodes[node].parent)
    }
    return false
  }

  /// The node after everything below this one.
  private func skip(_ index: Int) -> Int {
    var node = index
    while node >= 0 {
      if tree.nodes[node].next >= 0 { return Int(tree.nodes[node].next) }
      node = Int(tree.nodes[node].parent)
    }
    return tree.nodes.count
  }
}

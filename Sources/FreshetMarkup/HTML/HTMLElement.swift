/// The elements that the conversion tells apart; every other one is `inline` or, with a dash in its name, `block`.
enum HTMLElement: UInt8, Sendable {
  case document, text
  case inline, block, dropped
  case html, head, body, title, meta
  case main, article, section, header, footer, nav, aside
  case h1, h2, h3, h4, h5, h6
  case p, br, hr, pre, blockquote
  case ul, ol, li, dl, dt, dd
  case table, tr, th, td, rowGroup, thead, caption
  case a, img, code, strong, emphasis, strike, quotation
  case form, summary

  /// Whether the element ends the paragraph that it stands in.
  var isBlock: Bool {
    switch self {
    case .text, .inline, .br, .a, .img, .code, .strong, .emphasis, .strike, .quotation: false
    default: true
    }
  }

  /// The level of `h1` to `h6`, else 0.
  var headingLevel: Int {
    let level = Int(rawValue) - Int(HTMLElement.h1.rawValue) + 1
    return (1...6).contains(level) ? level : 0
  }

  private static let byName: [String: HTMLElement] = [
    "html": .html, "head": .head, "body": .body, "title": .title, "meta": .meta,
    "main": .main, "article": .article, "section": .section, "header": .header, "footer": .footer, "nav": .nav,
    "aside": .aside, "h1": .h1, "h2": .h2, "h3": .h3, "h4": .h4, "h5": .h5, "h6": .h6,
    "p": .p, "br": .br, "hr": .hr, "pre": .pre, "listing": .pre, "xmp": .pre, "plaintext": .pre,
    "blockquote": .blockquote, "ul": .ul, "menu": .ul, "dir": .ul, "ol": .ol, "li": .li, "dl": .dl, "dt": .dt,
    "dd": .dd, "table": .table, "tr": .tr, "th": .th, "td": .td, "thead": .thead, "tbody": .rowGroup,
    "tfoot": .rowGroup, "caption": .caption, "a": .a, "img": .img, "code": .code, "tt": .code, "kbd": .code,
    "samp": .code, "strong": .strong, "b": .strong, "em": .emphasis, "i": .emphasis, "var": .emphasis,
    "cite": .emphasis, "dfn": .emphasis, "del": .strike, "s": .strike, "strike": .strike, "q": .quotation,
    "form": .form, "summary": .summary,
    "div": .block, "address": .block, "center": .block, "details": .block, "fieldset": .block, "figure": .block,
    "figcaption": .block, "hgroup": .block, "legend": .block, "search": .block, "noscript": .block,
    "colgroup": .dropped, "col": .dropped, "script": .dropped, "style": .dropped, "template": .dropped,
    "svg": .dropped, "math": .inline, "iframe": .dropped, "object": .dropped, "embed": .dropped, "canvas": .dropped,
    "audio": .dropped, "video": .dropped, "map": .dropped, "button": .dropped, "select": .dropped,
    "textarea": .dropped, "input": .dropped, "datalist": .dropped, "dialog": .dropped, "noframes": .dropped,
    "frameset": .dropped, "link": .dropped, "base": .dropped, "rp": .dropped, "rt": .dropped,
  ]

  /// An open-addressed table from the names' hashes, so that a lookup touches no `String`.
  private static let slots: [(hash: UInt64, element: HTMLElement)] = {
    var slots = [(hash: UInt64, element: HTMLElement)](repeating: (0, .inline), count: 512)
    for (name, element) in byName {
      var hash = offsetBasis
      for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* prime }
      var slot = Int(truncatingIfNeeded: hash & 511)
      while slots[slot].hash != 0 { slot = (slot + 1) & 511 }
      slots[slot] = (hash, element)
    }
    return slots
  }()

  // FNV-1a, 64 bits.
  private static let offsetBasis: UInt64 = 0xCBF2_9CE4_8422_2325
  private static let prime: UInt64 = 0x0000_0100_0000_01B3

  /// The element of a NUL-terminated name in lower case.
  static func named(_ name: UnsafePointer<UInt8>) -> HTMLElement {
    var hash = offsetBasis
    var index = 0
    var hasDash = false
    while name[index] != 0 {
      if name[index] == UInt8(ascii: "-") { hasDash = true }
      hash = (hash ^ UInt64(name[index])) &* prime
      index += 1
    }
    var slot = Int(truncatingIfNeeded: hash & 511)
    while slots[slot].hash != 0 {
      if slots[slot].hash == hash { return slots[slot].element }
      slot = (slot + 1) & 511
    }
    return hasDash ? .block : .inline
  }
}

/// The attributes that the conversion reads.
enum HTMLAttribute: UInt8, Sendable {
  case id, classes, href, alt, role, language, colspan, rowspan, name, content, start, title

  /// The attribute of a NUL-terminated name in lower case; `nil` for one that nothing reads.
  static func named(_ name: UnsafePointer<UInt8>) -> HTMLAttribute? {
    switch name[0] {
    case UInt8(ascii: "i"): return matches(name, "id") ? .id : nil
    case UInt8(ascii: "c"):
      if matches(name, "class") { return .classes }
      if matches(name, "content") { return .content }
      return matches(name, "colspan") ? .colspan : nil
    case UInt8(ascii: "h"): return matches(name, "href") ? .href : nil
    case UInt8(ascii: "a"): return matches(name, "alt") ? .alt : nil
    case UInt8(ascii: "r"):
      if matches(name, "role") { return .role }
      return matches(name, "rowspan") ? .rowspan : nil
    case UInt8(ascii: "l"): return matches(name, "lang") ? .language : nil
    case UInt8(ascii: "n"): return matches(name, "name") ? .name : nil
    case UInt8(ascii: "s"): return matches(name, "start") ? .start : nil
    default: return nil
    }
  }

  /// Whether a NUL-terminated name is the given one.
  static func matches(_ name: UnsafePointer<UInt8>, _ other: StaticString) -> Bool {
    let length = other.utf8CodeUnitCount
    for index in 0..<length where name[index] != other.utf8Start[index] { return false }
    return name[length] == 0
  }
}

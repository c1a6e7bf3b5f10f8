/// Names from outside (of files, sources, hooks) in messages that people read: nothing in them can end a line, turn text
/// around, address somebody or format the message.
enum PlainName {
  /// Characters of a name that are shown.
  static let lengthMax = 120

  /// The name on one line, cut in its middle when it is long. Control characters, line breaks and the marks that reorder
  /// text (Unicode bidirectional controls) become U+FFFD, and so does what is invisible on purpose.
  static func text(_ name: String, limit: Int = lengthMax) -> String {
    var scalars: [Unicode.Scalar] = []
    for scalar in name.unicodeScalars {
      switch scalar.value {
      case 0..<0x20, 0x7F..<0xA0, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xFFF9...0xFFFB,
        0xE0000...0xE007F:
        scalars.append("\u{FFFD}")
      default: scalars.append(scalar)
      }
    }
    if scalars.count > limit {
      // The end of a path says more than its middle.
      let head = limit / 3
      scalars = scalars.prefix(head) + ["…"] + scalars.suffix(limit - head - 1)
    }
    var text = ""
    text.unicodeScalars.append(contentsOf: scalars)
    return text
  }

  /// The name as code of a chat message: no markup, no link, no mention.
  ///
  /// Backticks would end the code. `@` is followed by a space of no width, since some receivers look for mentions in code
  /// too.
  static func code(_ name: String) -> String {
    var text = "`"
    for scalar in self.text(name).unicodeScalars {
      switch scalar {
      case "`": text.append("'")
      case "@": text.append("@\u{200B}")
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text == "`" ? "` `" : text + "`"
  }
}

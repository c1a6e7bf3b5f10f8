import FreshetCommandLine

extension TextTable {
  /// The table as wide as the terminal, or in full where there is none.
  func text(_ session: Session) -> String {
    let terminal = Terminal(descriptor: 1)
    return text(width: terminal.isInteractive ? terminal.width : nil, hasColour: terminal.hasColour)
  }
}

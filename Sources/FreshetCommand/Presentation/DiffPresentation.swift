import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

/// Writes a difference for people or programs.
struct DiffPresentation {
  let diff: VersionDiff
  let session: Session
  private let terminal = Terminal(descriptor: 1)

  init(diff: VersionDiff, session: Session) {
    self.diff = diff
    self.session = session
  }

  func show() throws {
    if session.writesJSON { return try session.output.json(json) }
    if session.invocation.flag("chunks") { return try showChunks() }
    // Before the difference, where `patch` reads over it; in a pipe only the difference itself.
    if session.invocation.flag("stat") || terminal.isInteractive { try session.output.line(summary) }
    guard !session.invocation.flag("stat") else { return }
    if diff.isBinary {
      try session.output.line("Binary contents differ: \(sizes).")
    } else if diff.isEmpty {
      if !session.isQuiet {
        session.diagnostics.line("No difference between versions \(diff.from.number) and \(diff.to.number).")
      }
    } else if terminal.isInteractive {
      try showOnTerminal()
    } else {
      try session.output.write(bytes: diff.unified)
    }
  }

  /// `guide/keys.md: version 1 → 2, +3 −1, chunks: 4 kept, 1 added`.
  private var summary: String {
    let name =
      terminal.hasColour ? TextStyle.bold(diff.document.origin.displayable, true) : diff.document.origin.displayable
    let lines =
      diff.isBinary
      ? "binary, \(sizes)"
      : diff.hasText ? Self.counts(diff.additions, diff.deletions, terminal.hasColour) : "lines not kept"
    return "\(name): version \(diff.from.number) → \(diff.to.number), \(lines), chunks: \(chunks)"
  }

  /// `+3 −1`.
  static func counts(_ additions: Int, _ deletions: Int, _ hasColour: Bool) -> String {
    TextStyle.green("+\(additions)", hasColour) + " " + TextStyle.red("−\(deletions)", hasColour)
  }

  private var sizes: String {
    Quantity.text(bytes: diff.from.size) + " → " + Quantity.text(bytes: diff.to.size)
  }

  private var chunks: String {
    guard let counts = diff.chunkCounts else { return "no longer kept" }
    let said = ChunkDiff.State.allCases.filter { counts.count($0) > 0 }.map { "\(counts.count($0)) \($0.rawValue)" }
    return said.isEmpty ? "none" : said.joined(separator: ", ")
  }

  /// Line by line in colours; what could steer the terminal is shown as U+FFFD.
  private func showOnTerminal() throws {
    for (index, line) in diff.unified.split(separator: UInt8(ascii: "\n")).enumerated() {
      let text = String(decoding: line, as: UTF8.self).split(separator: "\t", omittingEmptySubsequences: false)
        .map { String($0).displayable }.joined(separator: "\t")
      let style: TextStyle? =
        if index < 2 { .bold } else {
          switch line.first {
          case UInt8(ascii: "+"): .green
          case UInt8(ascii: "-"): .red
          case UInt8(ascii: "@"): .cyan
          case UInt8(ascii: "\\"): .faint
          default: nil
          }
        }
      try session.output.line(style?(text, terminal.hasColour) ?? text)
    }
  }

  private func showChunks() throws {
    try session.output.line(summary)
    for chunk in diff.chunks {
      let (mark, style): (String, TextStyle?) =
        switch chunk.state {
        case .kept: (" ", .faint)
        case .added: ("+", .green)
        case .removed: ("-", .red)
        case .moved: (">", .cyan)
        }
      let place =
        chunk.state == .moved
        ? "\(chunk.from.map { $0 + 1 } ?? 0)→\(chunk.to.map { $0 + 1 } ?? 0)" : "\((chunk.to ?? chunk.from ?? 0) + 1)"
      let heading = chunk.heading.isEmpty ? "" : chunk.heading.joined(separator: " › ") + ": "
      let text = "\(mark) \(place) \(heading)\(chunk.text)".displayable
      let shown = text.truncated(toWidth: terminal.isInteractive ? terminal.width : Self.chunkWidth)
      try session.output.line(style?(shown, terminal.hasColour) ?? shown)
    }
  }

  /// Columns of a chunk's line where there is no terminal.
  private static let chunkWidth = 120

  // MARK: JSON

  private var json: JSONValue {
    let text = String(decoding: diff.unified, as: UTF8.self)
    var members: [JSONValue.Member] = [
      .init("document", .string(diff.document.id.description)), .init("origin", .string(diff.document.origin)),
      .init("from", .integer(Int64(diff.from.number))), .init("to", .integer(Int64(diff.to.number))),
      .init("additions", diff.hasText ? .integer(Int64(diff.additions)) : .null),
      .init("deletions", diff.hasText ? .integer(Int64(diff.deletions)) : .null),
      .init("binary", .boolean(diff.isBinary)), .init("diff", diff.hasText ? .string(text) : .null),
      .init("chunks", chunkCounts),
    ]
    // The text is then not what `patch` needs.
    if Array(text.utf8) != diff.unified { members.append(.init("diff_base64", .string(Base64.text(diff.unified)))) }
    if session.invocation.flag("chunks") { members.append(.init("chunk_list", .array(diff.chunks.map(Self.json)))) }
    return .object(members)
  }

  private var chunkCounts: JSONValue {
    guard let counts = diff.chunkCounts else { return .null }
    return .object(ChunkDiff.State.allCases.map { .init($0.rawValue, .integer(Int64(counts.count($0)))) })
  }

  private static func json(_ chunk: VersionDiff.Chunk) -> JSONValue {
    [
      "state": .string(chunk.state.rawValue), "from": chunk.from.map { .integer(Int64($0)) } ?? .null,
      "to": chunk.to.map { .integer(Int64($0)) } ?? .null, "heading": .array(chunk.heading.map { .string($0) }),
      "text": .string(chunk.text),
    ]
  }
}

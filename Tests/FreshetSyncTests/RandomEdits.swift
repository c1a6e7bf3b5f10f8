import FreshetTestKit

/// Random changes of sources: what people do to folders, often several at once.
struct RandomEdits {
  var random: SeededRandom
  let sources: [SampleSource]
  private var counter = 0

  init(seed: UInt64, sources: [SampleSource]) {
    random = SeededRandom(seed: seed)
    self.sources = sources
  }

  mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<max(1, limit), using: &random) }

  /// A paragraph from a small pool, or one that never was before.
  private mutating func paragraph() -> String {
    if below(3) == 0 {
      counter += 1
      return "A paragraph that is new, number \(counter)."
    }
    return "A paragraph that many documents share, number \(below(25))."
  }

  private mutating func text() -> String {
    let count = 1 + below(4)
    return (0..<count).map { _ in paragraph() }.joined(separator: "\n\n")
  }

  private mutating func records() -> String {
    let count = 1 + below(5)
    return (0..<count).map { _ in "m\(below(8))\t\(paragraph())" }.joined(separator: "\n")
  }

  private mutating func newPath() -> String {
    let folder = ["", "a/", "b/", "a/c/", "d/"][below(5)]
    let suffix = ["txt", "md", "txt", "records"][below(4)]
    return "\(folder)f\(below(12)).\(suffix)"
  }

  private mutating func somePath(_ source: SampleSource) -> String? {
    let paths = source.texts.keys.sorted()
    return paths.isEmpty ? nil : paths[below(paths.count)]
  }

  private mutating func write(_ source: SampleSource, _ path: String) {
    source.write(path, path.hasSuffix(".records") ? records() : text())
  }

  /// Makes one change and names it.
  mutating func step() -> String {
    let source = sources[below(sources.count)]
    let other = sources[below(sources.count)]
    guard let path = somePath(source) else {
      let path = newPath()
      write(source, path)
      return "create \(source.name):\(path)"
    }
    switch below(14) {
    case 0, 1, 2:
      let path = newPath()
      write(source, path)
      return "write \(source.name):\(path)"
    case 3:
      guard !path.hasSuffix(".records") else { return editRecords(source, path) }
      source.write(path, (source.texts[path] ?? "") + "\n\n" + paragraph())
      return "append to \(source.name):\(path)"
    case 4:
      source.touch(path)
      return "touch \(source.name):\(path)"
    case 5, 6:
      let target = renamed(path)
      source.remove(target)
      source.move(path, to: target)
      return "move \(source.name):\(path) to \(target)"
    case 7:
      let (from, target) = (["a", "b", "d"][below(3)], ["a", "b", "d", "e"][below(4)])
      guard from != target else { return "nothing" }
      source.remove(target)
      source.move(from, to: target)
      return "move folder \(source.name):\(from) to \(target)"
    case 8:
      let target = renamed(path)
      other.write(target, source.texts[path] ?? "")
      return "copy \(source.name):\(path) to \(other.name):\(target)"
    case 9:
      guard other !== source else { return "nothing" }
      let target = renamed(path)
      other.write(target, source.texts[path] ?? "")
      source.remove(path)
      return "move \(source.name):\(path) to \(other.name):\(target)"
    case 10:
      source.remove(path)
      return "remove \(source.name):\(path)"
    case 11:
      let folder = ["a", "a/c", "b"][below(3)]
      source.trouble { troubles in
        if troubles.excluded.contains(folder) {
          troubles.excluded.remove(folder)
        } else {
          troubles.excluded.insert(folder)
        }
      }
      return "include or exclude \(source.name):\(folder)"
    default:
      return editRecords(source, path)
    }
  }

  /// Keeps the suffix mostly, so that the parser stays.
  private mutating func renamed(_ path: String) -> String {
    let suffix = path.split(separator: ".").last.map(String.init) ?? "txt"
    let isText = suffix != "records"
    let target = isText && below(4) == 0 ? (suffix == "txt" ? "md" : "txt") : suffix
    return "\(["", "a/", "b/", "e/"][below(4)])f\(below(14)).\(target)"
  }

  /// Changes a line, drops one, or moves one to another container.
  private mutating func editRecords(_ source: SampleSource, _ path: String) -> String {
    guard path.hasSuffix(".records"), let text = source.texts[path] else {
      source.touch(path)
      return "touch \(source.name):\(path)"
    }
    var lines = text.split(separator: "\n").map(String.init)
    let place = below(lines.count)
    switch below(4) {
    case 0: lines.append("m\(below(9))\t\(paragraph())")
    case 1 where !lines.isEmpty: lines[place] = "m\(below(9))\t\(paragraph())"
    case 2 where !lines.isEmpty: lines.remove(at: place)
    case 3 where !lines.isEmpty:
      let line = lines.remove(at: place)
      let target = "a/f\(below(3)).records"
      if target != path { source.write(target, (source.texts[target].map { $0 + "\n" } ?? "") + line) }
    default: break
    }
    source.write(path, lines.joined(separator: "\n"))
    return "edit \(source.name):\(path)"
  }
}

import FreshetSystem
import FreshetTestKit
import Glibc

/// Random operations on a tree at full speed: files and folders come, change, are renamed, move out and in, and go.
struct TreeStorm {
  private let root: String
  private let outside: String
  private var random: SeededRandom
  private let changesRules: Bool
  /// One operation in three concerns a symbolic link, and few concern whole folders, of which there are few: a listing of
  /// these would find what was not told of links.
  private let changesLinks: Bool

  init(_ tree: SampleTree, outside: SampleTree, seed: UInt64, changesRules: Bool, changesLinks: Bool = false) {
    root = tree.path
    self.outside = outside.path
    random = SeededRandom(seed: seed)
    self.changesRules = changesRules
    self.changesLinks = changesLinks
  }

  mutating func run(_ count: Int) {
    for _ in 0..<count { step() }
  }

  private mutating func number(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }

  private mutating func folder() -> String {
    var path = root
    for _ in 0..<number(changesLinks ? 2 : 4) { path += "/d\(number(4))" }
    return path
  }

  /// A folder that is not the root.
  private mutating func inner() -> String { folder() + "/d\(number(4))" }

  private mutating func file() -> String { folder() + "/f\(number(6))" + [".md", ".md", ".log"][number(3)] }

  private mutating func step() {
    if changesLinks, number(3) == 0 {
      changeLink()
      return
    }
    let operation = number(100)
    if changesLinks, 45..<60 ~= operation || 80..<96 ~= operation, number(40) > 0 { return }
    switch operation {
    case 0..<35: write(file(), O_TRUNC)
    case 35..<45: write(file(), O_APPEND)
    case 45..<60: mkdir(inner(), 0o755)
    case 60..<70: unlink(file())
    case 70..<80: rename(file(), file())
    case 80..<88: rename(inner(), inner())
    case 88..<91: rename(inner(), outside + "/o\(number(3))")
    case 91..<94: rename(outside + "/o\(number(3))", inner())
    case 94..<96: remove(inner())
    case 96: chmod(file(), [0o600, 0o644][number(2)])
    case 97:
      let temporary = file() + ".new"
      write(temporary, O_TRUNC)
      rename(temporary, file())
    default:
      if changesRules {
        rules(folder() + "/.gitignore")
      } else if !changesLinks {
        link(file(), file())
      }
    }
  }

  private mutating func write(_ path: String, _ flag: Int32) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flag, 0o644)
    guard descriptor >= 0 else { return }
    for _ in 0...number(2) { _ = Glibc.write(descriptor, "some text", 1 + number(9)) }
    close(descriptor)
  }

  /// Links to files are anywhere and lead to files, to other links, and over links to folders; those to folders are in the
  /// root. Some lead nowhere, to themselves, or out.
  private mutating func changeLink() {
    let isToFolder = number(4) == 0
    let path = isToFolder ? root + "/l\(number(3))" : folder() + "/f\(number(6)).md"
    var target = isToFolder ? inner() : number(3) == 0 ? root + "/l\(number(3))/f\(number(6)).md" : file()
    if isToFolder, number(4) == 0 { target = root + "/l\(number(3))" }
    if number(20) == 0 { target = outside + "/o\(number(3))/f\(number(6)).md" }
    if target.hasPrefix(root + "/"), number(3) > 0 {
      // Relative to the link's folder: the way up is as long as its path from the root.
      let depth = path.dropFirst(root.count + 1).filter { $0 == "/" }.count
      target = String(repeating: "../", count: depth) + target.dropFirst(root.count + 1)
    }
    switch number(4) {
    case 0: unlink(path)
    case 1: symlink(target, path)
    default:
      let new = path + ".new"
      if symlink(target, new) == 0, rename(new, path) != 0 { unlink(new) }
    }
  }

  private mutating func rules(_ path: String) {
    if number(3) == 0 {
      unlink(path)
      return
    }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return }
    let text = ["*.log\n", "d1/\n", "d2/\n!d2/\n", "f1.md\n"][number(4)]
    _ = Glibc.write(descriptor, text, text.utf8.count)
    close(descriptor)
  }

  private func remove(_ path: String) {
    for name in (try? FileSystem.names(in: path)) ?? [] {
      let child = path + "/" + String(decoding: name, as: UTF8.self)
      if unlink(child) != 0 { remove(child) }
    }
    rmdir(path)
  }
}

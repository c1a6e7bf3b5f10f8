import FreshetModel
import FreshetTestKit

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A random life of files, with their times, as a value that can be written to any folder.
struct FileLife {
  struct File: Equatable {
    var text: String
    /// Seconds since 1970.
    var modified: Int
  }

  /// Files by their paths.
  typealias Tree = [String: File]

  private(set) var tree: Tree = [:]
  private var gone: [String: File] = [:]
  private var random: SeededRandom
  private var clock = 1_750_000_000

  private static let words = [
    "water", "stone", "the", "hill", "bread", "maxDeleteRatio", "日本語", "river", "garden", "of", "king", "light",
    "foo_bar", "window", "Water", "cloud",
  ]
  private static let places = [
    "docs/a/x.md", "docs/a/y.md", "docs/b/z.md", "docs/w.txt", "docs/deep/er/v.md", "notes/n.txt", "notes/m.md",
    "notes/a/x.md", "notes/o.txt",
  ]

  private static let kept = "/kept.txt"

  init(seed: UInt64) {
    random = SeededRandom(seed: seed)
    for place in Self.places.prefix(6) { tree[place] = file(place) }
    // A source that is suddenly empty deletes nothing.
    for source in ["docs", "notes"] { tree[source + Self.kept] = file(source + Self.kept) }
  }

  private mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<max(1, limit), using: &random) }

  private mutating func sentence() -> String {
    (0...(3 + below(40))).map { _ in Self.words[below(Self.words.count)] }.joined(separator: " ") + "."
  }

  private mutating func shared() -> String {
    "A paragraph of many: stone and water." + String(repeating: " More of it.", count: below(3))
  }

  private mutating func file(_ path: String) -> File {
    clock += 10 + below(100)
    var text = ""
    let isMarkdown = path.hasSuffix(".md")
    if isMarkdown, below(2) == 0 {
      text += "---\ntitle: \(Self.words[below(Self.words.count)]) \(below(9))\nlevel: \(below(4))\n---\n"
    }
    for _ in 0...below(4) {
      if isMarkdown, below(2) == 0 { text += "# \(Self.words[below(Self.words.count)]) \(below(5))\n\n" }
      // Some paragraphs stand in several documents.
      text += (below(4) == 0 ? shared() : sentence()) + "\n\n"
    }
    return File(text: text, modified: clock)
  }

  /// Several changes, as people make them between two syncs.
  mutating func round() {
    for _ in 0..<(1 + below(4)) { step() }
  }

  private mutating func step() {
    let paths = tree.keys.filter { !$0.hasSuffix(Self.kept) }.sorted()
    guard let path = paths.isEmpty ? nil : paths[below(paths.count)], let file = tree[path] else {
      tree[Self.places[0]] = self.file(Self.places[0])
      return
    }
    let place = Self.places[below(Self.places.count)]
    switch below(7) {
    case 0, 1: tree[path] = self.file(path)
    case 2:
      clock += 10
      tree[path] = File(text: file.text + sentence() + "\n", modified: clock)
    case 3 where tree[place] == nil:
      tree[place] = file
      tree[path] = nil
    case 4 where paths.count > 3:
      gone[path] = file
      tree[path] = nil
    case 5:
      // What was deleted comes back as it was.
      guard let old = gone.keys.sorted().first, tree[old] == nil else { return }
      tree[old] = gone[old]
      gone[old] = nil
    default: if tree[place] == nil { tree[place] = self.file(place) }
    }
  }

  /// Makes a folder hold exactly a tree, with its times; files that are as they shall be are left alone.
  func write(_ tree: Tree, below folder: String) throws {
    let files = try SampleFolder(folder)
    try files.hold(tree)
  }
}

/// A folder that is brought to hold given files.
private struct SampleFolder {
  let path: String

  init(_ path: String) throws {
    self.path = path
    for name in ["", "/docs", "/notes"] { try make(path + name) }
  }

  private func make(_ folder: String) throws {
    guard mkdir(folder, 0o755) == 0 || errno == EEXIST else { throw failure("make \(folder)") }
  }

  func hold(_ tree: FileLife.Tree) throws {
    for name in try files(below: "") where tree[name] == nil {
      guard unlink(path + "/" + name) == 0 else { throw failure("remove \(name)") }
    }
    for (name, file) in tree.sorted(by: { $0.key < $1.key }) { try write(name, file) }
  }

  private func write(_ name: String, _ file: FileLife.File) throws {
    var status = stat()
    let full = path + "/" + name
    if stat(full, &status) == 0, status.st_mtim.tv_sec == file.modified { return }
    var folder = path
    for part in name.split(separator: "/").dropLast() {
      folder += "/" + part
      try make(folder)
    }
    guard let stream = fopen(full, "w") else { throw failure("write \(name)") }
    let bytes = Array(file.text.utf8)
    let written = fwrite(bytes, 1, bytes.count, stream)
    guard fclose(stream) == 0, written == bytes.count else { throw failure("write \(name)") }
    let time = timespec(tv_sec: file.modified, tv_nsec: 0)
    guard utimensat(AT_FDCWD, full, [time, time], 0) == 0 else { throw failure("date \(name)") }
  }

  private func files(below folder: String) throws -> [String] {
    guard let stream = opendir(path + "/" + folder) else { throw failure("read \(folder)") }
    defer { closedir(stream) }
    var found: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      guard name != ".", name != ".." else { continue }
      let own = folder.isEmpty ? name : folder + "/" + name
      if entry.pointee.d_type == UInt8(DT_DIR) { found += try files(below: own) } else { found.append(own) }
    }
    return found
  }

  private func failure(_ action: String) -> FreshetError {
    FreshetError(.inputOutput, "cannot \(action) (errno \(errno))")
  }
}

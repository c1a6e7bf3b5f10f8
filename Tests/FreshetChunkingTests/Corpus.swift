import FreshetModel
import Glibc

/// Real documents when `FRESHET_CORPUS` names a folder of them, else documents made of a seed.
enum Corpus {
  /// Whether `FRESHET_CORPUS` names real documents.
  static var isReal: Bool { getenv("FRESHET_CORPUS") != nil }

  /// Documents of 2 to 400 KB, spread evenly over the folder's files, at most `count`.
  static func documents(_ count: Int, seed: UInt64) -> [[UInt8]] {
    guard let root = getenv("FRESHET_CORPUS") else {
      var generator = SeededGenerator(seed: seed)
      return (0..<count).map { _ in synthetic(&generator) }
    }
    let paths = files(under: String(cString: root)).sorted()
    let texts = paths.lazy.compactMap(read).filter { (2_000...400_000).contains($0.count) }
    let all = Array(texts)
    guard all.count > count else { return all }
    return (0..<count).map { all[$0 * all.count / count] }
  }

  static func files(under folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var paths: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(".") { continue }
      let path = folder + "/" + name
      if entry.pointee.d_type == UInt8(DT_DIR) {
        paths += files(under: path)
      } else if [".md", ".rst", ".txt"].contains(where: name.hasSuffix) {
        paths.append(path)
      }
    }
    return paths
  }

  static func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
    return Array(String(decoding: bytes, as: UTF8.self).utf8)
  }

  private static let words = """
    the service reads its configuration from a file and keeps every key that was rotated until the last token signed \
    with it has expired so that clients which cached an answer are never refused while operators can see in the log \
    what changed when and why each node agreed on the same sequence before it was acknowledged
    """.split(separator: " ").map(String.init)

  static func sentence(_ generator: inout some RandomNumberGenerator) -> String {
    let count = Int.random(in: 5...24, using: &generator)
    let text = (0..<count).map { _ in words[Int.random(in: 0..<words.count, using: &generator)] }.joined(separator: " ")
    return text.prefix(1).uppercased() + text.dropFirst() + " \(Int.random(in: 0..<1000, using: &generator))."
  }

  static func paragraph(_ generator: inout some RandomNumberGenerator) -> String {
    (0..<Int.random(in: 1...7, using: &generator)).map { _ in sentence(&generator) }.joined(separator: " ")
  }

  private static func synthetic(_ generator: inout SeededGenerator) -> [UInt8] {
    var parts = ["# " + sentence(&generator)]
    for _ in 0..<Int.random(in: 8...80, using: &generator) {
      switch Int.random(in: 0..<12, using: &generator) {
      case 0: parts.append("## " + words[Int.random(in: 0..<words.count, using: &generator)])
      case 1: parts.append("### " + sentence(&generator))
      case 2:
        let lines = (0..<Int.random(in: 2...40, using: &generator)).map {
          "  call(\($0 % 7), \"\(sentence(&generator))\")"
        }
        parts.append("```\n" + lines.joined(separator: "\n") + "\n```")
      case 3:
        let rows = (0..<Int.random(in: 1...30, using: &generator)).map { "| \($0) | \(sentence(&generator)) |" }
        parts.append("| n | what |\n|---|---|\n" + rows.joined(separator: "\n"))
      default: parts.append(paragraph(&generator))
      }
    }
    return Array(parts.joined(separator: "\n\n").utf8)
  }
}

import FreshetModel
import FreshetSources
import FreshetTestKit
import Glibc
import Testing

/// Random trees with names of any bytes, against a walk that knows nothing of order, batches or descriptors.
@Suite struct RandomTreeTests {
  private struct Reference {
    var files: [[UInt8]] = []

    /// Every regular file; links to files are items when they lead inside, which all of ours do.
    mutating func walk(_ tree: SampleTree, _ folder: [UInt8]) {
      for name in tree.names(in: folder) ?? [] where name.first != UInt8(ascii: ".") {
        let path = folder.isEmpty ? name : folder + [UInt8(ascii: "/")] + name
        var status = stat()
        let kind = (tree.absolute(path) + [0]).withUnsafeBytes { bytes in
          guard let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self), lstat(start, &status) == 0 else {
            return mode_t(0)
          }
          return status.st_mode & S_IFMT
        }
        switch kind {
        case S_IFDIR: walk(tree, path)
        case S_IFREG, S_IFLNK: files.append(path)
        default: break
        }
      }
    }
  }

  private func name(_ random: inout SeededRandom) -> [UInt8] {
    let pieces: [[UInt8]] = [
      [0x0A], [0xFF], [0xC3], [0x80, 0xBF], Array("%".utf8), Array("%41".utf8), Array(" ".utf8), Array("*".utf8),
      Array("[a]".utf8), Array("\\".utf8), Array("ä".utf8), Array("日".utf8), Array("a".utf8), Array("~".utf8), [0x01],
      Array("-".utf8), Array("..".utf8), [0x7F],
    ]
    var name = Array("abcxyz".utf8).randomElement(using: &random).map { [$0] } ?? []
    switch Int.random(in: 0..<12, using: &random) {
    case 0: name += [UInt8](repeating: 0xE4, count: 254)
    case 1: name += [UInt8](repeating: UInt8(ascii: "n"), count: 254)
    default:
      for _ in 0..<Int.random(in: 0...5, using: &random) { name += pieces.randomElement(using: &random) ?? [] }
    }
    return name
  }

  private func fill(_ tree: SampleTree, _ random: inout SeededRandom) throws -> [[UInt8]] {
    var folders: [[UInt8]] = [[]]
    for _ in 0..<150 {
      let folder = folders.randomElement(using: &random) ?? []
      let path = (folder.isEmpty ? [] : folder + [UInt8(ascii: "/")]) + name(&random)
      // A name may be taken by something of another kind.
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<3 where path.count < 1_500:
        if (try? tree.makeFolder(path)) != nil, tree.names(in: path) != nil { folders.append(path) }
      case 3: try? tree.link(path, to: tree.absolute(Array("target".utf8)))
      default: try? tree.write(path, path)
      }
    }
    try tree.write(Array("target".utf8), [1])
    return folders
  }

  @Test func aListingIsWhatAPlainWalkFindsWhateverTheNames() async throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed \(seed)")
    var random = SeededRandom(seed: seed)
    for _ in 0..<20 {
      let tree = try SampleTree()
      let folders = try fill(tree, &random)
      var reference = Reference()
      reference.walk(tree, [])
      let expected = reference.files.sorted { $0.lexicographicallyPrecedes($1) }
      var configuration = DirectoryConfiguration(name: "s", path: tree.path)
      configuration.links = Bool.random(using: &random) ? .filesWithinRoot : .foldersWithinRoot
      let source = try DirectorySource(configuration)
      let found = try await list(source)
      #expect(found.items.map(\.path) == expected, "seed \(seed)")
      #expect(found.problems.isEmpty && found.skipped.isEmpty, "seed \(seed)")
      #expect(Set(expected.map(source.origin)).count == expected.count, "seed \(seed)")
      for item in found.items.prefix(40) {
        let origin = source.origin(of: item.path)
        #expect(PathEncoding.path(of: origin) == item.path, "seed \(seed)")
        #expect(PathEncoding.absolutePath(ofURI: source.uri(of: origin)) == tree.absolute(item.path), "seed \(seed)")
        #expect(Int64(try await source.fetch(item).bytes.count) == item.fingerprint.size, "seed \(seed)")
      }
      for _ in 0..<10 {
        let candidates = expected + folders.dropFirst()
        let named = (0..<3).compactMap { _ in candidates.randomElement(using: &random) }
        let part = try await list(source, named).items.map(\.path)
        let filtered = expected.filter { path in
          named.contains { path == $0 || path.starts(with: $0 + [UInt8(ascii: "/")]) }
        }
        #expect(part == filtered, "seed \(seed)")
      }
    }
  }
}

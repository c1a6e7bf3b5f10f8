import FreshetModel
import FreshetSources
import FreshetSystem
import FreshetTestKit
import Testing

/// Patterns and ignore files: cases kept as data, and random ones, compared with git.
@Suite struct PatternTests {
  private func fixture(_ name: String) throws -> [String] {
    let file = FileSystem.split("\(#filePath)").folder + "/Fixtures/" + name
    let text = String(decoding: try FileSystem.read(file), as: UTF8.self)
    return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      .filter { !$0.hasPrefix("# ") }
  }

  @Test func patternsStandForWhatTheirCasesSay() throws {
    var checks = 0
    for line in try fixture("globs.txt") where !line.isEmpty {
      let parts = line.split(separator: " ").map(String.init)
      let pattern = try #require(PathPattern(Array(parts[0].utf8)))
      for part in parts.dropFirst() {
        #expect(pattern.matches(Array(part.dropFirst().utf8)) == part.hasPrefix("+"), "\(parts[0]) \(part)")
        checks += 1
      }
    }
    #expect(checks > 60)
    #expect(PathPattern(Array("[a".utf8)) == nil && PathPattern(Array("a\\".utf8)) == nil)
  }

  @Test func bracesStandForEachOfTheirParts() {
    let cases = [
      "a.{md,txt}": ["a.md", "a.txt"], "{a,b}/{c,d}": ["a/c", "a/d", "b/c", "b/d"], "{a,{b,c}}": ["a", "b", "c"],
      "{a}": ["{a}"], "a{": ["a{"], "a}": ["a}"], "\\{a,b}": ["\\{a,b}"], "{,x}a": ["a", "xa"],
    ]
    for (pattern, expected) in cases {
      let found = PathPattern.expandBraces(Array(pattern.utf8))?.map { String(decoding: $0, as: UTF8.self) }
      #expect(found?.sorted() == expected.sorted(), "\(pattern)")
    }
    let many = String(repeating: "{a,b}", count: 9)
    #expect(PathPattern.expandBraces(Array(many.utf8)) == nil)
  }

  @Test func ignoreFilesDoWhatTheirCasesSayAndGitDoes() async throws {
    let blocks = try fixture("ignore-rules.txt").split(separator: "").filter { !$0.isEmpty }
    #expect(blocks.count >= 10)
    for block in blocks {
      let tree = try GitTree()
      var rules: [String: String] = [:]
      var expected: (kept: Set<String>, omitted: Set<String>) = ([], [])
      for line in block {
        let text = String(line.dropFirst(5)).replacing("·", with: " ")
        switch line.prefix(5) {
        case "rule ":
          let isNested = text.hasPrefix("d: ")
          rules[isNested ? "d/.gitignore" : ".gitignore", default: ""] +=
            (isNested ? String(text.dropFirst(3)) : text) + "\n"
        case "keep ": expected.kept.insert(text)
        case "omit ": expected.omitted.insert(text)
        default: Issue.record("no such line: \(line)")
        }
      }
      for (path, text) in rules { try tree.files.write(path, text) }
      // "abc" cannot be a file and a folder at once, nor can others of the cases.
      for path in expected.kept.union(expected.omitted) { try tree.files.write(path) }
      let found = Set(try await tree.listed().map { String(decoding: $0, as: UTF8.self) })
      #expect(expected.kept.isSubset(of: found), "\(block): \(expected.kept.subtracting(found))")
      #expect(expected.omitted.isDisjoint(with: found), "\(block): \(expected.omitted.intersection(found))")
      try await tree.compare("\(block)")
    }
  }

  @Test func randomIgnoreFilesLeaveOutWhatGitLeavesOut() async throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed \(seed)")
    var random = SeededRandom(seed: seed)
    for _ in 0..<8 {
      let tree = try GitTree()
      for _ in 0..<60 {
        let parts = (0..<Int.random(in: 1...4, using: &random)).map { _ in name(&random) }
        try? tree.files.write(parts.joined(separator: "/"))
      }
      for _ in 0..<25 {
        let rules = (0..<Int.random(in: 1...5, using: &random)).map { _ in rule(&random) }
        try tree.files.write(".gitignore", rules.joined(separator: "\n") + "\n")
        let nested = (0..<Int.random(in: 1...3, using: &random)).map { _ in rule(&random) }
        try? tree.files.write("a/.gitignore", nested.joined(separator: "\n"))
        try await tree.compare("seed \(seed): \(rules) \(nested)")
      }
    }
  }

  private func name(_ random: inout SeededRandom) -> String {
    let letters = ["a", "b", "ab", "ba", "aa", "abc", "b.a", "a.b", ".a", "a b", "-", "[", "a*", "é"]
    return letters[Int.random(in: 0..<letters.count, using: &random)]
  }

  private func rule(_ random: inout SeededRandom) -> String {
    let pieces = [
      "a", "b", "ab", ".", "*", "**", "**/", "/**", "/", "?", "[ab]", "[!a]", "[a-c]", "[^b]*", "\\*", "\\[", "[", "]",
      "[[:alpha:]]", " ", "*a", "b*", "a/", "é", "***", "**a", "\\a", "-", "[\\]a]", "[]-a]",
    ]
    let start = ["", "", "", "!", "/", "!/", "**/", "#"][Int.random(in: 0..<8, using: &random)]
    let middle = (0..<Int.random(in: 1...4, using: &random)).map { _ in
      pieces[Int.random(in: 0..<pieces.count, using: &random)]
    }
    let end = ["", "", "", "/", "/*", "/**", "  ", "\\ ", "\\"][Int.random(in: 0..<9, using: &random)]
    return start + middle.joined() + end
  }
}

/// A tree that git knows too.
private struct GitTree {
  let files: SampleTree
  private let source: DirectorySource

  init() throws {
    files = try SampleTree()
    source = try DirectorySource(
      DirectoryConfiguration(name: "s", path: files.path, exclude: ["/.git/"], includesHidden: true)
    )
    try files.makeFolder(Array(".git/objects".utf8))
    try files.makeFolder(Array(".git/refs".utf8))
    try files.write(".git/HEAD", "ref: refs/heads/main\n")
  }

  func listed() async throws -> [[UInt8]] {
    let found = try await list(source)
    #expect(found.problems.isEmpty)
    return found.items.map(\.path)
  }

  /// Every file must be listed unless git ignores it.
  func compare(_ comment: String) async throws {
    let every = try await list(
      DirectoryConfiguration(
        name: "s",
        path: files.path,
        exclude: ["/.git/"],
        respectsGitignore: false,
        includesHidden: true
      )
    ).items.map(\.path)
    let input = try MemoryFile.sealed(Array(every.joined(separator: [0])))
    let git = try await TestProgram(
      "/usr/bin/git",
      ["-C", files.path, "check-ignore", "-z", "--stdin", "--no-index"],
      environment: ["HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"],
      input: input
    )
    let ignored = Set(try git.rest().split(separator: 0).map { Array($0) })
    let ending = git.process.wait(within: .seconds(60))
    let complaints = try git.errors()
    #expect(ending == .exited(ignored.isEmpty ? 1 : 0), "\(comment): \(complaints)")
    let found = try await listed()
    let expected = every.filter { !ignored.contains($0) }
    if found != expected {
      let wrong = Set(found).symmetricDifference(expected).map { String(decoding: $0, as: UTF8.self) }
      Issue.record("\(comment): git and we differ about \(wrong)")
    }
  }
}

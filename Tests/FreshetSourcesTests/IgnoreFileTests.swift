import FreshetModel
import FreshetSources
import FreshetTestKit
import Testing

@Suite struct IgnoreFileTests {
  let tree = try? SampleTree()

  @Test func ownIgnoreFilesHoldAlsoWithoutGits() async throws {
    let tree = try #require(tree)
    for name in ["a.md", "b.md", "c.md"] { try tree.write(name) }
    try tree.write(".gitignore", "a.md\nb.md\n")
    try tree.write(".freshetignore", "c.md\n!b.md\n")
    var configuration = DirectoryConfiguration(name: "s", path: tree.path)
    #expect(try await names(list(configuration)) == ["b.md"])
    configuration.respectsGitignore = false
    #expect(try await names(list(configuration)) == ["a.md", "b.md"])
  }

  @Test func gitsFilesAboveTheRootHoldUpToTheRepositorys() async throws {
    let tree = try #require(tree)
    let files = ["a.md", "b.log", "build/c.md", "deep/d.md", "private/e.md", "keep.log", "f.tmp", "deep/private/g.md"]
    for name in files { try tree.write("repository/docs/guide/" + name) }
    try tree.write(".gitignore", "*\n")
    try tree.write("repository/.gitignore", "*.log\nbuild/\n/docs/guide/private/\n/guide/\n*.tmp\n")
    try tree.write("repository/docs/.gitignore", "!keep.log\n/guide/deep/private\nguide/\n")
    try tree.write("repository/docs/guide/.gitignore", "!f.tmp\n")
    let root = tree.path + "/repository/docs/guide"
    var configuration = DirectoryConfiguration(name: "s", path: root)
    let all = ["a.md", "b.log", "build/c.md", "deep/d.md", "deep/private/g.md", "f.tmp", "keep.log", "private/e.md"]
    // Without a repository nothing above the root is read.
    #expect(try await names(list(configuration)) == all)
    try tree.makeFolder(Array("repository/.git".utf8))
    #expect(try await names(list(configuration)) == ["a.md", "deep/d.md", "f.tmp", "keep.log"])
    let source = try DirectorySource(configuration)
    let named = try await list(source, ["b.log", "a.md", "private"].map { Array($0.utf8) })
    #expect(names(named) == ["a.md"])
    let fingerprint = try #require(try await list(configuration).items.first).fingerprint
    guard case .outOfScope(let reason) = await source.absence(of: Array("b.log".utf8), fingerprint: fingerprint) else {
      Issue.record("a file that git ignores counts as there")
      return
    }
    #expect(reason.contains("*.log") && reason.contains("/repository/.gitignore"))
    configuration.respectsGitignore = false
    #expect(try await names(list(configuration)) == all)
    configuration.respectsGitignore = true
    // The root's own repository ends the search.
    try tree.makeFolder(Array("repository/docs/guide/.git".utf8))
    #expect(try await names(list(configuration)) == all)
  }

  @Test(arguments: [".gitignore", ".freshetignore"])
  func anIgnoreFileAboveItsLimitsShieldsItsFolder(name: String) async throws {
    let tree = try #require(tree)
    for path in ["a.md", "d/b.md", "d/e/c.md", "f.md"] { try tree.write(path) }
    let before = try await list(DirectoryConfiguration(name: "s", path: tree.path))
    #expect(before.items.count == 4)
    let manyRules = Array(repeating: "none", count: 10_001).joined(separator: "\n")
    let manyBytes = "# " + String(repeating: "x", count: 1 << 20)
    for (content, code) in [(manyRules, FreshetError.Code.tooComplex), (manyBytes, .fileTooLarge)] {
      try tree.write("d/" + name, content)
      let source = try DirectorySource(DirectoryConfiguration(name: "s", path: tree.path))
      for paths in [[], [Array("d/b.md".utf8), Array("a.md".utf8), Array("f.md".utf8)]] {
        let found = try await list(source, paths)
        #expect(names(found) == ["a.md", "f.md"])
        #expect(found.problems.map(\.path) == [Array("d".utf8)])
        #expect(found.problems.first?.error.code == code)
        #expect(found.problems.first?.error.message.contains(name) == true)
      }
      guard
        case .unknown(let error) = await source.absence(
          of: Array("d/e/c.md".utf8),
          fingerprint: before.items[0].fingerprint
        )
      else {
        Issue.record("a file in a shielded folder counts as absent")
        continue
      }
      #expect(error.code == code)
    }
    try tree.write(name, manyRules)
    let found = try await list(DirectoryConfiguration(name: "s", path: tree.path))
    #expect(found.items.isEmpty && found.problems.map(\.path) == [[]])
  }

  @Test func anOwnIgnoreFileThatIsALinkShieldsItsFolderAndGitsIsNone() async throws {
    let tree = try #require(tree)
    for path in ["a.md", "d/b.md"] { try tree.write(path) }
    try tree.write("rules", "*.md\n")
    try tree.link("d/.gitignore", to: "../rules")
    let configuration = DirectoryConfiguration(name: "s", path: tree.path)
    #expect(try await names(list(configuration)) == ["a.md", "d/b.md", "rules"])
    try tree.link("d/.freshetignore", to: "../rules")
    let found = try await list(configuration)
    #expect(names(found) == ["a.md", "rules"])
    #expect(found.problems.map(\.path) == [Array("d".utf8)])
  }
}

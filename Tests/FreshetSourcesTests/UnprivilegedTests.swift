import FreshetModel
import FreshetSources
import FreshetSystem
import FreshetTestKit
import Glibc
import Testing

/// What a user without rights sees. The listing runs in a process of its own, as `nobody` when the tests run as root.
@Suite struct UnprivilegedTests {
  private func lines(_ tree: SampleTree, _ absences: [String] = []) async throws -> [String] {
    let probe = try await TestProgram(beside: "system-probe", ["list", tree.path] + absences)
    let text = String(decoding: try probe.rest(), as: UTF8.self)
    #expect(probe.process.wait(within: .seconds(60)) == .exited(0), "\(text)")
    return text.split(separator: "\n").map(String.init)
  }

  @Test func unreadableFilesAndFoldersAreProblemsAndShieldWhatTheyHold() async throws {
    let tree = try SampleTree()
    for path in ["a.md", "closed.md", "locked/b.md", "blind/c.md", "open/d.md"] { try tree.write(path) }
    try tree.setPermissions("closed.md", 0)
    try tree.setPermissions("locked", 0)
    // Its names can be read, and nothing in it.
    try tree.setPermissions("blind", 0o444)
    let found = try await lines(tree, ["locked/b.md", "locked/gone.md", "blind/c.md", "a.md", "gone.md"])
    #expect(
      found == [
        "problem blind/c.md unreadable", "problem locked unreadable", "item a.md 4", "item closed.md unreadable",
        "item open/d.md 4", "absence locked/b.md unreadable", "absence locked/gone.md unreadable",
        "absence blind/c.md unreadable", "absence a.md changed_while_read",
        // The fingerprint that is asked about is of no real disk.
        "absence gone.md deletions_held",
      ]
    )
  }

  @Test(arguments: [".gitignore", ".freshetignore"])
  func anUnreadableIgnoreFileShieldsItsFolder(name: String) async throws {
    let tree = try SampleTree()
    for path in ["a.md", "d/b.md", "d/e/c.md"] { try tree.write(path) }
    try tree.write("d/" + name, "b.md\n")
    try tree.setPermissions("d/" + name, 0)
    #expect(
      try await lines(tree, ["d/e/c.md", "d/gone.md"]) == [
        "problem d unreadable", "item a.md 4", "absence d/e/c.md unreadable", "absence d/gone.md unreadable",
      ]
    )
  }

  @Test func anUnreadableFolderThatIsExcludedIsPassedOver() async throws {
    let tree = try SampleTree()
    for path in ["a.md", "excluded/b.md"] { try tree.write(path) }
    try tree.setPermissions("excluded", 0)
    #expect(try await lines(tree, ["excluded/b.md"]) == ["item a.md 4", "absence excluded/b.md out_of_scope"])
  }
}

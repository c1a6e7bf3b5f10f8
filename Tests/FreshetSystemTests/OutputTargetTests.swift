import FreshetModel
import FreshetSystem
import FreshetTestKit
import Glibc
import Testing

/// What a path that a person named for output stands for, and how a file there is replaced.
@Suite struct OutputTargetTests {
  private let tree: SampleTree

  init() throws {
    tree = try SampleTree()
  }

  private func place(_ name: String) -> String { tree.path + "/" + name }

  @Test func aFileKeepsItsPermissionsWhenItIsReplaced() throws {
    try tree.write("old")
    chmod(place("old"), 0o660)
    #expect(try OutputTarget(of: place("old")) == .file(path: place("old"), permissions: 0o660))
    #expect(try OutputTarget(of: place("new")) == .newFile(path: place("new")))
    let replacement = try #require(try OutputTarget(of: place("old")).replacement())
    try replacement.commit()
    #expect(try FileStatus(of: place("old")).permissions == 0o660)
    #expect(try FileSystem.read(place("old")).isEmpty)
  }

  @Test func aLinkStandsForWhatItLeadsTo() throws {
    try tree.write("folder/target")
    try tree.link("relative", to: "folder/target")
    try tree.link("folder/second", to: "../relative")
    try tree.link("absolute", to: place("folder/second"))
    try tree.link("dangling", to: "folder/none")
    try tree.link("circle", to: "circle")
    try tree.link("device", to: "/dev/null")
    guard case .file(let path, _) = try OutputTarget(of: place("absolute")) else {
      Issue.record("the link leads to a file")
      return
    }
    #expect(try FileSystem.resolved(path) == place("folder/target"))
    #expect(try OutputTarget(of: place("dangling")) == .newFile(path: place("folder/none")))
    #expect(try OutputTarget(of: place("device")).replacement() == nil)
    #expect(throws: FreshetError.self) { try OutputTarget(of: place("circle")) }
  }

  @Test func whatIsNoFileIsNeverReplaced() throws {
    #expect(mkfifo(place("pipe"), 0o600) == 0)
    #expect(try OutputTarget(of: place("pipe")) == .stream(path: place("pipe")))
    #expect(try OutputTarget(of: "/dev/null") == .stream(path: "/dev/null"))
    for folder in [tree.path, place("absent/")] {
      #expect(throws: FreshetError.self) { try OutputTarget(of: folder) }
    }
  }

  @Test func aReplacementThatIsDiscardedLeavesNothing() throws {
    try tree.write("file", "old")
    let replacement = try FileReplacement(of: place("file"))
    #expect(try FileSystem.names(in: tree.path).count == 2)
    replacement.discard()
    #expect(try FileSystem.names(in: tree.path) == [Array("file".utf8)])
    #expect(try FileSystem.read(place("file")) == Array("old".utf8))
  }
}

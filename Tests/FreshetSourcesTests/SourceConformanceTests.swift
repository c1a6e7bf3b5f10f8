import FreshetModel
import FreshetSources
import FreshetTestKit
import Glibc
import Testing

@Suite struct SourceConformanceTests {
  @Test(arguments: SourceConformance.checks)
  func aDirectoryConforms(check: SourceConformance.Check) async throws {
    let conformance = SourceConformance(seed: .random(in: 0 ... .max)) {
      let tree = try SampleTree()
      try tree.makeFolder(Array("root".utf8))
      let root = Array("root/".utf8)
      return SourceConformance.Place(
        source: try DirectorySource(DirectoryConfiguration(name: "s", path: tree.path + "/root")),
        write: { try tree.write(root + $0, $1) },
        remove: { tree.remove(root + $0) },
        takeAway: { rename(tree.path + "/root", tree.path + "/aside") }
      )
    }
    try await check.run(on: conformance)
  }

  @Test func aSourceThatSwallowsAFailureDoesNotConform() async throws {
    let tree = try SampleTree()
    let conformance = SourceConformance(seed: 1) {
      SourceConformance.Place(
        source: try DirectorySource(DirectoryConfiguration(name: "s", path: tree.path, exclude: ["*0.md"])),
        write: { try tree.write($0, $1) },
        remove: { tree.remove($0) }
      )
    }
    let check = try #require(SourceConformance.checks.first { $0.name.contains("every item once") })
    await #expect(throws: SourceConformance.Violation.self) { try await check.run(on: conformance) }
  }
}

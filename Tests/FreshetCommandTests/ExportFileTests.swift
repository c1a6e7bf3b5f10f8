import Foundation
import Testing

/// Where `export -o` and `init` write: nothing of the user's is consumed on the way.
@Suite struct ExportFileTests {
  private let workshop: Workshop

  init() async throws {
    workshop = try Workshop()
    try workshop.writeDocuments()
    #expect(try await workshop.freshet("sync", "docs").code == 0)
  }

  private func link(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: workshop.path + "/" + name, withDestinationPath: target)
  }

  private func type(_ name: String) throws -> FileAttributeType? {
    try FileManager.default.attributesOfItem(atPath: workshop.path + "/" + name)[.type] as? FileAttributeType
  }

  private func export(_ path: String, _ words: String...) async throws -> Outcome {
    try await workshop.run(Workshop.programs + "/freshet", ["export", "-c", "docs", "-o", path] + words)
  }

  @Test func aPipeIsWrittenAndStays() async throws {
    let script = "mkfifo pipe && (cat pipe > read & freshet export -c docs --no-vectors -o pipe; wait)"
    let export = try await workshop.run("/bin/bash", ["-c", script])
    #expect(export.code == 0, "\(export.errors)")
    #expect(try type("pipe") != .typeRegular)
    #expect(try workshop.text("read").split(separator: "\n").count == 2)
  }

  @Test func aDeviceStays() async throws {
    // A link, so that a mistake replaces the link and not the machine's device.
    try link("null", to: "/dev/null")
    #expect(try await export("null").code == 0)
    #expect(try type("null") == .typeSymbolicLink)
    let full = try await export("/dev/full")
    #expect(full.code == 1 && full.errors.contains("No space left"), "\(full.errors)")
    let faiss = try await export("null", "--format", "faiss")
    #expect(faiss.code == 64 && faiss.errors.contains("name a file"), "\(faiss.errors)")
    #expect(try type("null") == .typeSymbolicLink)
  }

  @Test(arguments: ["jsonl", "faiss"]) func aLinkStaysAndItsFileIsReplaced(format: String) async throws {
    try workshop.write("far/target", "old")
    try link("link", to: "far/target")
    try link("dangling", to: "far/new")
    for (name, target) in [("link", "far/target"), ("dangling", "far/new")] {
      #expect(try await export(name, "--format", format).code == 0)
      #expect(try type(name) == .typeSymbolicLink && type(target) == .typeRegular)
      let size = try FileManager.default.attributesOfItem(atPath: workshop.path + "/" + target)[.size] as? Int
      #expect(size ?? 0 > 2 * 384)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: workshop.path + "/far").sorted() == ["new", "target"])
  }

  @Test func aFileNamedPartialIsTheUsersOwn() async throws {
    try workshop.write("chunks.partial", "mine")
    try workshop.write("victim", "precious")
    try link("linked.partial", to: "victim")
    try workshop.write("chunks", "old")
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: workshop.path + "/chunks")
    #expect(try await export("chunks").code == 0)
    #expect(try await export("linked").code == 0)
    #expect(try workshop.text("chunks.partial") == "mine")
    #expect(try workshop.text("victim") == "precious")
    #expect(try workshop.text("chunks").split(separator: "\n").count == 2)
    let permissions = try FileManager.default.attributesOfItem(atPath: workshop.path + "/chunks")[.posixPermissions]
    #expect(permissions as? Int == 0o600)
  }

  @Test func aDashIsStdout() async throws {
    for name in ["-", "/dev/stdout"] {
      let export = try await export(name, "--no-vectors")
      #expect(export.code == 0)
      #expect(try export.objects().count == 2)
    }
    #expect(!workshop.exists("-"))
    #expect(try await export("-", "--format", "faiss").code == 64)
    #expect(try await export("docs").code == 1)
  }

  @Test func initLeavesALinkedConfigurationALink() async throws {
    try workshop.write("far/freshet.yaml", "old")
    try workshop.write("project/a.md", "A document.\n")
    try link("project/freshet.yaml", to: "../far/freshet.yaml")
    #expect(try await workshop.freshet("init", "--force", "project").code == 0)
    #expect(try type("project/freshet.yaml") == .typeSymbolicLink)
    #expect(try workshop.text("far/freshet.yaml").contains("sources:"))
  }
}

import Foundation
import Testing

/// Files that a service makes for a call of another process have that process's permissions (umask(2)).
@Suite(.timeLimit(.minutes(5))) struct FileMaskTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\nfailures: { folder: failed }\n")
    try workshop.writeDocuments()
  }

  private func run(_ call: String, mask: String) async throws -> Outcome {
    try await workshop.run("/bin/sh", ["-c", "umask \(mask); freshet \(call)"])
  }

  private func permissions(_ name: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: workshop.path + "/" + name)
    return try #require(attributes[.posixPermissions] as? Int)
  }

  /// Restores a file whose folder is gone too, under masks stricter and laxer than the service's.
  private func restoreUnderEveryMask() async throws {
    for (mask, file, folder) in [("077", 0o600, 0o700), ("002", 0o664, 0o775), ("027", 0o640, 0o750)] {
      try workshop.remove("docs/guide")
      let restored = try await run("restore guide/backup.md", mask: mask)
      #expect(restored.code == 0, "\(restored.errors)")
      #expect(try permissions("docs/guide/backup.md") == file && permissions("docs/guide") == folder, "\(mask)")
      // A file that is there keeps its own.
      #expect(chmod(workshop.path + "/docs/keys.md", 0o640) == 0)
      #expect(try await run("restore keys.md --force --version first", mask: mask).code == 0)
      #expect(try permissions("docs/keys.md") == 0o640)
    }
  }

  @Test(arguments: ["alone", "022", "077"]) func restoredFilesHaveTheCallersMask(_ service: String) async throws {
    #expect(try await workshop.freshet("sync", "-q").code == 0)
    if service != "alone" {
      let started = try await run("start", mask: service)
      #expect(started.code == 0, "\(started.errors)")
    }
    try await restoreUnderEveryMask()
    if service != "alone" { #expect(try await workshop.freshet("stop").code == 0) }
  }

  @Test func notesAndFoldersOfFailedFilesHaveTheCallersMask() async throws {
    try workshop.write("docs/a/w.json", "{bad")
    #expect(try await run("sync -q", mask: "077").code == 3)
    #expect(try permissions("docs/failed/a") == 0o700 && permissions("docs/failed/a/w.json.error.txt") == 0o600)
    try workshop.remove("docs/a")
    #expect(try await run("start", mask: "077").code == 0)
    try await workshop.wait("status", "--json") { outcome in
      let daemon = try outcome.last()["daemon"] as? [String: Any]
      return daemon?["working"] is NSNull && daemon?["queue"] as? Int == 0
    }
    #expect(try await run("failures retry", mask: "022").code == 3)
    #expect(try permissions("docs/a") == 0o755 && permissions("docs/failed/a/w.json.error.txt") == 0o644)
    #expect(try await workshop.freshet("stop").code == 0)
  }
}

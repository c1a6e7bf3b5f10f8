import Foundation
import Testing

@Suite struct GarbageCommandTests {
  private func edited() async throws -> Workshop {
    let workshop = try Workshop()
    try workshop.write("freshet.yaml", "sources:\n  - { path: docs }\nhistory: { keep_last: 2 }\n")
    for round in 1...5 {
      try workshop.write("docs/keys.md", "# Keys\n\nRotate them in round \(round).\n")
      #expect(try await workshop.freshet("sync").code == 0)
    }
    return workshop
  }

  @Test func aDryRunTellsWhatTheRunThenDoes() async throws {
    let workshop = try await edited()
    let dry = try await workshop.freshet("gc", "--dry-run", "--json").last()
    #expect(dry["dry_run"] as? Bool == true && dry["versions"] as? Int == 3)
    let people = try await workshop.freshet("gc", "-n")
    #expect(people.code == 0 && people.output.hasPrefix("Would be removed: 3 versions, 3 contents"))
    let run = try await workshop.freshet("gc", "--json").last()
    for name in ["versions", "editions", "chunks", "passages", "vectors", "renditions", "contents", "bytes"] {
      #expect(run[name] as? Int == dry[name] as? Int, "\(name)")
    }
    #expect(run["complete"] as? Bool == true)
    #expect(run["history_floor"] as? Int == dry["history_floor"] as? Int)
    #expect(try await workshop.freshet("verify").code == 0)
    let history = try await workshop.freshet("history", "--json", "docs/keys.md")
    #expect(history.lines.count == 5)
    let gone = try await workshop.freshet("show", "--version", "1", "keys.md")
    #expect(gone.code == 1 && gone.errors.contains("the content of version 1 is no longer kept"))
    #expect(try await workshop.freshet("show", "--version", "4", "keys.md").output.contains("round 4"))
    let again = try await workshop.freshet("gc")
    #expect(again.code == 0 && again.output.hasPrefix("Removed: nothing; the database is now "))
    #expect(try await workshop.freshet("gc", "-q").output.isEmpty)
  }

  @Test func theDatabaseCanBeWrittenAnew() async throws {
    let workshop = try await edited()
    let run = try await workshop.freshet("gc", "--rewrite", "--json").last()
    #expect(run["complete"] as? Bool == true && run["free_after"] as? Int == 0)
    #expect(try await workshop.freshet("verify").code == 0)
    #expect(try await workshop.freshet("search", "rotate").code == 0)
  }

  @Test func thereMustBeACollection() async throws {
    let workshop = try Workshop()
    try workshop.write("freshet.yaml", "sources:\n  - { path: docs }\n")
    try workshop.writeDocuments()
    #expect(try await workshop.freshet("gc").code == 10)
    #expect(try await workshop.freshet("gc", "--dry-run").code == 10)
  }
}

import Foundation
import FreshetSystem
import Testing

@Suite struct ExitCodeTests {
  @Test func zeroWhenDone() async throws {
    let workshop = try Workshop()
    try workshop.writeDocuments()
    #expect(try await workshop.freshet("sync", "docs").code == 0)
    #expect(try await workshop.freshet("verify", at: "docs").code == 0)
    #expect(try await workshop.freshet("health", at: "docs").code == 0)
  }

  @Test func oneWhenSomethingFailed() async throws {
    let workshop = try Workshop()
    try workshop.writeDocuments()
    _ = try await workshop.freshet("sync", "docs")
    let missing = try await workshop.freshet("show", "nothing.md", at: "docs")
    #expect(missing.code == 1 && missing.output.isEmpty)
    #expect(missing.errors.contains("`freshet list` shows what there is"))
    try workshop.write("docs/freshet.yaml", "embeder: { provider: hash }\n")
    let wrong = try await workshop.freshet("status", at: "docs")
    #expect(wrong.code == 1 && wrong.errors.contains("freshet.yaml:1:1") && wrong.errors.contains("`embedder`"))
  }

  @Test func oneWhenTheCollectionIsNotWhatItsSourcesAre() async throws {
    let workshop = try Workshop()
    try workshop.writeDocuments()
    _ = try await workshop.freshet("sync", "docs")
    try workshop.write("docs/new.md", "A new document.\n")
    #expect(try await workshop.freshet("verify", at: "docs").code == 1)
    #expect(try await workshop.freshet("verify", "--offline", at: "docs").code == 0)
  }

  @Test func threeWhenADocumentFailed() async throws {
    let workshop = try Workshop()
    try workshop.writeDocuments()
    try workshop.write("docs/broken.json", "{\"text\":")
    let sync = try await workshop.freshet("sync", "docs")
    #expect(sync.code == 3)
    #expect(sync.output.contains("2 created") && sync.output.contains("1 failed"))
    #expect(sync.errors.contains("Warning: broken.json: "))
    let failures = try await workshop.freshet("failures", at: "docs")
    #expect(failures.code == 0 && failures.output.contains("broken.json"))
  }

  @Test func failuresAreRetriedAloneAndForgotten() async throws {
    let workshop = try Workshop()
    try workshop.writeDocuments()
    for name in ["broken", "other"] { try workshop.write("docs/\(name).json", "{\"text\":") }
    #expect(try await workshop.freshet("sync", "docs").code == 3)
    try workshop.write("docs/new.md", "A new document that a retry does not look at.\n")
    let again = try await workshop.freshet("failures", "retry", "broken.json", "--json", at: "docs")
    #expect(again.code == 3 && again.output.contains("broken.json") && !again.output.contains("other.json"))
    try workshop.write("docs/broken.json", "{\"text\": \"Whole again, and to be found.\"}")
    #expect(try await workshop.freshet("failures", "retry", "./broken.json", at: "docs").code == 0)
    let left = try await workshop.freshet("failures", "--json", at: "docs").lines
    #expect(left.count == 1 && left.first?.contains("other.json") == true)
    let listed = try await workshop.freshet("list", "--json", at: "docs").output
    #expect(listed.contains("broken.json") && !listed.contains("new.md"))

    #expect(try await workshop.freshet("failures", "retry", "new.md", at: "docs").code == 1)
    let cleared = try await workshop.freshet("failures", "clear", "--json", at: "docs")
    #expect(cleared.code == 0 && cleared.output.contains("\"cleared\":1"))
    let none = try await workshop.freshet("failures", "retry", at: "docs")
    #expect(none.code == 0 && none.errors.contains("No document has failed."))
    // What was forgotten is not taken for known: `verify` tells of it, and a sync tries it again.
    let verified = try await workshop.freshet("verify", at: "docs")
    #expect(verified.code == 1 && verified.output.contains("other.json"), "\(verified.output)")
    let next = try await workshop.freshet("sync", at: "docs")
    #expect(next.code == 3 && next.output.contains("1 created"))
    #expect(try await workshop.freshet("failures", "--json", at: "docs").lines.count == 1)
  }

  @Test func fourWhenASourceCannotBeListedAndNothingIsDeleted() async throws {
    let workshop = try Workshop()
    try workshop.writeDocuments()
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\n")
    #expect(try await workshop.freshet("sync").code == 0)
    try workshop.remove("docs")
    let sync = try await workshop.freshet("sync")
    #expect(sync.code == 4 && sync.errors.contains("Warning: docs: "))
    #expect(try await workshop.freshet("list", "--json").lines.count == 2)
  }

  @Test func tenWithoutACollection() async throws {
    let workshop = try Workshop()
    for words in [["status"], ["search", "keys"], ["verify"], ["sync"], ["reindex"]] {
      let outcome = try await workshop.run(Workshop.programs + "/freshet", words)
      #expect(outcome.code == 10 && outcome.output.isEmpty && outcome.errors.contains("freshet init"))
    }
    try workshop.write("freshet.yaml", "sources: [{ path: . }]\n")
    #expect(try await workshop.freshet("status").code == 10)
  }

  @Test func elevenWhileAnotherProcessWrites() async throws {
    let workshop = try Workshop()
    try workshop.writeDocuments()
    _ = try await workshop.freshet("sync", "docs")
    try await { () async throws in
      let lock = try FileLock.acquire(workshop.path + "/docs/.freshet/lock")
      let sync = try await workshop.freshet("sync", "docs")
      #expect(sync.code == 11 && sync.errors.contains("\(ProcessInfo.processInfo.processIdentifier)"))
      #expect(try await workshop.freshet("sync", "docs", "--wait", "100ms").code == 11)
      #expect(try await workshop.freshet("search", "keys", at: "docs").code == 0)
      withExtendedLifetime(lock) {}
    }()
    #expect(try await workshop.freshet("sync", "docs").code == 0)
  }

  @Test(arguments: [
    (["snc"], "Did you mean 'sync'?"), (["sync", "--dry-rum"], "Did you mean '--dry-run'?"),
    (["search"], "<query>"), (["search", "a", "--limit", "many"], "--limit"),
    (["list", "--state", "alive"], "live"), (["sync", "--log-level", "loud"], "debug"),
    (["show", "a", "b"], "'b'"),
  ])
  func sixtyFourForAWrongCall(words: [String], hint: String) async throws {
    let outcome = try await Workshop().run(Workshop.programs + "/freshet", words)
    #expect(outcome.code == 64 && outcome.output.isEmpty)
    #expect(outcome.errors.contains(hint), "\(outcome.errors)")
    #expect(outcome.errors.contains("Usage: freshet"))
  }

  @Test func anInterruptedSyncKeepsWhatItDidAndEndsWith130() async throws {
    let workshop = try Workshop()
    for number in 0..<200 {
      try workshop.write("docs/\(number).md", "# Document \(number)\n\nIts text is \(number).\n")
    }
    let sync = try await workshop.run(
      Workshop.programs + "/freshet",
      ["sync", "docs", "--json", "--log-level", "info"],
      // Five minutes of work, in steps of three seconds: it does not end before the signal comes, however slow this
      // machine is.
      environment: ["FRESHET_HASH_EMBEDDER_DELAY_US": "3000000", "FRESHET_EMBEDDER_BATCH": "1"]
    ) { process, errors in
      // Signals are taken from before this line is written.
      while try !String(contentsOfFile: errors, encoding: .utf8).contains("The sync has started.") {
        await Task.yield()
      }
      kill(process, SIGINT)
    }
    #expect(sync.code == 130)
    #expect(try sync.last()["interrupted"] as? Bool == true)
    #expect(sync.errors.contains("Interrupted: committing what is done"))
    let again = try await workshop.freshet("sync", "docs")
    #expect(again.code == 0)
    #expect(try await workshop.freshet("verify", at: "docs").output.contains("Verified: 200 documents"))
  }
}

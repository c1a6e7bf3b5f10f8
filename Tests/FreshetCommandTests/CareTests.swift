import Foundation
import Testing

/// What keeps a collection right, as it is called: damaged indexes, texts on terminals, writing back.
@Suite(.timeLimit(.minutes(10))) struct CareTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.writeDocuments()
  }

  /// Runs statements in the collection's database behind the command's back.
  private func alter(_ statement: String) async throws {
    let script = """
      import sqlite3, sys
      database = sqlite3.connect('docs/.freshet/collection.sqlite')
      assert database.execute(sys.argv[1]).rowcount > 0
      database.commit()
      """
    let outcome = try await workshop.run("/usr/bin/env", ["python3", "-c", script, statement])
    #expect(outcome.code == 0, "\(outcome.errors)")
  }

  @Test func aDamagedKeywordIndexIsFoundByVerifyAndBuiltAnewByReindex() async throws {
    #expect(try await workshop.freshet("sync", "-q", "docs").code == 0)
    let whole = try await workshop.freshet("reindex", at: "docs")
    #expect(whole.code == 0 && whole.output == "The index is at change 2.\n", "\(whole.output)")
    try await alter("DELETE FROM live_fts_data WHERE id = 1")
    let verify = try await workshop.freshet("verify", at: "docs")
    #expect(verify.code == 1 && verify.output.contains("`freshet reindex`"), "\(verify.output)")
    let unread = try await workshop.freshet("search", "rotate", "--mode", "keyword", at: "docs")
    #expect(unread.code == 1 && unread.errors.contains("`freshet reindex`"), "\(unread)")
    let reindex = try await workshop.freshet("reindex", at: "docs")
    #expect(reindex.code == 0 && reindex.output.contains("The keyword index was damaged; it is built anew."))
    #expect(try await workshop.freshet("verify", at: "docs").code == 0)
    let search = try await workshop.freshet("search", "rotate", "--mode", "keyword", "--json", at: "docs")
    #expect(search.code == 0 && search.output.contains("\"origin\":\"keys.md\""), "\(search)")
    let again = try await workshop.freshet("reindex", "--json", at: "docs")
    #expect(try again.last()["keyword_index_rebuilt"] as? Bool == false)
  }

  @Test func whatSteersATerminalIsReplacedThereAndNowhereElse() async throws {
    let text = "# Bell\n\n\tIndented \u{1B}[31mred\u{1B}[0m and \u{202E}turned\u{7}.\n"
    try workshop.write("docs/bell.md", text)
    #expect(try await workshop.freshet("sync", "-q", "docs").code == 0)
    let piped = try await workshop.freshet("show", "bell.md", at: "docs")
    #expect(piped.output.contains("\u{1B}[31m"))
    func onTerminal(_ words: String...) async throws -> String {
      let script = "import pty, sys; sys.exit(pty.spawn(['freshet', *sys.argv[1:]]) >> 8)"
      return try await workshop.run("/usr/bin/env", ["python3", "-c", script] + words, at: "docs").output
    }
    let shown = try await onTerminal("show", "bell.md")
    #expect(shown.contains("red") && !shown.contains("\u{1B}") && !shown.contains("\u{7}"), "\(shown.debugDescription)")
    #expect(shown.contains("\u{FFFD}[31mred") && !shown.contains("\u{202E}"))
    #expect(shown.contains("# Bell\r\n\r\n"), "line breaks stay")
    #expect(try await onTerminal("show", "--raw", "bell.md").contains("\u{1B}[31m"))
  }

  @Test func whatAFileIsCannotBeSaidOtherwise() async throws {
    #expect(try await workshop.freshet("sync", "-q", "docs").code == 0)
    let outcome = try await workshop.freshet(
      "track",
      "docs/keys.md",
      "-m",
      "type=zz",
      "-m",
      "name=evil",
      "-m",
      "modified=2020",
      "-m",
      "size=9"
    )
    #expect(outcome.code == 64 && outcome.errors.contains("`modified`, `name`, `size`, `type`"), "\(outcome.errors)")
    #expect(try await workshop.freshet("track", "docs/keys.md", "-m", "team=ops").code == 0)
    #expect(try await workshop.freshet("track", "docs/keys.md", "-m", "type=").code == 0, "removing is no saying")
  }

  @Test func aFileOfSeveralDocumentsIsNamedThroughItsPath() async throws {
    try workshop.write("docs/notes.jsonl", "{\"id\":\"x1\",\"text\":\"One\"}\n{\"id\":\"x2\",\"text\":\"Two\"}\n")
    #expect(try await workshop.freshet("sync", "-q", "docs").code == 0)
    for name in ["docs/notes.jsonl!/x1", "notes.jsonl!/x1"] {
      let shown = try await workshop.freshet("show", "-c", "docs", name)
      #expect(shown.output.contains("One"), "\(name): \(shown.errors)")
    }
    for name in ["docs/notes.jsonl", "notes.jsonl"] {
      let file = try await workshop.freshet("show", "-c", "docs", name)
      #expect(
        file.code == 1 && file.errors.contains("holds 2 documents: name one, as notes.jsonl!/x1"),
        "\(file.errors)"
      )
    }
  }

  @Test func aRestorationSaysWhichContentItWroteAndCanWriteToAPipe() async throws {
    #expect(try await workshop.freshet("sync", "-q", "docs").code == 0)
    let piped = try await workshop.freshet("restore", "keys.md", "-o", "-", at: "docs")
    #expect(piped.code == 0 && piped.output == "# Keys\n\nRotate the keys once a year.\n" && piped.errors.isEmpty)
    #expect(!workshop.exists("docs/-"))
    #expect(try await workshop.freshet("restore", "keys.md", "-o", "-", "--json", at: "docs").code == 64)
    try workshop.remove("docs/keys.md")
    #expect(try await workshop.freshet("sync", "-q", "docs", "--allow-mass-delete").code == 0)
    let restored = try await workshop.freshet("restore", "keys.md", at: "docs")
    #expect(restored.output.hasPrefix("Restored version 1 of keys.md"), "\(restored.output)")
    #expect(restored.output.contains("it is version 3 now"))
  }

  @Test func aRecordedHeadIsJudgedBesideOtherProblems() async throws {
    #expect(try await workshop.freshet("sync", "-q", "docs").code == 0)
    #expect(try await workshop.freshet("verify", "--write-head", "head", "-q", at: "docs").code == 0)
    try await alter("DELETE FROM live_fts_data WHERE id = 1")
    let verify = try await workshop.freshet("verify", "--offline", "--head", "head", at: "docs")
    #expect(verify.code == 1 && verify.output.contains("The history leads through the recorded head, change 2."))
    let json = try await workshop.freshet("verify", "--offline", "--json", "--head", "head", at: "docs")
    #expect(try json.last()["leads_through_head"] as? Bool == true)
  }

  @Test func aNameThatNoSourceHasIsRefusedAndOneThatHadDocumentsIsNot() async throws {
    try workshop.write("other/a.md", "# Other\n")
    try workshop.write("freshet.yaml", "sources:\n  - { name: docs, path: docs }\n  - { name: other, path: other }\n")
    #expect(try await workshop.freshet("sync", "-q").code == 0)
    try workshop.write("freshet.yaml", "sources:\n  - { name: docs, path: docs }\n")
    #expect(try await workshop.freshet("sync", "-q", "--allow-mass-delete").code == 0)
    let deleted = try await workshop.freshet("list", "--source", "other", "--state", "deleted")
    #expect(deleted.code == 0 && deleted.output.contains("a.md"), "\(deleted.errors)")
    #expect(try await workshop.freshet("events", "--source", "other").lines.count == 2)
    for words in [["list", "--source", "nope"], ["events", "--source", "nope"], ["audit", "--source", "nope"]] {
      let outcome = try await workshop.run(Workshop.programs + "/freshet", words)
      #expect(outcome.code == 1 && outcome.errors.contains("no source of this name"), "\(words): \(outcome.errors)")
    }
    #expect(try await workshop.freshet("events", "--pattern", "[").code == 64)
  }

  @Test func aTimeThatNoClockShowsIsRefusedAndAFarOneIsThePresent() async throws {
    #expect(try await workshop.freshet("sync", "-q", "docs").code == 0)
    #expect(try await workshop.freshet("list", "--as-of", "2026-11-21T17:36:51+99:99", at: "docs").code == 64)
    for time in ["2300-01-01", "2262-12", "2400-02-29T10:00"] {
      let outcome = try await workshop.freshet("list", "--as-of", time, at: "docs")
      #expect(outcome.code == 0 && outcome.output.contains("keys.md"), "\(time): \(outcome.errors)")
    }
    #expect(try await workshop.freshet("list", "--as-of", "2300-13-01", at: "docs").code == 64)
  }

  @Test func anAuditOfOneDocumentHasItsRunsAlone() async throws {
    #expect(try await workshop.freshet("sync", "-q", "docs").code == 0)
    try workshop.write("docs/other.md", "# Other\n")
    #expect(try await workshop.freshet("sync", "-q", "docs").code == 0)
    let report = try await workshop.freshet("audit", "--json", "--document", "keys.md", at: "docs")
    #expect(try report.objects().filter { $0["type"] as? String == "run" }.count == 1)
    let all = try await workshop.freshet("audit", "--json", at: "docs")
    #expect(try all.objects().filter { $0["type"] as? String == "run" }.count == 2)
    #expect(try await workshop.freshet("audit", "--since", "3", "--until", "1", at: "docs").code == 64)
    #expect(try await workshop.freshet("audit", "--since", "1", "--until", "1", at: "docs").code == 0)
  }
}

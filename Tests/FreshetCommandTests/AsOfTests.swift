import Foundation
import Testing

/// `--as-of` of the built command.
@Suite struct AsOfTests {
  private let workshop: Workshop

  init() async throws {
    workshop = try Workshop()
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\n")
    try workshop.write("docs/keys.md", "# Keys\n\nRotate the signing key once a quarter.\n")
    try workshop.write("docs/backup.md", "# Backups\n\nRestore a backup every month, to know that it works.\n")
    try workshop.write("docs/access.md", "# Access\n\nAsk the owner of a service for access to it.\n")
  }

  /// Three syncs: 3 documents, a rename, an edit and a deletion.
  private func live() async throws {
    #expect(try await workshop.freshet("sync").code == 0)
    for script in [
      "mv docs/keys.md docs/rotation.md", "echo 'Turn it each month.' > docs/rotation.md; rm docs/access.md",
    ] {
      #expect(try await workshop.run("/bin/bash", ["-euc", script + "; freshet sync"]).code == 0)
    }
  }

  @Test func listShowsWhatThereWas() async throws {
    try await live()
    let then = try await workshop.freshet("list", "--as-of", "3", "--json")
    #expect(then.code == 0 && then.errors.isEmpty, "\(then.errors)")
    let documents = try then.objects()
    #expect(documents.compactMap { $0["origin"] as? String } == ["access.md", "backup.md", "keys.md"])
    #expect(documents.allSatisfy { $0["sequence"] as? Int == 3 && $0["version"] as? Int == 1 })
    let renamed = try await workshop.freshet("list", "--as-of", "4", "--json").objects()
    #expect(renamed.compactMap { $0["origin"] as? String } == ["access.md", "backup.md", "rotation.md"])
    let now = try await workshop.freshet("list", "--json").objects()
    #expect(now.allSatisfy { $0["sequence"] == nil } && now.count == 2)
    let text = try await workshop.freshet("list", "--as-of", "3", "--state", "all")
    #expect(text.errors == "As of change 3.\n" && text.output.contains("keys.md"))
    #expect(try await workshop.freshet("list", "--as-of", "3", "--quiet").errors.isEmpty)
    let filtered = try await workshop.freshet("list", "--as-of", "3", "--filter", "name = keys.md", "--json").objects()
    #expect(filtered.count == 1)
    let first = try await workshop.freshet("list", "--as-of", "2001-01-01")
    #expect(first.code == 0 && first.output.isEmpty && first.errors.contains("Before the first change."))
  }

  @Test func historyShowsTheVersionsThatThereWere() async throws {
    try await live()
    let then = try await workshop.freshet("history", "keys.md", "--as-of", "3", "--json").objects()
    #expect(then.map { $0["version"] as? Int } == [1])
    let later = try await workshop.freshet("history", "rotation.md", "--as-of", "4", "--json").objects()
    #expect(later.map { $0["change"] as? String } == ["created", "renamed"])
    #expect(try await workshop.freshet("history", "keys.md", "--as-of", "4").code == 1)
  }

  @Test func showFindsADocumentByTheNameThatItHad() async throws {
    try await live()
    let text = try await workshop.freshet("show", "keys.md", "--as-of", "3")
    #expect(text.code == 0 && text.output.contains("once a quarter") && text.errors.isEmpty)
    let json = try await workshop.freshet("show", "docs/rotation.md", "--as-of", "4", "--json").last()
    #expect(json["sequence"] as? Int == 4 && json["version"] as? Int == 2 && json["origin"] as? String == "rotation.md")
    #expect((json["text"] as? String)?.contains("once a quarter") == true)
    let raw = try await workshop.freshet("show", "keys.md", "--as-of", "3", "--raw")
    #expect(raw.output.hasPrefix("# Keys\n"))
    let later = try await workshop.freshet("show", "keys.md", "--as-of", "4")
    #expect(
      later.code == 1 && later.errors.contains("`freshet list --as-of 4` shows what there was"),
      "\(later.errors)"
    )
  }

  @Test func searchFindsWhatWasThere() async throws {
    try await live()
    for mode in ["keyword", "vector", "hybrid"] {
      let found = try await workshop.freshet("search", "quarter", "--as-of", "3", "--mode", mode, "--json").last()
      #expect(found["sequence"] as? Int == 3 && found["mode"] as? String == mode)
      let hits = try #require(found["hits"] as? [[String: Any]])
      #expect(hits.contains { $0["origin"] as? String == "keys.md" && $0["version"] as? Int == 1 })
      #expect((found["warnings"] as? [String]) == [])
    }
    let text = try await workshop.freshet("search", "quarter", "--as-of", "3")
    #expect(text.errors == "As of change 3.\n" && text.output.contains("docs:keys.md"))
    let empty = try await workshop.freshet("search", "quarter", "--as-of", "0", "--json").last()
    #expect(empty["sequence"] as? Int == 0 && (empty["hits"] as? [Any])?.isEmpty == true)
  }

  @Test func runsAndTimesAreMoments() async throws {
    try await live()
    let runs = try await workshop.freshet("runs", "--json").objects()
    let first = try #require(runs.last?["run"] as? String)
    func sequence(_ moment: String) async throws -> Int? {
      try await workshop.freshet("search", "key", "--as-of", moment, "--json").last()["sequence"] as? Int
    }
    #expect(try await sequence(first) == 3)
    #expect(try await sequence("run:" + first.prefix(8)) == 3)
    let finished = try #require(runs.last?["finished_at"] as? String)
    #expect(try await sequence(String(finished)) == 3)
    for moment in ["now", "2200-01-01", String(finished.prefix(4) + "-12")] { #expect(try await sequence(moment) == 6) }
    #expect(try await sequence("300d") == 0)
  }

  @Test(arguments: [
    ("99", 64, "there is no change 99 yet; the last one is 6"), ("yesterday", 64, "'yesterday' is no moment"),
    ("2026-02-30", 64, "the calendar has no such time"), ("abcdef", 1, "no run's identity starts with 'abcdef'"),
  ])
  func whatIsNoMomentIsRefused(moment: String, code: Int32, reason: String) async throws {
    try await live()
    for words in [["list"], ["show", "keys.md"], ["search", "key"]] {
      let outcome = try await workshop.run(Workshop.programs + "/freshet", words + ["--as-of", moment])
      #expect(outcome.code == code && outcome.output.isEmpty && outcome.errors.contains(reason), "\(outcome.errors)")
    }
  }

  @Test func theSessionOfThePageRuns() async throws {
    let page = try String(contentsOfFile: Workshop.package + "/docs/time-travel.md", encoding: .utf8)
    let block = try #require(
      page.components(separatedBy: "```console\n").dropFirst().first?.components(separatedBy: "\n```").first
    )
    let calls = block.split(separator: "\n").filter { $0.hasPrefix("$ ") }.map { String($0.dropFirst(2)) }
    #expect(calls.count > 6)
    let outcome = try await workshop.run("/bin/bash", ["-euc", calls.joined(separator: "\n")])
    #expect(outcome.code == 0 && outcome.output.contains("once a quarter"), "\(outcome.errors)")
    #expect(outcome.output.contains("1. Keys  docs:keys.md") && outcome.errors.contains("As of change 3."))
  }
}

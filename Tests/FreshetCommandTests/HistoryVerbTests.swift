import Foundation
import Testing

/// The verbs of a document's history, called as built: output, JSON, exit codes.
@Suite struct HistoryVerbTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.writeDocuments()
  }

  private func edit() async throws {
    _ = try await workshop.freshet("sync", "docs")
    try workshop.write("docs/keys.md", "# Keys\n\nRotate the keys once a month.\n")
    _ = try await workshop.freshet("sync", "docs")
  }

  // MARK: diff

  @Test func diffWritesWhatPatchApplies() async throws {
    try await edit()
    let diff = try await workshop.freshet("diff", "keys.md", "--raw", at: "docs")
    #expect(diff.code == 0 && diff.errors.isEmpty)
    #expect(
      diff.lines.dropFirst(2) == [
        "@@ -1,3 +1,3 @@", " # Keys", " ", "-Rotate the keys once a year.", "+Rotate the keys once a month.",
      ]
    )
    #expect(diff.lines.first?.hasPrefix("--- keys.md\tversion 1, ") == true)
    try workshop.write("old.md", "# Keys\n\nRotate the keys once a year.\n")
    try workshop.write("change.patch", diff.output)
    if FileManager.default.isExecutableFile(atPath: "/usr/bin/patch") {
      let patched = try await workshop.run("/usr/bin/patch", ["old.md", "change.patch"])
      #expect(patched.code == 0)
      #expect(try workshop.text("old.md") == workshop.text("docs/keys.md"))
    }
    let back = try await workshop.freshet("diff", "keys.md", "-f", "latest", "-t", "first", "-U", "0", at: "docs")
    #expect(back.output.contains("\n+Rotate the keys once a year.\n") && !back.output.contains(" # Keys"))
    let same = try await workshop.freshet("diff", "keys.md", "-f", "2", at: "docs")
    #expect(same.code == 0 && same.output.isEmpty && same.errors.contains("No difference between versions 2 and 2."))
  }

  @Test func diffKeepsItsContract() async throws {
    try await edit()
    let object = try await workshop.freshet("diff", "keys.md", "--json", "--chunks", at: "docs").last()
    #expect(object["document"] is String && object["diff"] is String)
    #expect(object["from"] as? Int == 1 && object["to"] as? Int == 2)
    #expect(object["additions"] as? Int == 1 && object["deletions"] as? Int == 1)
    let chunks = try #require(object["chunks"] as? [String: Int])
    #expect(chunks == ["kept": 0, "added": 1, "removed": 1, "moved": 0])
    let list = try #require(object["chunk_list"] as? [[String: Any]])
    #expect(list.map { $0["state"] as? String } == ["added", "removed"])
  }

  @Test func diffSumsUp() async throws {
    try await edit()
    let stat = try await workshop.freshet("diff", "keys.md", "--stat", at: "docs")
    #expect(stat.output == "keys.md: version 1 → 2, +1 −1, chunks: 1 added, 1 removed\n")
    let chunks = try await workshop.freshet("diff", "keys.md", "--chunks", at: "docs").lines
    #expect(
      chunks.dropFirst() == ["+ 1 Keys: Rotate the keys once a month.", "- 1 Keys: Rotate the keys once a year."]
    )
  }

  @Test func diffTellsWhatChangedSinceAMoment() async throws {
    try await edit()
    try workshop.write("docs/new.md", "# New\n\nOne line.\n")
    _ = try await workshop.freshet("sync", "docs")
    let changes = try await workshop.freshet("diff", "--since", "2", "--json", at: "docs").objects()
    #expect(changes.map { $0["origin"] as? String } == ["keys.md", "new.md"])
    #expect(changes.map { $0["change"] as? String } == ["modified", "created"])
    #expect(changes[0]["from"] as? Int == 1 && changes[1]["from"] is NSNull && changes[1]["additions"] as? Int == 3)
    let text = try await workshop.freshet("diff", "--since", "1h", "--until", "3", at: "docs")
    #expect(text.output.contains("created") && text.output.hasSuffix("2 documents, +6 −0\n"), "\(text.output)")
    let none = try await workshop.freshet("diff", "--since", "4", at: "docs")
    #expect(none.code == 0 && none.output.isEmpty && none.errors.contains("No document changed."))
  }

  private static let calls: [(words: [String], code: Int32)] = [
    (["diff"], 64), (["diff", "keys.md", "--since", "1"], 64), (["diff", "keys.md", "-f", "one"], 64),
    (["diff", "keys.md", "-t", "7"], 1), (["diff", "guide/backup.md"], 1), (["diff", "--since", "99"], 64),
    (["show", "keys.md", "--version", "newest"], 64), (["show", "keys.md", "--version", "previous"], 0),
    (["restore", "keys.md", "--version", "3"], 1), (["restore", "nothing.md"], 1),
    (["history", "keys.md", "--limit", "x"], 64),
  ]

  @Test(arguments: HistoryVerbTests.calls)
  func callsEndWithTheirCode(words: [String], code: Int32) async throws {
    try await edit()
    let outcome = try await workshop.run(Workshop.programs + "/freshet", words, at: "docs")
    #expect(outcome.code == code, "\(outcome.errors)")
    #expect((code == 0) == outcome.errors.isEmpty)
  }

  // MARK: show, history, list

  @Test func showNamesVersionsByTheirPlace() async throws {
    try await edit()
    for (version, word) in [("first", "year"), ("1", "year"), ("previous", "year"), ("latest", "month")] {
      let shown = try await workshop.freshet("show", "keys.md", "--version", version, "--raw", at: "docs")
      #expect(shown.output.contains("once a \(word)"), "\(version)")
    }
    let random = try await workshop.freshet("show", "keys.md", "--version", "random", "--json", at: "docs").last()
    #expect([1, 2].contains(random["version"] as? Int))
  }

  @Test func historyFollowsRenamesAndTellsWhatIsKept() async throws {
    try await edit()
    try FileManager.default.moveItem(
      atPath: workshop.path + "/docs/keys.md",
      toPath: workshop.path + "/docs/rotation.md"
    )
    _ = try await workshop.freshet("sync", "docs")
    let versions = try await workshop.freshet("history", "keys.md", "--json", at: "docs").objects()
    #expect(versions.map { $0["change"] as? String } == ["created", "modified", "renamed"])
    #expect(versions.last?["from"] as? String == "keys.md" && versions.last?["has_content"] as? Bool == true)
    let last = try await workshop.freshet("history", "rotation.md", "--limit", "1", "--json", at: "docs").objects()
    #expect(last.map { $0["version"] as? Int } == [3])
    #expect(try await workshop.freshet("history", "rotation.md", at: "docs").output.contains("from keys.md"))
  }

  @Test func withoutContentTheVerbsSaySo() async throws {
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\nsync: { store_content: false }\n")
    _ = try await workshop.freshet("sync")
    try workshop.write("docs/keys.md", "# Keys\n\nRotate the keys once a month.\n")
    _ = try await workshop.freshet("sync")
    #expect(try await workshop.freshet("history", "keys.md").output.contains("hash only"))
    let chunks = try await workshop.freshet("diff", "keys.md", "--chunks").output
    #expect(chunks.contains("lines not kept, chunks: 1 added, 1 removed"), "\(chunks)")
    #expect(chunks.contains("- 1 Keys: Rotate the keys once a year."))
    let object = try await workshop.freshet("diff", "keys.md", "--chunks", "--json").last()
    #expect(object["diff"] is NSNull && object["additions"] is NSNull && object["chunk_list"] is [Any])
    #expect(try await workshop.freshet("show", "keys.md").output.contains("once a month"))
    for words in [
      ["diff", "keys.md"], ["diff", "keys.md", "--stat"], ["diff", "keys.md", "--raw"],
      ["diff", "keys.md", "--raw", "--chunks"], ["show", "keys.md", "--version", "1"], ["show", "keys.md", "--raw"],
      ["restore", "keys.md", "--version", "1"],
    ] {
      let outcome = try await workshop.run(Workshop.programs + "/freshet", words)
      #expect(outcome.code == 1 && outcome.errors.contains("only the hash of version"), "\(words): \(outcome.errors)")
    }
    #expect(try workshop.text("docs/keys.md").contains("once a month"))
  }

  // MARK: restore

  @Test func restoreWritesTheFileAndTakesItUp() async throws {
    try await edit()
    let report = try await workshop.freshet("restore", "keys.md", "--version", "1", "--json", at: "docs").last()
    #expect(report["version"] as? Int == 1 && report["written"] as? Bool == true)
    #expect(report["current_version"] as? Int == 3 && report["path"] as? String == workshop.path + "/docs/keys.md")
    let embedder = (report["sync"] as? [String: Any])?["embedder"] as? [String: Any]
    #expect(embedder?["calls"] as? Int == 0)
    #expect(try workshop.text("docs/keys.md") == "# Keys\n\nRotate the keys once a year.\n")
    let last = try await workshop.freshet("history", "keys.md", "--json", at: "docs").last()
    #expect(last["change"] as? String == "modified" && last["same_as"] as? Int == 1)
    let again = try await workshop.freshet("restore", "keys.md", at: "docs")
    #expect(again.code == 0 && again.output.contains("has the content of version 3 already"))
  }

  @Test func restoreAsksForForce() async throws {
    try await edit()
    try workshop.write("docs/keys.md", "Not synced.\n")
    let refused = try await workshop.freshet("restore", "keys.md", "--version", "1", "--json", at: "docs")
    #expect(refused.code == 1)
    #expect(try workshop.text("docs/keys.md") == "Not synced.\n")
    #expect(refused.errors.contains("--force") || refused.output.contains("--force"))
    let file = try await workshop.freshet("restore", "keys.md", "--version", "1", "-o", "../old.md", at: "docs")
    #expect(file.code == 0)
    #expect(try workshop.text("old.md").contains("once a year"))
    #expect(try workshop.text("docs/keys.md") == "Not synced.\n")
    let forced = try await workshop.freshet("restore", "keys.md", "--version", "1", "--force", "--no-sync", at: "docs")
    #expect(forced.code == 0)
    #expect(try workshop.text("docs/keys.md").contains("once a year"))
    #expect(try await workshop.freshet("history", "keys.md", "--json", at: "docs").lines.count == 2)
  }

  // MARK: track

  @Test func trackEmbedsNothingAndKeepsWhatIsSaid() async throws {
    let first = try await workshop.freshet(
      "track",
      "keys.md",
      "-m",
      "team=ops",
      "-m",
      "level=3",
      "--json",
      "-c",
      ".",
      at: "docs"
    )
    let summary = try first.last()
    #expect(first.code == 0, "\(first.errors)")
    #expect((summary["embedder"] as? [String: Any])?["calls"] as? Int == 0)
    let listed = try await workshop.freshet("list", "--json", "--filter", "team = ops and level > 2", at: "docs")
      .objects()
    #expect(listed.map { $0["origin"] as? String } == ["keys.md"])
    let status = try await workshop.freshet("status", "--json", at: "docs").last()
    #expect(status["awaiting_vectors"] as? Int == 1)
    #expect(try await workshop.freshet("sync", at: "docs").code == 0)
    #expect(try await workshop.freshet("status", "--json", at: "docs").last()["awaiting_vectors"] as? Int == 0)
    let removed = try await workshop.freshet("track", "keys.md", "-m", "team=", "--json", at: "docs").objects()
    #expect(removed.first?["change"] as? String == "metadata" && removed.first?["version"] as? Int == 1)
    #expect(try await workshop.freshet("list", "--json", "--filter", "level = 3", at: "docs").lines.count == 1)
    #expect(try await workshop.freshet("verify", at: "docs").code == 0)
    #expect(try await workshop.freshet("track", at: "docs").code == 64)
    #expect(try await workshop.freshet("track", "keys.md", "-m", "team", at: "docs").code == 64)
  }
}

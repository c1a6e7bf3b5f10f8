import Foundation
import Testing

@Suite struct OutputTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.writeDocuments()
  }

  @Test func quietSaysNothingWhenAllIsWell() async throws {
    let sync = try await workshop.freshet("sync", "docs", "--quiet")
    #expect(sync.code == 0 && sync.output.isEmpty && sync.errors.isEmpty)
    for words in [["reindex", "-q"], ["migrate", "-q"], ["failures", "-q"], ["trust", "-q"]] {
      let outcome = try await workshop.run(Workshop.programs + "/freshet", words, at: "docs")
      #expect(outcome.code == 0 && outcome.output.isEmpty && outcome.errors.isEmpty)
    }
    // Results are what was asked for, and what went wrong is never kept back.
    #expect(try await workshop.freshet("search", "keys", "-q", at: "docs").output.contains("keys.md"))
    try workshop.write("docs/broken.json", "{")
    #expect(try await workshop.freshet("sync", "docs", "-q").errors.contains("broken.json"))
  }

  @Test func progressStaysOffStandardOutput() async throws {
    let sync = try await workshop.freshet("sync", "docs", "--json")
    #expect(throws: Never.self) { try sync.objects() }
    let plain = try await workshop.freshet("sync", "docs", "--force")
    #expect(plain.lines.count == 1 && plain.output.hasPrefix("Done: "))
    for text in [sync.output, sync.errors, plain.output, plain.errors] {
      #expect(!text.contains("\u{1B}") && !text.contains("\r"))
    }
  }

  @Test func coloursAreForTerminalsThatWantThem() async throws {
    _ = try await workshop.freshet("sync", "docs")
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/script") else { return }
    let call = ["-qec", "freshet search keys", "/dev/null"]
    let colourful = try await workshop.run("/usr/bin/script", call, at: "docs", environment: ["TERM": "xterm"])
    #expect(colourful.code == 0 && colourful.output.contains("\u{1B}[1m"))
    let plain = try await workshop.run(
      "/usr/bin/script",
      call,
      at: "docs",
      environment: ["TERM": "xterm", "NO_COLOR": "1"]
    )
    #expect(plain.code == 0 && plain.output.contains("keys.md") && !plain.output.contains("\u{1B}"))
  }

  @Test func hitsAreWrappedToTheTerminal() async throws {
    let sentence = "A passage that is longer than the terminal is wide goes on in the next row."
    try workshop.write(
      "docs/wide.md",
      "# Wide\n\n\(sentence)\nIts source lines are joined.\n\n- an item\n- another item\n\n"
        + (0..<9).map { "Sentence \($0). \(sentence)\n" }.joined()
    )
    _ = try await workshop.freshet("sync", "docs")
    let call = ["search", "-k", "1", "passage", "longer", "than", "terminal"]
    let outcome = try await workshop.run(
      Workshop.programs + "/freshet",
      call,
      at: "docs",
      environment: ["COLUMNS": "40"]
    )
    let rows = outcome.lines.dropFirst(2).map { String($0.dropFirst(3)) }
    #expect(
      rows.prefix(5) == [
        "A passage that is longer than the", "terminal is wide goes on in the next",
        "row. Its source lines are joined.",
        "- an item", "- another item",
      ]
    )
    #expect(rows.count == 6 && rows.last?.hasSuffix("…") == true)
  }

  @Test func anEnvironmentFileGivesWhatTheEnvironmentDoesNot() async throws {
    try workshop.write("variables", "# for tests\nexport FRESHET_EMBEDDER_DIMENSION='64'\nFRESHET_LOG_LEVEL=info\n")
    _ = try await workshop.freshet("sync", "docs", "--env-file", "variables")
    let model = try await workshop.freshet("model", "--json", at: "docs").last()
    #expect(model["dimension"] as? Int == 64)
    // A variable that is set is stronger, and without the option no file is read.
    let quiet = try await workshop.freshet(
      "sync",
      "docs",
      "--env-file",
      "variables",
      environment: ["FRESHET_LOG_LEVEL": "error"]
    )
    #expect(!quiet.errors.contains("The sync has started."))
    try workshop.write("docs/.env", "FRESHET_LOG_LEVEL=nonsense\n")
    #expect(try await workshop.freshet("list", at: "docs").code == 0)
    #expect(try await workshop.freshet("list", "--env-file", "none", at: "docs").code != 0)
  }

  @Test func aSyncIsLoggedAsTheCallAndTheConfigurationSay() async throws {
    try workshop.write("docs/broken.json", "{")
    let text = try await workshop.freshet("sync", "docs", "--log-level", "info")
    #expect(text.errors.contains("info: The sync has started.") && text.errors.contains("info: The sync has ended."))
    let json = try await workshop.freshet("sync", "docs", "--retry", "--log-level", "info", "--log-format", "json")
    let lines = try json.errors.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(lines.map { $0["level"] as? String } == ["info", "warning", "info"])
    #expect(lines[1]["code"] as? String == "parser_failed" && lines[1]["at"] is String)
    let silent = try await workshop.freshet("sync", "docs", "--retry", "--log-level", "error")
    #expect(silent.code == 3 && silent.errors.isEmpty)
    try workshop.write("docs/freshet.yaml", "sources: [{ path: . }]\nlog: { level: info, file: .freshet/log }\n")
    let filed = try await workshop.freshet("sync", "--retry", at: "docs")
    #expect(filed.errors.contains("Warning: broken.json") && !filed.errors.contains("info"))
    #expect(try workshop.text("docs/.freshet/log").contains("warning: broken.json"))
  }

  @Test func initWritesWhatLoadsAndOverwritesNothing() async throws {
    #expect(try await workshop.freshet("init", "docs").code == 0)
    #expect(try await workshop.freshet("sync", at: "docs").output.contains("2 created"))
    let again = try await workshop.freshet("init", "docs")
    #expect(again.code == 64 && again.errors.contains("--force"))
    #expect(try await workshop.freshet("init", "docs", "--force").code == 0)
    let missing = try await workshop.freshet("init", "nowhere")
    #expect(missing.code == 1 && missing.errors.contains("there is no such folder"))
    try workshop.write("a:b/file.md", "text\n")
    #expect(try await workshop.freshet("init", "a:b").code == 1)
    #expect(!workshop.exists("a:b/freshet.yaml"))
  }

  @Test func whatReachesOutIsUsedOnlyAfterTrust() async throws {
    try workshop.write("project/freshet.yaml", "sources: [{ path: ../docs }]\n")
    let refused = try await workshop.freshet("sync", at: "project")
    #expect(refused.code == 1 && refused.errors.contains("`freshet trust`"))
    #expect(try await workshop.freshet("sync", "--trust", at: "project").code == 0)
    let trusted = try await workshop.freshet("trust", "--json", at: "project").last()
    #expect((trusted["trusted"] as? [[String: Any]])?.count == 1)
    #expect(try await workshop.freshet("sync", at: "project").code == 0)
    #expect(try await workshop.freshet("trust", "--revoke", "--json", at: "project").last()["revoked"] as? Bool == true)
    #expect(try await workshop.freshet("sync", at: "project").code == 1)
  }

  @Test func withoutRecursionOnlyTheFolderItselfIsTaken() async throws {
    let sync = try await workshop.freshet("sync", "docs", "--no-recursive", "--json")
    #expect(sync.code == 0)
    #expect(try sync.objects().compactMap { $0["origin"] as? String } == ["keys.md"])
  }

  @Test func parsersAndFieldsOfTheConfigurationAreUsed() async throws {
    try workshop.write("data/page.inc", "<h1>Included</h1><p>A page without its suffix.</p>")
    try workshop.write("data/skipped.md", "This is skipped.\n")
    try workshop.write(
      "data/list.json",
      "{\"data\":{\"items\":[{\"no\":\"one\",\"body\":\"The first.\",\"name\":\"First\"}]}}"
    )
    let yaml = """
      sources: [{ path: . }]
      parsers: { "*.inc": html, "*.md": none, "*.yaml": none }
      json: { records: data.items, id: no, text: body, title: name }

      """
    try workshop.write("data/freshet.yaml", yaml)
    #expect(try await workshop.freshet("sync", at: "data").code == 0)
    let documents = try await workshop.freshet("list", "--json", at: "data").objects()
    #expect(documents.compactMap { $0["origin"] as? String } == ["list.json!/one", "page.inc"])
    #expect(documents.compactMap { $0["title"] as? String } == ["First", "Included"])
    // Another choice makes what was made before anew.
    try workshop.write("data/freshet.yaml", yaml.replacing("body", with: "name"))
    _ = try await workshop.freshet("sync", at: "data")
    #expect(try await workshop.freshet("show", "list.json!/one", at: "data").output == "First")
  }
}

import Foundation
import Testing

@Suite struct HelpTests {
  static let verbs = [
    "init", "trust", "sync", "search", "status", "verify", "runs", "watch", "start", "stop", "reload", "service",
    "track", "list",
    "history", "show", "diff",
    "restore", "audit", "gc", "failures", "events", "stats", "health",
    "model", "reindex", "export", "migrate", "completions",
  ]

  private static let updates = ProcessInfo.processInfo.environment["FRESHET_UPDATE_SNAPSHOTS"] != nil

  /// Compares with a file of the package; with `FRESHET_UPDATE_SNAPSHOTS=1` in the environment writes it.
  private func expect(_ text: String, equals file: String) throws {
    let place = URL(filePath: Workshop.package + "/" + file)
    if Self.updates { try Data(text.utf8).write(to: place) }
    let expected = String(decoding: try Data(contentsOf: place), as: UTF8.self)
    #expect(text == expected, "\(file) differs; look, then run with FRESHET_UPDATE_SNAPSHOTS=1")
  }

  @Test func everyVerbsHelpIsThatOfItsSnapshot() async throws {
    let workshop = try Workshop()
    let nested = [
      ["model", "pull"], ["failures", "retry"], ["failures", "clear"], ["events", "consumers"],
      ["events", "deliver"], ["events", "consumers", "reset"], ["events", "consumers", "remove"],
    ]
    for words in [[]] + Self.verbs.map({ [$0] }) + nested {
      let help = try await workshop.run(Workshop.programs + "/freshet", ["help"] + words)
      #expect(help.code == 0 && help.errors.isEmpty)
      try expect(
        help.output,
        equals: "Tests/FreshetCommandTests/Snapshots/" + (["help"] + words).joined(separator: "-") + ".txt"
      )
      if !words.isEmpty {
        let option = try await workshop.run(Workshop.programs + "/freshet", words + ["--help"])
        #expect(option.output == help.output)
      }
    }
  }

  @Test func theRootNamesEveryVerb() async throws {
    let help = try await Workshop().freshet("--help").output
    let section = try #require(help.range(of: "SUBCOMMANDS:\n"))
    let named = help[section.upperBound...].split(separator: "\n")
      .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.hasPrefix("  See") }
      .compactMap { $0.split(separator: " ").first.map { String($0) } }
    #expect(named == Self.verbs)
  }

  @Test func thePageOfTheCommandsIsWhatTheHelpSays() async throws {
    let page = try await Workshop().run(
      "/bin/bash",
      [Workshop.package + "/scripts/command-reference", Workshop.programs + "/freshet"]
    )
    #expect(page.code == 0, "\(page.errors)")
    for verb in Self.verbs { #expect(page.output.contains("## `freshet \(verb)`")) }
    try expect(page.output, equals: "docs/commands.md")
  }

  @Test func completionScriptsNameEveryVerbAndTheirShellReadsThem() async throws {
    let workshop = try Workshop()
    for shell in ["bash", "zsh", "fish"] {
      let script = try await workshop.freshet("completions", shell)
      #expect(script.code == 0)
      for word in Self.verbs + ["allow-mass-delete", "backup-restore"] { #expect(script.output.contains(word)) }
      try workshop.write("completions." + shell, script.output)
      let program = "/bin/" + shell
      guard FileManager.default.isExecutableFile(atPath: program) else { continue }
      let check = try await workshop.run(program, ["-n", workshop.path + "/completions." + shell])
      #expect(check.code == 0, "\(check.errors)")
    }
  }
}

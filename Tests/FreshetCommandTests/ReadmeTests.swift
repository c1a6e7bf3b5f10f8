import Foundation
import Testing

/// What README.md shows, tried.
@Suite struct ReadmeTests {
  private let readme: String

  init() throws {
    readme = try String(contentsOfFile: Workshop.package + "/README.md", encoding: .utf8)
  }

  /// The texts of the fenced blocks of a language.
  private func blocks(_ language: String) -> [String] {
    readme.components(separatedBy: "```\(language)\n").dropFirst().compactMap {
      $0.components(separatedBy: "\n```").first
    }
  }

  /// The calls of a `console` block.
  private func calls(_ block: String) -> [String] {
    block.split(separator: "\n").filter { $0.hasPrefix("$ ") }.map { String($0.dropFirst(2)) }
  }

  /// A folder as README assumes one: the repository's examples, and notes at home.
  private func place() throws -> Workshop {
    let workshop = try Workshop()
    try workshop.copyHandbook(to: "Examples/handbook")
    for name in ["home/notes", "docs"] {
      try workshop.write(name + "/guide/keys.md", "# Keys\n\nRotate keys every year.\n")
    }
    return workshop
  }

  @Test func everyConsoleBlockRuns() async throws {
    let blocks = blocks("console").map { calls($0).filter { !$0.hasPrefix("make ") } }.filter { !$0.isEmpty }
    #expect(blocks.count >= 2)
    for block in blocks {
      let workshop = try place()
      let outcome = try await workshop.run("/bin/bash", ["-euc", block.joined(separator: "\n")])
      #expect(outcome.code == 0, "\(block): \(outcome.errors)")
      #expect(outcome.output.contains("Done: ") && !outcome.output.contains("Nothing found"))
    }
  }

  @Test func everyCallWithinTheTextRuns() async throws {
    let workshop = try place()
    let prose = readme.components(separatedBy: "```").enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    let calls = prose.joined().components(separatedBy: "`").filter { $0.hasPrefix("freshet ") }
    #expect(!calls.isEmpty)
    for number in 1...3 {
      try workshop.write("docs/guide/keys.md", "# Keys\n\nRotate keys \(number) times a year.\n")
      #expect(try await workshop.freshet("sync", "docs").code == 0)
    }
    for call in calls {
      let outcome = try await workshop.run("/bin/bash", ["-euc", call], at: "docs")
      #expect(outcome.code == 0, "\(call): \(outcome.errors)")
    }
  }

  @Test func everyTargetOfMakeExists() throws {
    let makefile = try String(contentsOfFile: Workshop.package + "/Makefile", encoding: .utf8)
    let targets = blocks("console").flatMap(calls).filter { $0.hasPrefix("make ") }
      .compactMap { $0.split(separator: " ").dropFirst().first }
    #expect(targets.count >= 5)
    for target in targets { #expect(makefile.contains("\n\(target):"), "make \(target)") }
  }

  @Test func everyLinkedPageExists() throws {
    let links = readme.components(separatedBy: "](").dropFirst().compactMap { $0.components(separatedBy: ")").first }
      .filter { !$0.contains("://") }
    #expect(links.count >= 5)
    for link in links {
      let file = link.components(separatedBy: "#")[0]
      #expect(FileManager.default.fileExists(atPath: Workshop.package + "/" + file), "\(link)")
    }
  }

  @Test func theExampleOfTheLibraryRuns() async throws {
    let example = try String(contentsOfFile: Workshop.package + "/Tests/ReadmeExample/main.swift", encoding: .utf8)
    let shown = example.components(separatedBy: "// example begins\n").last?
      .components(separatedBy: "\n// example ends").first
    #expect(blocks("swift") == [shown])
    let workshop = try place()
    try workshop.write("docs/freshet.yaml", "sources: [{ path: . }]\n")
    let outcome = try await workshop.run(Workshop.programs + "/readme-example", [], at: "docs")
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("created guide/keys.md\n"))
    #expect(outcome.output.contains("\ncreated 2, hits 2, versions 1"))
  }
}

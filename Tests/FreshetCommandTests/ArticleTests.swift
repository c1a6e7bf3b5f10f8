import Foundation
import Testing

/// The library's articles: their code is that of a program which is compiled with the tests, and runs here.
@Suite struct ArticleTests {
  private static let articles = Workshop.package + "/Sources/Freshet/Freshet.docc"

  /// The texts between a line that is the one mark and a line that is the other, without their common indentation.
  private func parts(of path: String, from start: String, to end: String) throws -> [String] {
    var parts: [[Substring]] = []
    var isInside = false
    for line in try String(contentsOfFile: path, encoding: .utf8).split(
      separator: "\n",
      omittingEmptySubsequences: false
    ) {
      let words = line.drop { $0 == " " }
      if !isInside, words == start {
        isInside = true
        parts.append([])
      } else if isInside, words == end {
        isInside = false
      } else if isInside {
        parts[parts.count - 1].append(line)
      }
    }
    return parts.map { lines in
      let indentation = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
      return lines.map { String($0.dropFirst(indentation)) }.joined(separator: "\n")
    }
  }

  private func names(in folder: String, _ suffix: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(suffix) }
  }

  @Test func theCodeOfTheArticlesIsThatOfTheProgram() throws {
    let program = Workshop.package + "/Tests/ArticleExamples"
    let shown = try names(in: Self.articles, ".md").flatMap {
      try parts(of: Self.articles + "/" + $0, from: "```swift", to: "```")
    }
    let compiled = try names(in: program, ".swift").flatMap {
      try parts(of: program + "/" + $0, from: "// snippet", to: "// end")
    }
    #expect(shown.count >= 20)
    #expect(shown.sorted() == compiled.sorted())
  }

  @Test(arguments: [
    ("Freshet", ["Keys keys.md"]),
    ("Tracking", ["created 1, modified 0", "2 of 2", "2 of 2 in ", "created backups.txt version 1"]),
    ("History", ["+1 −1", "/docs/keys.md true", " reads version "]),
    ("Events", ["created lost.md", "1 calls, 0 failed", "forget what is cached of backups.txt"]),
    ("Auditing", ["3 changes up to 3", "verified", "as it was recorded"]),
    ("YourOwnSink", ["titles: [\"backups.txt\", \"keys.md\"]"]),
    ("ScheduledJob", ["2 documents, 0 passages embedded", "ended with 0"]),
    ("SeveralSources", ["notes today.txt"]),
  ])
  func whatTheArticlesShowRuns(article: String, saying: [String]) async throws {
    let workshop = try Workshop()
    try workshop.write("docs/keys.md", "# Keys\n\nRotate the signing key once a quarter.\n")
    try workshop.write("docs/backups.txt", "The vault is copied every night.\n")
    try workshop.write("notes/today.txt", "Rotate the door code.\n")
    // The articles speak of the model that set-up installs.
    let places = ProcessInfo.processInfo.environment.filter {
      ["FRESHET_MODELS", "FRESHET_ONNXRUNTIME"].contains($0.key)
    }
    let program = Workshop.programs + "/article-examples"
    let outcome = try await workshop.run(program, [article], environment: places)
    #expect(outcome.code == 0, "\(outcome.errors)")
    for text in saying { #expect(outcome.output.contains(text), "\(outcome.output)") }
  }

  @Test func everyArticleIsRun() throws {
    let program = try String(
      contentsOfFile: Workshop.package + "/Tests/ArticleExamples/ArticleExamples.swift",
      encoding: .utf8
    )
    for name in try names(in: Self.articles, ".md") { #expect(program.contains("case \"\(name.dropLast(3))\":")) }
  }
}

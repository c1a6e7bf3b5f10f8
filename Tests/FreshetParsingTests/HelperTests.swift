import FreshetFormats
import FreshetModel
import FreshetParsing
import Foundation
import Testing

@Suite struct HelperTests {
  private func registry(_ options: HelperOptions) -> StandardParserRegistry {
    StandardParserRegistry(options: ParsingOptions(helper: options))
  }

  /// A program that stands in for the helper.
  private func program(_ script: String) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appending(path: "freshet-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appending(path: "helper")
    try Data(("#!/bin/sh\n" + script + "\n").utf8).write(to: file)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
    return file.path
  }

  @Test func oneHelperServesManyDocuments() async throws {
    let registry = StandardParserRegistry()
    for number in 0..<50 {
      let page = try await registry.outcome(of: "<h1>A</h1><p>Text \(number).", path: "a.html").rendition
      #expect(page.outline == ["heading 1: # A", "paragraph: Text \(number)."])
    }
    #expect(registry.helpers.started == 1)
  }

  @Test func noHelperIsStartedForText() async throws {
    let registry = StandardParserRegistry()
    _ = try await registry.outcome(of: "plain text", path: "a.txt").rendition
    _ = try await registry.outcome(of: "{\"text\":\"plain\"}", path: "a.json").rendition
    #expect(registry.helpers.started == 0)
  }

  @Test func concurrentDocumentsShareTheHelpers() async throws {
    let registry = registry(HelperOptions(count: 2))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<40 {
        group.addTask {
          let page = try await registry.outcome(of: "# T\n\n\(number)\n", path: "a.md").rendition
          #expect(page.outline == ["heading 1: # T", "paragraph: \(number)"])
        }
      }
      try await group.waitForAll()
    }
    #expect((1...2).contains(registry.helpers.started))
  }

  @Test func textInAnOldEncodingGoesThroughTheHelper() async throws {
    let registry = StandardParserRegistry()
    let bytes: [UInt8] = Array("Le caf".utf8) + [0xE9] + Array(" est ferm".utf8) + [0xE9] + Array(" aujourd'hui".utf8)
    let type = "text/plain; charset=ISO-8859-1"
    let page = try await registry.outcome(of: bytes, path: "a.txt", mediaType: type).rendition
    #expect(page.text == "Le café est fermé aujourd'hui")
    #expect(page.outline == ["paragraph: Le café est fermé aujourd'hui"])
    let table = try await registry.outcome(of: Array("a,b\n1,".utf8) + [0xE9], path: "a.csv").rendition
    #expect(table.text == "| a | b |\n| --- | --- |\n| 1 | é |\n")
  }

  @Test func aHelperThatIsMissingIsSaid() async throws {
    let registry = registry(HelperOptions(executable: "/nowhere/freshet-parse"))
    let outcome = try await registry.outcome(of: "<p>x", path: "dir/a.html")
    #expect(outcome.error?.path?.hasSuffix("a.html") == true || outcome.error?.path == "/nowhere/freshet-parse")
    #expect(outcome.error != nil)
  }

  @Test func aHelperThatDoesNotAnswerIsKilled() async throws {
    let registry = registry(HelperOptions(executable: try program("exec sleep 1000"), deadline: .milliseconds(200)))
    let outcome = try await registry.outcome(of: "<p>x", path: "a.html")
    #expect(outcome.error?.code == .parserTimeout)
    #expect(outcome.error?.path == "a.html")
  }

  @Test(arguments: ["exit 3", "kill -SEGV $$", "printf '\\1\\0\\0\\0x' >&3; sleep 5", "head -c 100000 /dev/zero >&3"])
  func aHelperThatDiesOrLiesFailsTheDocument(_ script: String) async throws {
    let registry = registry(HelperOptions(executable: try program(script)))
    let outcome = try await registry.outcome(of: "<p>x", path: "a.html")
    #expect(outcome.error?.code == .parserFailed)
  }

  @Test(arguments: [96, 160, 256])
  func aDocumentThatNeedsTooMuchMemoryFailsAloneAndTheNextIsParsed(_ mebibytes: Int) async throws {
    let registry = registry(HelperOptions(memoryBytes: mebibytes << 20))
    let large = String(repeating: "<p>word <b>more</b>", count: 2_000_000)
    let outcome = try await registry.outcome(of: large, path: "large.html")
    #expect(outcome.error?.code == .parserFailed)
    #expect(try await registry.outcome(of: "<p>x", path: "a.html").rendition.text == "x\n")
    #expect((1...2).contains(registry.helpers.started))
  }

  @Test func helpersAreReplacedAfterSoManyDocuments() async throws {
    let registry = registry(HelperOptions(recycleDocuments: 3))
    for _ in 0..<7 { _ = try await registry.outcome(of: "# x", path: "a.md").rendition }
    #expect(registry.helpers.started == 3)
  }

  @Test func refusalsComeThroughTheHelper() async throws {
    let registry = StandardParserRegistry()
    #expect(try await registry.outcome(of: "<p> ", path: "a.html").error?.code == .noText)
    let deep = String(repeating: "<div>", count: 100_000)
    #expect(try await registry.outcome(of: deep, path: "a.html").error?.code == .tooComplex)
    #expect(registry.helpers.started == 1)
  }

  @Test func aClosedPoolRefusesDocuments() async throws {
    let registry = StandardParserRegistry()
    _ = try await registry.outcome(of: "# x", path: "a.md").rendition
    registry.close()
    #expect(try await registry.outcome(of: "# x", path: "a.md").error != nil)
  }
}

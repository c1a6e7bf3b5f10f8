import Foundation
import Testing

/// What the command says of errors, slips and small numbers.
@Suite struct SentenceTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.writeDocuments()
  }

  private func object(_ line: String) throws -> [String: Any] {
    #expect(line.split(separator: "\n").count == 1, "\(line)")
    return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }

  @Test(arguments: [
    (["search", "keys", "--json"], Int32(10), "no_collection"), (["sync", "--jsn", "--json"], 64, "usage"),
    (["show", "nothing.md", "--json", "-c", "docs"], 1, "not_found"),
    (["list", "--json", "-c", "docs", "--filter", "a ="], 64, "invalid_argument"),
  ])
  func withJSONAnErrorIsOneLineOfIt(words: [String], code: Int32, name: String) async throws {
    _ = try await workshop.freshet("sync", "docs")
    let outcome = try await workshop.run(Workshop.programs + "/freshet", words)
    #expect(outcome.code == code && outcome.output.isEmpty)
    let line = try object(outcome.errors)
    #expect(line["type"] as? String == "error")
    let error = try #require(line["error"] as? [String: Any])
    #expect(error["code"] as? String == name && (error["message"] as? String)?.isEmpty == false)
  }

  @Test func theLogsFormIsThatOfTheLastErrorToo() async throws {
    for words in [["sync", "--log-format", "json"], ["sync", "--log-format=json"]] {
      let line = try object(try await workshop.run(Workshop.programs + "/freshet", words).errors)
      #expect(line["level"] as? String == "error" && line["at"] != nil)
      #expect((line["message"] as? String)?.contains("freshet init") == true)
    }
  }

  @Test func aVariableThatLooksLikeASlipIsWarnedOf() async throws {
    let slip = try await workshop.freshet("sync", "docs", environment: ["FRESHET_CHNK_SOFT": "100"])
    #expect(slip.code == 0)
    #expect(slip.errors.contains("variable FRESHET_CHNK_SOFT; did you mean FRESHET_CHUNK_SOFT?"), "\(slip.errors)")
    let others = ["FRESHET_HASH_EMBEDDER_LOG": workshop.path + "/log", "FRESHET_OF_SOMEBODY_ELSE": "1"]
    #expect(try await workshop.freshet("status", at: "docs", environment: others).errors.isEmpty)
  }

  @Test func documentsThatFailedBeforeAreNotForgotten() async throws {
    try workshop.write("docs/broken.json", "{\"text\":")
    #expect(try await workshop.freshet("sync", "docs").code == 3)
    let again = try await workshop.freshet("sync", "docs")
    #expect(again.errors.contains("1 document still fails; `freshet failures` says why."), "\(again.errors)")
    #expect(try await workshop.freshet("sync", "docs", "-q").errors.isEmpty)
  }

  @Test func oneIsSingular() async throws {
    try workshop.write("one/a.md", "One document.\n")
    #expect(try await workshop.freshet("sync", "one").output.contains("; 1 chunk, 1 embedded"))
    #expect(try await workshop.freshet("status", at: "one").output.contains("1, with 1 version\n"))
    try workshop.remove("one/a.md")
    let sync = try await workshop.freshet("sync", "one")
    #expect(sync.code == 4 && sync.errors.contains("the source is empty where 1 document was"), "\(sync.errors)")
  }

  @Test func oneLongNameDoesNotPadEveryLine() async throws {
    try workshop.write("docs/" + String(repeating: "long-", count: 40) + ".md", "A long name.\n")
    _ = try await workshop.freshet("sync", "docs")
    let lines = try await workshop.freshet("list", at: "docs").lines
    #expect(lines.filter { $0.count > 140 }.count == 1)
    #expect(lines.contains { $0.contains(String(repeating: "long-", count: 40) + ".md  ") })
  }

  @Test func whatTheRulesLeaveOutNowIsSaidSo() async throws {
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\n")
    try workshop.write("docs/large.txt", "Small at first.\n")
    _ = try await workshop.freshet("sync")
    try workshop.write("docs/large.txt", String(repeating: "Large. ", count: 1000))
    let limit = ["FRESHET_SYNC_MAX_FILE_SIZE": "1 kB"]
    let sync = try await workshop.freshet("sync", "-v", environment: limit)
    #expect(sync.output.contains("deleted docs:large.txt (left out by the rules now"), "\(sync.output)\(sync.errors)")
  }
}

import Foundation
import Testing

@Suite struct AuditTests {
  private let workshop: Workshop
  private static let updates = ProcessInfo.processInfo.environment["FRESHET_UPDATE_SNAPSHOTS"] != nil

  init() throws {
    workshop = try Workshop()
    try workshop.writeDocuments()
  }

  /// A history with every kind of change that a folder makes, one at a time, so that their order is certain, and a name
  /// that is hard to write down.
  private func makeHistory() async throws {
    func sync(_ actor: String) async throws {
      let outcome = try await workshop.freshet("sync", "docs", "--actor", actor, "--allow-mass-delete")
      #expect(outcome.code == 0, "\(outcome.errors)")
    }
    let hostile = "docs/=1+1|`x`<b>[a](https:%2F%2Fexample.com), \"q\"@example.com.md"
    try workshop.remove("docs/keys.md")
    try await sync("alice | <b>")
    try workshop.write("docs/keys.md", "# Keys\n\nRotate the keys once a year.\n")
    try await sync("alice | <b>")
    try workshop.write(hostile, "# Hostile\n\nNothing but a name.\n")
    try await sync("alice | <b>")
    try workshop.write("docs/keys.md", "# Keys\n\nRotate the keys twice a year.\n")
    try await sync("bob")
    try workshop.write("docs/moved.md", try workshop.text("docs/guide/backup.md"))
    try workshop.remove("docs/guide/backup.md")
    try await sync("bob")
    try workshop.remove(hostile)
    try await sync("bob")
  }

  /// Compares with a snapshot, in which times, identities and hashes have names.
  private func expect(_ text: String, equals name: String) throws {
    var text = text.replacingOccurrences(of: workshop.path, with: "PLACE")
    for (pattern, word) in [
      (#"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"#, "TIME"),
      (#"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"#, "IDENTITY"),
      (#"\b[0-9a-f]{64}\b"#, "HASH"), (#"\brun [0-9a-f]{8}\b"#, "run IDENTITY"), (#"`[0-9a-f]{8}`"#, "`IDENTITY`"),
      (#""report":\{.*\},"outcome""#, #""report":{},"outcome""#),
    ] {
      text = text.replacingOccurrences(of: pattern, with: word, options: .regularExpression)
    }
    let place = URL(filePath: Workshop.package + "/Tests/FreshetCommandTests/Snapshots/" + name)
    if Self.updates { try Data(text.utf8).write(to: place) }
    let expected = String(decoding: try Data(contentsOf: place), as: UTF8.self)
    #expect(text == expected, "\(name) differs; look, then run with FRESHET_UPDATE_SNAPSHOTS=1")
  }

  @Test func everyFormatIsThatOfItsSnapshot() async throws {
    try await makeHistory()
    for (format, file) in [
      ("text", "audit.txt"), ("json", "audit.jsonl"), ("markdown", "audit.md"), ("csv", "audit.csv"),
    ] {
      let report = try await workshop.freshet("audit", "--format", format, at: "docs")
      #expect(report.code == 0)
      try expect(report.output, equals: file)
      if format == "csv" {
        #expect(report.errors.contains("Head        6:"))
      } else {
        #expect(report.errors.isEmpty)
      }
    }
    let json = try await workshop.freshet("audit", "--json", at: "docs")
    #expect(try json.objects().compactMap { $0["type"] as? String }.filter { $0 == "change" }.count == 6)
    _ = try await workshop.freshet("audit", "--format", "csv", "-q", "-o", "report.csv", at: "docs")
    #expect(try workshop.text("docs/report.csv").split(separator: "\r\n").count == 7)
  }

  @Test func aReportIsOfItsPeriodSourceAndDocument() async throws {
    try await makeHistory()
    func sequences(_ arguments: String...) async throws -> [Int] {
      let words = ["audit", "--json"] + arguments
      let report = try await workshop.run(Workshop.programs + "/freshet", words, at: "docs")
      #expect(report.code == 0, "\(report.errors)")
      return try report.objects().filter { $0["type"] as? String == "change" }.compactMap { $0["sequence"] as? Int }
        .sorted()
    }
    #expect(try await sequences("--since", "1d") == [1, 2, 3, 4, 5, 6])
    #expect(try await sequences("--since", "3") == [4, 5, 6])
    #expect(try await sequences("--since", "1", "--until", "3") == [2, 3])
    #expect(try await sequences("--until", "2020-01-01") == [])
    #expect(try await sequences("--document", "keys.md").count == 2)
    #expect(try await sequences("--source", "docs").count == 6)
    let last = try #require(try await workshop.freshet("runs", "--json", at: "docs").objects().first?["run"] as? String)
    #expect(try await sequences("--since", last) == [6])
  }

  @Test func whatCannotBeReportedIsSaid() async throws {
    try await makeHistory()
    for (words, code) in [
      (["--since", "soon"], 64), (["--since", "99"], 64), (["--source", "nothing"], 1),
      (["--document", "nothing.md"], 1),
    ] {
      let report = try await workshop.run(Workshop.programs + "/freshet", ["audit"] + words, at: "docs")
      #expect(report.code == code && report.output.isEmpty && !report.errors.isEmpty, "\(words): \(report)")
    }
    #expect(try await workshop.freshet("audit", "--json", "--format", "csv", at: "docs").code == 64)
    #expect(try await workshop.freshet("audit", "--format", "pdf", at: "docs").code == 64)
    #expect(try await workshop.freshet("audit", at: "home").code == 10)
  }

  @Test func documentsAreVerifiedOneByOne() async throws {
    try await makeHistory()
    let two = try await workshop.freshet("verify", "keys.md", "moved.md", at: "docs")
    #expect(
      two.code == 0 && two.output == "docs:keys.md: verified, 2 versions.\ndocs:moved.md: verified, 2 versions.\n"
    )
    let json = try await workshop.freshet("verify", "--json", "keys.md", at: "docs").last()
    #expect(json["ok"] as? Bool == true && json["versions"] as? Int == 2 && json["contents"] as? Int == 2)
    #expect(try await workshop.freshet("verify", "nothing.md", at: "docs").code == 1)
    #expect(try await workshop.freshet("verify", "keys.md", "--head", "1:00", at: "docs").code == 64)
  }

  @Test func aHeadIsRecordedAndComparedLater() async throws {
    try await makeHistory()
    let recorded = try await workshop.freshet("verify", "--write-head", "../head", at: "docs")
    #expect(recorded.code == 0 && recorded.output.contains("recorded in ../head"))
    let printed = try await workshop.freshet("verify", "--write-head", "-", at: "docs")
    #expect(try printed.output == workshop.text("head") && printed.output.hasPrefix("freshet-head/1\n"))
    let same = try await workshop.freshet("verify", "--head", "../head", "--embeddings", "5", at: "docs")
    #expect(same.code == 0 && same.output.contains("The history leads through the recorded head, change 6."))
    let forged = try workshop.text("head").replacingOccurrences(of: "sequence 6", with: "sequence 7")
    try workshop.write("forged", forged)
    let other = try await workshop.freshet("verify", "--json", "--head", "../forged", at: "docs")
    let problems = try #require(try other.last()["problems"] as? [[String: Any]])
    #expect(other.code == 1 && problems.map { $0["code"] as? String } == ["head_restored"])
    let short = "6:" + String(repeating: "0", count: 64)
    let rewritten = try await workshop.freshet("verify", "--head", short, at: "docs")
    #expect(rewritten.code == 1 && rewritten.output.contains("head_rewritten"))
    let refused = try await workshop.freshet("verify", "--head", short, "--write-head", "no", at: "docs")
    #expect(refused.code == 1 && refused.errors.contains("not recorded") && !workshop.exists("docs/no"))
    for wrong in ["nothing", "6:xyz", "keys.md"] {
      #expect(try await workshop.freshet("verify", "--head", wrong, at: "docs").code == 64)
    }
  }
}

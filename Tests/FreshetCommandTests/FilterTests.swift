import Foundation
import Testing

/// Filters of the built command: the page about them is true, and slips are told.
@Suite struct FilterTests {
  private let workshop: Workshop

  init() async throws {
    workshop = try Workshop()
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\n")
    let keys = "---\ntitle: Rotating keys\nteam: ops\nlevel: 3\ntags: [security, keys]\n---\n"
    try write("guide/keys.md", keys + "# Keys\n\nRotate them once a year, and more.", "2026-11-21T09:30:20Z", size: 120)
    let backup = "---\ntitle: Backups\nteam: ops\nlevel: 1\ndraft: true\n---\n"
    try write("guide/backup.md", backup + "# Backups\n\nRestore one each month.", "2026-11-22T00:00:00Z", size: 92)
    try write("notes/todo.txt", "Things to do.\n", "2026-03-05T12:00:00Z", size: 2500)
    let page = "<title>Home</title><p>The first page of the documents.</p>"
    try write("index.html", page, "2025-12-31T23:59:59Z", size: 100)
    let sync = try await workshop.freshet("sync")
    #expect(sync.code == 0 && sync.output.contains("4 created"), "\(sync.errors)")
  }

  private func write(_ name: String, _ text: String, _ modified: String, size: Int) throws {
    try workshop.write("docs/" + name, text + String(repeating: " ", count: max(0, size - text.utf8.count)))
    let date = try #require(ISO8601DateFormatter().date(from: modified))
    try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: workshop.path + "/docs/" + name)
  }

  /// The rows of the page's tables of filters, and the documents that they name.
  private static func examples() throws -> [(filter: String, documents: Set<String>)] {
    let page = try String(contentsOfFile: Workshop.package + "/docs/filters.md", encoding: .utf8)
    var examples: [(String, Set<String>)] = []
    var isTable = false
    for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
      if line == "| Filter | Documents |" { isTable = true }
      if line.isEmpty { isTable = false }
      guard isTable, line.hasPrefix("| `") else { continue }
      let cells = line.components(separatedBy: " | ")
      let quoted = { (text: String) in text.components(separatedBy: "`").enumerated().filter { $0.0 % 2 == 1 }.map(\.1)
      }
      let filter = try #require(quoted(cells[0]).first)
      examples.append((filter, Set(quoted(cells[1]))))
    }
    return examples
  }

  @Test func theExamplesOfThePageAreTrue() async throws {
    let examples = try Self.examples()
    #expect(examples.count > 25)
    for (filter, documents) in examples {
      let list = try await workshop.freshet("list", "--json", "--filter", filter)
      #expect(list.code == 0 && list.errors.isEmpty, "\(filter): \(list.errors)")
      #expect(Set(try list.objects().compactMap { $0["origin"] as? String }) == documents, "\(filter)")
    }
  }

  @Test func aTouchedFileIsFoundByItsTimeAndIsNoChange() async throws {
    let date = try #require(ISO8601DateFormatter().date(from: "2031-05-06T07:08:09Z"))
    let file = workshop.path + "/docs/notes/todo.txt"
    try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: file)
    let sync = try await workshop.freshet("sync", "--json").last()
    #expect((sync["documents"] as? [String: Int])?["unchanged"] == 4)
    let list = try await workshop.freshet("list", "--json", "--filter", "modified = 2031-05-06").last()
    #expect(list["origin"] as? String == "notes/todo.txt")
    #expect(list["file_modified"] as? String == "2031-05-06T07:08:09.000Z")
    #expect((list["metadata"] as? [String: Any])?["modified"] as? String == "2031-05-06T07:08:09.000Z")
    #expect(try await workshop.freshet("list", "--json", "--filter", "modified = 2026-03-05").lines.isEmpty)
    #expect(try await workshop.freshet("verify").code == 0)
  }

  @Test func aTimeBeyondThoseThatCanBeToldIsTheLastOne() async throws {
    let file = workshop.path + "/docs/notes/todo.txt"
    let touch = try await workshop.run("/usr/bin/touch", ["-d", "2300-01-01", file])
    #expect(touch.code == 0 && FileManager.default.fileExists(atPath: file))
    #expect(try await workshop.freshet("sync").code == 0)
    let list = try await workshop.freshet("list", "--json", "--filter", "modified > 2200").last()
    #expect(list["origin"] as? String == "notes/todo.txt")
  }

  @Test func membersOfAFileAtTheRootHaveNoCategory() async throws {
    try workshop.write("docs/many.jsonl", "{\"id\": \"m/1\", \"text\": \"One of many.\"}\n")
    #expect(try await workshop.freshet("sync").code == 0)
    let list = try await workshop.freshet("list", "--json", "--filter", "category = \"\"").objects()
    #expect(list.compactMap { $0["origin"] as? String }.sorted() == ["index.html", "many.jsonl!/m/1"])
  }

  @Test func aFieldThatNoDocumentHasIsWarnedOf() async throws {
    for words in [["list"], ["search", "keys"]] {
      let program = Workshop.programs + "/freshet"
      let slip = try await workshop.run(program, words + ["--filter", "sorce = docs"])
      #expect(slip.code == 0 && slip.errors.contains("no document has the field `sorce`; did you mean `source`?"))
      let metadata = try await workshop.run(program, words + ["--filter", "teem = ops or levels > 2"])
      #expect(metadata.errors.contains("did you mean `team`?") && metadata.errors.contains("did you mean `level`?"))
      let known = try await workshop.run(program, words + ["--filter", "team = dev and not exists(gone)"])
      #expect(known.code == 0 && !known.errors.contains("Warning"), "\(known.errors)")
    }
    let json = try await workshop.freshet("search", "keys", "--json", "--filter", "sorce = docs").last()
    #expect((json["warnings"] as? [String])?.first?.contains("`sorce`") == true)
  }

  @Test(arguments: [
    "modified > \"yesterday\"", "modified = 1677-09-21T00:00:00.5Z", "modified > 2026-13-45", "modified = 2026-02-30",
    "size > big", "size ~ 1*",
  ])
  func aValueThatItsFieldCannotHaveIsRefused(filter: String) async throws {
    let list = try await workshop.freshet("list", "--filter", filter)
    #expect(list.code == 64 && list.output.isEmpty && list.errors.contains("filter, character "), "\(list.errors)")
  }

  @Test func aSourceThatDoesNotExistIsNamed() async throws {
    let list = try await workshop.freshet("list", "--source", "nosuch")
    #expect(list.code == 1 && list.errors.contains("nosuch: ") && list.errors.contains("docs"), "\(list.errors)")
    #expect(try await workshop.freshet("list", "--source", "docs").code == 0)
  }

  @Test func aSearchForNothingIsAWrongCall() async throws {
    for words in [["search", ""], ["search", " ", " "], ["search", "-k", "0", "keys"]] {
      #expect(try await workshop.run(Workshop.programs + "/freshet", words).code == 64)
    }
  }
}

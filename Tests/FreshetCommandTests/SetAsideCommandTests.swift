import Foundation
import Testing

/// What the command does with documents whose files were moved to the folder for failed ones.
@Suite(.timeLimit(.minutes(5))) struct SetAsideCommandTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\nfailures: { folder: failed }\n")
    try workshop.writeDocuments()
  }

  @Test func clearKeepsTheRecordOfWhatWasSetAsideAndSaysHowToGetItBack() async throws {
    try workshop.write("docs/w.json", "{ \"text\": \"The vault is copied every night.\" }")
    #expect(try await workshop.freshet("sync", "-q").code == 0)
    try workshop.write("docs/w.json", "{bad")
    try workshop.write("docs/rows.jsonl", "{\"id\": \"a\", \"text\": \"One.\"}\n{\"id\": \"b\"}\n")
    #expect(try await workshop.freshet("sync", "-q").code == 3)
    #expect(workshop.exists("docs/failed/w.json") && !workshop.exists("docs/w.json"))

    let cleared = try await workshop.freshet("failures", "clear")
    #expect(cleared.code == 3 && cleared.errors.contains("1 forgotten."), "\(cleared.errors)")
    #expect(cleared.errors.contains("its file lies in failed/w.json"), "\(cleared.errors)")
    #expect(cleared.errors.contains("`freshet failures retry` moves it back"), "\(cleared.errors)")
    let again = try await workshop.freshet("failures", "clear", "--json", "w.json")
    let kept = try again.last()["kept"] as? [[String: Any]]
    #expect(again.code == 3 && kept?.first?["origin"] as? String == "w.json")
    #expect(kept?.first?["source"] as? String == "docs" && kept?.first?["set_aside"] as? String == "failed/w.json")
    #expect(try again.last()["cleared"] as? Int == 0)

    // Its document stays, and the way back works.
    #expect(try await workshop.freshet("sync", "-q").code == 3)
    #expect(try await workshop.freshet("list", "--json").output.contains("\"origin\":\"w.json\""))
    try workshop.write("docs/failed/w.json", "{ \"text\": \"The vault is copied twice.\" }")
    let retried = try await workshop.freshet("failures", "retry", "w.json")
    #expect(retried.code == 0 && retried.output.contains("1 modified"), "\(retried.output)\(retried.errors)")
    #expect(workshop.exists("docs/w.json") && !workshop.exists("docs/failed/w.json"))
  }

  @Test func clearForgetsAFailureWhoseFileIsBackInItsPlace() async throws {
    try workshop.write("docs/w.json", "{bad")
    #expect(try await workshop.freshet("sync", "-q").code == 3)
    try FileManager.default.moveItem(
      atPath: workshop.path + "/docs/failed/w.json",
      toPath: workshop.path + "/docs/w.json"
    )
    let cleared = try await workshop.freshet("failures", "clear")
    #expect(cleared.code == 0 && cleared.errors == "1 forgotten.\n", "\(cleared.errors)")
    #expect(try await workshop.freshet("failures", "--json").lines.isEmpty)
    #expect(try await workshop.freshet("sync", "-q").code == 3)
  }
}

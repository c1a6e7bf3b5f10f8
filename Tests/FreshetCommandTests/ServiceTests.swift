import Foundation
import Testing

/// A collection that is kept in step in the background, by the built command.
@Suite(.timeLimit(.minutes(10))) struct ServiceTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\n")
    try workshop.write("docs/keys.md", "# Keys\n\nRotate the signing key once a quarter.\n")
  }

  private func daemon(_ outcome: Outcome) throws -> [String: Any] {
    try #require(try outcome.last()["daemon"] as? [String: Any])
  }

  @Test func whatIsSavedIsFoundWhileTheServiceRuns() async throws {
    let started = try await workshop.freshet("start")
    #expect(started.code == 0 && started.errors.contains("Started: process "), "\(started.errors)")
    try await workshop.wait("search", "quarter", "--mode", "keyword", "--quiet") { $0.output.contains("keys.md") }
    try workshop.write("docs/new/vault.md", "# Vault\n\nIt is copied every night.\n")
    try await workshop.wait("search", "copied", "--mode", "keyword", "--quiet") { $0.output.contains("new/vault.md") }
    try workshop.remove("docs/keys.md")
    try await workshop.wait("list", "--json") { try $0.objects().map { $0["origin"] as? String } == ["new/vault.md"] }

    let status = try daemon(try await workshop.freshet("status", "--json"))
    #expect(status["running"] as? Bool == true && status["queue"] as? Int == 0)
    let process = try #require(status["pid"] as? Int)
    let documents = try #require(status["documents"] as? [String: Any])
    #expect(documents["created"] as? Int == 2 && documents["deleted"] as? Int == 1)
    #expect(try await workshop.freshet("status").output.contains("process \(process)"))
    // No second one starts.
    for verb in ["start", "watch"] {
      let refused = try await workshop.freshet(verb)
      #expect(refused.code == 11 && refused.errors.contains("process \(process)"), "\(refused.errors)")
    }
    let stopped = try await workshop.freshet("stop")
    #expect(stopped.code == 0 && stopped.errors.contains("Stopped."))
    #expect(try daemon(try await workshop.freshet("status", "--json"))["running"] as? Bool == false)
    #expect(try await workshop.freshet("stop").code == 0)
    #expect(try await workshop.freshet("verify").code == 0)
    #expect(try await workshop.freshet("sync", "--json").last()["checkpoints"] as? Int == 0)
  }

  @Test func aServiceThatCannotStartSaysWhy() async throws {
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\nembedder: { provider: http }\n")
    let started = try await workshop.run(
      Workshop.programs + "/freshet",
      ["start"],
      environment: ["FRESHET_EMBEDDER_PROVIDER": "http"]
    )
    #expect(started.code != 0 && started.errors.contains("embedder.url"), "\(started.errors)")
    #expect(try await workshop.freshet("stop").errors.contains("No service runs."))
  }

  @Test func theForegroundEndsWithASignalAndWhatIsDoneIsCommitted() async throws {
    let freshet = Workshop.programs + "/freshet"
    let outcome = try await workshop.run(freshet, ["watch", "--json"]) { process, output in
      let output = output.replacingOccurrences(of: ".err", with: ".out")
      let deadline = ContinuousClock.now + .seconds(60)
      while ContinuousClock.now < deadline, try !String(contentsOfFile: output, encoding: .utf8).contains("keys.md") {
        try await Task.sleep(for: .milliseconds(20))
      }
      kill(process, SIGTERM)
    }
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(try outcome.objects().map { $0["origin"] as? String } == ["keys.md"])
    #expect(try await workshop.freshet("search", "quarter", "--mode", "keyword").output.contains("keys.md"))
  }

  @Test func aServiceThatWasKilledLeavesNothingInTheWay() async throws {
    #expect(try await workshop.freshet("start").code == 0)
    let status = try daemon(try await workshop.freshet("status", "--json"))
    let process = try #require(status["pid"] as? Int)
    kill(pid_t(process), SIGKILL)
    try await workshop.wait("start") { $0.code == 0 }
    try await workshop.wait("search", "quarter", "--mode", "keyword", "--quiet") { $0.output.contains("keys.md") }
    #expect(try await workshop.freshet("stop").code == 0)
    #expect(try await workshop.freshet("verify").code == 0)
  }

  @Test func theUnitNamesCommandAndConfiguration() async throws {
    let unit = try await workshop.freshet("service", "--print")
    #expect(unit.code == 0 && unit.output.contains("Type=notify\n") && unit.output.contains("/freshet.yaml\""))
    #expect(unit.output.contains("\nExecReload=/bin/kill -HUP $MAINPID\n"))
    #expect(unit.output.contains("ExecStart=\"\(Workshop.programs)/freshet\" watch --quiet"))
  }
}

import Foundation
import Testing

/// What `stats`, `status` and the service's log say, by the built command.
@Suite(.timeLimit(.minutes(10))) struct StatsTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\nfailures: { folder: failed }\n")
    try workshop.write("docs/keys.md", "# Keys\n\nRotate the signing key once a quarter.\n")
    try workshop.write("docs/bad.json", "{ broken")
  }

  @Test func statsSumUpThePeriod() async throws {
    let synced = try await workshop.freshet("sync")
    #expect(synced.code == 3 && synced.errors.contains("bad.json: moved to failed/bad.json"), "\(synced.errors)")
    let day = try await workshop.freshet("stats", "--since", "24h", "--json").last()
    #expect(day["runs"] as? Int == 1 && day["failures"] as? Int == 1)
    #expect((day["documents"] as? [String: Any])?["created"] as? Int == 1)
    #expect((day["embeddings"] as? [String: Any])?["computed"] as? Int == 1)
    #expect((day["seconds"] as? [String: Any])?["committing"] is Double)
    let text = try await workshop.freshet("stats")
    #expect(text.output.contains("1 created") && text.output.contains("1 computed, 0 saved"), "\(text.output)")
    let status = try await workshop.freshet("status")
    #expect(status.output.contains("1 added and 0 removed") || status.output.contains("0 added and 0 removed"))
    #expect(status.output.contains("Processed"), "\(status.output)")
    #expect(try await workshop.freshet("stats", "--since", "42").code == 64)
    #expect(try await workshop.freshet("verify").code == 0)
  }

  @Test func theServicesLogIsBegunAnew() async throws {
    let call = { (words: [String]) in
      try await workshop.run(
        Workshop.programs + "/freshet",
        words,
        environment: ["FRESHET_LOG_MAX_SIZE": "300", "FRESHET_LOG_KEEP": "2", "FRESHET_STATS_INTERVAL": "50ms"]
      )
    }
    #expect(try await call(["start"]).code == 0)
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline, !workshop.exists(".freshet/service.log.2") {
      try await Task.sleep(for: .milliseconds(50))
    }
    #expect(workshop.exists(".freshet/service.log.2"))
    #expect(try await call(["stop"]).code == 0)
    #expect(!workshop.exists(".freshet/service.log.3"))
  }
}

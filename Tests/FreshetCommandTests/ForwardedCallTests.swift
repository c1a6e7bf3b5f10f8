import Foundation
import Testing

/// Calls that write, made while a service has the collection: they run in it, and nobody notices.
@Suite(.timeLimit(.minutes(10))) struct ForwardedCallTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\n")
    try workshop.writeDocuments()
  }

  /// What is of one call alone, or of one machine: identities, times, sizes, places.
  private func comparable(_ text: String, _ workshop: Workshop) -> String {
    var text = text.replacingOccurrences(of: workshop.path, with: "PLACE")
    for (pattern, name) in [
      ("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
      ("\"seconds\":\\{[^}]*\\}", "SECONDS"), ("\"peak_memory_bytes\":[0-9]+", "MEMORY"),
      ("\"run\":\"[0-9a-f]+\"", "RUN"), ("in [0-9.]+ (ms|s)", "TIME"), ("[0-9.]+ [kM]?B", "SIZE"),
      ("\"[a-z_]*(bytes|size|seconds)[a-z_]*\":[0-9.]+", "AMOUNT"), ("\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[^\"]*\"", "TIME"),
      ("\"file_[a-z]+\":[0-9]+", "AMOUNT"),
      ("change [0-9]+", "CHANGE"), ("\"sequence\":[0-9]+", "SEQUENCE"),
    ] {
      text = text.replacingOccurrences(of: pattern, with: name, options: .regularExpression)
    }
    return text
  }

  private func settle(_ workshop: Workshop) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
      let status = try await workshop.freshet("status", "--json").last()
      let daemon = try #require(status["daemon"] as? [String: Any])
      if daemon["working"] is NSNull, daemon["queue"] as? Int == 0, (status["documents"] as? Int ?? 0) > 0 { return }
      try await Task.sleep(for: .milliseconds(200))
    }
    Issue.record("the service is not done")
  }

  @Test func everyWritingVerbSaysAndEndsAsItDoesAlone() async throws {
    let alone = try Workshop()
    for workshop in [workshop, alone] {
      try workshop.write("freshet.yaml", "sources: [{ path: docs }]\n")
      try workshop.writeDocuments()
      try workshop.write("docs/broken.json", "{\"text\":")
    }
    #expect(try await alone.freshet("sync", "--quiet").code == 3)
    #expect(try await workshop.freshet("start").code == 0)
    try await settle(workshop)
    let calls: [(words: [String], folder: String, code: Int32)] = [
      (["sync"], "", 0), (["sync", "--quiet"], "", 0), (["sync", "--json"], "", 0), (["sync", "keys.md"], "docs", 0),
      (["sync", "--retry", "--json"], "", 3), (["sync", "--force", "-v"], "", 3), (["failures", "retry"], "", 3),
      (["failures", "retry", "--json", "../docs/broken.json"], "home", 3),
      (["failures", "retry", "keys.md"], "docs", 1), (["sync", "missing.md"], "docs", 1),
      (["sync", "--json", "missing.md"], "docs", 1), (["sync", ".."], "home", 0), (["sync", "/usr/lib"], "", 64),
      (["reindex"], "", 0), (["reindex", "--json"], "", 0), (["gc"], "", 0), (["gc", "--json"], "", 0),
      (["track", "keys.md", "-m", "team=ops"], "docs", 0), (["track", "-m", "=", "keys.md"], "docs", 64),
      (["restore", "keys.md"], "docs", 0), (["restore", "keys.md", "--json"], "docs", 0),
      (["restore", "keys.md", "--version", "7"], "docs", 1), (["migrate"], "", 0),
      (["failures", "clear", "--json"], "", 0), (["failures", "clear"], "", 0), (["failures", "retry"], "", 0),
    ]
    let freshet = Workshop.programs + "/freshet"
    for call in calls {
      let (lone, served) = (
        try await alone.run(freshet, call.words, at: call.folder),
        try await workshop.run(freshet, call.words, at: call.folder)
      )
      #expect(lone.code == call.code, "\(call.words): \(lone.errors)")
      #expect(served.code == lone.code, "\(call.words): \(served.errors)")
      #expect(comparable(served.output, workshop) == comparable(lone.output, alone), "\(call.words)")
      #expect(comparable(served.errors, workshop) == comparable(lone.errors, alone), "\(call.words)")
    }
    #expect(try await workshop.freshet("stop").code == 0)
    // A document whose failure was forgotten is not in step.
    for workshop in [workshop, alone] {
      try workshop.remove("docs/broken.json")
      #expect(try await workshop.freshet("sync", "--quiet").code == 0)
    }
    #expect(try await workshop.freshet("verify").code == 0)
    #expect(try await alone.freshet("verify").code == 0)
  }

  @Test func aMassDeletionIsAcceptedThroughTheService() async throws {
    for number in 0..<40 { try workshop.write("docs/z/\(number).md", "Text number \(number).\n") }
    #expect(try await workshop.freshet("start").code == 0)
    try await settle(workshop)
    try workshop.remove("docs/z")
    #expect(try await workshop.freshet("sync").code == 4)
    let deadline = ContinuousClock.now + .seconds(60)
    while try await !workshop.freshet("status").output.contains("Held "), ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(200))
    }
    let accepted = try await workshop.freshet("sync", "--allow-mass-delete")
    // A few may have gone before there were too many.
    #expect(accepted.code == 0 && accepted.output.contains(" deleted, "), "\(accepted.output)\(accepted.errors)")
    #expect(try await workshop.freshet("list", "--json").objects().count == 2)
    #expect(try await !workshop.freshet("status").output.contains("Held "))
    #expect(try await workshop.freshet("stop").code == 0)
    #expect(try await workshop.freshet("verify").code == 0)
  }

  @Test func aCallThatMeansAnotherConfigurationIsToldSo() async throws {
    #expect(try await workshop.freshet("start").code == 0)
    try await settle(workshop)
    try workshop.write("other.yaml", "sources: [{ path: docs, exclude: ['guide/**'] }]\n")
    for words in [["sync", "--config", "other.yaml"], ["sync", "--no-recursive"]] {
      let refused = try await workshop.run(Workshop.programs + "/freshet", words)
      #expect(refused.code == 11 && refused.errors.contains("differ in: ") && refused.errors.contains("sources"))
      #expect(refused.errors.contains("freshet reload"), "\(refused.errors)")
    }
    let changed = try await workshop.freshet("sync", environment: ["FRESHET_CHUNK_SOFT": "150"])
    #expect(changed.code == 11 && changed.errors.contains("differ in: chunk."), "\(changed.errors)")
    #expect(try await workshop.freshet("list", "--json").objects().count == 2)
    #expect(try await workshop.freshet("stop").code == 0)
  }

  @Test func aWriterThatIsNoServiceIsWaitedForOrRefused() async throws {
    let hanging = ["FRESHET_HASH_EMBEDDER_DELAY_US": "3600000000"]
    let freshet = Workshop.programs + "/freshet"
    let workshop = workshop
    let first = try await workshop.run(freshet, ["sync"], environment: hanging) { process, _ in
      let deadline = ContinuousClock.now + .seconds(60)
      while try workshop.exists(".freshet/lock") == false || workshop.text(".freshet/lock").isEmpty,
        ContinuousClock.now < deadline
      {
        try await Task.sleep(for: .milliseconds(100))
      }
      let refused = try await workshop.freshet("sync", "--quiet")
      #expect(refused.code == 11 && refused.errors.contains("process \(process)"), "\(refused.errors)")
      let waited = try await workshop.run(freshet, ["sync", "--quiet", "--wait", "5m"]) { _, _ in
        kill(process, SIGKILL)
      }
      #expect(waited.code == 0 && waited.output.isEmpty && waited.errors.isEmpty, "\(waited.errors)")
    }
    #expect(first.code == 137, "\(first.errors)")
  }

  // MARK: Interruption

  /// A service whose embedder takes most of a second for each text, in a collection of 32 documents that are in step.
  private func startSlowly() async throws {
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\nembedder: { batch: 1 }\n")
    for number in 0..<30 { try workshop.write("docs/z/\(number).md", "Text number \(number).\n") }
    #expect(try await workshop.freshet("sync", "--quiet").code == 0)
    let started = try await workshop.run(
      Workshop.programs + "/freshet",
      ["start"],
      environment: ["FRESHET_HASH_EMBEDDER_DELAY_US": "700000"]
    )
    #expect(started.code == 0, "\(started.errors)")
    try await settle(workshop)
  }

  /// Embeds everything again in the service, which takes seconds, and does something once that is under way.
  private func interrupted(
    _ body: @escaping @Sendable (Int32) async throws -> Void
  ) async throws -> Outcome {
    let workshop = workshop
    let words = ["sync", "--force", "--no-cache", "--json"]
    return try await workshop.run(Workshop.programs + "/freshet", words) { process, _ in
      let deadline = ContinuousClock.now + .seconds(60)
      while ContinuousClock.now < deadline {
        if try await workshop.daemon()?["working"] as? String == "sync" { break }
        try await Task.sleep(for: .milliseconds(100))
      }
      try await body(process)
    }
  }

  private func finish() async throws {
    try await settle(workshop)
    #expect(try await workshop.freshet("stop").code == 0)
    #expect(try await workshop.freshet("verify").code == 0)
  }

  @Test func ctrlCAtTheClientEndsTheVerbAsItDoesAlone() async throws {
    try await startSlowly()
    let outcome = try await interrupted { kill($0, SIGINT) }
    #expect(outcome.code == 130 && outcome.errors.contains("Interrupted: committing what is done …"))
    #expect(try outcome.last()["interrupted"] as? Bool == true)
    try await finish()
  }

  @Test func aClientThatIsKilledLeavesTheServiceFree() async throws {
    try await startSlowly()
    let outcome = try await interrupted { kill($0, SIGKILL) }
    #expect(outcome.code == 137)
    let next = try await workshop.freshet("sync", "--quiet")
    #expect(next.code == 0, "\(next.errors)")
    try await finish()
  }

  @Test func aServiceThatIsStoppedMeanwhileTellsTheClient() async throws {
    try await startSlowly()
    let workshop = workshop
    let outcome = try await interrupted { (_: Int32) async throws -> Void in
      #expect(try await workshop.freshet("stop").code == 0)
    }
    #expect(outcome.code == 130 && outcome.errors.contains("The service is ending"), "\(outcome.errors)")
    #expect(try outcome.last()["interrupted"] as? Bool == true)
    #expect(try await workshop.freshet("verify").code == 0)
  }

  @Test func aServiceThatIsKilledMeanwhileIsToldToo() async throws {
    try await startSlowly()
    let workshop = workshop
    let outcome = try await interrupted { (_: Int32) async throws -> Void in
      kill(pid_t(try #require(try await workshop.daemon()?["pid"] as? Int)), SIGKILL)
    }
    #expect(outcome.code == 1 && outcome.errors.contains("ended before the call did"), "\(outcome.errors)")
    let next = try await workshop.freshet("sync", "--quiet")
    #expect(next.code == 0, "\(next.errors)")
    #expect(try await workshop.freshet("verify").code == 0)
  }

  @Test func twoClientsAtOnceAreServedOneAfterTheOther() async throws {
    try await startSlowly()
    let workshop = workshop
    let first = try await interrupted { (_: Int32) async throws -> Void in
      let second = try await workshop.freshet("reindex")
      #expect(second.code == 0 && second.output.contains("The index is at change"), "\(second.errors)")
    }
    #expect(first.code == 0, "\(first.errors)")
    #expect(try first.last()["interrupted"] as? Bool == false)
    try await finish()
  }
}

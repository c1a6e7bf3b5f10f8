import Foundation
import Testing

/// What can be done while `freshet.yaml` cannot be used: a service ends, and what it knows is told.
@Suite(.timeLimit(.minutes(10))) struct FaultyConfigurationTests {
  private let workshop: Workshop
  private static let good = "sources: [{ path: docs }]\n"
  /// Breaks off after what stands before it.
  private static let brokenEnd = "  bad: [\n"

  init() throws {
    workshop = try Workshop()
    try workshop.write("freshet.yaml", Self.good)
    try workshop.writeDocuments()
  }

  private func start(_ configuration: String = good) async throws {
    try workshop.write("freshet.yaml", configuration)
    let started = try await workshop.freshet("start", "--trust")
    #expect(started.code == 0, "\(started.errors)")
    try await workshop.wait("list", "--json", "--trust") { try $0.objects().count == 2 }
  }

  /// Ends what a test may have left, as no test expects it to be there.
  private func requireStopped(_ configuration: String = good) async throws {
    try workshop.write("freshet.yaml", configuration)
    let status = try await workshop.freshet("status", "--json", "--trust").last()["daemon"] as? [String: Any]
    #expect(status?["running"] as? Bool == false)
    _ = try await workshop.freshet("stop", "--trust")
  }

  @Test(arguments: [
    good + brokenEnd, brokenEnd + good, good + "chunk: { soft: many }\n", good + "embeder: { provider: hash }\n",
    "\u{0}",
    good + "log: { file: /var/log/freshet.log }\n",
  ])
  func stopEndsTheServiceAndWarns(_ faulty: String) async throws {
    try await start()
    try workshop.write("freshet.yaml", faulty)
    let stopped = try await workshop.freshet("stop")
    #expect(stopped.code == 0 && stopped.errors.contains("Stopped."), "\(stopped.errors)")
    #expect(stopped.errors.contains("Warning: The configuration cannot be used: "), "\(stopped.errors)")
    #expect(stopped.errors.contains("freshet.yaml"), "\(stopped.errors)")
    try await requireStopped()
  }

  @Test func stopFindsTheCollectionThatTheFileNames() async throws {
    for (place, faulty) in [
      ("elsewhere", { $0 + Self.good + Self.brokenEnd }), (workshop.path + "/home/collection", { $0 + "bad: [\n" }),
    ] as [(String, (String) -> String)] {
      let named = "collection: \(place)\n"
      try await start(named + Self.good)
      try workshop.write("freshet.yaml", faulty(named))
      let stopped = try await workshop.freshet("stop", "--json", at: "docs")
      #expect(try stopped.code == 0 && stopped.last()["stopped"] as? Bool == true, "\(stopped.errors)")
      // In a file that can be read to that place, that no service runs is known.
      let again = try await workshop.freshet("stop")
      #expect(again.code == 0 && again.errors.contains("No service runs."), "\(again.errors)")
      try await requireStopped(named + Self.good)
    }
    // What stands behind the fault, or runs into it, is believed when a service there says so.
    let named = "collection: elsewhere\n"
    for faulty in [Self.good + named + Self.brokenEnd, Self.brokenEnd + named] {
      try await start(named + Self.good)
      try workshop.write("freshet.yaml", faulty)
      let stopped = try await workshop.freshet("stop")
      #expect(stopped.code == 0 && stopped.errors.contains("Stopped."), "\(stopped.errors)")
      let again = try await workshop.freshet("stop")
      #expect(again.code == 1 && again.errors.contains("/elsewhere no service runs"), "\(again.errors)")
      try await requireStopped(named + Self.good)
    }
  }

  @Test func stopSaysWhenOnlyTheFileWouldKnowThePlace() async throws {
    let named = "{ collection: elsewhere, sources: [{ path: docs }] }\n"
    try await start(named)
    try workshop.write("freshet.yaml", "{ bad: ]" + named)
    let lost = try await workshop.freshet("stop")
    #expect(lost.code == 1 && lost.errors.contains("it is not known for certain which"), "\(lost.errors)")
    #expect(lost.errors.contains("FRESHET_COLLECTION=FOLDER freshet stop"), "\(lost.errors)")
    let found = try await workshop.freshet("stop", environment: ["FRESHET_COLLECTION": "elsewhere"])
    #expect(found.code == 0 && found.errors.contains("Stopped."), "\(found.errors)")
    try await requireStopped(named)
  }

  @Test func stopEndsTheServiceWhoseNamedFileIsGone() async throws {
    try workshop.write("named.yaml", Self.good)
    #expect(try await workshop.freshet("start", "--config", "named.yaml").code == 0)
    try workshop.remove("named.yaml")
    let stopped = try await workshop.freshet("stop", "--config", "named.yaml")
    #expect(stopped.code == 0 && stopped.errors.contains("Stopped."), "\(stopped.errors)")
    #expect(stopped.errors.contains("named.yaml: cannot be opened"), "\(stopped.errors)")
  }

  @Test func stopLeavesTheServiceOfAnotherConfiguration() async throws {
    try workshop.write("other.yaml", Self.good)
    #expect(try await workshop.freshet("start", "--config", "other.yaml").code == 0)
    for faulty in [Self.good + Self.brokenEnd, "collection: .freshet\nbad: [\n"] {
      try workshop.write("freshet.yaml", faulty)
      let refused = try await workshop.freshet("stop")
      #expect(refused.code == 1 && refused.errors.contains("works with another configuration"), "\(refused.errors)")
    }
    let stopped = try await workshop.freshet("stop", "--config", "other.yaml")
    #expect(stopped.code == 0 && stopped.errors == "Stopped.\n", "\(stopped.errors)")
  }

  @Test func statusTellsOfCollectionAndServiceAndWarns() async throws {
    try await start()
    let healthy = try await workshop.freshet("status", "--json").last()
    #expect(healthy["configuration_error"] is NSNull)
    #expect((healthy["daemon"] as? [String: Any])?["configuration"] as? String == workshop.path + "/freshet.yaml")
    try workshop.write("freshet.yaml", Self.good + Self.brokenEnd)
    let status = try await workshop.freshet("status")
    #expect(status.code == 0 && status.output.contains("Service     process "), "\(status.errors)")
    #expect(status.errors.contains("Warning: The configuration cannot be used: "), "\(status.errors)")
    let json = try await workshop.freshet("status", "--json").last()
    #expect(json["documents"] as? Int == 2 && (json["daemon"] as? [String: Any])?["running"] as? Bool == true)
    #expect((json["configuration_error"] as? [String: Any])?["code"] as? String == "invalid_configuration")
    #expect(json["rebuild_threshold"] is NSNull)
    // And without a service.
    #expect(try await workshop.freshet("stop").code == 0)
    let after = try await workshop.freshet("status")
    #expect(after.code == 0 && after.output.contains("Documents   2") && !after.output.contains("Service"))
    #expect(after.errors.contains("freshet.yaml:2:"), "\(after.errors)")
  }

  @Test func statusDoesNotTakeAnotherCollectionForTheConfigurations() async throws {
    try workshop.write("other.yaml", Self.good)
    #expect(try await workshop.freshet("sync", "-q", "--config", "other.yaml").code == 0)
    try workshop.write("freshet.yaml", Self.good + Self.brokenEnd)
    let status = try await workshop.freshet("status")
    #expect(status.code == 1 && status.output.isEmpty && status.errors.contains("not valid YAML"), "\(status.errors)")
    #expect(try await workshop.freshet("status", "--config", "other.yaml").code == 0)
  }

  @Test func searchIsAnsweredByTheServiceThatStillWorks() async throws {
    try await start()
    let words = ["search", "rotate the keys", "--json", "-k", "1"]
    let freshet = Workshop.programs + "/freshet"
    let before = try await workshop.run(freshet, words)
    try workshop.write("freshet.yaml", Self.good + Self.brokenEnd)
    let served = try await workshop.run(freshet, words)
    #expect(served.code == 0 && served.output == before.output, "\(served.output)\(served.errors)")
    #expect(served.errors.contains("the service answers with the one before"), "\(served.errors)")
    #expect(try await workshop.freshet("stop").code == 0)
    let alone = try await workshop.run(freshet, words)
    #expect(alone.code == 1 && alone.errors.contains("not valid YAML"), "\(alone.errors)")
  }
}

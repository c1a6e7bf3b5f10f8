import Foundation
import Synchronization
import Testing

/// A service that is told to read its configuration anew, or to end.
@Suite(.timeLimit(.minutes(10))) struct ServiceControlTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\n")
    try workshop.writeDocuments()
  }

  private func process() async throws -> pid_t {
    pid_t(try #require(try await workshop.daemon()?["pid"] as? Int))
  }

  private func origins(_ outcome: Outcome) throws -> [String] {
    try outcome.objects().compactMap { $0["origin"] as? String }.sorted()
  }

  @Test func sourcesThatAreAddedChangedAndRemovedAreTakenUpByAReload() async throws {
    try workshop.write("more/new.md", "# New\n\nIt was not there before.\n")
    #expect(try await workshop.freshet("start").code == 0)
    try await workshop.wait("list", "--json") { try origins($0) == ["guide/backup.md", "keys.md"] }
    let before = try await process()
    // Added.
    try workshop.write("freshet.yaml", "sources: [{ path: docs }, { path: more }]\n")
    let reloaded = try await workshop.freshet("reload", "--json")
    #expect(try reloaded.code == 0 && reloaded.last()["reloaded"] as? Bool == true, "\(reloaded.errors)")
    try await workshop.wait("list", "--json") { try origins($0) == ["guide/backup.md", "keys.md", "new.md"] }
    try workshop.write("more/newer.md", "# Newer\n\nSaved after the reload.\n")
    try await workshop.wait("list", "--json") {
      try origins($0) == ["guide/backup.md", "keys.md", "new.md", "newer.md"]
    }
    // Changed, by a signal.
    try workshop.write("freshet.yaml", "sources: [{ path: docs, exclude: ['guide/**'] }, { path: more }]\n")
    kill(before, SIGHUP)
    try await workshop.wait("list", "--json") { try origins($0) == ["keys.md", "new.md", "newer.md"] }
    // Removed.
    try workshop.write("freshet.yaml", "sources: [{ path: docs, exclude: ['guide/**'] }]\n")
    #expect(try await workshop.freshet("reload").code == 0)
    try await workshop.wait("list", "--json") { try origins($0) == ["keys.md"] }
    #expect(try await workshop.freshet("sync").code == 0)
    #expect(try await process() == before)
    #expect(try await workshop.freshet("stop").code == 0)
    #expect(try await workshop.freshet("verify").code == 0)
  }

  @Test func aFaultyConfigurationIsToldAndTheOneBeforeStaysInForce() async throws {
    #expect(try await workshop.freshet("start").code == 0)
    let service = try await process()
    try workshop.write("freshet.yaml", "sources: [{ path: docs, include: 3.5, exclude: { a: b } }]\n")
    #expect(try await workshop.freshet("reload").code == 1)
    kill(service, SIGHUP)
    let deadline = ContinuousClock.now + .seconds(60)
    while try !workshop.text(".freshet/service.log").contains("is refused; the one before stays"),
      ContinuousClock.now < deadline
    {
      try await Task.sleep(for: .milliseconds(100))
    }
    #expect(try workshop.text(".freshet/service.log").contains("freshet.yaml:1:"))
    try workshop.write("docs/late.md", "# Late\n\nSaved under the old one.\n")
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\n")
    try await workshop.wait("list", "--json") { try origins($0).contains("late.md") }
    #expect(try await process() == service)
    #expect(try await workshop.freshet("stop").code == 0)
  }

  @Test func whatCannotChangeWhileItRunsIsToldAndLeft() async throws {
    #expect(try await workshop.freshet("start").code == 0)
    try workshop.write(
      "freshet.yaml",
      "sources: [{ path: docs }]\nembedder: { provider: hash, dimension: 64 }\nchunk: { soft: 150 }\n"
    )
    let reloaded = try await workshop.freshet("reload")
    #expect(
      reloaded.code == 0 && reloaded.errors.contains("the embedding model is left as it is"),
      "\(reloaded.errors)"
    )
    #expect(try await workshop.freshet("status").output.contains("384 components"))
    #expect(try await workshop.freshet("stop").code == 0)
    #expect(try await workshop.freshet("reload").code == 1)
  }

  @Test func anEmbedderThatHangsDoesNotHoldTheEndUp() async throws {
    let freshet = Workshop.programs + "/freshet"
    let hanging = ["FRESHET_HASH_EMBEDDER_DELAY_US": "3600000000"]
    let workshop = workshop
    let outcome = try await workshop.run(freshet, ["watch"], environment: hanging) { process, _ in
      try await Self.working(workshop)
      kill(process, SIGTERM)
    }
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(try await workshop.freshet("sync", "--quiet").code == 0)
    #expect(try await workshop.freshet("verify").code == 0)
  }

  @Test func aSecondSignalEndsAtOnce() async throws {
    let freshet = Workshop.programs + "/freshet"
    let hanging = ["FRESHET_HASH_EMBEDDER_DELAY_US": "3600000000"]
    let workshop = workshop
    let sent = Mutex(ContinuousClock.now)
    let outcome = try await workshop.run(freshet, ["watch"], environment: hanging) { process, _ in
      try await Self.working(workshop)
      kill(process, SIGINT)
      kill(process, SIGTERM)
      sent.withLock { $0 = .now }
    }
    // Sooner than calls that hang are left.
    #expect(outcome.code == 130 && ContinuousClock.now - sent.withLock { $0 } < .seconds(8))
    #expect(try await workshop.freshet("sync", "--quiet").code == 0)
  }

  private static func working(_ workshop: Workshop) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
      let outcome = try await workshop.freshet("status", "--json")
      let daemon = outcome.code == 0 ? try outcome.last()["daemon"] as? [String: Any] : nil
      if let unit = daemon?["working"] as? String, unit == "load" || unit == "fresh" { return }
      try await Task.sleep(for: .milliseconds(100))
    }
    Issue.record("it is not at work")
  }

  @Test func aParserThatHangsDoesNotHoldTheEndUp() async throws {
    try workshop.write("docs/page.html", "<html><body><p>A page.</p></body></html>\n")
    #expect(try await workshop.freshet("start").code == 0)
    try await workshop.wait("list", "--json") { try origins($0).count == 3 }
    let service = try await process()
    let helpers = try Self.children(of: service)
    #expect(!helpers.isEmpty)
    for helper in helpers { kill(helper, SIGSTOP) }
    try workshop.write("docs/page.html", "<html><body><p>Another page.</p></body></html>\n")
    try await workshop.wait("status", "--json") { outcome in
      (try outcome.last()["daemon"] as? [String: Any])?["working"] as? String == "fresh"
    }
    let stopped = try await workshop.freshet("stop")
    #expect(stopped.code == 0, "\(stopped.errors)")
    #expect(try workshop.text(".freshet/service.log").contains("the service ends without it"))
    #expect(try await workshop.freshet("sync", "--json").last()["documents"] as? [String: Any] != nil)
    #expect(try await workshop.freshet("verify").code == 0)
  }

  private static func children(of process: pid_t) throws -> [pid_t] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter { candidate in
      guard let text = try? String(contentsOfFile: "/proc/\(candidate)/stat", encoding: .utf8),
        let fields = text.split(separator: ")").last?.split(separator: " "), fields.count > 1
      else { return false }
      return pid_t(fields[1]) == process
    }
  }

  @Test func theLineForCronThatThePageShowsWorks() async throws {
    let page = try String(contentsOfFile: Workshop.package + "/docs/live.md", encoding: .utf8)
    let line = try #require(page.split(separator: "\n").first { $0.hasPrefix("*/15 * * * * ") })
    let command = line.dropFirst("*/15 * * * * ".count).replacingOccurrences(of: "~/handbook", with: workshop.path)
    for expected in ["created", "nothing"] {
      let outcome = try await workshop.run("/bin/sh", ["-c", command])
      #expect(outcome.code == 0 && outcome.output.isEmpty && outcome.errors.isEmpty, "\(expected): \(outcome.errors)")
    }
    #expect(try origins(try await workshop.freshet("list", "--json")).count == 2)
    // Beside a service it runs in it.
    #expect(try await workshop.freshet("start").code == 0)
    let beside = try await workshop.run("/bin/sh", ["-c", command])
    #expect(beside.code == 0 && beside.output.isEmpty && beside.errors.isEmpty, "\(beside.errors)")
    #expect(try await workshop.freshet("stop").code == 0)
  }
}

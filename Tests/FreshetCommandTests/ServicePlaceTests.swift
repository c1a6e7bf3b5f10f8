import Foundation
import FreshetSystem
import Testing

/// A service whose control socket or collection's folder is removed or moved while it runs.
@Suite(.timeLimit(.minutes(10))) struct ServicePlaceTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.write("freshet.yaml", "sources: [{ path: docs }]\n")
    try workshop.writeDocuments()
  }

  private func process() async throws -> pid_t? {
    (try await workshop.daemon()?["pid"] as? Int).map { pid_t($0) }
  }

  /// Waits until something holds.
  private func until(_ holds: () throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try !holds() {
      guard ContinuousClock.now < deadline else {
        Issue.record("it did not come")
        return
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  private static func isAlive(_ process: pid_t) -> Bool {
    // A service is nobody's child; one that ended and that nobody waits for counts as gone.
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
    return !(text.split(separator: ")").last?.hasPrefix(" Z") ?? true)
  }

  /// The number of the process that the lock names.
  private func owner() throws -> pid_t? { try FileLock.owner(workshop.path + "/.freshet/lock") }

  @Test func aServiceThatDoesNotAnswerIsSaidAndNotWaitedForWithoutEnd() async throws {
    #expect(try await workshop.freshet("start").code == 0)
    let process = try #require(try await process())
    kill(process, SIGSTOP)
    let status = try await workshop.freshet("status", "--json")
    #expect(try status.code == 0 && status.last()["writer"] as? Int == Int(process), "\(status.errors)")
    #expect(status.errors.contains("does not answer"))
    let sync = try await workshop.freshet("sync", "--quiet", "--wait", "100ms")
    #expect(sync.code == 11 && sync.errors.contains("does not take the call"), "\(sync.errors)")
    kill(process, SIGCONT)
    try await workshop.wait("sync") { $0.code == 0 }
    #expect(try await workshop.freshet("stop").code == 0)
  }

  @Test func aServiceThatNothingIsLeftOfEndsWithACodeAfterWhichNoneIsMadeFromNothing() async throws {
    let workshop = workshop
    let ended = try await workshop.run(Workshop.programs + "/freshet", ["watch"]) { _, _ in
      try await workshop.wait("list", "--json") { $0.lines.count == 2 }
      try workshop.remove(".freshet")
    }
    #expect(ended.code == 10, "\(ended.errors)")
    #expect(try await workshop.freshet("service", "--print").output.contains("RestartPreventExitStatus=10"))
  }

  @Test(arguments: ["moved away", "removed"])
  func aServiceWhoseFolderIsGoneEndsAndTouchesNothingOfItsSuccessor(way: String) async throws {
    let freshet = Workshop.programs + "/freshet"
    let workshop = workshop
    let ghost = try await workshop.run(freshet, ["watch"]) { _, _ in
      try await workshop.wait("list", "--json") { $0.lines.count == 2 }
      if way == "removed" {
        try workshop.remove(".freshet")
      } else {
        try FileManager.default.moveItem(atPath: workshop.path + "/.freshet", toPath: workshop.path + "/old")
      }
      #expect(try await workshop.freshet("start").code == 0)
    }
    #expect(ghost.code == 1, "\(ghost.errors)")
    let said = ghost.errors.split(separator: "\n").filter { $0.contains("Error:") }
    #expect(said.count == 1 && said.first?.contains(workshop.path + "/.freshet: ") == true, "\(ghost.errors)")
    #expect(said.first?.contains("`freshet start`") == true)
    let successor = try #require(try await process())
    #expect(try successor == owner())
    try await workshop.wait("list", "--json") { $0.lines.count == 2 }
    #expect(try await workshop.freshet("sync", "--quiet").code == 0)
    #expect(try await workshop.freshet("stop").errors.contains("Stopped."))
    #expect(!Self.isAlive(successor))
    #expect(try await workshop.freshet("verify").code == 0)
  }

  @Test func aServiceThatEndsRemovesNoSocketButItsOwn() async throws {
    // A second signal would be too late: the first one finds the socket of the second service.
    let freshet = Workshop.programs + "/freshet"
    let workshop = workshop
    _ = try await workshop.run(freshet, ["watch", "--quiet"]) { process, _ in
      try await workshop.wait("list", "--json") { $0.lines.count == 2 }
      try FileManager.default.moveItem(atPath: workshop.path + "/.freshet", toPath: workshop.path + "/old")
      #expect(try await workshop.freshet("start").code == 0)
      kill(process, SIGTERM)
    }
    #expect(workshop.exists(".freshet/control.socket") && !workshop.exists("old/control.socket"))
    #expect(try await workshop.freshet("stop").errors.contains("Stopped."))
  }

  @Test func aControlSocketThatWasRemovedIsMadeAgain() async throws {
    #expect(try await workshop.freshet("start").code == 0)
    let service = try await process()
    try workshop.remove(".freshet/control.socket")
    // A call that comes sooner waits for it.
    let second = try await workshop.freshet("start")
    #expect(second.code == 11 && second.errors.contains("process \(service ?? 0)."), "\(second.errors)")
    #expect(try await process() == service)
    try workshop.remove(".freshet/control.socket")
    let reloaded = try await workshop.freshet("reload")
    #expect(reloaded.code == 0 && reloaded.errors.contains("has read its configuration"), "\(reloaded.errors)")
    try workshop.remove(".freshet/control.socket")
    let stopped = try await workshop.freshet("stop")
    #expect(stopped.code == 0 && stopped.errors.contains("Stopped."), "\(stopped.errors)")
    #expect(try owner() == nil)
    #expect(try workshop.text(".freshet/service.log").contains("made again"))
  }

  @Test func aServiceWhoseControlSocketCannotBeMadeIsFoundByItsLock() async throws {
    #expect(try await workshop.freshet("start").code == 0)
    let service = try #require(try await process())
    try workshop.remove(".freshet/control.socket")
    try workshop.write(".freshet/control.socket/in/the.way", "")
    let second = try await workshop.freshet("start")
    #expect(second.code == 11 && second.errors.contains("process \(service)"), "\(second.errors)")
    #expect(second.errors.components(separatedBy: "Error:").count == 2)
    let reloaded = try await workshop.freshet("reload")
    #expect(reloaded.code == 0 && reloaded.errors.contains("process \(service)"), "\(reloaded.errors)")
    try await until { try workshop.text(".freshet/service.log").contains("The configuration was read anew.") }
    let stopped = try await workshop.freshet("stop")
    #expect(stopped.code == 0 && stopped.errors.contains("process \(service)"), "\(stopped.errors)")
    #expect(stopped.errors.contains("Stopped.") && !Self.isAlive(service))
    #expect(try workshop.text(".freshet/service.log").components(separatedBy: "cannot be made again").count == 2)
    try workshop.remove(".freshet/control.socket")
    #expect(try await workshop.freshet("verify").code == 0)
  }

  @Test func aWriterThatIsNoServiceIsNeverSignalled() async throws {
    #expect(try await workshop.freshet("sync", "--quiet").code == 0)
    let lock = try FileLock.acquire(workshop.path + "/.freshet/lock")
    let own = ProcessInfo.processInfo.processIdentifier
    let stopped = try await workshop.freshet("stop")
    #expect(stopped.code == 0 && stopped.errors.contains("No service runs."), "\(stopped.errors)")
    #expect(stopped.errors.contains("process \(own)"))
    let started = try await workshop.freshet("start")
    #expect(started.code == 11 && started.errors.contains("process \(own)"), "\(started.errors)")
    #expect(started.errors.components(separatedBy: "Error:").count == 2)
    #expect(try await workshop.freshet("reload").code == 1)
    withExtendedLifetime(lock) {}
  }

  @Test func whichCollectionWasAskedIsSaidWhereNoServiceRuns() async throws {
    #expect(try await workshop.freshet("start").code == 0)
    try workshop.write("freshet.yaml", "collection: other\nsources: [{ path: docs }]\n")
    for verb in ["stop", "reload"] {
      let asked = try await workshop.freshet(verb)
      #expect(asked.errors.contains(workshop.path + "/other"), "\(asked.errors)")
    }
    let stopped = try await workshop.freshet("stop", environment: ["FRESHET_COLLECTION": ".freshet"])
    #expect(stopped.code == 0 && stopped.errors.contains("Stopped."), "\(stopped.errors)")
  }

  @Test func connectionsThatSayNothingHoldNobodyUp() async throws {
    #expect(try await workshop.freshet("start").code == 0)
    let silent = try (0..<100).compactMap { _ in
      try LocalSocket.connect(to: workshop.path + "/.freshet/control.socket")
    }
    #expect(silent.count == 100)
    let began = ContinuousClock.now
    for _ in 0..<3 { #expect(try await process() != nil) }
    // Three calls of the command; one silent connection alone was waited for ten seconds.
    #expect(ContinuousClock.now - began < .seconds(9))
    // They are ended.
    for connection in silent.suffix(3) {
      #expect(try connection.receive(limit: 10, within: .seconds(30)) == nil)
    }
    #expect(try await workshop.freshet("stop").code == 0)
    withExtendedLifetime(silent) {}
  }

  @Test(arguments: ["a\nb", "a\u{7F}b", "a\u{85}b"])
  func aUnitIsRefusedForAPathThatItCannotName(folder: String) async throws {
    try workshop.write(folder + "/freshet.yaml", "sources: [{ path: docs }]\n")
    try workshop.write(folder + "/docs/a.md", "A.\n")
    let unit = try await workshop.freshet("service", at: folder)
    #expect(unit.code == 1 && unit.output.isEmpty && unit.errors.contains("control character"), "\(unit.errors)")
    #expect(unit.errors.split(separator: "\n").count == 1)
  }
}
